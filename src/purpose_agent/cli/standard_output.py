"""Standard output: kept for data while others print, and what is said when it cannot be written."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import sys
from collections.abc import Generator
from typing import cast

_UNWRITABLE = frozenset({errno.ENOSPC, errno.EBADF, errno.EIO, errno.EFBIG, getattr(errno, "EDQUOT", -1)})


@contextlib.contextmanager
def kept_for_data(wanted: bool) -> Generator[None]:
    """Send what environments, models and their libraries print meanwhile to standard error.

    Both Python's stream and the process's descriptor 1 are redirected, so that what native code and child processes
    print is no data either.

    Args:
        wanted: whether data is to be printed afterwards; without, nothing is redirected.
    """
    if not wanted:
        yield
        return
    sys.stdout.flush()
    with _descriptor_redirected(), contextlib.redirect_stdout(sys.stderr):
        yield


@contextlib.contextmanager
def _descriptor_redirected() -> Generator[None]:
    """Let descriptor 1 mean what descriptor 2 does, where both are open."""
    try:
        kept = os.dup(1)
    except OSError:
        yield
        return
    try:
        with contextlib.suppress(OSError):
            os.dup2(2, 1)
        yield
    finally:
        _flush_native()
        os.dup2(kept, 1)
        os.close(kept)


def _flush_native() -> None:
    """Write what C libraries hold back; they buffer what does not go to a terminal."""
    with contextlib.suppress(OSError, TypeError, AttributeError):  # Windows has no such handle
        ctypes.CDLL(None).fflush(None)


def is_closed() -> bool:
    """Whether the process was started without a standard output (``>&-``)."""
    return cast(object, sys.stdout) is None


def is_failing(error: OSError) -> bool:
    """Whether an error came from writing to standard output, which is tried again to tell.

    What waits there, else, where the error could mean a stream, the end of a line.
    """
    try:
        sys.stdout.flush()
        if error.filename is None and error.errno in _UNWRITABLE:
            os.write(sys.stdout.fileno(), b"\n")
    except (OSError, ValueError):
        return True
    return False


def discard() -> None:
    """Let the rest go nowhere, so that the interpreter's exit does not fail on it either."""
    if is_closed():
        return
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
