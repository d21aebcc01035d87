"""Our stores pass the suite that is published for others."""

from __future__ import annotations

from pathlib import Path

import pytest

from purpose_agent.conformance.store import StoreConformance
from purpose_agent.store import Store, open_store, schema
from purpose_agent.store.sqlite import SQLiteStore


class TestMemoryStore(StoreConformance):
    def make_store(self) -> Store:
        return open_store(None)


class TestFileStore(StoreConformance):
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.folder = tmp_path / "sübfolder" / "new"

    def make_store(self) -> Store:
        return open_store(self.folder)

    def reopen(self, store: Store) -> Store:
        assert isinstance(store, SQLiteStore)
        return open_store(store.path)


class TestFileStoreWithoutFTS5(TestFileStore):
    """Where SQLite was built without full-text search, the words are looked for one row after the other."""

    @pytest.fixture(autouse=True)
    def _no_fts5(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(schema, "has_fts5", lambda: False)
        monkeypatch.setattr("purpose_agent.store.search.has_fts5", lambda: False)
        monkeypatch.setattr("purpose_agent.store.episode_rows.has_fts5", lambda: False)
