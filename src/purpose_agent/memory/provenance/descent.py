"""What came from a source: its items, their versions, and what was distilled from episodes that they influenced."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from purpose_agent.events import Executed, RunStarted
from purpose_agent.journal import asks_model
from purpose_agent.memory.provenance.sources import Source
from purpose_agent.store.base import Store
from purpose_agent.types import Heuristic, Trust


@dataclass(frozen=True)
class Influences:
    """What memory showed in one episode.

    Attributes:
        items: ids of the items that were shown.
        example: id of the episode that was shown as an example, if any.
    """

    items: frozenset[str] = frozenset()
    example: str | None = None


def descendants(
    source: Source, items: Sequence[Heuristic], influences: Callable[[str], Influences]
) -> set[str]:
    """Ids of all items that came from a source.

    These are: what the source brought; items whose origin (first episode, first evidence) is one of its episodes;
    versions of such items, and what they were merged into; and, transitively, items all of whose evidence is from the
    source or from episodes that were shown such an item, or an episode of the source as an example. What a person said
    is theirs, whoever said it before.

    Args:
        source: see `find_source`.
        items: all items in order of adding, retired ones too.
        influences: an episode's id to what was shown in it; asked for evidence only.
    """
    removed = set(source.items) | {h.id for h in items if _originates(h, source.episodes)}
    spread = _Spread(source.episodes, influences)
    while True:
        more = {
            h.id
            for h in items
            if h.id not in removed
            and h.trust != Trust.HUMAN
            and (not removed.isdisjoint(h.parents) or spread.all_evidence(h, removed))
        }
        if not more:
            return removed
        removed |= more


def recorded_influences(store: Store) -> Callable[[str], Influences]:
    """What was shown in the episodes of a store, by their journals; each is read once."""
    known: dict[str, Influences] = {}

    def of(episode: str) -> Influences:
        if episode not in known:
            known[episode] = _influences(store, episode)
        return known[episode]

    return of


class _Spread:
    """How far removed items reach through episodes."""

    def __init__(self, episodes: frozenset[str], influences: Callable[[str], Influences]) -> None:
        self._episodes = episodes
        self._influences = influences

    def all_evidence(self, item: Heuristic, removed: set[str]) -> bool:
        """Whether an item has evidence, and none that is independent of what is removed."""
        evidence = {e.episode_id for e in item.evidence}
        return bool(evidence) and all(self._is_reached(id, removed) for id in sorted(evidence))

    def _is_reached(self, episode: str, removed: set[str]) -> bool:
        if episode in self._episodes:
            return True
        shown = self._influences(episode)
        return not removed.isdisjoint(shown.items) or shown.example in self._episodes


def _originates(item: Heuristic, episodes: frozenset[str]) -> bool:
    first = item.evidence[0].episode_id if item.evidence else ""
    return item.trust != Trust.HUMAN and (item.source_trajectory_id in episodes or first in episodes)


def _influences(store: Store, episode: str) -> Influences:
    shown: set[str] = set()
    example, asked = None, False
    for event in store.events(episode):
        asked = asked or asks_model(event)
        if isinstance(event, RunStarted):
            shown.update(event.shown)
            example = event.example
        elif isinstance(event, Executed):
            shown.update(event.shown)
    return Influences(frozenset(shown), example) if asked else Influences()
