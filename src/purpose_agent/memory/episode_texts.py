"""What the episodes of a memory item were about."""

from __future__ import annotations

from collections.abc import Iterable

from purpose_agent.store.base import Store
from purpose_agent.types import Evidence

_MAX_TEXTS = 3  # episodes of an item whose purposes say what it is about
_MAX_CHARS = 500  # of each


class EpisodeTexts:
    """Purposes and tasks of a store's episodes; each is read once.

    Args:
        store: whose episodes.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._texts: dict[str, str] = {}

    def of(self, evidence: Iterable[Evidence]) -> str:
        """Purpose and task of the first few episodes of ``evidence``."""
        ids = dict.fromkeys(e.episode_id for e in evidence)
        return "\n".join(dict.fromkeys(filter(None, (self._text(id) for id in list(ids)[:_MAX_TEXTS]))))

    def _text(self, id: str) -> str:
        known = self._texts.get(id)
        if known is None:
            episode = self._store.episode(id)
            if episode is None:
                return ""
            known = self._texts[id] = f"{episode.purpose[:_MAX_CHARS]}\n{episode.task[:_MAX_CHARS]}"
        return known
