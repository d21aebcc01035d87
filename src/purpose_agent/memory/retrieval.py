"""Which memory items are shown for a task: relevant, proven, different from each other, and few.

An item's rank is its relevance (by its words, its meaning, or both) times what it is worth. What is not
about the task is not shown, however well it did elsewhere; so the answer may be nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from purpose_agent.memory.duplicates import jaccard
from purpose_agent.memory.lexical_relevance import is_general, lexical_relevance, words_of
from purpose_agent.memory.life_cycle import is_shown, posterior_mean
from purpose_agent.memory.rendering import index_line, strategic_line
from purpose_agent.memory.selection import Selection
from purpose_agent.types import Heuristic

FLOOR = 0.08
"""Least relevance, in [0, 1], of an item that is shown."""

GENERAL_RELEVANCE = 0.15
"""Relevance of an item whose pattern names nothing in particular, such as "any task"."""

SMALL_LIBRARY = 3
"""Up to this many items in a tier, a pattern of one or two words is general too: there is nothing to choose from."""

NEAR_DUPLICATE = 0.7
"""Items whose words overlap this much (Jaccard) are not shown together."""

PER_TIER, PER_ACTION, TOKEN_BUDGET = 4, 2, 600
"""Most items of a tier, most tips about an action, and most tokens of the prefix block, for an actor that writes."""

SPARSE_TOKENS = 200
"""Most tokens of the prefix block for an actor that only chooses."""

BLOCK_TOKENS = 32
"""What the block around the items costs."""


def select(
    strategic: Iterable[Heuristic] = (),
    procedural: Iterable[Heuristic] = (),
    tool_tips: Iterable[Heuristic] = (),
    *,
    query: str,
    situation: str = "",
    token_budget: int = TOKEN_BUDGET,
    per_tier: int = PER_TIER,
    per_action: int = PER_ACTION,
    contexts: Mapping[str, str] | None = None,
    worth: Callable[[Heuristic], float] = posterior_mean,
    similar: Callable[[str, Sequence[Heuristic]], Sequence[float]] | None = None,
    leave_out: Callable[[Heuristic], bool] | None = None,
) -> Selection:
    """Choose what to show. A function of its arguments alone; ties go to the item that was added first.

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
        worth: what showing an item is worth, such as a draw from its posterior (Thompson 1933); asked once for each
            relevant item, in the order given. An item that is worth nothing or less is not shown.
        similar: the cosines of a query with items, such as `item_vectors.ItemVectors.similar`.
        leave_out: items that must not be shown, such as those that were learned from the very task that is evaluated.
    """
    ranked = [
        (relevance * worth(item), tier, item)
        for tier, items in enumerate((strategic, procedural))
        for item, relevance in _relevant(_shown(items, leave_out), query, situation, contexts or {}, similar)
    ]
    ranked = [entry for entry in ranked if entry[0] > 0]
    ranked.sort(key=lambda entry: -entry[0])  # stable: first added first
    chosen: tuple[list[Heuristic], list[Heuristic]] = ([], [])
    left = token_budget - BLOCK_TOKENS
    asked = words_of((query, situation))
    for _, tier, item in ranked:
        cost = _cost(item, tier)
        if len(chosen[tier]) < per_tier and cost <= left and not _near_any(item, chosen[tier], asked):
            chosen[tier].append(item)
            left -= cost
    return Selection(
        tuple(chosen[0]), tuple(chosen[1]), _tips(_shown(tool_tips, leave_out), per_action, worth)
    )


def _shown(items: Iterable[Heuristic], leave_out: Callable[[Heuristic], bool] | None) -> list[Heuristic]:
    return [h for h in items if is_shown(h) and not (leave_out is not None and leave_out(h))]


def _relevant(
    items: Sequence[Heuristic],
    query: str,
    situation: str,
    contexts: Mapping[str, str],
    similar: Callable[[str, Sequence[Heuristic]], Sequence[float]] | None,
) -> Iterator[tuple[Heuristic, float]]:
    """The items at or above the floor with their relevance, in the order given."""
    small = len(items) <= SMALL_LIBRARY
    by_words = lexical_relevance(items, query, situation, contexts)
    both = by_words if similar is None else _with_meaning(by_words, similar(query, items))
    for item, relevance in zip(items, both, strict=True):
        if item.source == "human" or is_general(item.pattern, small_library=small):
            yield item, max(relevance, GENERAL_RELEVANCE)
        elif relevance >= FLOOR:
            yield item, relevance


def _with_meaning(by_words: Sequence[float], cosines: Sequence[float]) -> list[float]:
    """The relevance by words and by meaning; what reaches the floor by one of them reaches it."""
    from purpose_agent.memory import semantic_relevance as semantic  # only who embeds needs it

    usual = semantic.usual_cosine(sum(cosine for cosine in cosines if cosine > 0), len(cosines))
    return [
        semantic.combined_relevance(words, semantic.semantic_relevance(cosine, usual, FLOOR), FLOOR)
        for words, cosine in zip(by_words, cosines, strict=True)
    ]


def _near_any(item: Heuristic, others: Sequence[Heuristic], asked: frozenset[str] = frozenset()) -> bool:
    """Whether one of the others says nearly the same, and all that the item says of what was asked."""
    own = _bag(item)
    bags = [_bag(other) for other in others]
    return any(jaccard(own, bag) >= NEAR_DUPLICATE and own & asked <= bag for bag in bags)


def _bag(item: Heuristic) -> frozenset[str]:
    return words_of((item.pattern, item.strategy, *item.steps))


def _cost(item: Heuristic, tier: int) -> int:
    """Estimated tokens of the item's line in the block, rounded up."""
    line = index_line(item) if tier else strategic_line(item)
    return -(-(len(line.encode("utf-8", "replace")) + 1) // 4)


def _tips(
    items: Sequence[Heuristic], per_action: int, worth: Callable[[Heuristic], float]
) -> dict[str, tuple[Heuristic, ...]]:
    """The tips of each action that are worth something, best first."""
    ranked = [(value, item) for item in items if (value := worth(item)) > 0]
    by_action: dict[str, list[Heuristic]] = {}
    for _, item in sorted(ranked, key=lambda entry: -entry[0]):
        tips = by_action.setdefault(item.pattern.strip(), [])
        if len(tips) < per_action and not _near_any(item, tips):
            tips.append(item)
    return {action: tuple(tips) for action, tips in sorted(by_action.items())}
