"""Similarity of texts by their words, weighted by rarity: enough to find the nearest of a few thousand."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Generic, TypeVar

import msgspec

from purpose_agent.errors import UsageError

KeptT = TypeVar("KeptT", bound=msgspec.Struct)

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


class KeptTexts(Generic[KeptT]):
    """Things that are kept and found again by a text.

    Args:
        kind: of the things.
        text: of one of them.
    """

    def __init__(self, kind: type[KeptT], text: Callable[[KeptT], str]) -> None:
        self._kind = kind
        self._text = text
        self._kept: list[KeptT] = []
        self._index: NearestTexts | None = None

    def __len__(self) -> int:
        return len(self._kept)

    def add(self, things: Iterable[KeptT]) -> None:
        """Keep more of them."""
        self._kept += things
        self._index = None

    def near(self, text: str, limit: int) -> list[tuple[KeptT, float]]:
        """(thing, cosine) of the nearest, best first; see `NearestTexts.near`."""
        if self._index is None:
            self._index = NearestTexts([self._text(kept) for kept in self._kept])
        return [(self._kept[i], cosine) for i, cosine in self._index.near(text, limit)]

    def newest(self) -> KeptT:
        """The one that was kept last."""
        return self._kept[-1]

    def dump(self) -> bytes:
        """All of them."""
        return msgspec.msgpack.encode(self._kept)

    def load(self, payload: bytes) -> None:
        """Keep what was dumped, and nothing else.

        Raises:
            UsageError: these are other things.
        """
        try:
            self._kept = msgspec.msgpack.decode(payload, type=list[self._kind])
        except msgspec.DecodeError as e:
            raise UsageError(f"these are no kept {self._kind.__name__}s: {e}") from e
        self._index = None


def words(text: str) -> list[str]:
    """The words of a text, in lower case."""
    return _WORD.findall(text.lower())


def overlap(a: str, b: str) -> float:
    """The share of words that two texts have in common: Jaccard's index."""
    first, second = set(words(a)), set(words(b))
    return len(first & second) / len(first | second) if first | second else 1.0
