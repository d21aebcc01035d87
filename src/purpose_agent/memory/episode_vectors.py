"""The episodes of a store as vectors: made when one is added, made up for later, and searched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from purpose_agent.embedding import Embedder
from purpose_agent.memory.semantic_relevance import COSINE_FLOOR, semantic_relevance, usual_cosine
from purpose_agent.memory.text_vectors import TextVectors
from purpose_agent.store.base import EpisodeInfo, Store

if TYPE_CHECKING:
    from purpose_agent.store.base import Vector

CAUGHT_UP = 512
"""At most so many vectors are made up for at one retrieval (50 ms), the newest episodes first."""

MOST_NEAR = 1000
"""So many of the closest are looked at in search of episodes that qualify."""


class EpisodeVectors:
    """What an embedder makes of the episodes of a store.

    Args:
        store: where the episodes and their vectors are.
        embedder: as for `TextVectors`, which says what is raised.
        relevance_floor: the relevance of an episode at the floor.
    """

    def __init__(self, store: Store, embedder: Embedder, relevance_floor: float) -> None:
        self.store = store
        self.relevance_floor = relevance_floor
        self._texts = TextVectors(embedder)
        self.space = self._texts.space

    def add(self, episodes: Sequence[EpisodeInfo]) -> None:
        """Keep the vectors of episodes; those that have one keep it."""
        vectors = self._texts.of([episode_text(e.task, e.purpose) for e in episodes])
        if vectors:
            self.store.save_vectors(
                self.space, {e.id: vector for e, vector in zip(episodes, vectors, strict=True)}
            )

    def catch_up(self) -> None:
        """Make vectors for episodes that have none: added without an embedder, or with another one."""
        if not self._texts.failed and (late := self.store.episodes_without_vector(self.space, CAUGHT_UP)):
            self.add(late)

    def query(self, text: str) -> Vector | None:
        """The vector to search with; None where the text says nothing."""
        vectors = self._texts.of([text])
        return vectors[0] if vectors and vectors[0].any() else None

    def near(self, query: Vector, limit: int) -> tuple[list[tuple[EpisodeInfo, float]], bool]:
        """The episodes at or above the floor, with their relevance, best first; and whether no more are to be had."""
        found = self.store.search_vectors(self.space, query, min(limit, MOST_NEAR))
        usual = usual_cosine(found.total, found.count)
        near = [
            (episode, semantic_relevance(cosine, usual, self.relevance_floor))
            for episode, cosine in found.episodes
            if cosine >= COSINE_FLOOR
        ]
        return near, len(near) < limit or limit >= MOST_NEAR

    def of(self, ids: Sequence[str]) -> dict[str, list[float]]:
        """The vectors of these episodes, of those that have one."""
        return {id: vector.tolist() for id, vector in self.store.vectors(self.space, ids).items()}


def episode_text(task: str, purpose: str) -> str:
    """What of an episode is embedded."""
    return purpose if task == purpose else f"{task}\n{purpose}"
