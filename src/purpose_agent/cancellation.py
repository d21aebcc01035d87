"""Whose an exception is that is no `Exception`: a task's own end, or something that a stranger's code raised."""

from __future__ import annotations

import asyncio
from typing import Any


def is_cancelled() -> bool:
    """Whether the running task was asked to stop; else a `CancelledError` is a failure of what was awaited."""
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0


def ends_task(error: BaseException, task: asyncio.Task[Any] | None) -> bool:
    """Whether an exception ends a task on purpose: it was cancelled or is being closed, or Ctrl-C was pressed.

    Args:
        error: what was raised; no `Exception`.
        task: in whose code it was raised.
    """
    if isinstance(error, KeyboardInterrupt):
        return True
    if isinstance(error, asyncio.CancelledError):
        return task is None or task.cancelling() > 0
    return isinstance(error, GeneratorExit) and _running_task() is not task


def _running_task() -> asyncio.Task[Any] | None:
    """The task that runs in this thread; none while a coroutine that was left is closed."""
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None
