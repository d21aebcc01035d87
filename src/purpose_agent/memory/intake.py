"""What a lesson goes through before it is kept: checks, and its form as a new version."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

from purpose_agent.errors import UsageError
from purpose_agent.freeze import encodable
from purpose_agent.memory.provenance.labels import least
from purpose_agent.types import Evidence, Heuristic, HeuristicStatus, MemoryTier


def checked(item: Heuristic) -> Heuristic:
    """A copy that can be stored: its tier known, its text encodable, its evidence named, tainted as its label says.

    Raises:
        UsageError: it has no text, a text that is none, or a tier that does not exist.
    """
    given: Any = item
    if not isinstance(given, Heuristic):
        raise UsageError(f"a library holds Heuristic objects, got {given!r:.100}")
    steps: Any = item.steps if item.steps is not None else []  # pyright: ignore[reportUnnecessaryComparison]
    for text in (item.pattern, item.strategy, *steps):
        value: Any = text
        if not isinstance(value, str):
            raise UsageError(f"pattern, strategy and steps of a heuristic are text, got {value!r:.100}")
    if not item.strategy.strip() and not any(step.strip() for step in steps):
        raise UsageError(
            f"a heuristic needs a strategy or steps, got neither (pattern {item.pattern!r:.100})"
        )
    try:
        tier = MemoryTier(item.tier)
    except ValueError:
        names = ", ".join(MemoryTier)
        raise UsageError(f"unknown tier {item.tier!r}; use one of: {names}") from None
    return replace(
        item,
        pattern=encodable(item.pattern.strip()),
        strategy=encodable(item.strategy.strip()),
        steps=[encodable(step) for step in steps if step.strip()],
        tier=tier,
        id=encodable(item.id),
        evidence=evidence_of(item),
        parents=list(item.parents),
        tainted=item.tainted or (item.trust is not None and item.trust.tainted),
    )


def quarantined(item: Heuristic) -> Heuristic:
    """The item as a library keeps it that knows nothing for it: quarantined when it is tainted."""
    if not item.tainted or item.status == HeuristicStatus.RETIRED:
        return item
    return replace(item, status=HeuristicStatus.QUARANTINED)


def evidence_of(item: Heuristic) -> list[Evidence]:
    """Its evidence; the source episode where nothing more exact is known."""
    if item.evidence or not item.source_trajectory_id:
        return list(item.evidence)
    return [Evidence(item.source_trajectory_id)]


def joined_evidence(first: list[Evidence], second: list[Evidence]) -> list[Evidence]:
    """Both, without repetition, in order."""
    return list(dict.fromkeys((*first, *second)))


def next_version(parent: Heuristic, item: Heuristic) -> Heuristic:
    """``item`` as the successor of ``parent``: a new id, the lineage, the taint, the statistics of what it replaces."""
    return replace(
        item,
        id=derived_id(parent.id, f"version {parent.version + 1}"),
        version=parent.version + 1,
        parents=[parent.id],
        evidence=joined_evidence(parent.evidence, item.evidence),
        q_value=parent.q_value,
        times_used=parent.times_used,
        times_succeeded=parent.times_succeeded,
        tainted=parent.tainted or item.tainted,
        trust=least(parent.trust, item.trust),
    )


def derived_id(id: str, what: str) -> str:
    """An id that every process derives alike, so that two of them cannot add the same thing twice."""
    return hashlib.blake2b(f"{id}\n{what}".encode("utf-8", "replace"), digest_size=6).hexdigest()
