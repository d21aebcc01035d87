"""How synchronous methods of a backend reach its async core: one background event loop for the process.

The loop lives in a daemon thread from the first synchronous call on, so connections that async clients keep stay
usable between calls, any number of threads may call at once, and a caller that itself runs an event loop (a
notebook) needs no special case.
"""

from __future__ import annotations

import asyncio
import atexit
import contextvars
import os
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from purpose_agent.bridge import in_thread

T = TypeVar("T")


class _BackgroundLoop:
    """An event loop in a daemon thread, started by the first `run`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """The coroutine's result, in the caller's context; Ctrl-C cancels it."""
        if threading.current_thread() is self._thread:
            # a model's own async code calls a sync method: it would wait for itself on this loop
            context = contextvars.copy_context()
            return in_thread(lambda: context.run(asyncio.run, coroutine))
        future = asyncio.run_coroutine_threadsafe(coroutine, self._started())
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def _started(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=_serve, args=(self._loop,), name="purpose-agent-models", daemon=True
                )
                self._thread.start()
            return self._loop

    def close(self) -> None:
        """Stop the loop; asynchronous generators (which keep the clients) are closed first."""
        with self._lock:
            loop, thread, self._loop, self._thread = self._loop, self._thread, None, None
        if loop is not None and thread is not None:
            loop.call_soon_threadsafe(loop.stop)
            thread.join(timeout=5)


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.run_forever()
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        if tasks:
            loop.run_until_complete(asyncio.wait(tasks, timeout=2))
        loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        loop.close()


_background = _BackgroundLoop()


def _forget() -> None:
    """In a forked child the thread is gone: start anew."""
    global _background
    _background = _BackgroundLoop()


def _close() -> None:
    _background.close()


atexit.register(_close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


def run_sync(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a backend's coroutine to its end from synchronous code, inside a running event loop too."""
    return _background.run(coroutine)
