"""Similarity of texts by their words, weighted by rarity: enough to find the nearest of a few thousand."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

_WORD = re.compile(r"[a-z0-9]+")


class NearestTexts:
    """Finds stored texts by cosine of their words' weights.

    Args:
        texts: what can be found; their positions are what is returned.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        bags = [Counter(words(text)) for text in texts]
        holding: Counter[str] = Counter()
        for bag in bags:
            holding.update(bag.keys())
        n = len(bags)
        self._idf = {word: math.log(1 + n / count) for word, count in holding.items()}
        self._postings: dict[str, list[tuple[int, float]]] = {}
        for i, bag in enumerate(bags):
            weights = {word: count * self._idf[word] for word, count in bag.items()}
            length = math.sqrt(sum(w * w for w in weights.values())) or 1.0
            for word, weight in weights.items():
                self._postings.setdefault(word, []).append((i, weight / length))

    def near(self, text: str, limit: int) -> list[tuple[int, float]]:
        """(position, cosine) of the nearest, best first; fewer when no more share a word."""
        bag = Counter(word for word in words(text) if word in self._idf)
        weights = {word: count * self._idf[word] for word, count in bag.items()}
        length = math.sqrt(sum(w * w for w in weights.values())) or 1.0
        found: dict[int, float] = {}
        for word in sorted(weights):
            for i, weight in self._postings[word]:
                found[i] = found.get(i, 0.0) + weight * weights[word] / length
        return sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))[:limit]


def words(text: str) -> list[str]:
    """The words of a text, in lower case."""
    return _WORD.findall(text.lower())


def overlap(a: str, b: str) -> float:
    """The share of words that two texts have in common: Jaccard's index."""
    first, second = set(words(a)), set(words(b))
    return len(first & second) / len(first | second) if first | second else 1.0
