"""When two memory items say the same.

Asked before anything else is done with a new item. Wording, case, punctuation, plurals and the order of clauses do not
count; a negation, a number, what stands around a word such as "before", or the order of steps does.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from purpose_agent.store.terms import word_set
from purpose_agent.types import Heuristic, MemoryTier

SAME_WORDS = 0.9
"""Least Jaccard similarity of the word sets of two texts that say the same."""


def _singular(word: str) -> str:
    plural = len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is"))
    return word[:-1] if plural else word


_READ_CHARS = 8000  # of an item's text
_WORD = re.compile(r"[^\W_]+")
_OPPOSITES = frozenset(
    map(
        _singular,
        word_set(
            "not no never avoid without dont don t instead unless except stop wrong fails failed always before after"
        ),
    )
)
_AROUND = 2  # words on each side
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
        """All words of pattern and strategy, in the singular."""
        return frozenset(map(_singular, (*self.pattern, *self.strategy)))


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
    common = a.bag & b.bag
    return _around_ordered(a.strategy, common) == _around_ordered(b.strategy, common)


def jaccard(a: frozenset[str], b: frozenset[str]) -> float:
    """Size of the intersection over size of the union; 1 for two empty sets."""
    union = len(a | b)
    return len(a & b) / union if union else 1.0


def _around_ordered(words: tuple[str, ...], common: frozenset[str]) -> frozenset[tuple[str, ...]]:
    """What stands around each word that gives an order, within its clause, of the words that two texts share."""
    return frozenset(
        tuple(clause[max(0, place - _AROUND) : place + _AROUND + 1])
        for clause in _clauses(words, common)
        for place, word in enumerate(clause)
        if word in _ORDERED
    )


def _clauses(words: tuple[str, ...], common: frozenset[str]) -> list[list[str]]:
    """The words that are common, in the singular, apart where an "and" stands between them."""
    clauses: list[list[str]] = [[]]
    for word in map(_singular, words):
        if word == "and":
            clauses.append([])
        elif word in common:
            clauses[-1].append(word)
    return clauses


def _words(text: str) -> tuple[str, ...]:
    plain = unicodedata.normalize("NFKC", text[:_READ_CHARS]).casefold()
    return tuple(_WORD.findall(plain)) or ((plain.strip(),) if plain.strip() else ())
