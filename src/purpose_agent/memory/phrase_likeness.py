"""How alike two short phrases are: by meaning where an embedder is there, else by the words they share."""

from __future__ import annotations

from functools import cached_property
from math import sqrt
from typing import TYPE_CHECKING

from purpose_agent.embedding import Embedder
from purpose_agent.memory.text_vectors import TextVectors

if TYPE_CHECKING:
    from purpose_agent.store.base import Vector

_DIGITS = 4  # kept of a cosine, so that the last bits of another machine change nothing
_MOST_KEPT = 200_000  # comparisons


class PhraseLikeness:
    """Compares phrases, and keeps what it found. Nothing is loaded before the first comparison.

    Args:
        embedder: makes the vectors; where there is none, or it fails, words must do.
    """

    def __init__(self, embedder: Embedder | None = None) -> None:
        self._embedder = embedder
        self._vectors: dict[str, Vector] = {}
        self._found: dict[tuple[str, str], float] = {}

    @property
    def name(self) -> str:
        """The embedder's name; empty without one."""
        return "" if self._embedder is None else self._embedder.name

    def of(self, one: str, other: str) -> float:
        """The cosine of what two phrases mean, or of the sets of their words: in [-1, 1].

        Raises:
            UsageError, MissingDependencyError: as for `TextVectors`.
        """
        key = (one, other) if one <= other else (other, one)
        found = self._found.get(key)
        if found is None:
            if len(self._found) >= _MOST_KEPT:
                self._found.clear()
                self._vectors.clear()
            found = self._found[key] = round(self._by_meaning(*key), _DIGITS)
        return found

    @cached_property
    def _texts(self) -> TextVectors | None:
        return None if self._embedder is None else TextVectors(self._embedder)

    def _by_meaning(self, one: str, other: str) -> float:
        if self._texts is None:
            return _by_words(one, other)
        new = [phrase for phrase in (one, other) if phrase not in self._vectors]
        made = self._texts.of(new) if new else []
        if len(made) != len(new):
            return _by_words(one, other)
        self._vectors.update(zip(new, made, strict=True))
        return float(self._vectors[one] @ self._vectors[other])


def _by_words(one: str, other: str) -> float:
    first, second = set(one.split()), set(other.split())
    return len(first & second) / sqrt(len(first) * len(second)) if first and second else 0.0
