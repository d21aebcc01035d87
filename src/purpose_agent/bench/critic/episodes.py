"""Played episodes of a critic's report: what a critic may see, and, in another file, the truth that grades it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from purpose_agent.bench.line_file import LineFile
from purpose_agent.memory.values.record import EpisodeRecord
from purpose_agent.types import Snapshot, State

TRAINING, HELD_OUT = "train", "held_out"
"""Parts of a report: episodes that critics learn from, and those that they are graded on."""

SECRET = ("score",)
"""Keys of a state's data that no critic sees."""

_LISTED = "admissible_actions"


def without_score(state: Snapshot) -> Snapshot:
    """The state as a critic may see it: without the environment's score in its data."""
    if not any(key in state.data for key in SECRET):
        return state
    data = {key: value for key, value in state.thaw().data.items() if key not in SECRET}
    return Snapshot.of(State(data, state.summary, state.timestamp, state.id))


class SeenState(msgspec.Struct, frozen=True, omit_defaults=True):
    """A state as a critic may see it.

    Attributes:
        data: of the state, without its list of admissible commands where the episode's record holds the same.
        summary: of the state.
        listed: whether that list was left out.
    """

    data: dict[str, Any]
    summary: str | None = None
    listed: bool = False

    @classmethod
    def of(cls, state: Snapshot, admissible: tuple[str, ...]) -> SeenState:
        """A state without its score."""
        data = without_score(state).thaw().data
        listed = list(data.get(_LISTED, ())) == list(admissible) and _LISTED in data
        if listed:
            del data[_LISTED]
        return cls(data, state.summary, listed)


class SeenEpisode(msgspec.Struct, frozen=True, kw_only=True):
    """A finished episode as critics may see it: states, commands, and whether it succeeded.

    Attributes:
        part: ``train`` or ``held_out``.
        index: position in its part.
        fold: of the task.
        seed: of the task.
        policy: who played.
        record: purpose, texts, commands and admissible commands; every score is None.
        states: the first state and the one after each step.
        success: the verdict of the last state.
        seconds: wall time of playing it.
    """

    part: str
    index: int
    fold: str
    seed: int
    policy: str
    record: EpisodeRecord
    states: list[SeenState]
    success: bool
    seconds: float

    @property
    def key(self) -> tuple[str, int]:
        """What tells episodes apart."""
        return (self.part, self.index)

    @property
    def task(self) -> str:
        """The cluster of an interval: attempts at one task are not independent."""
        return f"{self.fold} {self.seed}"

    @property
    def ended(self) -> bool:
        """Whether the world ended it; False at a step limit."""
        return bool(self.record.steps) and self.record.steps[-1].done

    @property
    def open_states(self) -> range:
        """Numbers of the states in which a critic is asked: all but one that the world itself judged as the end."""
        return range(len(self.record.steps) + (not self.ended))

    def admissible(self, number: int) -> tuple[str, ...]:
        """The commands that may follow a state."""
        return self.record.steps[number - 1].admissible if number else self.record.admissible

    def state(self, number: int) -> Snapshot:
        """A state, as a critic may see it."""
        seen = self.states[number]
        data = {**seen.data, _LISTED: list(self.admissible(number))} if seen.listed else seen.data
        return Snapshot.of(State(data, seen.summary))


class TrueCourse(msgspec.Struct, frozen=True):
    """The environment's own score along an episode. It grades critics and is shown to none.

    Attributes:
        part: of the episode.
        index: of the episode.
        dense: in [0, 1], of the first state and after each step.
    """

    part: str
    index: int
    dense: list[float]


class EpisodeFiles:
    """The episodes of a report.

    Args:
        folder: holds ``episodes.jsonl`` and ``truth.jsonl``; None keeps them in memory only.
    """

    def __init__(self, folder: Path | None) -> None:
        self._seen = LineFile(folder and folder / "episodes.jsonl", SeenEpisode)
        self._true = LineFile(folder and folder / "truth.jsonl", TrueCourse)

    def add(self, seen: SeenEpisode, true: TrueCourse) -> None:
        """Keep an episode; the truth first, so that no episode is without."""
        self._true.add([true])
        self._seen.add([seen])

    def of(self, part: str) -> list[SeenEpisode]:
        """The episodes of a part in their order."""
        return sorted((e for e in self._seen.lines if e.part == part), key=lambda e: e.index)

    def truth(self) -> dict[tuple[str, int], list[float]]:
        """The dense score of every episode, by key; for grading only."""
        return {(true.part, true.index): true.dense for true in self._true.lines}
