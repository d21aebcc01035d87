"""The rules of a memory item's life, as pure functions of what is known of it."""

from __future__ import annotations

from purpose_agent.types import Heuristic, HeuristicStatus, Uplift

SHOWN_STATUSES = frozenset({HeuristicStatus.CANARY, HeuristicStatus.ACTIVE})
"""Only items in these are ever put into a prompt."""

HOPELESS_AFTER = 30
"""An item shown this often without a single success is retired, whatever would have happened without it."""

UNKNOWN_Q = 0.5
"""The ``q_value`` of an item about whose worth nobody has said anything."""

Change = tuple[HeuristicStatus, str]
"""A new status and why."""


def is_shown(item: Heuristic) -> bool:
    """Whether the item may be put into a prompt."""
    return item.status in SHOWN_STATUSES


def review(
    item: Heuristic, uplift: Uplift | None, *, proof: float, threshold: float, drifted: bool
) -> Change | None:
    """What becomes of an item after an outcome; None when nothing changes.

    Args:
        item: with its counts.
        uplift: what its trials say.
        proof: the present e-value against "it does not help".
        threshold: the e-value that proves a canary; see `gate.false_promotions`.
        drifted: whether its latest trials showed that it has begun to do harm.
    """
    if item.times_used >= HOPELESS_AFTER and item.times_succeeded == 0:
        return HeuristicStatus.RETIRED, f"shown in {item.times_used} episodes, none of which succeeded"
    if uplift is not None and uplift.high < 0:
        return HeuristicStatus.RETIRED, f"it harms: uplift {uplift}"
    if drifted and item.status == HeuristicStatus.ACTIVE:
        return HeuristicStatus.CANARY, "it has begun to do harm; it must prove itself anew"
    if item.status == HeuristicStatus.CANARY and proof >= threshold:
        return HeuristicStatus.ACTIVE, f"proven: uplift {uplift}, e = {proof:.0f} of {threshold:.0f}"
    return None


def posterior_mean(item: Heuristic, prior: float = 0.5) -> float:
    """Mean of the item's success rate under a Beta prior of weight two with mean ``prior``.

    Before its first showing an item is worth what whoever brought it says (``q_value``), if they say anything.
    """
    if not item.times_used and item.q_value != UNKNOWN_Q:
        return item.q_value
    return (item.times_succeeded + 2.0 * prior) / (item.times_used + 2.0)


def keep_order(item: Heuristic, uplift: float) -> tuple[bool, float, bool, int]:
    """Sort key for a full tier, larger is kept: a person's, then the believed uplift, then whether it is shown, then
    how many episodes support it.

    Args:
        item: with its evidence.
        uplift: what is believed of it.
    """
    return item.source == "human", uplift, is_shown(item), len({e.episode_id for e in item.evidence})
