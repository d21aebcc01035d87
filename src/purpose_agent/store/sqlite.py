"""The default store: one SQLite file that several processes may share, or a private one in memory."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self, TypeVar

from purpose_agent.errors import StoreError
from purpose_agent.events import Event
from purpose_agent.freeze import fingerprint_of
from purpose_agent.store import (
    counters,
    episode_rows,
    heuristic_rows,
    kept_rows,
    run_rows,
    trial_rows,
    vector_rows,
)
from purpose_agent.store.base import EpisodeInfo, Neighbours, RunInfo, ScoredState, Trial, VectorSpace
from purpose_agent.store.checks import number, text
from purpose_agent.store.database import Database, FileDatabase, MemoryDatabase
from purpose_agent.store.memory_journal import MemoryJournal
from purpose_agent.store.opening import store_file
from purpose_agent.store.packing import Milestone, pack
from purpose_agent.store.writer import Work
from purpose_agent.types import Evidence, Heuristic, HeuristicStatus

if TYPE_CHECKING:
    from purpose_agent.store.base import Vector
    from purpose_agent.store.vector_index import VectorIndex

T = TypeVar("T")


class _Journal(Protocol):
    def append(
        self, run_id: str, seq: int, payloads: Sequence[bytes], milestones: Sequence[Milestone]
    ) -> Future[None]: ...
    def events(self, run_id: str) -> list[Event]: ...
    def count(self, run_id: str) -> int: ...
    def runs(self, limit: int | None) -> list[RunInfo]: ...


class SQLiteStore:
    """A `Store`; see there for what the methods do. Opened at first use, or by `open`.

    Args:
        path: a file or a folder, by the rules of `purpose_agent.store.open_store`; None keeps nothing on disk.
    """

    def __init__(self, path: str | Path | None = None) -> None:
        self.path: Path | None = None if path is None or path == ":memory:" else store_file(path)
        self._opening = threading.Lock()
        self._parts: tuple[Database, _Journal] | None = None
        self._scores = _FreshScores()
        self._vectors: dict[VectorSpace, VectorIndex] = {}
        self._closed = False

    @classmethod
    def open(cls, path: str | Path | None = None) -> Self:
        """Like the constructor, and opens and checks the file at once.

        Raises:
            StoreError: it cannot be opened; the kinds are those of `purpose_agent.store.open_store`.
        """
        store = cls(path)
        store._open()
        return store

    def __enter__(self) -> Self:
        self._open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"SQLiteStore({None if self.path is None else str(self.path)!r})"

    # -- journal -------------------------------------------------------------------------------------------
    def append(self, run_id: str, seq: int, events: list[Event]) -> Future[None]:
        """See `Store.append`."""
        try:
            payloads, milestones = pack(events)
            return self._journal.append(text(run_id), seq, payloads, milestones)
        except StoreError as e:
            return _failed(e)

    def flush(self) -> None:
        """See `Store.flush`."""
        parts = self._parts
        if parts is not None:
            parts[0].flush()
        self._scores.raise_failure()

    def events(self, run_id: str) -> list[Event]:
        """See `Store.events`."""
        return self._journal.events(text(run_id))

    def event_count(self, run_id: str) -> int:
        """See `Store.event_count`."""
        return self._journal.count(text(run_id))

    def runs(self, limit: int | None = None) -> list[RunInfo]:
        """See `Store.runs`."""
        return self._journal.runs(limit)

    # -- experience replay ---------------------------------------------------------------------------------
    def add_episode(self, episode: EpisodeInfo, text: str) -> EpisodeInfo:
        """See `Store.add_episode`."""
        return self._write(partial(episode_rows.add, episode=episode, words=text))

    def episodes(self, *, after: int = 0, limit: int | None = None) -> list[EpisodeInfo]:
        """See `Store.episodes`."""
        return self._read(partial(episode_rows.listed, after=after, limit=limit))

    def episode(self, id: str) -> EpisodeInfo | None:
        """See `Store.episode`."""
        return self._read(partial(episode_rows.one, id=text(id)))

    def episode_count(self) -> int:
        """See `Store.episode_count`."""
        return self._read(episode_rows.count)

    def search_episodes(self, query: str, limit: int) -> list[tuple[EpisodeInfo, float]]:
        """See `Store.search_episodes`."""
        return self._read(partial(episode_rows.found, query=query, limit=limit))

    def save_vectors(self, space: VectorSpace, vectors: Mapping[str, Vector]) -> None:
        """See `Store.save_vectors`."""
        rows = [(text(id), vector_rows.packed(space, vector)) for id, vector in vectors.items()]
        self._write(partial(vector_rows.save, space=space, rows=rows))

    def vectors(self, space: VectorSpace, ids: Sequence[str]) -> dict[str, Vector]:
        """See `Store.vectors`."""
        return self._read(partial(vector_rows.of, space=space, ids=[text(id) for id in ids]))

    def episodes_without_vector(self, space: VectorSpace, limit: int) -> list[EpisodeInfo]:
        """See `Store.episodes_without_vector`."""
        return self._read(partial(vector_rows.missing, index=self._vectors_of(space), limit=limit))

    def search_vectors(self, space: VectorSpace, query: Vector, limit: int) -> Neighbours:
        """See `Store.search_vectors`."""
        vector_rows.packed(space, query)
        return self._read(partial(vector_rows.found, index=self._vectors_of(space), query=query, limit=limit))

    def value_episode(self, id: str, reward: float, alpha: float) -> None:
        """See `Store.value_episode`."""
        self._write(partial(episode_rows.value, id=text(id), reward=reward, alpha=alpha))

    def mark_distilled(self, id: str, distiller: str) -> bool:
        """See `Store.mark_distilled`."""
        return self._write(partial(episode_rows.claim, id=text(id), distiller=text(distiller)))

    def remove_episodes(self, ids: list[str]) -> None:
        """See `Store.remove_episodes`."""
        self._write(partial(episode_rows.remove, ids=[text(id) for id in ids]))

    def trim_episodes(self, capacity: int) -> list[str]:
        """See `Store.trim_episodes`."""
        return self._write(partial(episode_rows.trim, capacity=capacity))

    # -- library -------------------------------------------------------------------------------------------
    def add_heuristic(self, heuristic: Heuristic, reason: str) -> bool:
        """See `Store.add_heuristic`."""
        return self._write(partial(heuristic_rows.add, heuristic=heuristic, reason=reason))

    def heuristics(self, *, retired: bool = False) -> list[Heuristic]:
        """See `Store.heuristics`."""
        return self._read(partial(heuristic_rows.listed, retired=retired))

    def set_status(self, id: str, status: HeuristicStatus, reason: str) -> bool:
        """See `Store.set_status`."""
        return self._write(partial(heuristic_rows.set_status, id=text(id), status=status, reason=reason))

    def credit_heuristic(self, id: str, *, succeeded: bool, alpha: float) -> bool:
        """See `Store.credit_heuristic`."""
        return self._write(partial(heuristic_rows.credit, id=text(id), succeeded=succeeded, alpha=alpha))

    def add_trials(self, trials: list[Trial], alpha: float) -> list[str]:
        """See `Store.add_trials`."""
        return self._write(partial(trial_rows.add, trials=trials, alpha=alpha))

    def trials(self, *, after: int = 0, limit: int | None = None) -> list[Trial]:
        """See `Store.trials`."""
        return self._read(partial(trial_rows.listed, after=after, limit=limit))

    def test_position(self, id: str, test: str) -> int:
        """See `Store.test_position`."""
        return self._write(partial(trial_rows.position, id=text(id), test=text(test)))

    def add_evidence(self, id: str, evidence: Evidence) -> bool:
        """See `Store.add_evidence`."""
        return self._write(partial(heuristic_rows.add_evidence, id=text(id), evidence=evidence))

    def history(self, id: str) -> list[tuple[float, str, str]]:
        """See `Store.history`."""
        return self._read(partial(heuristic_rows.history, id=text(id)))

    # -- artefacts and scores ------------------------------------------------------------------------------
    def save_artefact(self, name: str, payload: bytes, *, upto: int) -> bool:
        """See `Store.save_artefact`."""
        return self._write(partial(kept_rows.save_artefact, name=text(name), payload=payload, upto=upto))

    def artefact(self, name: str) -> tuple[bytes, int] | None:
        """See `Store.artefact`."""
        return self._read(partial(kept_rows.artefact, name=text(name)))

    def cached_score(self, purpose: str, fingerprint: str, critic: str) -> ScoredState | None:
        """See `Store.cached_score`."""
        key = _score_key(purpose, fingerprint, critic)
        fresh = self._scores.get(key)
        if fresh is not None and critic == kept_rows.HUMAN:
            return fresh
        return self._read(partial(kept_rows.score, key=key)) or fresh

    def known_scores(self, purpose: str, limit: int) -> list[tuple[str, str, ScoredState]]:
        """See `Store.known_scores`."""
        self.flush()
        return self._read(partial(kept_rows.scores, purpose=fingerprint_of(text(purpose)), limit=limit))

    def cache_score(self, purpose: str, fingerprint: str, critic: str, score: ScoredState) -> None:
        """See `Store.cache_score`; it is written behind the caller's back, and `flush` raises if that failed."""
        key = _score_key(purpose, fingerprint, critic)
        clean = ScoredState(
            number("phi", score.phi),
            number("confidence", score.confidence),
            text(score.evidence),
            text(score.reasoning),
        )
        database = self._database
        self._scores.put(key, clean)
        saving = database.submit(partial(kept_rows.save_score, key=key, score=clean), hurry=False)
        saving.add_done_callback(partial(self._scores.written, key, clean))

    @property
    def revision(self) -> int:
        """See `Store.revision`."""
        return self._read(counters.revision)

    def close(self) -> None:
        """See `Store.close`."""
        with self._opening:
            self._closed = True
            parts, self._parts = self._parts, None
        if parts is not None:
            parts[0].close()

    @property
    def _database(self) -> Database:
        return (self._parts or self._open())[0]

    @property
    def _journal(self) -> _Journal:
        return (self._parts or self._open())[1]

    def _vectors_of(self, space: VectorSpace) -> VectorIndex:
        from purpose_agent.store.vector_index import VectorIndex  # loads numpy, which not every store needs

        with self._opening:
            return self._vectors.setdefault(space, VectorIndex(space))

    def _read(self, work: Work[T]) -> T:
        return self._database.read(work)

    def _write(self, work: Work[T]) -> T:
        return self._database.write(work)

    def _open(self) -> tuple[Database, _Journal]:
        with self._opening:
            if self._closed:
                raise StoreError(f"{self!r} is closed; open it again")
            if self._parts is None:
                self._parts = _open_memory() if self.path is None else _open_file(self.path)
                weakref.finalize(self, self._parts[0].close)  # also when the program ends
            return self._parts


