"""Which text is most like another, and whether two say the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from purpose_agent.embedding import Embedder, default_embedder
from purpose_agent.memory.duplicates import say_the_same, signature
from purpose_agent.memory.lexical_relevance import lexical_relevance
from purpose_agent.memory.text_vectors import TextVectors
from purpose_agent.types import Heuristic, MemoryTier

if TYPE_CHECKING:
    from purpose_agent.store.base import Vector


class Likeness:
    """Compares texts by the cosine of their embeddings, or without an embedder by the words they share.

    Args:
        embedder: makes the vectors.
    """

    def __init__(self, embedder: Embedder | None) -> None:
        self._texts = None if embedder is None else TextVectors(embedder)
        self._known: dict[str, Vector] = {}

    @classmethod
    def default(cls) -> Likeness:
        """With the embedder of the extra ``embed``, where that is installed."""
        return cls(default_embedder())

    def nearest(self, query: str, texts: Sequence[str]) -> int | None:
        """The position of the text that is most like the query, of equals the last; None where there is none."""
        likeness = self._cosines(query, texts) or _overlaps(query, texts)
        return max(range(len(texts)), key=lambda i: (likeness[i], i), default=None)

    def _cosines(self, query: str, texts: Sequence[str]) -> list[float]:
        """Empty where there is no embedder, or it failed."""
        if self._texts is None:
            return []
        new = [text for text in dict.fromkeys((query, *texts)) if text not in self._known]
        made = self._texts.of(new) if new else []
        if len(made) != len(new):
            return []
        self._known.update(zip(new, made, strict=True))
        wanted = self._known[query]
        return [float(self._known[text] @ wanted) for text in texts]


def says_the_same(text: str, others: Sequence[str]) -> int | None:
    """The position of the first text with nearly the same words to the same effect, None where there is none."""
    own = signature(_as_item(text))
    return next((i for i, other in enumerate(others) if say_the_same(own, signature(_as_item(other)))), None)


def _overlaps(query: str, texts: Sequence[str]) -> list[float]:
    return lexical_relevance([_as_item(text) for text in texts], query, "", {})


def _as_item(text: str) -> Heuristic:
    return Heuristic("", text, [], MemoryTier.STRATEGIC, id="")
