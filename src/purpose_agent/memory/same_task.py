"""Which episodes are attempts at one and the same task, so that an evaluation can do without what they taught."""

from __future__ import annotations

from typing import Any

from purpose_agent.events import RunStarted
from purpose_agent.journal import restore_state
from purpose_agent.store.base import Store
from purpose_agent.store.reading import readable_events
from purpose_agent.types import Heuristic, Snapshot


def attempts_at(
    store: Store, purpose: str, task: str, state: Snapshot, seed: int | None, options: dict[str, Any] | None
) -> frozenset[str]:
    """Ids of the store's episodes of a task: the same words, and the same first state or the same seed and options."""
    found: set[str] = set()
    for episode in store.episodes():
        if (episode.purpose, episode.task) != (purpose, task):
            continue
        events = readable_events(store, episode.id)
        started = events[0] if events else None
        if not isinstance(started, RunStarted) or (  # of one that cannot be read nobody knows
            restore_state(started.state).fingerprint == state.fingerprint
            or (seed is not None and (started.seed, started.options) == (seed, options))
        ):
            found.add(episode.id)
    return frozenset(found)


def derived_from(item: Heuristic, episodes: frozenset[str]) -> bool:
    """Whether all that is known to support an item are these episodes."""
    sources = {e.episode_id for e in item.evidence} | {item.source_trajectory_id} - {""}
    return bool(sources) and sources <= episodes
