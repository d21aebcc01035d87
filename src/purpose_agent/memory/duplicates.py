"""When two memory items say the same.

Asked before anything else is done with a new item. Wording, case and punctuation do not count; a negation, a number
or the order of steps does.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from purpose_agent.store.terms import word_set
from purpose_agent.types import Heuristic, MemoryTier

SAME_WORDS = 0.9
"""Least Jaccard similarity of the word sets of two texts that say the same."""


_READ_CHARS = 8000  # of an item's text
_WORD = re.compile(r"[^\W_]+")
_OPPOSITES = word_set(
    "not no never avoid without dont don t instead unless except stop wrong fails failed always before after"
)
_ORDERED = word_set("before after then than over instead from to into under above below first last until")


@dataclass(frozen=True)
class Signature:
    """An item reduced to what it says; equal signatures mean the same lesson."""

    tier: MemoryTier
    pattern: tuple[str, ...]
    strategy: tuple[str, ...]
    steps: tuple[tuple[str, ...], ...]

    @property
    def bag(self) -> frozenset[str]:
        """All words of pattern and strategy."""
        return frozenset((*self.pattern, *self.strategy))


def signature(item: Heuristic) -> Signature:
    """The item's signature. A procedure is its pattern and its steps, however it is advertised."""
    steps = tuple(_words(step) for step in item.steps)
    if item.tier == MemoryTier.PROCEDURAL and steps:
        return Signature(item.tier, _words(item.pattern), (), steps)
    return Signature(item.tier, _words(item.pattern), _words(item.strategy), steps)


def say_the_same(a: Signature, b: Signature) -> bool:
    """Whether two items are one: equal signatures, or in one tier nearly the same words to the same effect."""
    if a == b:
        return True
    if a.tier != b.tier or a.steps != b.steps:
        return False
    if a.tier == MemoryTier.TOOL and a.pattern != b.pattern:  # tips about two actions
        return False
    if jaccard(a.bag, b.bag) < SAME_WORDS:
        return False
    differing = a.bag ^ b.bag
    if any(word in _OPPOSITES or any(c.isdigit() for c in word) for word in differing):
        return False
    return not (a.bag & _ORDERED) or _in_common_order(a.strategy, b.strategy)


def jaccard(a: frozenset[str], b: frozenset[str]) -> float:
    """Size of the intersection over size of the union; 1 for two empty sets."""
    union = len(a | b)
    return len(a & b) / union if union else 1.0


def _in_common_order(a: tuple[str, ...], b: tuple[str, ...]) -> bool:
    common = frozenset(a) & frozenset(b)
    return [word for word in a if word in common] == [word for word in b if word in common]


def _words(text: str) -> tuple[str, ...]:
    plain = unicodedata.normalize("NFKC", text[:_READ_CHARS]).casefold()
    return tuple(_WORD.findall(plain)) or ((plain.strip(),) if plain.strip() else ())
