"""How much the words of a task speak of what a memory item is about: the cosine of words weighted by their rarity.

BM25 was compared with it (`benchmarks/retrieval_quality.py`): it finds as many of the right lessons and shows more of
the wrong ones.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from purpose_agent.store.terms import word_set
from purpose_agent.types import Heuristic

Weights = dict[str, float]
"""Words with their weights."""

SITUATION_WEIGHT = 0.5
"""Weight of a word of the first state; a word of the task has 1."""

READ_CHARS = 4000
"""How much of a text is read."""

_WORD = re.compile(r"[^\W_]+")
_PLACEHOLDER = re.compile(r"<[^<>\s]{1,30}>")
_FUNCTION_WORDS = word_set(
    """a about after all also an and any are as at be been before but by can could did do does each else every for
    from get give had has have how i if in into is it its just keep let make may more most must no not of off on once
    one only or other our out over same should so some such than that the their them then there these they this those
    through to too try until up use used using want was we were what when whenever where which while who why will with
    within without would you your"""
)
_GENERAL_WORDS = word_set(
    """action actions agent always attempt decide environment episode everything general goal goals new next objective
    plan problem progress purpose situation start state step steps stuck task tasks thing things unknown unsure
    work"""
)


def lexical_relevance(
    items: Sequence[Heuristic], query: str, situation: str, contexts: Mapping[str, str]
) -> list[float]:
    """The relevance of each item, in [0, 1]. A pure function; rarity is counted among the items.

    Args:
        items: what is compared with the task.
        query: the task.
        situation: the first state; it never makes an item less relevant.
        contexts: item id to the texts of the tasks that the item was learned from.
    """
    documents = [_document(h, contexts.get(h.id, "")) for h in items]
    frequency = Counter(word for document in documents for word in document)
    wanted = dict.fromkeys(content_words(query), 1.0)
    seen = {word: SITUATION_WEIGHT for word in content_words(situation) if word in frequency} | wanted
    weights = [wanted, seen] if len(seen) > len(wanted) else [wanted]
    return [max(_cosine(w, d, frequency, len(items)) for w in weights) for d in documents]


def is_general(pattern: str, *, small_library: bool = False) -> bool:
    """Whether a pattern names nothing in particular, so that no task can rule it out."""
    particular = [word for word in content_words(pattern) if word not in _GENERAL_WORDS]
    return len(particular) <= (2 if small_library else 0)


def words_of(texts: Iterable[str]) -> frozenset[str]:
    """All words as they are written, but for case."""
    return frozenset(_WORD.findall(" ".join(texts)[:READ_CHARS].casefold()))


def content_words(text: str) -> list[str]:
    """The words that say what a text is about: lower case, singular, without function words and placeholders."""
    found = _WORD.findall(_PLACEHOLDER.sub(" ", text[:READ_CHARS]).casefold())
    return [_singular(word) for word in found if word not in _FUNCTION_WORDS]


def _singular(word: str) -> str:
    plural = len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is"))
    return word[:-1] if plural else word


def _document(item: Heuristic, context: str) -> Weights:
    """Words with weights: the pattern and the context say when it applies, the strategy what to do then."""
    weights: Weights = {}
    for text, weight in ((item.pattern, 2.0), (context, 2.0), (item.strategy, 1.0)):
        for word in content_words(text):
            weights[word] = max(weights.get(word, 0.0), weight)
    return weights


def _cosine(wanted: Weights, document: Weights, frequency: Mapping[str, int], n: int) -> float:
    if not wanted or not document:
        return 0.0

    def weight(word: str) -> float:
        return math.log(1.0 + (n + 1.0) / (frequency[word] + 0.5))

    dot = sum(
        document[word] * wanted[word] * weight(word) ** 2 for word in sorted(document) if word in wanted
    )
    return dot / (_length(wanted, weight) * _length(document, weight))


def _length(weights: Weights, idf: Callable[[str], float]) -> float:
    return math.sqrt(math.fsum((weights[word] * idf(word)) ** 2 for word in weights))
