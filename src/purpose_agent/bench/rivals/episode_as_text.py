"""An episode as a small model can read it: what was done, what helped, how it ended."""

from __future__ import annotations

from purpose_agent.freeze import fingerprint_of
from purpose_agent.prompt_text import delimited, prompt_line
from purpose_agent.types import State, Trajectory, TrajectoryStep

MAX_ACTIONS = 24
"""More actions than this are shown without those in the middle."""

OUTCOMES = 3
"""The last observations that are shown; of earlier steps only the action is."""

MAX_TASK_CHARS = 600
"""Of the text by which tasks are compared."""

_PURPOSE_CHARS = 160
_ACTION_CHARS = 60
_OUTCOME_CHARS = 100


def episode_as_text(trajectory: Trajectory, max_chars: int = 1200, outcomes: int = OUTCOMES) -> str:
    """Goal, result, actions in order with the ones that gained or lost marked, and the last observations.

    Delimited as data; the same episode gives the same text whatever its id.

    Args:
        trajectory: the episode.
        max_chars: bound on the text between the delimiters.
        outcomes: how many of the last observations are shown.
    """
    steps = trajectory.steps
    lines = [
        f"Goal: {prompt_line(trajectory.purpose, _PURPOSE_CHARS)}",
        f"Result: {'success' if trajectory.succeeded else 'failure'} after {len(steps)} actions",
        f"Actions: {_actions(steps)}",
    ]
    lines += [f"After {_command(s)}: {_outcome(s)}" for s in steps[-outcomes:]] if outcomes else []
    text = "\n".join(lines)[:max_chars]
    return delimited("episode", text, fingerprint_of(text))


def task_text(task: str, purpose: str, state: State | None) -> str:
    """What tells a task from others: its words and the first state, where many tasks are worded alike."""
    parts = dict.fromkeys((task, purpose, "" if state is None else state.describe()))
    return prompt_line("\n".join(filter(None, parts)), MAX_TASK_CHARS)


def task_of(trajectory: Trajectory) -> str:
    """`task_text` of the task that an episode was about."""
    first = trajectory.steps[0].state_before if trajectory.steps else None
    return task_text(trajectory.task_description, trajectory.purpose, first)


def actions_that_worked(trajectory: Trajectory, most: int) -> str:
    """The actions of a solved episode in one line."""
    done = [_command(s) for s in trajectory.steps if s.error is None and not s.action.is_done]
    return " -> ".join(done[:most])


def _actions(steps: list[TrajectoryStep]) -> str:
    told = [_command(s) + _effect(s) for s in steps]
    if len(told) > MAX_ACTIONS:
        half = MAX_ACTIONS // 2
        told = [*told[:half], f"({len(told) - 2 * half} more)", *told[-half:]]
    return "; ".join(told) or "none"


def _command(step: TrajectoryStep) -> str:
    return prompt_line(step.action.command, _ACTION_CHARS)


def _effect(step: TrajectoryStep) -> str:
    if step.error is not None:
        return " (error)"
    if step.score is None or step.score.delta == 0:
        return ""
    return " (progress)" if step.score.improved else " (setback)"


def _outcome(step: TrajectoryStep) -> str:
    if step.error is not None:
        return prompt_line(step.error, _OUTCOME_CHARS)
    return (
        "nothing changed"
        if step.changed_nothing
        else prompt_line(step.state_after.describe(), _OUTCOME_CHARS)
    )
