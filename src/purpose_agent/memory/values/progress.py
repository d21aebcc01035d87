"""How far an episode has come, as learning sees it: what the environment tells, else what experience says."""

from __future__ import annotations

from collections.abc import Sequence

from purpose_agent.memory.goals.models import GoalModels
from purpose_agent.memory.goals.tracker import GoalTracker
from purpose_agent.memory.values.record import Transition


class EpisodeProgress:
    """The progress of one episode.

    Args:
        goals: what experience knows.
        purpose: the goal in natural language.
        admissible: what may be done first.
        score: progress at the start; None when the environment tells only the end.
    """

    def __init__(
        self, goals: GoalModels, purpose: str, admissible: Sequence[str], score: float | None
    ) -> None:
        self.goal: GoalTracker | None = None
        """The experience critic's cursor, where the environment tells no progress."""
        if score is None:
            self.goal = goals.follow(purpose)
            self.goal.begin(admissible)
            score = self.goal.progress()
        self.score: float = score
        """The present progress in [0, 1]."""

    def after(self, step: Transition) -> float:
        """Take in a step; returns the progress after it."""
        if self.goal is not None:
            self.goal.observe(step.action, step.admissible)
            self.score = float(step.success) if step.success is not None else self.goal.progress()
        elif step.score is not None:
            self.score = step.score
        return self.score
