"""The vectors of one space in memory, kept in step with the table, and searched by numpy.

Exact up to `CODED_FROM` vectors; above that the signs of the numbers, 32 times smaller, choose what is compared
exactly (the Hamming distance of signs estimates the angle: Charikar 2002).
"""

from __future__ import annotations

import sqlite3
import threading

import numpy as np
from numpy.typing import NDArray

from purpose_agent.store import counters
from purpose_agent.store.base import VectorSpace
from purpose_agent.store.checks import text

CODED_FROM = 50_000
"""So many vectors are searched by their signs first."""

RESCORED = 1000
"""At least so many of the closest by signs are compared exactly."""

_BATCH = 4096  # rows read at once
_DEAD_SHARE, _DEAD_MOST = 0.1, 64  # rows of episodes that are gone, before they are taken out

_CAN_COUNT_BITS = hasattr(np, "bitwise_count")  # numpy 2
_Floats = NDArray[np.float32]


class VectorIndex:
    """Not to be used by two threads at once: hold `lock`.

    Attributes:
        space: whose vectors.
        lock: held by whoever refreshes and searches.
        complete_upto: all episodes up to this number have their vectors.
    """

    def __init__(self, space: VectorSpace) -> None:
        self.space = space
        self.lock = threading.Lock()
        self.complete_upto = 0
        self._last_place = 0
        self._size = 0
        self._numbers: NDArray[np.int64] = np.empty(0, np.int64)
        self._rows: _Floats = np.empty((0, space.dimension), np.float32)
        self._sum: NDArray[np.float64] = np.zeros(space.dimension)
        self._codes: NDArray[np.uint64] | None = None
        self._centre: _Floats = np.zeros(space.dimension, np.float32)

    def __len__(self) -> int:
        return self._size

    def refresh(self, connection: sqlite3.Connection) -> None:
        """Read what was added since the last time, and drop what is gone when it has become much."""
        episodes = counters.read(connection, "episodes")
        rows = connection.execute(
            "SELECT place, episode, vector FROM episode_vectors "
            "WHERE place > ? AND embedder = ? AND dimension = ? ORDER BY place",
            (self._last_place, text(self.space.embedder), self.space.dimension),
        )
        while batch := rows.fetchmany(_BATCH):
            places, numbers, blobs = zip(*batch, strict=True)
            vectors = np.frombuffer(b"".join(blobs), "<f4").reshape(len(blobs), -1)
            self.append(np.array(numbers, np.int64), vectors, expected=episodes)
            self._last_place = places[-1]
        if self._size > episodes * (1 + _DEAD_SHARE) + _DEAD_MOST:
            self._keep(connection)

    def append(self, numbers: NDArray[np.int64], vectors: _Floats, expected: int = 0) -> None:
        """Take in the vectors of episodes; ``expected`` is how many there may be in the end."""
        end = self._size + len(numbers)
        if end > len(self._numbers):
            self._grow(max(end, min(expected, 4 * end), end + end // 2))
        self._numbers[self._size : end] = numbers
        self._rows[self._size : end] = vectors
        if self._codes is not None:
            self._codes[:, self._size : end] = self._signs(vectors)
        self._sum += vectors.sum(axis=0, dtype=np.float64)
        self._size = end

    def nearest(self, query: _Floats, limit: int) -> list[tuple[int, float]]:
        """(episode's number, cosine) of the closest, best first, of equal ones the newer; cosines > 0."""
        if limit <= 0 or not self._size:
            return []
        rows, numbers = self._rows[: self._size], self._numbers[: self._size]
        chosen = self._candidates(query, limit)
        if chosen is not None:
            rows, numbers = rows[chosen], numbers[chosen]
        # einsum and not the BLAS: one thread, and equal rows give equal numbers wherever they lie
        cosines = np.einsum("ij,j->i", rows, query)
        best = _top(cosines, numbers, limit)
        best = best[cosines[best] > 0]
        order = best[np.lexsort((-numbers[best], -cosines[best]))]
        return [(int(numbers[i]), min(1.0, float(cosines[i]))) for i in order]

    def total(self, query: _Floats) -> float:
        """The sum of all cosines with a query."""
        return float(self._sum @ query)

    def _candidates(self, query: _Floats, limit: int) -> NDArray[np.int64] | None:
        """Places of the closest by signs; None for all."""
        wanted = max(RESCORED, 4 * limit)
        if self._size < max(CODED_FROM, 4 * wanted) or not _CAN_COUNT_BITS:
            return None
        if self._codes is None:
            self._centre = (self._sum / self._size).astype(np.float32)
            self._codes = np.empty((-(-self.space.dimension // 64), len(self._numbers)), np.uint64)
            self._codes[:, : self._size] = self._signs(self._rows[: self._size])
        distance = np.zeros(self._size, np.uint16)
        for word, own in zip(self._codes[:, : self._size], self._signs(query[None])[:, 0], strict=True):
            distance += np.bitwise_count(word ^ own)
        return _top(-distance.astype(np.int32), self._numbers[: self._size], wanted)

    def _signs(self, vectors: _Floats) -> NDArray[np.uint64]:
        """On which side of the centre, as bits; shape (words, vectors), so that each word is read in one go.

        The centre is where the vectors were when there were enough of them: where all texts are phrased alike, the
        plain signs would be the same for all.
        """
        bits = np.packbits(vectors > self._centre, axis=1)
        padded = np.zeros((len(bits), -(-bits.shape[1] // 8) * 8), np.uint8)
        padded[:, : bits.shape[1]] = bits
        return np.ascontiguousarray(padded.view(np.uint64).T)

    def _grow(self, room: int) -> None:
        more = room - len(self._numbers)
        self._numbers = np.concatenate([self._numbers, np.empty(more, np.int64)])
        self._rows = np.concatenate([self._rows, np.empty((more, self.space.dimension), np.float32)])
        if self._codes is not None:
            self._codes = np.concatenate([self._codes, np.empty((len(self._codes), more), np.uint64)], axis=1)

    def _keep(self, connection: sqlite3.Connection) -> None:
        """Drop the rows of episodes that are gone."""
        numbers = connection.execute("SELECT number FROM episodes").fetchall()
        kept = np.isin(self._numbers[: self._size], np.array(numbers, np.int64).reshape(-1))
        self._numbers = self._numbers[: self._size][kept]
        self._rows = self._rows[: self._size][kept]
        self._codes = None
        self._size = len(self._numbers)
        self._sum = self._rows.sum(axis=0, dtype=np.float64)


def _top(
    values: NDArray[np.float32] | NDArray[np.int32], numbers: NDArray[np.int64], limit: int
) -> NDArray[np.int64]:
    """Places of the largest values, in no order; of equal ones those with the largest numbers."""
    if len(values) <= limit:
        return np.arange(len(values))
    least = np.partition(values, len(values) - limit)[len(values) - limit]
    above, equal = np.nonzero(values > least)[0], np.nonzero(values == least)[0]
    newest = equal[np.argsort(numbers[equal], kind="stable")]
    return np.concatenate([above, newest[len(above) - limit :]])
