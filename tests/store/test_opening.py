"""A store that cannot be used says so in one clear line, before any work, and is left as it is."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from purpose_agent.conformance.store_samples import episode, started, step
from purpose_agent.errors import (
    StoreCorruptError,
    StoreError,
    StoreReadOnlyError,
    StoreVersionError,
    UsageError,
)
from purpose_agent.store import VectorSpace, open_store, schema
from purpose_agent.store.opening import FILE_NAME
from purpose_agent.store.sqlite import SQLiteStore


def filled(path: Path) -> Path:
    store = SQLiteStore.open(path)
    store.append("r", 0, [started("r"), *(e for i in range(1, 60) for e in step(i))])
    store.add_episode(episode("r"), "find the coin")
    store.close()
    assert store.path is not None
    return store.path


def refused(path: object, error: type[StoreError] = StoreError) -> str:
    with pytest.raises(error) as caught:
        open_store(path).close()  # type: ignore[arg-type]
    text = str(caught.value)
    assert "\n" not in text
    return text


@pytest.mark.parametrize("name", ["memory", "memory.v2", ".hidden"])
def test_a_folder_holds_the_file(tmp_path: Path, name: str) -> None:
    open_store(tmp_path / name).close()
    assert [p.name for p in (tmp_path / name).iterdir()] == [FILE_NAME]


@pytest.mark.parametrize("name", ["a.sqlite", "a.DB", "deep/er/a.sqlite3"])
def test_a_file_is_named_by_its_ending(tmp_path: Path, name: str) -> None:
    open_store(str(tmp_path / name)).close()
    assert (tmp_path / name).is_file()


def test_an_existing_file_is_that_file(tmp_path: Path) -> None:
    filled(tmp_path / "a.db").rename(tmp_path / "odd.name")
    store = open_store(tmp_path / "odd.name")
    assert store.episode_count() == 1
    store.close()


def test_none_and_memory_are_private() -> None:
    one, two = open_store(None), open_store(":memory:")
    one.add_episode(episode("a"), "x")
    assert two.episodes() == []
    one.close()
    two.close()


def test_a_store_is_returned_as_it_is() -> None:
    store = open_store(None)
    assert open_store(store) is store
    store.close()


@pytest.mark.parametrize("wrong", ["", "  ", "a\0b", 7, b"bytes", object()])
def test_what_is_no_path_is_bad_usage(wrong: object) -> None:
    with pytest.raises(UsageError):
        open_store(wrong)  # type: ignore[arg-type]


def test_the_constructor_does_nothing(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "x")
    store.close()
    assert not (tmp_path / "x").exists()


def test_the_first_use_opens(tmp_path: Path) -> None:
    with SQLiteStore(tmp_path / "x") as store:
        assert store.runs() == []
    assert (tmp_path / "x" / FILE_NAME).is_file()


def test_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = filled(tmp_path)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    before = path.read_bytes()
    text = refused(path, StoreVersionError)
    assert "99" in text
    assert "upgrade" in text
    assert path.read_bytes() == before


def test_an_older_version_is_brought_up_to_date(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = filled(tmp_path)
    more = (*schema.MIGRATIONS, ("CREATE TABLE later (x)", "INSERT INTO later VALUES (7)"))
    monkeypatch.setattr(schema, "MIGRATIONS", more)
    monkeypatch.setattr(schema, "SCHEMA_VERSION", len(more))
    monkeypatch.setattr("purpose_agent.store.opening.SCHEMA_VERSION", len(more))
    for _ in range(2):
        store = open_store(path)
        assert store.episode_count() == 1
        store.close()
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT x FROM later").fetchall() == [(7,)]
    assert connection.execute("PRAGMA user_version").fetchone() == (len(more),)
    connection.close()


def test_a_failed_migration_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = filled(tmp_path)
    more = (*schema.MIGRATIONS, ("CREATE TABLE later (x)", "nonsense"))
    monkeypatch.setattr(schema, "MIGRATIONS", more)
    monkeypatch.setattr(schema, "SCHEMA_VERSION", len(more))
    refused(path)
    monkeypatch.undo()
    store = open_store(path)
    assert store.episode_count() == 1
    store.close()


def test_a_file_of_the_first_format_is_brought_up_to_date(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:1])
    monkeypatch.setattr(schema, "SCHEMA_VERSION", 1)
    path = tmp_path / "old.sqlite"
    store = open_store(path)
    store.append("r", 0, [started("r")])
    store.close()
    monkeypatch.undo()
    with SQLiteStore.open(path) as store:
        store.add_episode(episode("r"), "find the coin")
        assert [e.id for e in store.episodes_without_vector(VectorSpace("any", 2), 9)] == ["r"]
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA user_version").fetchone()[0] == schema.SCHEMA_VERSION
    connection.close()


@pytest.mark.parametrize(
    "content", [b"", b"{}", b'{"records": []}' * 500, b"\0" * 8192, b"SQLite format 3\0"]
)
def test_what_is_no_store_is_refused(tmp_path: Path, content: bytes) -> None:
    """A damaged file loaded as empty and was overwritten by the next add."""
    path = tmp_path / "memory.sqlite"
    path.write_bytes(content)
    assert str(path) in refused(path, StoreCorruptError)
    assert path.read_bytes() == content


def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "photos.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE photos (x)")
    connection.close()
    before = path.read_bytes()
    assert "another program" in refused(path, StoreCorruptError)
    assert path.read_bytes() == before


@pytest.mark.parametrize("keep", [0, 1, 100, 511, 512, 4095, 4096, 0.3, 0.6, -4096, -1])
def test_a_truncated_store_is_refused(tmp_path: Path, keep: float) -> None:
    """A truncated file loaded as empty and was overwritten by the next add."""
    path = filled(tmp_path)
    whole = path.read_bytes()
    size = int(keep * len(whole)) if isinstance(keep, float) else keep % len(whole)
    path.write_bytes(whole[:size])
    refused(path, StoreCorruptError)
    assert path.read_bytes() == whole[:size]


def test_damage_inside_is_an_error_and_not_an_empty_answer(tmp_path: Path) -> None:
    path = filled(tmp_path)
    whole = path.read_bytes()
    for page in range(1, len(whole) // 4096):
        damaged = bytearray(whole)
        damaged[page * 4096 : (page + 1) * 4096] = b"\xa5" * 4096
        path.write_bytes(damaged)
        with contextlib.suppress(StoreCorruptError), SQLiteStore.open(path) as store:
            assert len(store.events("r")) == 237
            assert [r.steps for r in store.runs()] == [59]


def test_a_log_without_its_file_is_refused(tmp_path: Path) -> None:
    """The log of a lost file must not be played into a new one."""
    (tmp_path / "a.sqlite-wal").write_bytes(b"left over")
    assert "a.sqlite-wal" in refused(tmp_path / "a.sqlite", StoreCorruptError)
    assert not (tmp_path / "a.sqlite").exists()


def test_a_folder_where_the_file_is_wanted(tmp_path: Path) -> None:
    (tmp_path / "a.sqlite").mkdir()
    assert "folder" in refused(tmp_path / "a.sqlite")


@pytest.mark.parametrize("below", ["a.sqlite", "folder", "deep/folder"])
def test_a_file_where_the_folder_is_wanted(tmp_path: Path, below: str) -> None:
    (tmp_path / "taken").write_text("mine")
    assert "taken" in refused(tmp_path / "taken" / below)
    assert (tmp_path / "taken").read_text() == "mine"


def test_a_place_where_nobody_can_write() -> None:
    if not Path("/proc/self").exists():
        pytest.skip("no /proc here")
    refused("/proc/self/store.sqlite")


def test_a_file_that_opens_read_only_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = filled(tmp_path)

    def read_only(path: Path) -> sqlite3.Connection:
        return sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, isolation_level=None)

    monkeypatch.setattr("purpose_agent.store.opening.connect_file", read_only)
    before = path.read_bytes()
    assert "writable" in refused(path, StoreReadOnlyError)
    assert path.read_bytes() == before


AS_NOBODY = """
import os, sys
from purpose_agent.errors import StoreReadOnlyError
from purpose_agent.store import open_store
open_store(None).close()
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
for path in sys.argv[1:]:
    try:
        open_store(path)
    except StoreReadOnlyError as e:
        assert path in str(e) and "\\n" not in str(e), e
    else:
        raise SystemExit(f"{path} was opened")
