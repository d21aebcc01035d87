"""The experience critic: reads runs by what distinguished verified successes from failures. No language model.

It starts ignorant and says so, and it learns from final, verified outcomes only: never from a score on the way, and
never from an end that nobody verified. What it knows when a run begins holds for the whole run.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from purpose_agent.critics import IGNORANT, CriticSession, Reading
from purpose_agent.memory.values.learner import ValueLearner
from purpose_agent.types import Snapshot

if TYPE_CHECKING:
    from purpose_agent.memory.goals.models import GoalModels


class ExperienceCritic:
    """See the module.

    Args:
        values: what was learned from the episodes of a store.
    """

    name = "experience"

    def __init__(self, values: ValueLearner) -> None:
        self._values = values

    def follow(self, purpose: str) -> CriticSession:
        """Begin to follow a run with what is known now."""
        return ExperienceSession(self._values.memory.goals, purpose)


class ExperienceSession:
    """The experience critic during one run.

    Args:
        goals: what is known about goals.
        purpose: of the run.
    """

    def __init__(self, goals: GoalModels, purpose: str) -> None:
        model = goals.model(purpose)
        self._tracker = goals.follow(purpose) if model.knows_something else None
        self._reasoning = (
            f"learned from {model.n_successes} successes in {model.n_episodes} verified episodes"
        )

    def arrive(self, state: Snapshot, command: str | None, admissible: Sequence[str]) -> None:
        """Take in the command and what may follow; the state's text is not looked at."""
        if self._tracker is None:
            return
        if command is None:
            self._tracker.begin(admissible)
        else:
            self._tracker.observe(command, admissible)

    def known(self) -> Reading:
        """The reading of the present state; it never costs a model call."""
        if self._tracker is None:
            return IGNORANT
        return Reading(
            self._tracker.progress(), self._tracker.confidence, self._tracker.describe(), self._reasoning
        )

    async def read(self, *, keep: bool = True) -> Reading:
        """The same as `known`."""
        return self.known()
