"""Families of purposes: tasks of one kind, told by how they are worded."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from purpose_agent.memory.action_template import words
from purpose_agent.memory.duplicates import jaccard
from purpose_agent.memory.task_vocabulary import KINSHIP


def family_of(purpose: str, families: Iterable[str]) -> str:
    """The family whose purposes are worded most like this one, the first of equal ones; "" when none is alike."""
    own = frozenset(words(purpose))
    best, best_similarity = "", 0.0
    for family in families:
        similarity = jaccard(own, _words_of(family))
        if similarity >= KINSHIP and similarity > best_similarity:
            best, best_similarity = family, similarity
    return best


def family_named_after(purpose: str) -> str:
    """The name of a new family: the words of its first purpose."""
    return " ".join(sorted(set(words(purpose)))) or purpose


@lru_cache(maxsize=1024)
def _words_of(family: str) -> frozenset[str]:
    return frozenset(family.split())
