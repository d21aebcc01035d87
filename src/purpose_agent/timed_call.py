"""Calls of a stranger's code that may hang, sync and async alike."""

from __future__ import annotations

import asyncio
import inspect
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import Any


class HungError(Exception):
    """A call did not come back in time; the thread it runs in is lost."""


class TimedCaller:
    """One thread with one event loop in which functions are called, so that a call can be given up."""

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = queue.SimpleQueue()
        threading.Thread(target=self._work, name="purpose-agent-timed-call", daemon=True).start()

    def call(self, function: Callable[[], Any], seconds: float) -> Any:
        """What the function returns, awaited when it is awaitable; or raise what it raises.

        Raises:
            HungError: it did not return within ``seconds``; no further call can be made.
        """
        done: Future[Any] = Future()
        self._jobs.put((done, function))
        if not wait([done], timeout=seconds).done:
            raise HungError(f"no answer within {seconds:g} s")
        return done.result()

    def stop(self) -> None:
        """Let the thread end after the calls that were made; do not wait for it."""
        self._jobs.put(None)

    def _work(self) -> None:
        with asyncio.Runner() as runner:
            while (job := self._jobs.get()) is not None:
                done, function = job
                try:
                    done.set_result(runner.run(_awaited(function)))
                except BaseException as error:  # handed to the caller, whatever it is
                    done.set_exception(error)


async def _awaited(function: Callable[[], Any]) -> Any:
    result = function()
    return await result if inspect.isawaitable(result) else result
