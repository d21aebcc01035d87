"""The scores of states: one per (purpose, state, critic), held in memory and, where there is a store, kept in it."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from functools import lru_cache

from purpose_agent.store.base import ScoredState, Store


class ScoreCache:
    """What critics and people said about states.

    Args:
        store: where scores are kept between processes; None keeps them in memory only.
        size: how many are held in memory; the store holds all.
    """

    def __init__(self, store: Store | None = None, size: int = 1000) -> None:
        self._store = store
        self._size = max(1, size)
        self._held: OrderedDict[tuple[str, str, str], ScoredState | None] = OrderedDict()
        self._loaded: set[str] = set()

    @classmethod
    def of(cls, store: Store | ScoreCache | None, size: int = 1000) -> ScoreCache:
        """A cache over a store; a cache is returned as it is, so that several can share it."""
        return store if isinstance(store, ScoreCache) else cls(store, size)

    def prepare(self, purpose: str) -> None:
        """Read what the store knows about a purpose at once, so that a run need not ask it about every state."""
        if self._store is None:
            return
        key = digest(purpose)
        rows = self._store.known_scores(key, self._size)
        for fingerprint, critic, scored in rows:
            self._hold((key, fingerprint, critic), scored)
        if len(rows) < self._size:
            self._loaded.add(key)

    def get(self, purpose: str, fingerprint: str, critic: str) -> ScoredState | None:
        """The score of a state by a critic, None when there is none yet."""
        key = (digest(purpose), fingerprint, critic)
        if key in self._held:
            self._held.move_to_end(key)
            return self._held[key]
        if self._store is None or key[0] in self._loaded:
            return None
        return self._hold(key, self._store.cached_score(*key))

    def put(self, purpose: str, fingerprint: str, critic: str, scored: ScoredState, *, keep: bool) -> None:
        """Hold a score; ``keep`` writes it to the store too."""
        key = (digest(purpose), fingerprint, critic)
        if self._store is not None and keep:
            self._store.cache_score(*key, scored)
        self._hold(key, scored)

    def clear(self) -> None:
        """Forget what is held in memory."""
        self._held.clear()
        self._loaded.clear()

    def _hold(self, key: tuple[str, str, str], scored: ScoredState | None) -> ScoredState | None:
        """Hold a score, or that there is none yet, so that the store is asked once."""
        self._held[key] = scored
        self._held.move_to_end(key)
        while len(self._held) > self._size:
            (purpose, _, _), _ = self._held.popitem(last=False)
            self._loaded.discard(purpose)  # from now on the store knows more than this cache
        return scored


@lru_cache(maxsize=64)
def digest(purpose: str) -> str:
    """32 hexadecimal digits that name a purpose in the store."""
    return hashlib.blake2b(purpose.encode("utf-8", "replace"), digest_size=16).hexdigest()
