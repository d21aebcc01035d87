"""Items are data and cannot add actions: one that names an action that is not offered is not shown.

Only what is unmistakably the name of an action is judged: the action of a tool tip, and calls such as ``name(...)``.
Prose is left alone; the actor can only take what is offered anyway.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from purpose_agent.types import Heuristic, MemoryTier

BUILT_IN = frozenset({"done", "recall"})
"""Actions that every actor has."""

_NAME = r"[^\W\d][\w.:/-]*"
_STEP = re.compile(rf"\s*(?:\d+[.):]\s*)?({_NAME})(?:\(.*|\s*)", re.DOTALL)
_CALL = re.compile(rf"(?<![\w.:/-])({_NAME})\(\{{")


def names_unknown_action(item: Heuristic, offered: Collection[str] | None) -> bool:
    """Whether an item names an action outside of what is offered.

    Args:
        item: any item.
        offered: the names of all actions there are; None where that is not known, as in a world that lists in each
            state what may be done. Then nothing can be said.
    """
    if offered is None:
        return False
    known = BUILT_IN.union(name.casefold() for name in offered)
    return any(name.casefold() not in known for name in _named(item))


def _named(item: Heuristic) -> Iterator[str]:
    if item.tier == MemoryTier.TOOL:
        yield item.pattern.strip()
    if item.tier == MemoryTier.PROCEDURAL:
        for step in item.steps:
            call = _STEP.fullmatch(step)
            if call is not None:
                yield call[1]
    for text in (item.pattern, item.strategy, *item.steps):
        yield from _CALL.findall(text)