class _FileJournal:
    """Appends through the database's writer, reads what is durable after waiting for it."""

    def __init__(self, database: FileDatabase, writer: run_rows.RunWriter) -> None:
        self._database = database
        self._writer = writer

    def append(
        self, run_id: str, seq: int, payloads: Sequence[bytes], milestones: Sequence[Milestone]
    ) -> Future[None]:
        if milestones:  # once or twice a run
            self._database.check_place()
        return self._database.submit(
            partial(self._writer.write, run_id=run_id, seq=seq, payloads=payloads, milestones=milestones)
        )

    def events(self, run_id: str) -> list[Event]:
        self._database.flush()
        self._writer.reread(run_id)
        return self._database.read(partial(run_rows.events, run_id=run_id))

    def count(self, run_id: str) -> int:
        self._database.flush()
        return self._database.read(partial(run_rows.count, run_id=run_id))

    def runs(self, limit: int | None) -> list[RunInfo]:
        self._database.flush()
        return self._database.read(partial(run_rows.runs, limit=limit))


class _PrivateJournal(MemoryJournal):
    """The journal in memory behind the same face: an append is done when it returns."""

    def append(
        self, run_id: str, seq: int, payloads: Sequence[bytes], milestones: Sequence[Milestone]
    ) -> Future[None]:
        self.write(run_id, seq, payloads, milestones)
        return _DONE


