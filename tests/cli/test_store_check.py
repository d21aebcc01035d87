"""`doctor` on stores that are there: whole, damaged, unreadable, full."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from purpose_agent.cli import checks
from purpose_agent.store import open_store

Verdict = Callable[[], checks.Check]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A store's file, with a run."""
    return tmp_path / ".purpose-agent" / "purpose_agent.sqlite"


@pytest.fixture
def verdict(played: str, file: Path) -> Verdict:
    """What `doctor` says of it."""
    return lambda: checks._store(str(file))


def overwrite_root(file: Path, table: str) -> None:
    """Overwrite the first page of a table."""
    with sqlite3.connect(file) as store:
        query = "SELECT rootpage FROM sqlite_master WHERE name = ?"
        number = store.execute(query, (table,)).fetchone()[0] - 1
        size = store.execute("PRAGMA page_size").fetchone()[0]
    store.close()
    content = bytearray(file.read_bytes())
    content[number * size : (number + 1) * size] = b"\x55" * size
    file.write_bytes(content)


def test_a_whole_store_is_ok_and_is_left_as_it_was(verdict: Verdict, file: Path):
    before = list(sqlite3.connect(file).iterdump())
    check = verdict()
    assert (check.status, check.detail) == ("ok", f"{file}, 1 run, writable")
    assert list(sqlite3.connect(file).iterdump()) == before


def test_overwritten_pages_are_found(verdict: Verdict, file: Path):
    overwrite_root(file, "events")
    check = verdict()
    assert check.status == "fail"
    assert "damaged" in check.detail
    assert "restore a copy" in check.remedy


def test_an_event_that_cannot_be_read_is_found(verdict: Verdict, file: Path, played: str):
    with sqlite3.connect(file) as store:
        store.execute("UPDATE events SET payload = x'c1' WHERE seq = 1")
    check = verdict()
    assert check.status == "fail"
    assert f"event 1 of run '{played}' cannot be read" in check.detail
    assert "upgrade the package" in check.remedy


def test_only_the_newest_runs_are_read(verdict: Verdict, file: Path, played: str, monkeypatch):
    store = open_store(file)
    store.append("newer", 0, store.events(played)).result()
    store.close()
    monkeypatch.setattr("purpose_agent.cli.store_check.MOST_RUNS", 1)
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE events SET payload = x'c1' WHERE seq = 1 AND run = 1")
    check = verdict()
    assert (check.status, check.detail) == ("ok", f"{file}, 2 runs, the newest 1 read, writable")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of files")
def test_a_disk_without_room_is_found(verdict: Verdict, file: Path):
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (file.stat().st_size + 2**16, hard))
    try:
        check = verdict()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert check.status == "fail"
    assert "takes no more" in check.detail
    assert "disk space" in check.remedy
    assert verdict().status == "ok"
