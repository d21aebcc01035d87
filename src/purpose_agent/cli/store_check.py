"""What `doctor` says of a store: whether its file is whole, its runs can be read, and another run fits in."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from purpose_agent.cli.plain_text import count_of, one_line
from purpose_agent.errors import StoreCorruptError, StoreError

MOST_RUNS = 200
"""The newest runs, whose journals are read."""

ROOM = 2**20
"""Bytes that are written and taken back: about what some runs need."""


_RESTORE = (
    "restore a copy of the store, or begin another with --store "
    "(`purpose-agent memory export FILE` saves the lessons that can be read)"
)


class StoreFault(Exception):
    """A store that is there and cannot be used as it is.

    Args:
        detail: what is wrong.
        remedy: how to mend it.
    """

    def __init__(self, detail: str, remedy: str) -> None:
        super().__init__(detail)
        self.detail = detail
        self.remedy = remedy


def examined(path: Path) -> str:
    """What is in a store that is whole, in a few words; nothing in it is changed.

    Raises:
        StoreFault: it is damaged, holds what cannot be read, or takes no more.
        StoreError: it cannot be opened.
    """
    from purpose_agent.store import open_store
    from purpose_agent.store.opening import READING_ERRORS, connect_file, translate

    with closing(open_store(path)) as store:
        try:
            with closing(connect_file(path)) as connection:
                _check_pages(connection, path)
                _check_room(connection, path)
        except READING_ERRORS as error:
            raise _fault(translate(error, path)) from error
        try:
            runs = store.runs()
            for run in runs[:MOST_RUNS]:
                store.events(run.run_id)
            store.heuristics(retired=True)
            store.episodes()
        except StoreError as error:
            raise _fault(error) from error
    read = f", the newest {MOST_RUNS} read" if len(runs) > MOST_RUNS else ""
    return f"{count_of(len(runs), 'run')}{read}, writable" if runs else "empty, writable"


def _check_pages(connection: sqlite3.Connection, path: Path) -> None:
    found = [str(row[0]) for row in connection.execute("PRAGMA quick_check(3)")]
    if found != ["ok"]:
        raise StoreFault(f"{path} is damaged: {one_line('; '.join(found), 200)}", _RESTORE)


def _check_room(connection: sqlite3.Connection, path: Path) -> None:
    """Write for real, and take it back: with hardly a cache, SQLite must put it on the disk before that."""
    connection.execute("PRAGMA cache_size = 8")
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute("CREATE TABLE doctor (room BLOB)")
        connection.execute("INSERT INTO doctor VALUES (zeroblob(?))", (ROOM,))
    except sqlite3.OperationalError as error:
        raise StoreFault(
            f"{path} takes no more: {one_line(str(error))}",
            "free some disk space, or mend what the message names",
        ) from error
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _fault(error: StoreError) -> StoreFault:
    if isinstance(error, StoreCorruptError):
        return StoreFault(
            one_line(str(error), 300), f"upgrade the package if a newer one wrote it, else {_RESTORE}"
        )
    return StoreFault(one_line(str(error), 300), "mend what the message names")
