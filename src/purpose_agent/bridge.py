"""Between synchronous and asynchronous code: the async core is written once, sync is this thin bridge."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import inspect
import os
import threading
import weakref
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, TypeVar, cast

from purpose_agent.errors import UsageError

T = TypeVar("T")


class _Turn:
    """One coroutine's use of a bridge.

    Attributes:
        bridge: whose.
        over: whether it has ended; a thread that it abandoned may still carry its context.
    """

    def __init__(self, bridge: SyncBridge) -> None:
        self.bridge = bridge
        self.over = False


_turns: contextvars.ContextVar[tuple[_Turn, ...]] = contextvars.ContextVar("purpose_agent_turns", default=())
"""The turns that the present code is called from, outermost first; callbacks and worker threads inherit them."""


def in_event_loop() -> bool:
    """Whether the calling thread runs an event loop right now (a notebook, an async program)."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


class SyncBridge:
    """Runs coroutines to their end from synchronous code, on one event loop of its own.

    The loop lives from the first call to `close`, so that connections kept by async clients stay usable between
    calls. In a plain program the calling thread runs the loop, so user code is called in the thread that it was
    made in and Ctrl-C cancels the coroutine. Inside a running loop a helper thread runs it and the caller waits.

    Coroutines take turns: another thread waits until the present one is done. What is called *by* the present one
    cannot, since that would wait for itself.
    """

    def __init__(self) -> None:
        self._runners: list[asyncio.Runner] = []
        """At most one; a list, so that the finalizer need not hold self."""
        self._lock = threading.Lock()
        weakref.finalize(self, _close_all, self._runners)

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """The coroutine's result, or its exception.

        Raises:
            UsageError: called from inside a coroutine that this bridge runs.
        """
        try:
            self.refuse_inside()
        except UsageError:
            coroutine.close()
            raise
        turn = _Turn(self)
        context = contextvars.copy_context()
        context.run(_turns.set, (*_turns.get(), turn))
        if in_event_loop():
            return in_thread(lambda: self._run_here(coroutine, context, turn))
        return self._run_here(coroutine, context, turn)

    def _run_here(self, coroutine: Coroutine[Any, Any, T], context: contextvars.Context, turn: _Turn) -> T:
        with self._lock:
            if not self._runners:
                self._runners.append(asyncio.Runner())
            try:
                return self._runners[0].run(coroutine, context=context)
            finally:
                turn.over = True

    def refuse_inside(self) -> None:
        """Refuse a call that would wait for the very coroutine that made it.

        Raises:
            UsageError: called from inside a coroutine that this bridge runs: by a callback, an environment, a policy.
        """
        if any(turn.bridge is self and not turn.over for turn in _turns.get()):
            raise UsageError(
                "this was called from inside a run of the same orchestrator (by a callback, an environment, a policy "
                "or a model), which would wait for itself for ever; call it after run_task has returned, or use "
                "another Orchestrator here"
            )

    def close(self) -> None:
        """End the loop. A later `run` starts a new one.

        Raises:
            UsageError: called from inside a coroutine that this bridge runs.
        """
        self.refuse_inside()
        with self._lock:
            _close_all(self._runners)


def _close_all(runners: list[asyncio.Runner]) -> None:
    while runners:
        close = runners.pop().close
        if in_event_loop():  # a loop cannot be closed from inside another
            in_thread(close)
        else:
            close()


def in_thread(function: Callable[[], T]) -> T:
    """What the function returns, or its exception; it runs in a daemon thread of its own while the caller waits."""
    future: Future[T] = Future()

    def work() -> None:
        try:
            future.set_result(function())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=work, name="purpose-agent-sync", daemon=True).start()
    return future.result()


class _Worker(threading.Thread):
    """A daemon thread that does one job after another; idle ones are used again."""

    def __init__(self) -> None:
        super().__init__(name="purpose-agent-worker", daemon=True)
        self.jobs: SimpleQueue[Callable[[], None]] = SimpleQueue()

    def run(self) -> None:
        while True:
            self.jobs.get()()
            if len(_idle) >= MAX_IDLE:
                return
            _idle.append(self)


MAX_IDLE = 64
_idle: list[_Worker] = []
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_idle.clear)  # threads do not survive a fork


async def in_worker(function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Run a blocking function in a daemon thread, with the caller's context variables.

    A cancelled caller abandons the thread: its result is dropped when it comes, and a function that never returns
    cannot keep the program from ending.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()
    context = contextvars.copy_context()

    def deliver(setter: Callable[[Any], None], value: Any) -> None:
        if not future.done():
            setter(value)

    def work() -> None:
        try:
            outcome: tuple[Callable[[Any], None], Any] = (
                future.set_result,
                context.run(function, *args, **kwargs),
            )
        except BaseException as e:
            if isinstance(e, StopIteration):  # a future refuses it
                e = RuntimeError(f"{function!r} raised StopIteration")
            outcome = (future.set_exception, e)
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(deliver, *outcome)

    try:
        worker = _idle.pop()
    except IndexError:
        worker = _Worker()
        worker.start()
    worker.jobs.put(work)
    return await future


async def call(function: Callable[..., T | Awaitable[T]], *args: Any, in_thread: bool, **kwargs: Any) -> T:
    """Call a user's function, whichever kind it is: await it when async, else run it here or in a worker thread."""
    if in_thread and not inspect.iscoroutinefunction(function):
        result = await in_worker(function, *args, **kwargs)
    else:
        result = function(*args, **kwargs)
    if hasattr(type(result), "__await__"):
        return await cast("Awaitable[T]", result)
    return cast("T", result)
