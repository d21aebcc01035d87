"""Which memory items are shown for a task: relevant, proven, different from each other, and few.

An item's rank is its relevance (cosine of IDF-weighted words) times the posterior mean of its success. What is not
about the task is not shown, however well it did elsewhere; so the answer may be nothing.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from purpose_agent.memory.duplicates import jaccard
from purpose_agent.memory.life_cycle import is_shown, posterior_mean
from purpose_agent.memory.rendering import index_line, strategic_line
from purpose_agent.memory.selection import Selection
from purpose_agent.store.terms import word_set
from purpose_agent.types import Heuristic

Weights = dict[str, float]
"""Words with their weights."""

FLOOR = 0.08
"""Least relevance, in [0, 1], of an item that is shown."""

SITUATION_WEIGHT = 0.5
"""Weight of a word of the first state; a word of the task has 1."""

GENERAL_RELEVANCE = 0.15
"""Relevance of an item whose pattern names nothing in particular, such as "any task"."""

SMALL_LIBRARY = 3
"""Up to this many items in a tier, a pattern of one or two words is general too: there is nothing to choose from."""

NEAR_DUPLICATE = 0.7
"""Items whose words overlap this much (Jaccard) are not shown together."""

BLOCK_TOKENS = 32
"""What the block around the items costs."""

_READ_CHARS = 4000  # of a text
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


def select(
    strategic: Iterable[Heuristic] = (),
    procedural: Iterable[Heuristic] = (),
    tool_tips: Iterable[Heuristic] = (),
    *,
    query: str,
    situation: str = "",
    token_budget: int = 600,
    per_tier: int = 4,
    per_action: int = 2,
    contexts: Mapping[str, str] | None = None,
    worth: Callable[[Heuristic], float] = posterior_mean,
) -> Selection:
    """Choose what to show. A pure function; ties go to the item that was added first.

    Args:
        strategic: candidates; those that are not canary or active are passed over here and below.
        procedural: candidates for the index.
        tool_tips: candidates whose pattern is an action's name.
        query: purpose and task, and what else says what this is about.
        situation: the first state as text; where tasks are worded alike it tells them apart. What it shares with an
            item makes that item more relevant, never another one less.
        token_budget: bound on the estimated tokens of the prefix block; tool tips do not count.
        per_tier: most strategic and most procedural items.
        per_action: most tips for one action.
        contexts: item id to the purpose of the episodes it came from, where that is known; a lesson is about the
            task it was learned from, however it is worded.
        worth: of an item for ranking, above 0.
    """
    tiers = (_shown(strategic), _shown(procedural))
    known = contexts or {}
    ranked = [
        (rank, tier, item)
        for tier, items in enumerate(tiers)
        for rank, item in _rank(items, query, situation, known, worth)
        if rank > 0
    ]
    ranked.sort(key=lambda entry: -entry[0])  # stable: first added first
    chosen: tuple[list[Heuristic], list[Heuristic]] = ([], [])
    left = token_budget - BLOCK_TOKENS
    asked = frozenset(_WORD.findall(f"{query}\n{situation}"[:_READ_CHARS].casefold()))
    for _, tier, item in ranked:
        cost = _cost(item, tier)
        if len(chosen[tier]) < per_tier and cost <= left and not _near_any(item, chosen[tier], asked):
            chosen[tier].append(item)
            left -= cost
    return Selection(tuple(chosen[0]), tuple(chosen[1]), _tips(_shown(tool_tips), per_action, worth))


def content_words(text: str) -> list[str]:
    """The words that say what a text is about: lower case, singular, without function words and placeholders."""
    found = _WORD.findall(_PLACEHOLDER.sub(" ", text[:_READ_CHARS]).casefold())
    return [_singular(word) for word in found if word not in _FUNCTION_WORDS]


def _singular(word: str) -> str:
    plural = len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is"))
    return word[:-1] if plural else word


def _shown(items: Iterable[Heuristic]) -> list[Heuristic]:
    return [h for h in items if is_shown(h)]


def _rank(
    items: Sequence[Heuristic],
    query: str,
    situation: str,
    contexts: Mapping[str, str],
    worth: Callable[[Heuristic], float],
) -> list[tuple[float, Heuristic]]:
    documents = [_document(h, contexts.get(h.id, "")) for h in items]
    frequency = Counter(word for document in documents for word in document)
    wanted = dict.fromkeys(content_words(query), 1.0)
    seen = {word: SITUATION_WEIGHT for word in content_words(situation) if word in frequency} | wanted
    small = len(items) <= SMALL_LIBRARY
    ranked: list[tuple[float, Heuristic]] = []
    for item, document in zip(items, documents, strict=True):
        relevance = _cosine(wanted, document, frequency, len(items))
        if len(seen) > len(wanted):
            relevance = max(relevance, _cosine(seen, document, frequency, len(items)))
        if item.source == "human" or is_general(item.pattern, small_library=small):
            relevance = max(relevance, GENERAL_RELEVANCE)
        ranked.append((relevance * worth(item) if relevance >= FLOOR else 0.0, item))
    return ranked


def is_general(pattern: str, *, small_library: bool = False) -> bool:
    """Whether a pattern names nothing in particular, so that no task can rule it out."""
    particular = [word for word in content_words(pattern) if word not in _GENERAL_WORDS]
    return len(particular) <= (2 if small_library else 0)


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


def _near_any(item: Heuristic, others: Sequence[Heuristic], asked: frozenset[str] = frozenset()) -> bool:
    """Whether one of the others says nearly the same, and all that the item says of what was asked."""
    own = _bag(item)
    bags = [_bag(other) for other in others]
    return any(jaccard(own, bag) >= NEAR_DUPLICATE and own & asked <= bag for bag in bags)


def _bag(item: Heuristic) -> frozenset[str]:
    return frozenset(
        _WORD.findall(" ".join((item.pattern, item.strategy, *item.steps))[:_READ_CHARS].casefold())
    )


def _cost(item: Heuristic, tier: int) -> int:
    """Estimated tokens of the item's line in the block, rounded up."""
    line = index_line(item) if tier else strategic_line(item)
    return -(-(len(line.encode("utf-8", "replace")) + 1) // 4)


def _tips(
    items: Sequence[Heuristic], per_action: int, worth: Callable[[Heuristic], float]
) -> dict[str, tuple[Heuristic, ...]]:
    by_action: dict[str, list[Heuristic]] = {}
    for item in sorted(items, key=lambda h: -worth(h)):
        tips = by_action.setdefault(item.pattern.strip(), [])
        if len(tips) < per_action and not _near_any(item, tips):
            tips.append(item)
    return {action: tuple(tips) for action, tips in sorted(by_action.items())}
