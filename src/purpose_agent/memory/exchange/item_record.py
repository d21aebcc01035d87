"""Everything that is known about an item, as plain data: for ``--json`` and for export."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec

from purpose_agent.memory.library import Library
from purpose_agent.types import Heuristic, Uplift


def item_record(library: Library, item: Heuristic) -> dict[str, Any]:
    """The item's fields, its uplift, its trials, what is believed of it, and what became of it."""
    record: dict[str, Any] = msgspec.to_builtins(replace(item, uplift=None))
    credit = library.credits.of(item.id)
    belief = library.credits.beliefs([item])[item.id]
    record["uplift"] = _uplift(item.uplift)
    record["shown"] = item.shown
    record["empirical_success_rate"] = item.empirical_success_rate
    record["trials"] = {
        "shown": credit.shown,
        "shown_succeeded": credit.shown_succeeded,
        "withheld": credit.withheld,
        "withheld_succeeded": credit.withheld_succeeded,
    }
    record["believed_uplift"] = {"mean": belief.mean, "sd": belief.sd}
    record["history"] = [
        {"time": time, "status": status, "reason": reason}
        for time, status, reason in library.store.history(item.id)
    ]
    return record


def _uplift(uplift: Uplift | None) -> dict[str, float] | None:
    if uplift is None:
        return None
    return {"mean": uplift.mean, "low": uplift.low, "high": uplift.high, "n": uplift.n}
