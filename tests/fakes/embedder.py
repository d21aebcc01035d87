"""An embedder whose idea of meaning is a list of synonyms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from purpose_agent.store.terms import terms_of

SYNONYMS = ("wash clean rinse", "dish plate crockery", "locate find search", "coin money", "garden outdoor")


class SynonymEmbedder:
    """Each group of synonyms is an axis of its own, and so is, nearly, each other word.

    Args:
        name: see `Embedder`.
        dimension: see `Embedder`.
        synonyms: groups of words.

    Attributes:
        asked: all texts that were embedded, in order.
    """

    def __init__(
        self, name: str = "synonyms 1", dimension: int = 64, synonyms: Sequence[str] = SYNONYMS
    ) -> None:
        self.name = name
        self.dimension = dimension
        self.synonyms = synonyms
        self.asked: list[str] = []

    def embed(self, texts: Sequence[str]) -> Any:
        self.asked += texts
        vectors = np.zeros((len(texts), self.dimension), np.float32)
        for row, text in zip(vectors, texts, strict=True):
            for term in terms_of(text):
                row[self._axis(term)] += 1
            row /= max(1.0, float(np.linalg.norm(row)))
        return vectors

    def _axis(self, term: str) -> int:
        for axis, group in enumerate(self.synonyms):
            if term in group.split():
                return axis
        n = len(self.synonyms)
        return n + sum(term.encode()) % (self.dimension - n)


class BrokenEmbedder(SynonymEmbedder):
    """Raises, or gives what cannot be used."""

    def __init__(self, result: Any) -> None:
        super().__init__()
        self.result = result

    def embed(self, texts: Sequence[str]) -> Any:
        self.asked += texts
        if isinstance(self.result, Exception):
            raise self.result
        return self.result
