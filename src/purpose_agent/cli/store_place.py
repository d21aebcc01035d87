"""Which store a command means, and how it is opened."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from purpose_agent.errors import UsageError

if TYPE_CHECKING:
    from purpose_agent.store.base import Store

STORE_VARIABLE = "PURPOSE_AGENT_STORE"
"""Names the store where ``--store`` does not."""

DEFAULT_FOLDER = ".purpose-agent"
"""The store's folder in the current folder, so that each project keeps its own memory."""


def store_path(given: str | None) -> Path:
    """The store's file: ``--store``, else the variable PURPOSE_AGENT_STORE, else ``.purpose-agent`` here.

    Raises:
        UsageError: what was given is no path.
    """
    from purpose_agent.store.opening import store_file

    if given is not None:
        return store_file(given)
    return store_file(os.environ.get(STORE_VARIABLE, "").strip() or DEFAULT_FOLDER)


def is_default(given: str | None) -> bool:
    """Whether nobody said which store."""
    return given is None and not os.environ.get(STORE_VARIABLE, "").strip()


def open_for_writing(given: str | None) -> Store:
    """The store, made where it is missing.

    Raises:
        UsageError, StoreError: it cannot be opened; see `open_store`.
    """
    from purpose_agent.store import open_store

    path = store_path(given)
    store = open_store(path)
    if is_default(given):
        _keep_out_of_git(path.parent)
    return store


def open_for_reading(given: str | None) -> Store:
    """The store, which must be there.

    Raises:
        UsageError: there is none.
        StoreError: it cannot be opened.
    """
    from purpose_agent.store import open_store

    path = store_path(given)
    if not path.exists():
        raise UsageError(
            f"there is no store at {str(path)!r}; `purpose-agent run` makes one, or name another with --store "
            f"or {STORE_VARIABLE}"
        )
    return open_store(path)


def store_option(given: str | None) -> str:
    """What to add to a command that is suggested, so that it finds the same store."""
    import shlex

    return f" --store {shlex.quote(given)}" if given is not None else ""


def _keep_out_of_git(folder: Path) -> None:
    """A store holds what environments said, so nobody should commit the default one by accident."""
    with contextlib.suppress(OSError), (folder / ".gitignore").open("x", encoding="utf-8") as file:
        file.write("*\n")
