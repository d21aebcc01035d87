"""The experience replay's tables: episodes, their values, who distilled them, and the words they are found by."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from purpose_agent.store import counters
from purpose_agent.store.base import EpisodeInfo, VectorSpace
from purpose_agent.store.checks import fraction, number, text
from purpose_agent.store.counters import changed
from purpose_agent.store.schema import has_fts5
from purpose_agent.store.search import search
from purpose_agent.store.terms import terms_of

_COLUMNS = (
    "id, number, purpose, task, success, transient, score, steps, q_value, "
    "(SELECT group_concat(distiller, char(31)) FROM distilled WHERE episode = id)"
)
_MOST_MARKS = 500  # in one statement; SQLite has a limit
_Row = tuple[str, int, str, str, int, int, float, int, float, str | None]


def add(connection: sqlite3.Connection, *, episode: EpisodeInfo, words: str) -> EpisodeInfo:
    """See `Store.add_episode`."""
    known = one(connection, id=text(episode.id))
    if known is not None:
        return known
    made = connection.execute(
        "INSERT INTO episodes (id, purpose, task, success, transient, score, steps, q_value) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            text(episode.id),
            text(episode.purpose),
            text(episode.task),
            bool(episode.success),
            bool(episode.transient),
            number("an episode's score", episode.score),
            episode.steps,
            fraction("q_value", episode.q_value),
        ),
    )
    _index(connection, int(made.lastrowid or 0), terms_of(words))
    for distiller in episode.distilled_by:
        claim(connection, id=text(episode.id), distiller=text(distiller))
    changed(connection)
    return one(connection, id=text(episode.id)) or episode


def _index(connection: sqlite3.Connection, place: int, terms: list[str]) -> None:
    joined = " ".join(terms)
    connection.execute("INSERT INTO episode_terms VALUES (?, ?)", (place, joined))
    if has_fts5():
        connection.execute("INSERT INTO episode_index (rowid, terms) VALUES (?, ?)", (place, joined))
    else:
        counters.put(connection, "index_stale", 1)
    counters.add(connection, "episodes", 1)
    counters.add(connection, "words", len(terms))


def listed(connection: sqlite3.Connection, *, after: int, limit: int | None) -> list[EpisodeInfo]:
    """See `Store.episodes`."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM episodes WHERE number > ? ORDER BY number LIMIT ?",
        (after, -1 if limit is None else max(0, limit)),
    ).fetchall()
    return [_episode(row) for row in rows]


def one(connection: sqlite3.Connection, *, id: str) -> EpisodeInfo | None:
    """See `Store.episode`."""
    row = connection.execute(f"SELECT {_COLUMNS} FROM episodes WHERE id = ?", (id,)).fetchone()
    return None if row is None else _episode(row)


def count(connection: sqlite3.Connection) -> int:
    """See `Store.episode_count`."""
    return counters.read(connection, "episodes")


def found(connection: sqlite3.Connection, *, query: str, limit: int) -> list[tuple[EpisodeInfo, float]]:
    """See `Store.search_episodes`."""
    return described(connection, search(connection, query, limit))


def described(
    connection: sqlite3.Connection, hits: Sequence[tuple[int, float]]
) -> list[tuple[EpisodeInfo, float]]:
    """The episodes of these numbers, each with what was found out about it; those that are gone are left out."""
    episodes: dict[int, EpisodeInfo] = {}
    for start in range(0, len(hits), _MOST_MARKS):
        places = [place for place, _ in hits[start : start + _MOST_MARKS]]
        rows = connection.execute(
            f"SELECT {_COLUMNS} FROM episodes WHERE number IN ({','.join('?' * len(places))})", places
        )
        episodes.update((int(row[1]), _episode(row)) for row in rows)
    return [(episodes[place], finding) for place, finding in hits if place in episodes]


def without_vector(
    connection: sqlite3.Connection, *, space: VectorSpace, after: int, limit: int
) -> tuple[list[EpisodeInfo], int]:
    """Episodes numbered above ``after`` that have no vector in a space, newest first; and the highest number of all."""
    newest = connection.execute("SELECT max(number) FROM episodes").fetchone()[0] or 0
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM episodes WHERE number > ? AND NOT EXISTS (SELECT 1 FROM episode_vectors "
        "WHERE episode = number AND embedder = ? AND dimension = ?) ORDER BY number DESC LIMIT ?",
        (after, text(space.embedder), space.dimension, max(0, limit)),
    ).fetchall()
    return [_episode(row) for row in rows], int(newest)


def value(connection: sqlite3.Connection, *, id: str, reward: float, alpha: float) -> None:
    """See `Store.value_episode`."""
    moved = connection.execute(
        "UPDATE episodes SET q_value = min(1.0, max(0.0, q_value + ? * (? - q_value))) WHERE id = ?",
        (fraction("alpha", alpha), fraction("reward", reward), id),
    )
    if moved.rowcount:
        changed(connection)


def claim(connection: sqlite3.Connection, *, id: str, distiller: str) -> bool:
    """See `Store.mark_distilled`."""
    made = connection.execute("INSERT INTO distilled VALUES (?, ?) ON CONFLICT DO NOTHING", (id, distiller))
    if made.rowcount:
        changed(connection)
    return bool(made.rowcount)


def remove(connection: sqlite3.Connection, *, ids: Sequence[str]) -> None:
    """See `Store.remove_episodes`."""
    removed = 0
    for id in ids:
        row = connection.execute(
            "SELECT number, terms FROM episodes JOIN episode_terms USING (number) WHERE id = ?", (id,)
        ).fetchone()
        if row is None:
            continue
        place, terms = row
        if has_fts5():
            connection.execute(
                "INSERT INTO episode_index (episode_index, rowid, terms) VALUES ('delete', ?, ?)",
                (place, terms),
            )
        else:
            counters.put(connection, "index_stale", 1)
        connection.execute("DELETE FROM episode_terms WHERE number = ?", (place,))
        connection.execute("DELETE FROM episode_vectors WHERE episode = ?", (place,))
        connection.execute("DELETE FROM episodes WHERE number = ?", (place,))
        counters.add(connection, "words", -len(terms.split()))
        removed += 1
    if removed:
        counters.add(connection, "episodes", -removed)
        changed(connection)


def trim(connection: sqlite3.Connection, *, capacity: int) -> list[str]:
    """See `Store.trim_episodes`."""
    excess = count(connection) - max(0, capacity)
    if excess <= 0:
        return []
    rows = connection.execute(
        "SELECT id FROM episodes WHERE number < (SELECT max(number) FROM episodes) ORDER BY q_value, number LIMIT ?",
        (excess,),
    ).fetchall()
    ids = [str(row[0]) for row in rows]
    remove(connection, ids=ids)
    return ids


def _episode(row: _Row) -> EpisodeInfo:
    id, place, purpose, task, success, transient, score, steps, q_value, distillers = row
    return EpisodeInfo(
        id=id,
        number=place,
        purpose=purpose,
        task=task,
        success=bool(success),
        transient=bool(transient),
        score=score,
        steps=steps,
        q_value=q_value,
        distilled_by=tuple(sorted(distillers.split("\x1f"))) if distillers else (),
    )
