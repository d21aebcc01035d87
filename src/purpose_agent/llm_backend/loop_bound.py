"""One async client for each event loop that uses a backend.

An async HTTP client belongs to the loop that first used it. A backend may be used from many: the background loop of
the sync methods, the program's own, another one in each test. Each gets its own client, which is closed when its loop
shuts down: it is kept by an asynchronous generator, and asyncio closes those before it closes the loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import weakref
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, Generic, TypeVar
from weakref import WeakKeyDictionary

C = TypeVar("C")

Kept = WeakKeyDictionary[asyncio.AbstractEventLoop, tuple[AsyncGenerator[None], C]]


class LoopBound(Generic[C]):
    """Makes and keeps one client for each event loop. When it is garbage its clients are closed.

    Args:
        make: makes a client, inside the loop that will use it.
        close: closes one; must not refer to the backend.
    """

    def __init__(self, make: Callable[[], C], close: Callable[[C], Awaitable[None]]) -> None:
        self._make = make
        self._close = close
        self._kept: Kept[C] = WeakKeyDictionary()
        weakref.finalize(self, _close_all, self._kept).atexit = False  # at exit the loops close theirs

    async def get(self) -> C:
        """The client of the running loop."""
        loop = asyncio.get_running_loop()
        kept = self._kept.get(loop)
        if kept is None:
            client = self._make()
            keeper = _keep(client, self._close, self._kept, loop)
            await anext(keeper)
            kept = self._kept[loop] = (keeper, client)
        return kept[1]

    async def aclose(self) -> None:
        """Close the client of the running loop; the next `get` makes a new one."""
        kept = self._kept.get(asyncio.get_running_loop())
        if kept is not None:
            await kept[0].aclose()


async def _keep(
    client: C, close: Callable[[C], Awaitable[None]], kept: Kept[C], loop: asyncio.AbstractEventLoop
) -> AsyncGenerator[None]:
    try:
        yield
    finally:
        kept.pop(loop, None)
        await close(client)


def _close_all(kept: Kept[Any]) -> None:
    """Let each loop that still runs close its client."""
    for loop, (keeper, _) in list(kept.items()):
        with contextlib.suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(_aclose_soon, loop, keeper)


def _aclose_soon(loop: asyncio.AbstractEventLoop, keeper: AsyncGenerator[None]) -> None:
    task = loop.create_task(_aclosed(keeper))
    _closing.add(task)
    task.add_done_callback(_closing.discard)


async def _aclosed(keeper: AsyncGenerator[None]) -> None:
    await keeper.aclose()


_closing: set[asyncio.Task[None]] = set()
"""A loop refers to its tasks weakly; these must live until they are done."""
