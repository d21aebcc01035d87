"""The library as a page of text for people."""

from __future__ import annotations

from collections.abc import Iterable

from purpose_agent.types import Heuristic, MemoryTier

_RULE = "─" * 40


def report(items: Iterable[Heuristic]) -> str:
    """Each tier with its count, and each item with id, Q, uses, successes, status, pattern, strategy and steps."""
    by_tier: dict[MemoryTier, list[Heuristic]] = {tier: [] for tier in MemoryTier}
    for item in items:
        by_tier[item.tier].append(item)
    lines = ["═══ Learned Heuristics Report ═══", ""]
    for tier, members in by_tier.items():
        lines += ["", _RULE, f" {tier.value.upper()} ({len(members)} heuristics)", _RULE]
        for item in members:
            lines += _lines(item)
    return "\n".join(lines)


def _lines(item: Heuristic) -> list[str]:
    return [
        "",
        f" [{item.id}] Q={item.q_value:.3f} (used {item.times_used}x, {item.times_succeeded} successes, "
        f"{item.status.value})",
        f"   Pattern: {item.pattern}",
        f"   Strategy: {item.strategy}",
        *(f"     {n}. {step}" for n, step in enumerate(item.steps, 1)),
    ]
