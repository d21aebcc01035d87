"""Placebo memory: as much as ours would show, and as learned, but about nothing.

The words are those of items from unrelated tasks, as many tokens as ours would show for the very task. The value memory
learns from the same episodes, but each is told how *another* one went. What an arm with it gains is worth of more
tokens and of a shorter list of actions, and a little of learning: where most episodes succeed, most are dealt the
outcome that they had.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import TYPE_CHECKING

import msgspec

from purpose_agent.embedding import default_embedder
from purpose_agent.errors import UsageError
from purpose_agent.llm_backend.usage import estimate_tokens
from purpose_agent.memory.rendering import strategic_line
from purpose_agent.memory.values.learner import record_of
from purpose_agent.memory.values.record import EpisodeRecord
from purpose_agent.memory_system import Recalled
from purpose_agent.types import Action, Heuristic, MemoryTier, Snapshot, Trajectory

if TYPE_CHECKING:
    from purpose_agent.memory.values.guide import ValueGuide
    from purpose_agent.memory.values.memory import ValueMemory

TokensLike = Callable[[str, str, Snapshot], int]
"""(task, purpose, first state) -> tokens that the memory it stands for would show."""

UNRELATED = (
    ("the tide is low", "walk along the shore and look for shells before the water returns"),
    ("a letter has no stamp", "ask at the counter, and keep the receipt until it arrives"),
    ("the choir begins too high", "give the first note again, lower, and wait for silence"),
    ("a guitar string breaks", "loosen the others a little before winding the new one"),
    ("the night is clear", "let the eyes rest from bright light before looking for faint stars"),
    ("a seed tray dries out", "set it in shallow water from below, never pour from above"),
    ("the train is late", "note the next connection and tell whoever waits at the station"),
    ("a manuscript has gaps", "mark them, go on to the end, and fill them on the second reading"),
    ("the chess clock is short", "play the plan that needs the fewest decisions"),
    ("ice forms on the lake", "stay ashore until it has carried weight for a week"),
)
"""For a world that is alone in its suite."""


class _Saved(msgspec.Struct, frozen=True):
    values: bytes


class Placebo:
    """Learns from the same episodes as ours, with outcomes dealt to the wrong ones.

    Args:
        tokens_like: how much the memory that it stands for would show.
        unrelated: items to show instead; from another world, where there is one.
    """

    name = "placebo"

    def __init__(self, tokens_like: TokensLike, unrelated: Sequence[Heuristic] = ()) -> None:
        self._tokens_like = tokens_like
        self._unrelated = [
            Heuristic(h.pattern, h.strategy or " -> ".join(h.steps), [], MemoryTier.STRATEGIC, id=h.id)
            for h in unrelated
        ] or [
            Heuristic(pattern, strategy, [], MemoryTier.STRATEGIC, id=f"unrelated-{n}")
            for n, (pattern, strategy) in enumerate(UNRELATED)
        ]
        self._records: list[EpisodeRecord] = []
        self._values: ValueMemory | None = None

    def recall(self, task: str, purpose: str, state: Snapshot) -> Recalled:
        """Unrelated items, until they are as long as what ours would show; which ones depends on the task alone."""
        room = self._tokens_like(task, purpose, state)
        order = list(self._unrelated)
        Random(f"{task} {purpose} {state.fingerprint}").shuffle(order)
        shown: list[Heuristic] = []
        for item in order:
            cost = estimate_tokens(strategic_line(item))
            if cost > 2 * room:  # half of it or more would be too much
                break
            shown.append(item)
            room -= cost
        return Recalled(tuple(shown))

    def guide(self, purpose: str, seed: int | None, *, explore: bool) -> ValueGuide:
        """A value memory's guide; see `ValueLearner.guide`."""
        from purpose_agent.memory.values.guide import ValueGuide

        return ValueGuide(self._learned(), purpose, seed, explore)

    async def learn(self, trajectory: Trajectory, admissible: Sequence[Sequence[Action]]) -> Sequence[str]:
        """Keep the episode; outcomes are dealt once all are there."""
        record = record_of(trajectory, admissible)
        if record is not None:
            self._records.append(record)
            self._values = None
        return []

    def dump(self) -> bytes:
        """The value memory."""
        return msgspec.msgpack.encode(_Saved(self._learned().to_bytes()))

    def load(self, payload: bytes) -> None:
        """See `MemorySystem.load`."""
        from purpose_agent.memory.values.memory import ValueMemory

        try:
            saved = msgspec.msgpack.decode(payload, type=_Saved)
        except msgspec.DecodeError as e:
            raise UsageError(f"this is no placebo: {e}") from e
        self._values = ValueMemory.from_bytes(saved.values, default_embedder())
        self._records = []

    def _learned(self) -> ValueMemory:
        if self._values is None:
            from purpose_agent.memory.values.memory import ValueMemory

            self._values = ValueMemory(embedder=default_embedder())
            for record in dealt(self._records):
                self._values.learn(record)
        return self._values


def dealt(records: Sequence[EpisodeRecord], seed: int = 0) -> list[EpisodeRecord]:
    """The same episodes, each with the progress and the end of another one."""
    others = list(range(len(records)))
    Random(seed).shuffle(others)
    return [_told(record, records[other]) for record, other in zip(records, others, strict=True)]


def _told(record: EpisodeRecord, other: EpisodeRecord) -> EpisodeRecord:
    """An episode with the outcomes of another, step by step; its last ones stay to the end."""
    steps = [
        msgspec.structs.replace(step, score=other.steps[min(i, len(other.steps) - 1)].score)
        for i, step in enumerate(record.steps)
    ]
    end = other.steps[-1].success
    steps[-1] = msgspec.structs.replace(
        steps[-1], score=other.steps[-1].score, success=end, done=end is not None
    )
    return msgspec.structs.replace(record, steps=tuple(steps), score=other.score)
