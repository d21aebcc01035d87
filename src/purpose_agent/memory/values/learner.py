"""Keeps the value memory in step with the store: what is learned is a fold over the episodes, in their order.

Each episode's record is stored before the episode is indexed, so whoever sees the episode finds its record. The weights
are saved now and then; see `EpisodeFold`. The same episodes in the same order give the same weights, bit for bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

import msgspec

from purpose_agent.embedding import default_embedder
from purpose_agent.episode_fold import EpisodeFold
from purpose_agent.errors import UsageError
from purpose_agent.freeze import plain_copy
from purpose_agent.store.base import EpisodeInfo, Store
from purpose_agent.store.reading import note_unreadable
from purpose_agent.types import PHI_MAX, Action, StopReason, Trajectory

if TYPE_CHECKING:
    from purpose_agent.memory.values.guide import ValueGuide
    from purpose_agent.memory.values.memory import ValueMemory
    from purpose_agent.memory.values.record import EpisodeRecord, Transition

WEIGHTS = "value_memory"
RECORD = "value_record:"


class ValueLearner(EpisodeFold["ValueMemory"]):
    """The value memory of one store; its parts are imported when it is first asked, not with the package.

    Phrases are compared by meaning where the extra ``embed`` is installed.

    Args:
        store: where episodes, records and weights are.
        learned_progress: see `ValueSettings.learned_progress`.
        heed_texts: see `ValueMemory.episode`.
    """

    def __init__(self, store: Store, *, learned_progress: bool = True, heed_texts: bool = True) -> None:
        super().__init__(store, WEIGHTS)
        self._learned_progress = learned_progress
        self._heed_texts = heed_texts
        self._embedder = default_embedder()

    @property
    def memory(self) -> ValueMemory:
        """What was learned from all episodes in the store."""
        with self._lock:
            return self._caught_up()

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
        from purpose_agent.memory.values.guide import ValueGuide

        memory = self._learned_without(without) if without else self.memory
        return ValueGuide(memory, purpose, seed, explore, heed_texts=self._heed_texts)

    def keep(self, trajectory: Trajectory, admissible: Sequence[Sequence[Action]]) -> None:
        """Store the record of a finished episode, before the episode itself is indexed.

        Args:
            trajectory: the episode.
            admissible: what could be done in the first state and after each step; one more than there are steps.
        """
        record = record_of(trajectory, admissible)
        if record is not None:
            self._store.save_artefact(RECORD + trajectory.id, _encoded(record), upto=0)

    def _fresh(self) -> ValueMemory:
        from purpose_agent.memory.values.memory import ValueMemory
        from purpose_agent.memory.values.settings import ValueSettings

        return ValueMemory(ValueSettings(learned_progress=self._learned_progress), self._embedder)

    def _encode(self, folded: ValueMemory) -> bytes:
        return folded.to_bytes()

    def _decode(self, payload: bytes) -> ValueMemory | None:
        from purpose_agent.memory.values.memory import ValueMemory

        try:
            return ValueMemory.from_bytes(payload, self._embedder)
        except UsageError:  # of another version
            return None

    def _learned_without(self, without: frozenset[str]) -> ValueMemory:
        memory = self._fresh()
        for episode in self._store.episodes():
            if episode.id not in without:
                self._learn(memory, episode)
        return memory

    def _learn(self, folded: ValueMemory, episode: EpisodeInfo) -> None:
        kept = None if episode.transient else self._store.artefact(RECORD + episode.id)
        if kept is None:
            return
        try:
            record = _decoder().decode(kept[0])
        except (msgspec.MsgspecError, UnicodeDecodeError) as e:
            note_unreadable(episode.id, e)
            return
        folded.learn(record)


def _encoded(record: EpisodeRecord) -> bytes:
    try:
        return msgspec.msgpack.encode(record)
    except UnicodeEncodeError:  # a lone surrogate somewhere in it
        return msgspec.msgpack.encode(plain_copy(msgspec.to_builtins(record)))


@cache
def _decoder() -> msgspec.msgpack.Decoder[EpisodeRecord]:
    from purpose_agent.memory.values.record import EpisodeRecord

    return msgspec.msgpack.Decoder(EpisodeRecord)


def record_of(trajectory: Trajectory, admissible: Sequence[Sequence[Action]]) -> EpisodeRecord | None:
    """The episode as the value memory needs it; None when the environment listed no actions.

    Success is kept only where a verdict says it; where verdicts leave progress untold, Φ on the way is left out.
    """
    from purpose_agent.memory.values.record import EpisodeRecord, Transition

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
