"""The table ``counters``: sums over all episodes, the state of the index, and a number that every change raises."""

from __future__ import annotations

import sqlite3
from typing import Literal

Counter = Literal["revision", "episodes", "words", "index_stale"]


def read(connection: sqlite3.Connection, name: Counter) -> int:
    """The value of a counter."""
    return int(connection.execute("SELECT value FROM counters WHERE name = ?", (name,)).fetchone()[0])


def add(connection: sqlite3.Connection, name: Counter, by: int) -> None:
    """Raise a counter, or lower it by a negative number."""
    connection.execute("UPDATE counters SET value = value + ? WHERE name = ?", (by, name))


def put(connection: sqlite3.Connection, name: Counter, value: int) -> None:
    """Set a counter."""
    connection.execute("UPDATE counters SET value = ? WHERE name = ?", (value, name))


def changed(connection: sqlite3.Connection) -> None:
    """Tell every process that the library, an episode or an artefact is different now."""
    add(connection, "revision", 1)


def revision(connection: sqlite3.Connection) -> int:
    """How often `changed` was called."""
    return read(connection, "revision")