"""


@pytest.mark.skipif(
    not hasattr(os, "getuid") or os.getuid() != 0, reason="only root can become somebody else"
)
def test_file_permissions_are_respected() -> None:
    """The file may be read only, or its folder, or the folder that a new one is wanted in."""
    folder = Path(tempfile.mkdtemp())
    try:
        path = filled(folder / "locked")
        other = filled(folder / "open")
        path.chmod(0o644)
        other.chmod(0o444)
        path.parent.chmod(0o755)
        other.parent.chmod(0o777)
        folder.chmod(0o755)
        arguments = [str(path), str(other), str(folder / "new.sqlite"), str(folder / "new" / "er.sqlite")]
        command = [sys.executable, "-c", AS_NOBODY, *arguments]
        run = subprocess.run(command, capture_output=True, text=True)
        assert run.returncode == 0, run.stderr
    finally:
        shutil.rmtree(folder)


def test_a_full_disk_is_one_error_and_costs_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = filled(tmp_path)
    limit: list[Callable[[sqlite3.Connection], object]] = []
    from purpose_agent.store.opening import connect_file

    def small(path: Path) -> sqlite3.Connection:
        connection = connect_file(path)
        for restrict in limit:
            restrict(connection)
        return connection

    monkeypatch.setattr("purpose_agent.store.database.connect_file", small)
    limit.append(lambda c: c.execute("PRAGMA max_page_count = 40"))
    with SQLiteStore.open(path) as store:
        big = started("big", purpose="x" * 400_000)
        error = store.append("big", 0, [big]).exception(60)
        assert isinstance(error, StoreError)
        assert "disk space" in str(error)
        assert isinstance(store.append("big", 1, [big]).exception(60), StoreError)
        store.append("small", 0, [started("small")]).result(60)
        assert store.event_count("big") == 0
        assert store.event_count("r") == 237
    monkeypatch.undo()
    with SQLiteStore.open(path) as store:
        store.append("big", 0, [big]).result(60)
        assert store.events("big") == [big]


def test_an_index_made_elsewhere_is_filled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A SQLite without FTS5 adds episodes, one with it finds them later."""
    with monkeypatch.context() as without:
        for module in ("schema", "search", "episode_rows"):
            without.setattr(f"purpose_agent.store.{module}.has_fts5", lambda: False)
        filled(tmp_path)
    with SQLiteStore.open(tmp_path) as store:
        assert [e.id for e, _ in store.search_episodes("coin", 5)] == ["r"]
        with monkeypatch.context() as without:
            for module in ("schema", "search", "episode_rows"):
                without.setattr(f"purpose_agent.store.{module}.has_fts5", lambda: False)
            store.add_episode(episode("s"), "a later coin")
            store.remove_episodes(["r"])
    with SQLiteStore.open(tmp_path) as store:
        assert [e.id for e, _ in store.search_episodes("coin", 5)] == ["s"]
