"""Do and avoid: what the value memory has learned about kinds of actions, as tips that a model can read."""

from __future__ import annotations

import re
from collections.abc import Sequence

from purpose_agent.memory.values.learner import ValueLearner
from purpose_agent.types import Evidence, Heuristic, MemoryTier, Trajectory

EVERY = 8
"""Episodes between two looks at the value memory."""

LEAST_VALUE = 0.05
"""How much better or worse than its alternatives, in units of score, an action must be to be worth a tip."""

_CONSIDERED = 6
_ACTION = re.compile(r"`(\w+)")


class ValueTipDistiller:
    """Proposes the strongest thing to do and the strongest to avoid, each a tip tied to its verb; needs no model.

    Args:
        values: the value memory; it has learned from the episode already.
    """

    name = "value_tips"
    reads_observations = False  # but words that were observed, which its label says

    def __init__(self, values: ValueLearner) -> None:
        self._values = values

    async def distill(self, trajectory: Trajectory, existing: Sequence[Heuristic]) -> list[Heuristic]:
        """See `Distiller.distill`."""
        memory = self._values.memory
        if not memory.n_episodes or memory.n_episodes % EVERY:
            return []
        told = [advice for advice in memory.advice(_CONSIDERED) if abs(advice.value) >= LEAST_VALUE]
        best = next((advice for advice in told if advice.value > 0), None)
        worst = next((advice for advice in told if advice.value < 0), None)
        evidence = Evidence(trajectory.id, tuple(step.step_index for step in trajectory.steps))
        return [
            Heuristic(
                pattern=verb[1],
                strategy=advice.text,
                steps=[],
                tier=MemoryTier.TOOL,
                source_trajectory_id=trajectory.id,
                evidence=[evidence],
                source=self.name,
                trust=trajectory.trust,
            )
            for advice in (best, worst)
            if advice is not None and (verb := _ACTION.search(advice.text)) is not None
        ]
