"""Who distils which episode: each distiller each episode once, over all processes, outages excepted.

A distiller claims an episode in the store *before* it works on it, so that two processes never pay for the same
episode. A claim cannot be taken back; when an outage stops the work the failure is recorded beside it, and that opens
the next attempt, up to `MAX_ATTEMPTS`.
"""

from __future__ import annotations

from collections.abc import Collection

from purpose_agent.store.base import Store
from purpose_agent.store.reading import readable_trajectory
from purpose_agent.types import Trajectory

MAX_ATTEMPTS = 4
"""Tries of one distiller on one episode; after as many outages it is given up."""


class Claims:
    """Claims on the episodes of a store. An episode that is not in the store (yet) is claimed in this process.

    Args:
        store: where the episodes are.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._own: dict[str, set[str]] = {}

    def take(self, episode_id: str, distiller: str) -> bool:
        """Claim an episode; False when somebody has it or had it."""
        attempt = self._attempt(self._marks(episode_id), distiller)
        return attempt <= MAX_ATTEMPTS and self._mark(episode_id, _begun(distiller, attempt))

    def is_open(self, episode_id: str, distiller: str) -> bool:
        """Whether `take` would succeed now."""
        marks = self._marks(episode_id)
        attempt = self._attempt(marks, distiller)
        return attempt <= MAX_ATTEMPTS and _begun(distiller, attempt) not in marks

    def release(self, episode_id: str, distiller: str) -> None:
        """Record that an outage stopped the present attempt, so that another one may be made."""
        attempt = self._attempt(self._marks(episode_id), distiller)
        self._mark(episode_id, _failed(distiller, attempt))

    def released(self, distillers: Collection[str], limit: int) -> list[Trajectory]:
        """Episodes that wait for another attempt of one of ``distillers``, at most ``limit``, newest last."""
        waiting = [
            episode.id
            for episode in self._store.episodes()
            for name in distillers
            if _failed(name, 1) in episode.distilled_by and self.is_open(episode.id, name)
        ]
        episodes = [readable_trajectory(self._store, id) for id in dict.fromkeys(waiting[-limit:])]
        return [episode for episode in episodes if episode is not None]

    def _attempt(self, marks: Collection[str], distiller: str) -> int:
        """Number of the present or next attempt, counted from 1."""
        attempt = 1
        while _failed(distiller, attempt) in marks:
            attempt += 1
        return attempt

    def _marks(self, episode_id: str) -> set[str]:
        episode = self._store.episode(episode_id)
        return self._own.get(episode_id, set[str]()).union(() if episode is None else episode.distilled_by)

    def _mark(self, episode_id: str, mark: str) -> bool:
        if mark in self._marks(episode_id):
            return False
        self._own.setdefault(episode_id, set()).add(mark)
        return self._store.episode(episode_id) is None or self._store.mark_distilled(episode_id, mark)


def _begun(distiller: str, attempt: int) -> str:
    return distiller if attempt == 1 else f"{distiller} (attempt {attempt})"


def _failed(distiller: str, attempt: int) -> str:
    return f"{distiller} (attempt {attempt} failed)"
