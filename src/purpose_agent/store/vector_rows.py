"""The table of the episodes' vectors: little-endian float32, beside the name of the embedder they come from."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import TYPE_CHECKING

from purpose_agent.errors import StoreError
from purpose_agent.store.base import EpisodeInfo, Neighbours, VectorSpace
from purpose_agent.store.checks import text
from purpose_agent.store.episode_rows import described, without_vector

if TYPE_CHECKING:
    from purpose_agent.store.base import Vector
    from purpose_agent.store.vector_index import VectorIndex


def packed(space: VectorSpace, vector: Vector) -> bytes:
    """A vector as bytes.

    Raises:
        StoreError: it does not belong into the space, or holds what is no number.
    """
    import numpy as np

    numbers = np.asarray(vector, "<f4")
    if numbers.shape != (space.dimension,):
        raise StoreError(
            f"a vector of {space.embedder!r} must have the shape ({space.dimension},), got {numbers.shape!r}"
        )
    if not np.isfinite(numbers).all():
        raise StoreError(f"a vector of {space.embedder!r} must hold finite numbers, got {numbers!r:.200}")
    return numbers.tobytes()


def save(connection: sqlite3.Connection, *, space: VectorSpace, rows: Sequence[tuple[str, bytes]]) -> None:
    """See `Store.save_vectors`; the vectors come from `packed`."""
    connection.executemany(
        "INSERT INTO episode_vectors (episode, embedder, dimension, vector) "
        "SELECT number, ?, ?, ? FROM episodes WHERE id = ? ON CONFLICT DO NOTHING",
        [(text(space.embedder), space.dimension, vector, id) for id, vector in rows],
    )


def of(connection: sqlite3.Connection, *, space: VectorSpace, ids: Sequence[str]) -> dict[str, Vector]:
    """See `Store.vectors`."""
    import numpy as np

    found: dict[str, Vector] = {}
    for id in ids:
        row = connection.execute(
            "SELECT vector FROM episodes JOIN episode_vectors ON episode = number "
            "WHERE id = ? AND embedder = ? AND dimension = ?",
            (id, text(space.embedder), space.dimension),
        ).fetchone()
        if row is not None:
            found[id] = np.frombuffer(row[0], "<f4")
    return found


def missing(connection: sqlite3.Connection, *, index: VectorIndex, limit: int) -> list[EpisodeInfo]:
    """See `Store.episodes_without_vector`. What has a vector keeps it, so only what came since is looked at."""
    episodes, newest = without_vector(connection, space=index.space, after=index.complete_upto, limit=limit)
    if not episodes and limit > 0:
        index.complete_upto = newest
    return episodes


def found(connection: sqlite3.Connection, *, index: VectorIndex, query: Vector, limit: int) -> Neighbours:
    """See `Store.search_vectors`."""
    with index.lock:  # before the first read, so that the index never goes back to an older moment
        index.refresh(connection)
        looked_at = limit
        while True:
            hits = index.nearest(query, looked_at)
            alive = described(connection, hits)
            if len(alive) >= limit or len(hits) < looked_at:
                return Neighbours(alive[: max(0, limit)], len(index), index.total(query))
            looked_at *= 4  # some of the closest have left the replay
