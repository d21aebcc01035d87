"""The tables of the SQLite store, as numbered migrations, and the marks by which a file is known as ours."""

from __future__ import annotations

import sqlite3
from functools import cache

from purpose_agent.store import counters
from purpose_agent.store.transaction import transaction

APPLICATION_ID = 0x50414731
"""``PRAGMA application_id`` of every store ("PAG1")."""

_FIRST = (
    """CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID""",
    """INSERT INTO counters VALUES ('revision', 0), ('episodes', 0), ('words', 0), ('index_stale', 1)""",
    """CREATE TABLE runs (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        info BLOB NOT NULL)""",
    """CREATE TABLE events (
        run INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        payload BLOB NOT NULL,
        PRIMARY KEY (run, seq)) WITHOUT ROWID""",
    """CREATE TABLE episodes (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        purpose TEXT NOT NULL,
        task TEXT NOT NULL,
        success INTEGER NOT NULL,
        transient INTEGER NOT NULL,
        score REAL NOT NULL,
        steps INTEGER NOT NULL,
        q_value REAL NOT NULL)""",
    """CREATE INDEX episodes_by_value ON episodes (q_value, number)""",
    """CREATE TABLE episode_terms (number INTEGER PRIMARY KEY, terms TEXT NOT NULL)""",
    """CREATE TABLE distilled (
        episode TEXT NOT NULL,
        distiller TEXT NOT NULL,
        PRIMARY KEY (episode, distiller)) WITHOUT ROWID""",
    """CREATE TABLE heuristics (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        definition BLOB NOT NULL,
        status TEXT NOT NULL,
        q_value REAL NOT NULL,
        times_used INTEGER NOT NULL,
        times_succeeded INTEGER NOT NULL,
        withheld INTEGER NOT NULL)""",
    """CREATE TABLE heuristic_changes (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        heuristic TEXT NOT NULL,
        at REAL NOT NULL,
        status TEXT NOT NULL,
        reason TEXT NOT NULL)""",
    """CREATE INDEX changes_by_heuristic ON heuristic_changes (heuristic)""",
    """CREATE TABLE heuristic_evidence (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        heuristic TEXT NOT NULL,
        episode TEXT NOT NULL,
        steps BLOB NOT NULL,
        UNIQUE (heuristic, episode, steps))""",
    """CREATE TABLE artefacts (name TEXT PRIMARY KEY, payload BLOB NOT NULL, upto INTEGER NOT NULL)""",
    """CREATE TABLE scores (
        purpose TEXT NOT NULL,
        fingerprint TEXT NOT NULL,
        critic TEXT NOT NULL,
        phi REAL NOT NULL,
        confidence REAL NOT NULL,
        evidence TEXT NOT NULL,
        reasoning TEXT NOT NULL,
        PRIMARY KEY (purpose, fingerprint, critic)) WITHOUT ROWID""",
)

_TRIALS = (
    """CREATE TABLE trials (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        heuristic TEXT NOT NULL,
        episode TEXT NOT NULL,
        family TEXT NOT NULL,
        shown INTEGER NOT NULL,
        propensity REAL NOT NULL,
        outcome REAL NOT NULL,
        baseline REAL NOT NULL,
        informedness REAL NOT NULL,
        UNIQUE (heuristic, episode))""",
    """ALTER TABLE heuristic_evidence ADD COLUMN trust TEXT NOT NULL DEFAULT ''""",
)

_EPISODE_VECTORS = (
    """CREATE TABLE episode_vectors (
        place INTEGER PRIMARY KEY AUTOINCREMENT,
        episode INTEGER NOT NULL,
        embedder TEXT NOT NULL,
        dimension INTEGER NOT NULL,
        vector BLOB NOT NULL,
        UNIQUE (episode, embedder, dimension))""",
)
"""``place`` grows with time and not with the episode's number: old episodes get their vectors late."""

_TESTS = (
    """CREATE TABLE tests (
        position INTEGER PRIMARY KEY AUTOINCREMENT,
        heuristic TEXT NOT NULL,
        test TEXT NOT NULL,
        UNIQUE (heuristic, test))""",
)

MIGRATIONS: tuple[tuple[str, ...], ...] = (_FIRST, _TRIALS, _EPISODE_VECTORS, _TESTS)
"""Number n (from 1) takes a file from version n - 1 to n. Never change one that was released: add one."""

SCHEMA_VERSION = len(MIGRATIONS)
"""``PRAGMA user_version`` of a file that is up to date."""


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the tables up to date in one transaction; nothing happens when they are."""
    if _version(connection) >= SCHEMA_VERSION:
        return
    with transaction(connection):
        done = _version(connection)  # read again: another process may have been faster
        for statements in MIGRATIONS[done:]:
            for statement in statements:
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


@cache
def has_fts5() -> bool:
    """Whether this process's SQLite can search full text."""
    connection = sqlite3.connect(":memory:")
    try:
        connection.execute("CREATE VIRTUAL TABLE probe USING fts5(x)")
    except sqlite3.OperationalError:
        return False
    finally:
        connection.close()
    return True


def ensure_index(connection: sqlite3.Connection) -> None:
    """Make the full-text index where SQLite has FTS5, and fill it when it missed episodes.

    A file may travel: a SQLite without FTS5 searches without the index and marks it as stale when it adds.
    """
    if not has_fts5() or not counters.read(connection, "index_stale"):
        return
    with transaction(connection):
        if counters.read(connection, "index_stale"):
            connection.execute(
                "CREATE VIRTUAL TABLE IF NOT EXISTS episode_index USING "
                "fts5(terms, content='episode_terms', content_rowid='number', tokenize='ascii')"
            )
            connection.execute("INSERT INTO episode_index (episode_index) VALUES ('rebuild')")
            counters.put(connection, "index_stale", 0)


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])
