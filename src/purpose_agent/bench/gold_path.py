"""The solution that a world knows of its own task."""

from __future__ import annotations

from typing import Any

from purpose_agent.bench.stream import Task
from purpose_agent.errors import EnvironmentFailure


def gold_path(world: Any, task: Task) -> list[str]:
    """The world's own solution of a task; empty when it finds none.

    Raises:
        UsageError: the world cannot make the task.
    """
    try:
        return list(world.gold_path(task.seed, task.options) if task.options else world.gold_path(task.seed))
    except EnvironmentFailure:
        return []
