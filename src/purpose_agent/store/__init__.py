"""Where everything durable lives: the journal of runs, the episodes' values, the library, artefacts and scores."""

from __future__ import annotations

import os
from pathlib import Path
from typing import cast

from purpose_agent.errors import UsageError
from purpose_agent.store.base import EpisodeInfo, Neighbours, RunInfo, ScoredState, Store, VectorSpace

__all__ = ["EpisodeInfo", "Neighbours", "RunInfo", "ScoredState", "Store", "VectorSpace", "open_store"]


def open_store(store: str | os.PathLike[str] | Store | None = None) -> Store:
    """The store that an argument means, opened and checked, so that a bad path fails before any work is done.

    Args:
        store: a `Store` is returned as it is; None or ``":memory:"`` is a private store that lives and dies with
            this object; a path that ends in ``.sqlite``, ``.sqlite3`` or ``.db``, or that is a file, is that
            file; any other path is a folder that holds ``purpose_agent.sqlite``. What is missing is created.

    Raises:
        UsageError: the argument is none of these.
        StoreReadOnlyError: the file or folder cannot be written.
        StoreCorruptError: the file is no store, or is damaged; it is left as it is.
        StoreVersionError: a newer version of this package wrote it.
        StoreError: it cannot be opened for another reason.
    """
    from purpose_agent.store.sqlite import SQLiteStore  # loads sqlite3, which `import purpose_agent` need not

    if store is None:
        return SQLiteStore.open()
    if isinstance(store, (str, Path)) or hasattr(store, "__fspath__"):
        return SQLiteStore.open(
            Path(cast("os.PathLike[str]", store)) if not isinstance(store, str) else store
        )
    if not hasattr(store, "append"):
        raise UsageError(
            f"a store must be a path, a Store or None, got {type(store).__name__}: {store!r:.80}"
        )
    return cast("Store", store)
