"""Nearest raw steps: do what was done in the most similar situations of episodes that went well. No model is needed.

A k-nearest-neighbour policy over raw experience: what memory is worth when nothing is learned from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import msgspec

from purpose_agent.bench.controls.stored_texts import KeptTexts, overlap
from purpose_agent.memory_system import Recalled, Shortlist
from purpose_agent.types import Action, Snapshot, Trajectory, Verdict

NEIGHBOURS = 8
"""Situations that have a say in each decision."""

GOOD = 0.5
"""An episode whose progress reached this is worth imitating, solved or not."""


class KeptStep(msgspec.Struct, frozen=True):
    """A step of an episode that went well.

    Attributes:
        situation: what was seen before it, and what was done before that.
        action: what was done.
        worth: final progress of the episode, 1 for a success.
    """

    situation: str
    action: str
    worth: float


class RawSteps:
    """Keeps the steps of episodes that went well."""

    name = "raw_steps"

    def __init__(self) -> None:
        self._kept = KeptTexts(KeptStep, lambda kept: kept.situation)

    @property
    def entries(self) -> int:
        """Steps that are kept."""
        return len(self._kept)

    def recall(self, task: str, purpose: str, state: Snapshot) -> Recalled:
        """Nothing in words."""
        return Recalled()

    def guide(self, purpose: str, seed: int | None, *, explore: bool) -> NearestSteps | None:
        """Votes of the nearest steps; None before anything went well."""
        return NearestSteps(self._kept, purpose, seed or 0) if self._kept else None

    async def learn(self, trajectory: Trajectory, admissible: Sequence[Sequence[Action]]) -> Sequence[str]:
        """Keep the steps, if the episode went well."""
        final = trajectory.final_phi
        worth = 1.0 if trajectory.succeeded else (final or 0.0) / 10
        if worth < GOOD:
            return []
        commands = ["", *(step.action.command for step in trajectory.steps)]
        self._kept.add(
            KeptStep(
                situation(trajectory.purpose, step.state_before.describe(), before),
                step.action.command,
                worth,
            )
            for step, before in zip(trajectory.steps, commands, strict=False)
        )
        return [trajectory.id]

    def dump(self) -> bytes:
        """All kept steps."""
        return self._kept.dump()

    def load(self, payload: bytes) -> None:
        """See `MemorySystem.load`."""
        self._kept.load(payload)


class NearestSteps:
    """Follows one episode; what was done here already counts less each time."""

    knows_something = True

    def __init__(self, kept: KeptTexts[KeptStep], purpose: str, seed: int) -> None:
        self._kept = kept
        self._purpose = purpose
        self._dice = Random(seed)
        self._state = self._before = ""
        self._done: dict[tuple[str, str], int] = {}

    def begin(self, state: Snapshot, admissible: Sequence[Action], verdict: Verdict | None) -> None:
        """See `Guide.begin`."""
        self._state = state.describe()

    def observe(
        self, action: Action, state: Snapshot, admissible: Sequence[Action], phi: float | None
    ) -> None:
        """See `Guide.observe`."""
        key = (self._state, action.command)
        self._done[key] = self._done.get(key, 0) + 1
        self._state, self._before = state.describe(), action.command

    def shortlist(self, options: Sequence[Action]) -> Shortlist:
        """The option that the nearest steps speak for most, among those tried least here."""
        counts = [self._done.get((self._state, option.command), 0) for option in options]
        left = [o for o, n in zip(options, counts, strict=True) if n == min(counts)]
        near = self._kept.near(situation(self._purpose, self._state, self._before), NEIGHBOURS)
        votes = {
            o.key: sum(weight * step.worth * overlap(o.command, step.action) ** 2 for step, weight in near)
            for o in left
        }
        most = max(votes.values())
        best = [o for o in left if votes[o.key] >= most - 1e-9]
        self._dice.shuffle(best)
        return Shortlist(best, practised=most > 0)


def situation(purpose: str, seen: str, before: str) -> str:
    """What steps are found by."""
    return f"{purpose}\n{seen}\n{before}"
