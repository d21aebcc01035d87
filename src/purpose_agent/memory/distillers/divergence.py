"""Where a failed and a successful attempt at the same task parted: prefer the one action to the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from purpose_agent.memory.action_template import words
from purpose_agent.memory.distillers.abstraction import Variables, abstract_text, occurs_in, read_call
from purpose_agent.store.base import Store
from purpose_agent.store.reading import readable_trajectory
from purpose_agent.types import Action, Evidence, Heuristic, MemoryTier, Trajectory, TrajectoryStep

MAX_COMPARED = 5
"""Earlier attempts at the same task that an episode is compared with, newest first."""


class DivergenceDistiller:
    """Compares an episode with earlier ones of the same purpose and task; needs no model.

    Args:
        store: where the earlier episodes are.
    """

    name = "divergence"
    reads_observations = False

    def __init__(self, store: Store) -> None:
        self._store = store

    async def distill(self, trajectory: Trajectory, existing: Sequence[Heuristic]) -> list[Heuristic]:
        """See `Distiller.distill`."""
        for other in self._others(trajectory):
            good, bad = (trajectory, other) if trajectory.succeeded else (other, trajectory)
            at = first_divergence(good.steps, bad.steps)
            if at is not None:
                return [self._lesson(good, bad, at)]
        return []

    def _others(self, trajectory: Trajectory) -> Iterator[Trajectory]:
        """Earlier attempts at the same task that ended the other way."""
        query = f"{trajectory.purpose}\n{trajectory.task_description}"
        found = [
            episode
            for episode, _ in self._store.search_episodes(query, 10 * MAX_COMPARED)
            if episode.id != trajectory.id
            and episode.success != trajectory.succeeded
            and not episode.transient
            and (episode.purpose, episode.task) == (trajectory.purpose, trajectory.task_description)
        ]
        for episode in sorted(found, key=lambda e: -e.number)[:MAX_COMPARED]:
            attempt = readable_trajectory(self._store, episode.id)
            if attempt is not None:
                yield attempt

    def _lesson(self, good: Trajectory, bad: Trajectory, at: int) -> Heuristic:
        better, worse = good.steps[at], bad.steps[at]
        task = good.task_description.strip() or good.purpose
        text = _Abstracted(f"{good.purpose}\n{task}")
        use, avoid = text.action(better.action), text.action(worse.action)
        when = f"after {text.action(good.steps[at - 1].action)}" if at else "at the start"
        tool = better.action.name == worse.action.name
        task = abstract_text(task, text.variables)[:120]
        return Heuristic(
            pattern=better.action.name if tool else f"{task}, {when}",
            strategy=f"{f'in {task}, {when}: ' if tool else ''}prefer {use} over {avoid}",
            steps=[],
            tier=MemoryTier.TOOL if tool else MemoryTier.STRATEGIC,
            source_trajectory_id=good.id,
            evidence=[Evidence(good.id, (better.step_index,)), Evidence(bad.id, (worse.step_index,))],
            source=self.name,
        )


class _Abstracted:
    """Writes actions with variables for what the task names."""

    def __init__(self, task: str) -> None:
        self._words = words(task)
        self.variables = Variables()

    def action(self, action: Action) -> str:
        call = read_call(action)
        return call.write(
            [
                self.variables.name(slot.value.casefold(), slot.label)
                if occurs_in(slot.value, self._words)
                else None
                for slot in call.slots
            ]
        )


def first_divergence(good: Sequence[TrajectoryStep], bad: Sequence[TrajectoryStep]) -> int | None:
    """Index of the first step that the two attempts took from the same state by different actions.

    None when they start from different states, when the same actions led to different states, when they never part,
    or when the failed attempt's action did better there and then.
    """
    for index, (a, b) in enumerate(zip(good, bad, strict=False)):
        if a.state_before.fingerprint != b.state_before.fingerprint:
            return None
        if a.action.key != b.action.key:
            done = a.action.is_done or b.action.is_done
            return None if done or _gain(b) > _gain(a) else index
    return None


def _gain(step: TrajectoryStep) -> float:
    return step.score.delta if step.score is not None else 0.0
