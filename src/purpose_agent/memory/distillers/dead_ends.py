"""Tips about actions that failed, or changed nothing, again and again: what even a failed episode teaches."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from purpose_agent.types import Evidence, Heuristic, MemoryTier, Trajectory, TrajectoryStep, Trust

TIMES = 2
"""How often an action must have failed to be worth a tip."""

MAX_TIPS = 3
"""Tips from one episode."""

_MAX_ACTION_CHARS = 80
_MAX_ERROR_CHARS = 120
_DETAILS = re.compile(r"0x[0-9a-fA-F]+|\d+(?:[.,:]\d+)*")


class DeadEndDistiller:
    """Proposes tool tips, each keyed by the name of the action it is about; needs no model."""

    name = "dead_ends"
    reads_observations = False  # but errors, where it says so

    async def distill(self, trajectory: Trajectory, existing: Sequence[Heuristic]) -> list[Heuristic]:
        """See `Distiller.distill`."""
        by_name: dict[str, list[TrajectoryStep]] = {}
        for step in trajectory.steps:
            if not step.action.is_done:
                by_name.setdefault(step.action.name, []).append(step)
        tips: list[Heuristic] = []
        for name, steps in by_name.items():
            failed = [s for s in steps if s.error is not None]
            idle = [s for s in steps if s.error is None and s.changed_nothing]
            if len(failed) >= TIMES:
                # the error is the environment's text
                tips.append(self._tip(trajectory, name, _failure_advice(failed), failed, trajectory.trust))
            elif len(idle) >= TIMES and len(idle) == len(steps) and not trajectory.succeeded:
                advice = f"it changed nothing{_how(idle)}; do something else first"
                tips.append(self._tip(trajectory, name, advice, idle))
        tips.sort(key=lambda tip: -len(tip.evidence[0].steps))
        return tips[:MAX_TIPS]

    def _tip(
        self,
        trajectory: Trajectory,
        action: str,
        advice: str,
        steps: Sequence[TrajectoryStep],
        trust: Trust | None = None,
    ) -> Heuristic:
        return Heuristic(
            pattern=action,
            strategy=advice,
            steps=[],
            tier=MemoryTier.TOOL,
            source_trajectory_id=trajectory.id,
            evidence=[Evidence(trajectory.id, tuple(step.step_index for step in steps))],
            source=self.name,
            trust=trust,
        )


def _failure_advice(steps: Sequence[TrajectoryStep]) -> str:
    errors = Counter(_DETAILS.sub("<n>", " ".join((s.error or "").split()))[:_MAX_ERROR_CHARS] for s in steps)
    error, _ = errors.most_common(1)[0]
    return f"avoid repeating it{_how(steps)}: it failed with {error or 'an error'}"


def _how(steps: Sequence[TrajectoryStep]) -> str:
    """How the action was called, where it was always called alike."""
    calls = {s.action.describe() for s in steps}
    call = calls.pop()
    if calls or not steps[0].action.params or len(call) > _MAX_ACTION_CHARS:
        return ""
    return f" as {call}"