class _FreshScores:
    """Scores on their way to the file, so that their writer sees them already."""

    def __init__(self) -> None:
        self._scores: dict[kept_rows.ScoreKey, ScoredState] = {}
        self._failure: BaseException | None = None

    def get(self, key: kept_rows.ScoreKey) -> ScoredState | None:
        return self._scores.get(key)

    def put(self, key: kept_rows.ScoreKey, score: ScoredState) -> None:
        if key[2] == kept_rows.HUMAN:
            self._scores[key] = score
        else:
            self._scores.setdefault(key, score)

    def written(self, key: kept_rows.ScoreKey, score: ScoredState, future: Future[None]) -> None:
        if self._scores.get(key) is score:
            self._scores.pop(key, None)
        self._failure = future.exception() or self._failure

    def raise_failure(self) -> None:
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure


def _open_file(path: Path) -> tuple[Database, _Journal]:
    writer = run_rows.RunWriter()
    database = FileDatabase(path, writer.rolled_back)
    return database, _FileJournal(database, writer)


def _open_memory() -> tuple[Database, _Journal]:
    return MemoryDatabase(), _PrivateJournal()


def _score_key(purpose: str, fingerprint: str, critic: str) -> kept_rows.ScoreKey:
    return fingerprint_of(text(purpose)), text(fingerprint), text(critic)


def _failed(error: StoreError) -> Future[None]:
    future: Future[None] = Future()
    future.set_exception(error)
    return future


_DONE: Future[None] = Future()
_DONE.set_result(None)
