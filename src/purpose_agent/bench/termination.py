"""SIGTERM ends long work as Ctrl-C does: what was done is kept and reported."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Generator
from types import FrameType


@contextlib.contextmanager
def terminated_as_interrupted() -> Generator[None]:
    """Within it, SIGTERM does what Ctrl-C would; only in the main thread, since no other hears signals."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL if before is None else before)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    if callable(signal.getsignal(signal.SIGINT)):
        signal.raise_signal(signal.SIGINT)
    else:  # whoever runs in the background may have been told to ignore Ctrl-C
        raise KeyboardInterrupt
