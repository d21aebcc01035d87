"""The rules of a memory item's life, as pure functions of its counts.

A first version: the comparison is with the episodes that did not show the item, which is an association and not a
cause, so an item is retired only when it does clearly worse.
"""

from __future__ import annotations

import math

from purpose_agent.types import Heuristic, HeuristicStatus

SHOWN_STATUSES = frozenset({HeuristicStatus.CANARY, HeuristicStatus.ACTIVE})
"""Only items in these are ever put into a prompt."""

JUDGED_AFTER = 8
"""Showings before an item that never succeeded may be retired for its outcomes."""

JUDGED_SUCCESSFUL_AFTER = 40
"""The same for one that did succeed: a lesson about one kind of task is also shown for others while the library is
small, and must not be lost for their failures."""

HOPELESS_AFTER = 30
"""An item shown this often without a single success is retired, whatever the others did."""

PROMOTED_AFTER = 5
"""Showings before a canary may become active."""

UNKNOWN_Q = 0.5
"""The ``q_value`` of an item about whose worth nobody has said anything."""

Z_RETIRE = 2.33
"""One-sided 99 %: the counts are looked at after every episode, so 95 % would retire too many."""


def is_shown(item: Heuristic) -> bool:
    """Whether the item may be put into a prompt."""
    return item.status in SHOWN_STATUSES


def posterior_mean(item: Heuristic, prior: float = 0.5) -> float:
    """Mean of the item's success rate under a Beta prior of weight two with mean ``prior``.

    Before its first showing an item is worth what whoever brought it says (``q_value``), if they say anything.
    """
    if not item.times_used and item.q_value != UNKNOWN_Q:
        return item.q_value
    return (item.times_succeeded + 2.0 * prior) / (item.times_used + 2.0)


def is_harmful(item: Heuristic, others: int, others_succeeded: int) -> bool:
    """Whether episodes that showed the item did clearly worse than those that did not.

    The upper bound of the difference of the two success rates (Agresti & Caffo 2000) lies below zero, or the item
    never succeeded in `HOPELESS_AFTER` showings.

    Args:
        item: with its counts.
        others: episodes that did not show it.
        others_succeeded: those of them that succeeded.
    """
    if item.times_used < (JUDGED_SUCCESSFUL_AFTER if item.times_succeeded else JUDGED_AFTER):
        return False
    if item.times_succeeded == 0 and item.times_used >= HOPELESS_AFTER:
        return True
    p, n = _plus_one(item.times_succeeded, item.times_used)
    q, m = _plus_one(others_succeeded, others)
    return p - q + Z_RETIRE * math.sqrt(p * (1 - p) / n + q * (1 - q) / m) < 0


def is_proven(item: Heuristic, others: int, others_succeeded: int) -> bool:
    """Whether a canary has had enough good showings: no worse than the episodes that did not show it."""
    if item.times_used < PROMOTED_AFTER:
        return False
    return _plus_one(item.times_succeeded, item.times_used)[0] >= _plus_one(others_succeeded, others)[0]


def _plus_one(succeeded: int, n: int) -> tuple[float, float]:
    """Rate and size with one success and one failure added."""
    return (succeeded + 1.0) / (n + 2.0), n + 2.0


def keep_order(item: Heuristic, prior: float) -> tuple[float, int, int]:
    """Sort key for a full tier, larger is kept: the value, then whether it is shown, then how much supports it.

    Args:
        item: with its counts and evidence.
        prior: mean success of the shown items, so that a newcomer counts as average and the below-average go.
    """
    return posterior_mean(item, prior), int(is_shown(item)), len({e.episode_id for e in item.evidence})
