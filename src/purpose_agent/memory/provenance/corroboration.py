"""When a tainted item may be used nevertheless: what others, whom strangers cannot speak through, say word for word.

Between a tainted and an untainted item nothing less than the same words counts as the same: a twist hides in a sign,
a number, a word more.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from itertools import combinations
from typing import Any

from purpose_agent.events import RunStarted
from purpose_agent.memory.life_cycle import is_shown
from purpose_agent.store.base import Store
from purpose_agent.store.reading import readable_events
from purpose_agent.types import Evidence, Heuristic, Trust


def word_for_word(a: Heuristic, b: Heuristic) -> bool:
    """Whether two items have the same tier and the same text, but for case and white space."""
    return a.tier == b.tier and _text(a) == _text(b)


def grounds_for_release(kept: Heuristic, said: Heuristic, store: Store) -> str | None:
    """Why an item may leave quarantine now that ``said`` says the same; None where it may not.

    Args:
        kept: the quarantined item, with its evidence.
        said: an untainted item that says the same word for word.
        store: where the episodes are.
    """
    speaker = _WHO.get(said.trust) if said.trust is not None and is_shown(said) else None
    if speaker is not None:
        return f"corroborated word for word by {speaker}{_where(said.evidence)}"
    pair = independent_sources((*kept.evidence, *said.evidence), store)
    if pair is not None:
        return f"corroborated by two independent untainted sources: episodes {pair[0]} and {pair[1]}"
    return None


def independent_sources(evidence: Iterable[Evidence], store: Store) -> tuple[str, str] | None:
    """Two untainted episodes that differ in their task or their seed; None where there are none."""
    clean = dict.fromkeys(e.episode_id for e in evidence if e.trust is not None and not e.trust.tainted)
    tasks = [(id, task) for id in clean if (task := _task(store, id)) is not None]
    return next(((a, b) for (a, one), (b, other) in combinations(tasks, 2) if one != other), None)


_WHO = {Trust.ACTIONS: "the agent's own actions", Trust.HUMAN: "a person"}


def _where(evidence: Iterable[Evidence]) -> str:
    ids = dict.fromkeys(e.episode_id for e in evidence)
    return f" in episode {next(iter(ids))}" if ids else ""


def _task(store: Store, id: str) -> tuple[Any, ...] | None:
    events = readable_events(store, id)
    if not events or not isinstance(events[0], RunStarted):
        return None
    started = events[0]
    return started.purpose, started.task, started.options, started.seed


def _text(item: Heuristic) -> tuple[str, ...]:
    parts = (item.pattern, item.strategy, *item.steps)
    return tuple(" ".join(unicodedata.normalize("NFC", part).casefold().split()) for part in parts)
