"""What is learned from the episodes of a store, as a fold over them in their order.

The same episodes in the same order give the same result, whoever computes it and in however many sittings. It is saved
now and then; after a crash, or when another process added episodes, the missing ones are learned from the store.

When episodes are taken out of the store because they must not teach (a rollback), `begin_anew` starts a new generation:
every process drops what it folded and folds the remaining episodes from the first one on.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from typing import Generic, TypeVar

from purpose_agent.store.base import EpisodeInfo, Store

T = TypeVar("T")

SAVE_EVERY = 16
"""Episodes between two saves."""

GENERATION = "fold_generation"
"""The artefact whose number is the generation."""

_PLACES = (
    2**40
)  # episode numbers in a generation; a later generation's artefact is newer than any of an earlier one


def begin_anew(store: Store) -> None:
    """Have everything that is folded over the episodes folded anew, in every process, over those that are left."""
    store.save_artefact(GENERATION, b"", upto=_generation(store) + 1)


def _generation(store: Store) -> int:
    kept = store.artefact(GENERATION)
    return 0 if kept is None else kept[1]


class EpisodeFold(ABC, Generic[T]):
    """Keeps what was learned in step with a store.

    Args:
        store: where the episodes are, and the artefact.
        artefact: its name.
    """

    def __init__(self, store: Store, artefact: str) -> None:
        self._store = store
        self._artefact = artefact
        self._lock = threading.Lock()
        self._folded: T | None = None
        self._generation = 0
        self._upto = 0
        self._saved = 0

    def catch_up(self) -> bool:
        """Learn from the episodes that were added since the last time; returns whether there were any."""
        with self._lock:
            before = self._generation, self._upto
            self._caught_up()
            changed = (self._generation, self._upto) > before
        if self._upto - self._saved >= SAVE_EVERY:
            self.save()
        return changed

    def save(self) -> None:
        """Save what was learned, if it changed since the last save."""
        with self._lock:
            if self._folded is not None and self._upto > self._saved:
                place = self._generation * _PLACES + self._upto
                self._store.save_artefact(self._artefact, self._encode(self._folded), upto=place)
                self._saved = self._upto

    def _caught_up(self) -> T:
        """What all episodes in the store taught; the caller holds the lock."""
        generation = _generation(self._store)
        folded = self._folded
        if folded is None or generation != self._generation:
            folded, self._upto = self._kept(generation)
            self._folded, self._saved, self._generation = folded, self._upto, generation
        for episode in self._store.episodes(after=self._upto):
            self._learn(folded, episode)
            self._upto = episode.number
        return folded

    def _kept(self, generation: int) -> tuple[T, int]:
        """What was saved in this generation, and the number of the last episode in it."""
        kept = self._store.artefact(self._artefact)
        if kept is None or kept[1] // _PLACES != generation:
            return self._fresh(), 0
        folded = self._decode(kept[0])
        return (self._fresh(), 0) if folded is None else (folded, kept[1] % _PLACES)

    @abstractmethod
    def _fresh(self) -> T:
        """What is known before the first episode."""

    @abstractmethod
    def _learn(self, folded: T, episode: EpisodeInfo) -> None:
        """Take one episode in; one that cannot be read is passed over, so that it does not stop all others."""

    @abstractmethod
    def _encode(self, folded: T) -> bytes:
        """As it is stored."""

    @abstractmethod
    def _decode(self, payload: bytes) -> T | None:
        """What `_encode` stored; None for another version, which is then learned anew."""
