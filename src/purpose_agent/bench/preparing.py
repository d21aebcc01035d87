"""Before long work begins: can the model be had, and is the folder ours alone?"""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import Generator
from pathlib import Path

from purpose_agent.errors import MissingDependencyError, StoreReadOnlyError, UsageError
from purpose_agent.llm_backend.resolve import resolve_backend


def make_ready(model: str) -> None:
    """Make sure that the model can be had before anything is played; the embedded one is fetched once, with a bar.

    Raises:
        UsageError: the specification is not understood.
        MissingDependencyError: it needs an extra.
    """
    resolve_backend(model).close()
    in_process = model == "local" or model.startswith("gguf:")
    if in_process and importlib.util.find_spec("xllamacpp") is None:
        raise MissingDependencyError("xllamacpp", "local")
    if model == "local":
        from purpose_agent.llm_backend import embedded_model

        embedded_model.fetch()


@contextlib.contextmanager
def only_one(folder: Path, what: str) -> Generator[None]:
    """Keep a second one out of the folder while this one plays.

    Args:
        folder: exists.
        what: is played, for people.

    Raises:
        UsageError: another process is playing there.
        StoreReadOnlyError: the folder cannot be written.
    """
    try:
        import fcntl
    except ImportError:  # no advisory locks on this system
        yield
        return
    try:
        lock = (folder / ".lock").open("w")
    except OSError as e:
        raise StoreReadOnlyError(
            f"{str(folder)!r} cannot be written: {e.strerror or e}; choose another folder"
        ) from e
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UsageError(
                f"another {what} is playing in {str(folder)!r}; wait for it or choose another folder"
            ) from None
        yield
