"""Episodes for those who can do without one: an unreadable one is as if it were not there."""

from __future__ import annotations

import logging

from purpose_agent.errors import StoreCorruptError
from purpose_agent.events import Event
from purpose_agent.journal import trajectory_of
from purpose_agent.store.base import Store
from purpose_agent.types import Trajectory

_log = logging.getLogger(__name__)
_noted: set[str] = set()


def readable_events(store: Store, id: str) -> list[Event]:
    """The events of an episode; none where they cannot be read, which is noted once in the log."""
    try:
        return store.events(id)
    except StoreCorruptError as e:
        note_unreadable(id, e)
        return []


def readable_trajectory(store: Store, id: str) -> Trajectory | None:
    """An episode; None where it is not there or cannot be read."""
    events = readable_events(store, id)
    try:
        return trajectory_of(events) if events else None
    except ValueError as e:  # events that tell no trajectory
        note_unreadable(id, e)
        return None


def note_unreadable(id: str, error: Exception) -> None:
    """Say once in a process that an episode is passed over."""
    if id not in _noted:
        _noted.add(id)
        _log.warning("episode %s is passed over: %s", id, error)
