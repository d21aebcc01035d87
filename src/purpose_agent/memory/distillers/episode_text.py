"""An episode as text for a model: every action, what it changed, and what was surprising, within a bound."""

from __future__ import annotations

from purpose_agent.prompt_text import delimited, prompt_line
from purpose_agent.types import Snapshot, Trajectory, TrajectoryStep

MAX_CHARS = 12_000
"""Aim for the whole text. Observations give way; actions are never left out."""

MAX_ACTION_CHARS = 2_000
"""A longer action is cut at its end."""

LARGE_DELTA = 2.0
"""A step that changes Φ by this much is surprising."""

_MAX_PURPOSE_CHARS = 2_000
_MAX_PREDICTION_CHARS = 160
_MAX_ERROR_CHARS = 300
_MAX_OBSERVATION_CHARS = 600
_MIN_OBSERVATION_CHARS = 40
_MAX_SURPRISES = 5


def episode_text(trajectory: Trajectory) -> str:
    """Purpose, outcome, surprising steps, then step by step: action, prediction, change of Φ, error, observation."""
    heads = [_head(step) for step in trajectory.steps]
    first = Snapshot.of(trajectory.steps[0].state_before) if trajectory.steps else None
    room = MAX_CHARS - sum(map(len, heads))
    share = min(_MAX_OBSERVATION_CHARS, room // (len(heads) + 1))
    lines: list[str] = []
    if first is not None:
        lines.append(f"Start: {prompt_line(first.describe(), max(share, _MIN_OBSERVATION_CHARS))}")
    for step, head in zip(trajectory.steps, heads, strict=True):
        lines.append(head)
        if share >= _MIN_OBSERVATION_CHARS:
            lines.append(f"   saw: {_observation(step, share)}")
    key = first.fingerprint if first is not None else trajectory.id
    return "\n".join(
        [
            f"Purpose: {trajectory.purpose[:_MAX_PURPOSE_CHARS]}",
            *_task(trajectory),
            f"Outcome: {_outcome(trajectory)}",
            *_surprises(trajectory),
            "",
            delimited("episode", "\n".join(lines), key),
        ]
    )


def surprise(step: TrajectoryStep) -> float:
    """How much a step differs from what was to be expected of it; 0 for not at all."""
    size = abs(step.score.delta) if step.score is not None else 0.0
    amount = size if size >= LARGE_DELTA else 0.0
    if step.error is not None:
        amount += 3.0
    predicted = bool(step.action.expected_delta.strip()) and not step.action.is_done
    if predicted and step.changed_nothing:
        amount += 1.0
    if predicted and step.score is not None and step.score.delta < 0:
        amount += 1.0
    return amount


def _surprises(trajectory: Trajectory) -> list[str]:
    ranked = sorted(((surprise(s), s) for s in trajectory.steps), key=lambda pair: -pair[0])
    numbers = [str(s.step_index) for amount, s in ranked[:_MAX_SURPRISES] if amount > 0]
    return [f"Surprising steps, look at these first: {', '.join(numbers)}"] if numbers else []


def _task(trajectory: Trajectory) -> list[str]:
    task = trajectory.task_description[:_MAX_PURPOSE_CHARS]
    return [f"Task: {task}"] if task and task != trajectory.purpose else []


def _outcome(trajectory: Trajectory) -> str:
    parts = ["success" if trajectory.succeeded else "failure"]
    if trajectory.final_phi is not None:
        parts.append(f"final Φ {trajectory.final_phi:.1f} of 10, changed by {trajectory.total_delta:+.1f}")
    if trajectory.verdict is not None and trajectory.verdict.reason:
        parts.append(prompt_line(trajectory.verdict.reason, _MAX_ERROR_CHARS))
    if trajectory.stop_reason:
        parts.append(f"ended by {trajectory.stop_reason}")
    return "; ".join(parts)


def _head(step: TrajectoryStep) -> str:
    call = step.action.describe()
    if len(call) > MAX_ACTION_CHARS:
        call = f"{call[:MAX_ACTION_CHARS]}…"
    parts = [f"{step.step_index}. {call}"]
    if step.score is not None:
        score = step.score
        parts.append(f"Φ {score.phi_before:.1f} → {score.phi_after:.1f} ({score.delta:+.1f})")
    if step.action.expected_delta.strip():
        parts.append(f"expected: {prompt_line(step.action.expected_delta, _MAX_PREDICTION_CHARS)}")
    if step.error is not None:
        parts.append(f"error: {prompt_line(step.error, _MAX_ERROR_CHARS)}")
    return " | ".join(parts)


def _observation(step: TrajectoryStep, limit: int) -> str:
    return "nothing changed" if step.changed_nothing else prompt_line(step.state_after.describe(), limit)
