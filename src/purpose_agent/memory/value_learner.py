"""Keeps the value memory in step with the store: what is learned is a fold over the episodes, in their order.

Each episode's record is stored before the episode is indexed, so whoever sees the episode finds its record. The weights
are saved now and then; after a crash, or when another process added episodes, the missing ones are learned from their
records. The same episodes in the same order give the same weights, bit for bit.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Sequence

import msgspec

from purpose_agent.errors import UsageError
from purpose_agent.memory.value_guide import ValueGuide
from purpose_agent.memory.value_memory import ValueMemory
from purpose_agent.memory.value_record import EpisodeRecord, Transition
from purpose_agent.store.base import Store
from purpose_agent.types import PHI_MAX, Action, StopReason, Trajectory

WEIGHTS = "value_memory"
RECORD = "value_record:"
SAVE_EVERY = 16
"""Episodes between two saves of the weights."""

_decoder = msgspec.msgpack.Decoder(EpisodeRecord)


class ValueLearner:
    """The value memory of one store.

    Args:
        store: where episodes, records and weights are.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._memory: ValueMemory | None = None
        self._upto = 0
        self._saved = 0

    @property
    def memory(self) -> ValueMemory:
        """What was learned from all episodes in the store."""
        with self._lock:
            return self._current()

    def guide(
        self, purpose: str, seed: int | None, *, explore: bool, without: frozenset[str] = frozenset()
    ) -> ValueGuide:
        """A cursor over a new episode.

        Args:
            purpose: the goal.
            seed: of the run.
            explore: whether trying unknown actions counts.
            without: ids of episodes that must not have taught it anything; learning anew takes seconds.
        """
        memory = self._learned_without(without) if without else self.memory
        return ValueGuide(memory, purpose, seed, explore)

    def keep(self, trajectory: Trajectory, admissible: Sequence[Sequence[Action]]) -> None:
        """Store the record of a finished episode, before the episode itself is indexed.

        Args:
            trajectory: the episode.
            admissible: what could be done in the first state and after each step; one more than there are steps.
        """
        record = record_of(trajectory, admissible)
        if record is not None:
            self._store.save_artefact(RECORD + trajectory.id, msgspec.msgpack.encode(record), upto=0)

    def save(self) -> None:
        """Save the weights, if they changed since the last save."""
        with self._lock:
            if self._memory is not None and self._upto > self._saved:
                self._store.save_artefact(WEIGHTS, self._memory.to_bytes(), upto=self._upto)
                self._saved = self._upto

    def catch_up(self) -> bool:
        """Learn from the episodes that were added since the last time; returns whether there were any."""
        with self._lock:
            before = self._upto
            self._current()
            changed = self._upto > before
        if self._upto - self._saved >= SAVE_EVERY:
            self.save()
        return changed

    def _current(self) -> ValueMemory:
        if self._memory is None:
            self._memory, self._upto = self._saved_memory()
            self._saved = self._upto
        for episode in self._store.episodes(after=self._upto):
            kept = None if episode.transient else self._store.artefact(RECORD + episode.id)
            if kept is not None:
                self._memory.learn(_decoder.decode(kept[0]))
            self._upto = episode.number
        return self._memory

    def _learned_without(self, without: frozenset[str]) -> ValueMemory:
        memory = ValueMemory()
        for episode in self._store.episodes():
            kept = None if episode.transient else self._store.artefact(RECORD + episode.id)
            if kept is not None and episode.id not in without:
                memory.learn(_decoder.decode(kept[0]))
        return memory

    def _saved_memory(self) -> tuple[ValueMemory, int]:
        """The saved weights and the number they go up to; those of another version are learned anew."""
        kept = self._store.artefact(WEIGHTS)
        if kept is not None:
            with contextlib.suppress(UsageError):
                return ValueMemory.from_bytes(kept[0]), kept[1]
        return ValueMemory(), 0


def record_of(trajectory: Trajectory, admissible: Sequence[Sequence[Action]]) -> EpisodeRecord | None:
    """The episode as the value memory needs it; None when the environment listed no actions.

    Success is kept only where a verdict says it; where verdicts leave progress untold, Φ on the way is left out.
    """
    if not trajectory.steps or not any(admissible):
        return None
    commands = [tuple(a.command for a in actions) for actions in admissible]
    done = trajectory.stop_reason in (StopReason.TERMINAL, StopReason.EARLY_STOP, StopReason.DONE)
    last = len(trajectory.steps)
    phi = trajectory.steps[0].score.phi_before if trajectory.steps[0].score else 0.0
    first = phi
    hidden = any(s.verdict is not None and s.verdict.progress is None for s in trajectory.steps)
    success = trajectory.verdict.success if trajectory.verdict is not None else None
    steps: list[Transition] = []
    for number, step in enumerate(trajectory.steps, 1):
        phi = step.score.phi_after if step.score else phi
        ended = done and number == last
        steps.append(
            Transition(
                step.action.command,
                step.error or step.state_after.describe(),
                commands[number] if number < len(commands) else (),
                None if hidden else phi / PHI_MAX,
                ended,
                success if ended else None,
            )
        )
    return EpisodeRecord(
        trajectory.purpose,
        trajectory.steps[0].state_before.describe(),
        commands[0],
        tuple(steps),
        None if hidden else first / PHI_MAX,
    )
