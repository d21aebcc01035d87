"""Ctrl-C while something is played: answered at once, though a blocking step is left only when it returns."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Generator

from purpose_agent.cli.exit_codes import INTERRUPTED

NOTE = "stopping after this step; Ctrl-C again stops at once"


_HEED_SECONDS = 0.05
"""Time for the main thread to heed a signal: one that comes before that is not told apart from the first."""


@contextlib.contextmanager
def interrupts_answered() -> Generator[None]:
    """Say on standard error that Ctrl-C was understood.

    The event loop's handler cancels a run at the first Ctrl-C, which waits for a blocking environment, and raises
    KeyboardInterrupt at the second; it says nothing. A third one ends the process, for native code that lets no
    exception in; the journal survives that as it survives any death. The listener is a thread, because the main
    thread may be blocked; signals reach it by `signal.set_wakeup_fd`. Outside the main thread nothing is done.
    """
    heard, told = socket.socketpair()
    with heard, told:
        told.setblocking(False)
        try:
            before = signal.set_wakeup_fd(told.fileno(), warn_on_full_buffer=False)
        except ValueError:  # not the main thread: Ctrl-C is somebody else's
            yield
            return
        listener = threading.Thread(
            target=_listen, args=(heard,), name="purpose-agent-interrupts", daemon=True
        )
        listener.start()
        try:
            yield
        finally:
            signal.set_wakeup_fd(before)
            told.close()
            listener.join()


def _listen(heard: socket.socket) -> None:
    pressed = 0
    while signals := heard.recv(64):
        for number in signals:
            if number == signal.SIGINT:
                pressed += 1
                time.sleep(_HEED_SECONDS)
                _answer(pressed)


def _answer(pressed: int) -> None:
    at_once = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # it raises in the main thread
    if pressed == 1 and not at_once:
        with contextlib.suppress(OSError, ValueError):
            print(NOTE, file=sys.stderr, flush=True)
    elif pressed > 2:
        os._exit(INTERRUPTED)
