"""The experience replay: finished episodes, what showing each was worth, and which of them fit a new task.

Episodes are immutable and live in the journal of a `Store`; the replay is the index over them. Its values are changed
by arithmetic in the store, so several threads and processes may learn from one store and lose nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

from purpose_agent.errors import StoreCorruptError, StoreError, UsageError
from purpose_agent.journal import events_of, trajectory_of
from purpose_agent.memory.intake import quarantined
from purpose_agent.numeric import is_whole
from purpose_agent.store import EpisodeInfo, Store, open_store
from purpose_agent.store.reading import readable_trajectory
from purpose_agent.types import PHI_MAX, Evidence, Heuristic, MemoryRecord, MemoryTier, Trajectory

if TYPE_CHECKING:
    from purpose_agent.embedding import Embedder
    from purpose_agent.memory.episode_vectors import EpisodeVectors

RELEVANCE_FLOOR = 0.1
"""An episode that covers less of a query than this is not retrieved, whatever its value."""

_FIRST_LOOK = 20


class ExperienceReplay:
    """Finished episodes with their values, found again by relevance and usefulness.

    Args:
        capacity: how many episodes are kept in the index; beyond it the ones of least value go, of equal ones the
            oldest. Their journals stay.
        similarity_weight: w in the rank of a retrieved episode, w × relevance + (1 − w) × q.
        persistence_path: where the episodes live, None for this object's life only. A path that ends in ``.sqlite``,
            ``.sqlite3`` or ``.db`` is the file; with another ending, as ``memory.json``, the file beside it named
            ``memory.sqlite``; without an ending, or an existing folder, the folder that holds
            ``purpose_agent.sqlite``. A JSON file of that name is neither read nor changed.
        store: a store to share instead; then it is not closed with the replay.
        embedder: finds episodes that say the same in other words too, as
            `purpose_agent.embedding.default_embedder` does. None looks at words only.

    Raises:
        UsageError: an argument is out of its range, or both a path and a store are given.
        MissingDependencyError: the embedder needs an extra that is not installed.
        StoreError: the store cannot be opened.
    """

    def __init__(
        self,
        capacity: int = 500,
        similarity_weight: float = 0.6,
        persistence_path: str | Path | None = None,
        *,
        store: Store | None = None,
        embedder: Embedder | None = None,
    ) -> None:
        if not is_whole(capacity) or capacity < 1:
            raise UsageError(f"capacity must be a whole number of at least 1, got {capacity!r}")
        if store is not None and persistence_path is not None:
            raise UsageError(
                f"give persistence_path or store, not both (got {str(persistence_path)!r} and {store!r})"
            )
        self.capacity = capacity
        self.similarity_weight = _fraction("similarity_weight", similarity_weight)
        self._owns_store = store is None
        self.store = open_store(_store_path(persistence_path)) if store is None else store
        self._vectors = None if embedder is None else self._embedded(embedder)

    def add(self, trajectory: Trajectory) -> MemoryRecord:
        """Keep an episode; the same one (by ``trajectory.id``) twice is one.

        Its events are written to the journal unless a run of that id is there already.

        Raises:
            UsageError: it is not a `Trajectory`.
            StoreError: it cannot be written.
        """
        if not isinstance(cast(Any, trajectory), Trajectory):
            raise UsageError(
                f"an episode must be a Trajectory, got {type(trajectory).__name__}: {trajectory!r:.80}"
            )
        self._write_journal(trajectory)
        episode = self.store.add_episode(
            EpisodeInfo(
                id=trajectory.id,
                number=0,
                purpose=trajectory.purpose,
                task=trajectory.task_description,
                success=trajectory.succeeded,
                transient=trajectory.failed_transiently,
                score=_score(trajectory),
                steps=len(trajectory.steps),
                q_value=0.5,
            ),
            f"{trajectory.task_description}\n{trajectory.purpose}",
        )
        if self._vectors is not None:
            self._vectors.add([episode])
        self.store.trim_episodes(self.capacity)
        return self._records([episode], trajectory)[0]

    def get(self, record_id: str) -> MemoryRecord | None:
        """One episode, None when it is not in the index."""
        episode = self.store.episode(record_id)
        return None if episode is None else self._records([episode])[0]

    def retrieve(self, query: str, top_k: int = 5, min_q_value: float = 0.0) -> list[MemoryRecord]:
        """The episodes that fit a task best, best first; none when none shares its words or, embedded, its meaning.

        Episodes that failed for a transient cause are left out: they say nothing about the task.

        Args:
            query: the task in words, any text.
            top_k: at most how many.
            min_q_value: the least value an episode must have.
        """
        floor = _fraction("min_q_value", min_q_value)
        if top_k <= 0:
            return []
        weight = self.similarity_weight
        ranked = [
            (weight * relevance + (1 - weight) * episode.q_value, episode)
            for episode, relevance in self._relevant(query, top_k, floor)
        ]
        ranked.sort(key=lambda item: (-item[0], -item[1].number))
        return self._records([episode for _, episode in ranked[:top_k]])

    def update_q_value(self, record_id: str, reward: float, alpha: float = 0.1) -> None:
        """Move the value of an episode towards ``reward`` by the fraction ``alpha``; one that is gone is left alone.

        Raises:
            UsageError: ``reward`` or ``alpha`` is not a number in [0, 1].
        """
        self.store.value_episode(record_id, _fraction("reward", reward), _fraction("alpha", alpha))

    def attach_heuristics(self, record_id: str, heuristics: list[Heuristic]) -> None:
        """Keep lessons that came from an episode: new ones enter the library, known ones gain it as evidence.

        Tainted ones are quarantined, as everywhere.
        """
        for heuristic in heuristics:
            self.store.add_heuristic(quarantined(heuristic), f"attached to episode {record_id}")
            if record_id not in _sources(heuristic):
                self.store.add_evidence(heuristic.id, Evidence(record_id))

    def get_top_trajectories(self, n: int = 10, min_success_rate: float = 0.5) -> list[Trajectory]:
        """The best episodes: successes first, then by final Φ, then the shorter, then the newer one.

        Args:
            n: at most how many.
            min_success_rate: the least share of steps that raised Φ; a success passes whatever its share.
        """
        floor = _fraction("min_success_rate", min_success_rate)
        best: list[Trajectory] = []
        order = sorted(self.store.episodes(), key=lambda e: (not e.success, -e.score, e.steps, -e.number))
        for episode in order:
            if len(best) >= n:
                break
            trajectory = readable_trajectory(self.store, episode.id)
            if trajectory is not None and (episode.success or trajectory.success_rate >= floor):
                best.append(trajectory)
        return best

    def get_all_heuristics(self, tier: MemoryTier | None = None) -> list[Heuristic]:
        """All lessons in the store that are not retired, those of one tier if it is given."""
        return [h for h in self.store.heuristics() if tier is None or h.tier == tier]

    @property
    def size(self) -> int:
        """How many episodes are in the index."""
        return self.store.episode_count()

    def __len__(self) -> int:
        return self.size

    def clear(self) -> None:
        """Take all episodes out of the index; their journals and the library stay."""
        self.store.remove_episodes([episode.id for episode in self.store.episodes()])

    @property
    def stats(self) -> dict[str, Any]:
        """Numbers for people: size, capacity, successes, failures, transient_failures, avg_q_value, avg_steps."""
        episodes = self.store.episodes()
        size = len(episodes)
        successes = sum(1 for e in episodes if e.success)
        transient = sum(1 for e in episodes if e.transient)
        return {
            "size": size,
            "capacity": self.capacity,
            "successes": successes,
            "failures": size - successes - transient,
            "transient_failures": transient,
            "avg_q_value": sum(e.q_value for e in episodes) / size if size else 0.0,
            "avg_steps": sum(e.steps for e in episodes) / size if size else 0.0,
        }

    def close(self) -> None:
        """Close the store, if it was opened here."""
        if self._owns_store:
            self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _write_journal(self, trajectory: Trajectory) -> None:
        if self.store.event_count(trajectory.id):
            return
        try:
            self.store.append(trajectory.id, 0, events_of(trajectory)).result()
        except StoreError:
            if not self.store.events(trajectory.id):  # else another process wrote the same episode meanwhile
                raise

    def _embedded(self, embedder: Embedder) -> EpisodeVectors:
        from purpose_agent.memory.episode_vectors import EpisodeVectors  # only who embeds needs it

        return EpisodeVectors(self.store, embedder, RELEVANCE_FLOOR)

    def _relevant(self, query: str, top_k: int, min_q_value: float) -> list[tuple[EpisodeInfo, float]]:
        """At least ``top_k`` episodes that qualify, if there are that many; looks further down as long as needed."""
        vectors, vector = self._vectors, None
        if vectors is not None:
            vectors.catch_up()
            vector = vectors.query(query)
        limit = max(_FIRST_LOOK, 4 * top_k)
        while True:
            found = self.store.search_episodes(query, limit)
            exhausted = len(found) < limit or found[-1][1] < RELEVANCE_FLOOR
            if vectors is not None and vector is not None:
                near, all_near = vectors.near(vector, limit)
                found = _combined(found, near)
                exhausted = exhausted and all_near
            fit = [
                (episode, relevance)
                for episode, relevance in found
                if relevance >= RELEVANCE_FLOOR and episode.q_value >= min_q_value and not episode.transient
            ]
            if len(fit) >= top_k or exhausted:
                return fit
            limit *= 4

    def _records(
        self, episodes: Sequence[EpisodeInfo], trajectory: Trajectory | None = None
    ) -> list[MemoryRecord]:
        """The episodes as records; ``trajectory`` is that of the only one, where it is known."""
        from purpose_agent.memory.stored_record import StoredRecord  # not needed to import the package

        vectors = {} if self._vectors is None else self._vectors.of([e.id for e in episodes])

        def record(episode: EpisodeInfo) -> MemoryRecord:
            def load() -> Trajectory:
                return self._load(episode.id) if trajectory is None else trajectory

            def heuristics() -> list[Heuristic]:
                return self._heuristics_from(episode.id)

            return StoredRecord.of(episode, vectors.get(episode.id), load, heuristics)

        return [record(episode) for episode in episodes]

    def _load(self, id: str) -> Trajectory:
        events = self.store.events(id)
        if not events:
            raise StoreCorruptError(f"episode {id!r} is in the replay but its events are not in the journal")
        return trajectory_of(events)

    def _heuristics_from(self, id: str) -> list[Heuristic]:
        return [h for h in self.store.heuristics() if id in _sources(h)]


def _store_path(path: str | Path | None) -> str | Path | None:
    if path is None or not str(path).strip():
        return path  # an empty one is refused where stores are opened
    from purpose_agent.store.opening import FILE_SUFFIXES  # loads sqlite3, which an import need not

    named = Path(path)
    if not named.suffix or named.suffix.lower() in FILE_SUFFIXES or named.is_dir():
        return named
    return named.with_suffix(".sqlite")


def _combined(
    found: Sequence[tuple[EpisodeInfo, float]], near: Sequence[tuple[EpisodeInfo, float]]
) -> list[tuple[EpisodeInfo, float]]:
    """The episodes that were found by their words or by their meaning, with a relevance made of both."""
    from purpose_agent.memory.semantic_relevance import combined_relevance  # only who embeds needs it

    by_words = {episode.number: relevance for episode, relevance in found}
    by_meaning = {episode.number: relevance for episode, relevance in near}

    def relevance(number: int) -> float:
        return combined_relevance(by_words.get(number, 0.0), by_meaning.get(number, 0.0), RELEVANCE_FLOOR)

    episodes = {episode.number: episode for episode, _ in (*found, *near)}
    return [(episode, relevance(number)) for number, episode in episodes.items()]


def _score(trajectory: Trajectory) -> float:
    """Final Φ as a share of its maximum; the verdict's score where nothing was scored."""
    if trajectory.final_phi is not None:
        return min(1.0, max(0.0, trajectory.final_phi / PHI_MAX))
    return (trajectory.verdict.progress if trajectory.verdict is not None else None) or 0.0


def _sources(heuristic: Heuristic) -> set[str]:
    return {heuristic.source_trajectory_id, *(e.episode_id for e in heuristic.evidence)}


def _fraction(name: str, value: float) -> float:
    number: Any = value
    if not isinstance(number, (int, float)) or not math.isfinite(number) or not 0 <= number <= 1:
        raise UsageError(f"{name} must be a number in [0, 1], got {value!r}")
    return float(number)
