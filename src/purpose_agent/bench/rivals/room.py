"""The room that a memory's items have in the prompt: the same for every memory."""

from __future__ import annotations

from collections.abc import Iterable

from purpose_agent.memory.rendering import strategic_line
from purpose_agent.memory.retrieval import BLOCK_TOKENS, SPARSE_TOKENS
from purpose_agent.types import Evidence, Heuristic, MemoryTier

ROOM = SPARSE_TOKENS
"""Estimated tokens of the whole block, as ours has for an actor that chooses."""


def within_room(items: Iterable[Heuristic]) -> tuple[Heuristic, ...]:
    """Those of the items, best first, that fit; one that is too long gives way to the next."""
    left, kept = ROOM - BLOCK_TOKENS, list[Heuristic]()
    for item in items:
        cost = -(-(len(strategic_line(item).encode("utf-8", "replace")) + 1) // 4)
        if cost <= left:
            kept.append(item)
            left -= cost
    return tuple(kept)


def shown_as(id: str, pattern: str, strategy: str, episodes: Iterable[str], source: str) -> Heuristic:
    """A rival's item as the loop shows it, with the episodes that taught it as evidence."""
    evidence = [Evidence(episode) for episode in episodes]
    return Heuristic(
        pattern,
        strategy,
        [],
        MemoryTier.STRATEGIC,
        source_trajectory_id=evidence[0].episode_id if evidence else "",
        id=id,
        evidence=evidence,
        source=source,
    )
