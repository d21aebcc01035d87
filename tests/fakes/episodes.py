"""Episodes and lessons in one line, for tests of what is learned from them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from purpose_agent.journal import events_of
from purpose_agent.store.base import EpisodeInfo, Store
from purpose_agent.types import (
    Action,
    Evidence,
    Heuristic,
    MemoryTier,
    PurposeScore,
    State,
    StopReason,
    Trajectory,
    TrajectoryStep,
    Verdict,
)

Move = tuple[Any, ...]
"""(action or its name, state after[, Φ after[, error]]); the state after is any JSON value."""


def episode(
    *moves: Move,
    purpose: str = "Take the coin.",
    task: str = "",
    start: Any = "start",
    success: bool | None = True,
    stop_reason: str = StopReason.TERMINAL,
    id: str = "episode-1",
) -> Trajectory:
    """A finished episode; ``success`` is the verdict on its last state, None for no verdict."""
    steps: list[TrajectoryStep] = []
    before, phi = State({"at": start}).snapshot(), 0.0
    for index, (what, where, *rest) in enumerate(moves, 1):
        action = what if isinstance(what, Action) else Action(what)
        after = State({"at": where}).snapshot()
        score = None
        if rest and rest[0] is not None:
            score = PurposeScore(phi, float(rest[0]), rest[0] - phi)
            phi = float(rest[0])
        error = rest[1] if len(rest) > 1 else None
        steps.append(TrajectoryStep(before, action, after, score, index, 0.0, error))
        before = after
    verdict = None if success is None else Verdict(float(success), success)
    return Trajectory(
        task or purpose, purpose, steps, id=id, created_at=0.0, verdict=verdict, stop_reason=stop_reason
    )


def keep(store: Store, trajectory: Trajectory) -> Trajectory:
    """Put an episode into a store as the engine would."""
    store.append(trajectory.id, 0, events_of(trajectory)).result()
    info = EpisodeInfo(
        id=trajectory.id,
        number=0,
        purpose=trajectory.purpose,
        task=trajectory.task_description,
        success=trajectory.succeeded,
        transient=trajectory.failed_transiently,
        score=(trajectory.final_phi or 0.0) / 10,
        steps=len(trajectory.steps),
        q_value=0.5,
    )
    store.add_episode(info, f"{trajectory.purpose}\n{trajectory.task_description}")
    return trajectory


def lesson(
    pattern: str = "any task",
    strategy: str = "look around first",
    *,
    tier: MemoryTier = MemoryTier.STRATEGIC,
    steps: Sequence[str] = (),
    episode_id: str = "",
    **fields: Any,
) -> Heuristic:
    """A heuristic, with evidence when an episode is named."""
    evidence = [Evidence(episode_id, (1,))] if episode_id else []
    return Heuristic(pattern, strategy, list(steps), tier, episode_id, evidence=evidence, **fields)
