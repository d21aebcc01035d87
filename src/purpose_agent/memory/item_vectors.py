"""The meaning of memory items, as vectors that are made once for each text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from purpose_agent.embedding import Embedder
from purpose_agent.memory.text_vectors import TextVectors
from purpose_agent.types import Heuristic

if TYPE_CHECKING:
    from purpose_agent.store.base import Vector

_MOST_KEPT = 5000  # texts


class ItemVectors:
    """Compares a task with items, for `retrieval.select`.

    Args:
        embedder: as for `TextVectors`, which says what is raised.
    """

    def __init__(self, embedder: Embedder) -> None:
        self._texts = TextVectors(embedder)
        self._known: dict[str, Vector] = {}

    def similar(
        self, query: str, items: Sequence[Heuristic], contexts: Mapping[str, str] | None = None
    ) -> list[float]:
        """The cosine of the query with what each item says, or with the task it was learned from, if that is more.

        Args:
            query: the task.
            items: with pattern and strategy.
            contexts: item id to the texts of the tasks that it was learned from.
        """
        own = [f"{item.pattern}: {item.strategy}" for item in items]
        learned_from = [(contexts or {}).get(item.id, "") for item in items]
        vectors = self._vectors([query, *own, *learned_from])
        if not vectors:
            return [0.0] * len(items)
        wanted = vectors[query]
        return [
            max(float(vectors[text] @ wanted), float(vectors[task] @ wanted))
            for text, task in zip(own, learned_from, strict=True)
        ]

    def _vectors(self, texts: Sequence[str]) -> dict[str, Vector]:
        """The vector of each text, nothing when the embedder has failed."""
        known = self._known
        new = [text for text in dict.fromkeys(texts) if text not in known]
        vectors = {text: known[text] for text in texts if text in known}
        if new:
            made = self._texts.of(new)
            if not made:
                return {}
            vectors.update(zip(new, made, strict=True))
        self._known = vectors if len(known) + len(new) > _MOST_KEPT else {**known, **vectors}
        return vectors
