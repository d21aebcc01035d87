"""Take back everything that came from a source, say what it was, and be able to undo it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import msgspec

from purpose_agent.episode_fold import begin_anew
from purpose_agent.errors import UsageError
from purpose_agent.memory.library import REPLACED
from purpose_agent.memory.provenance.descent import descendants, recorded_influences
from purpose_agent.memory.provenance.sources import find_source
from purpose_agent.memory.provenance.taken_back import Rollback, change_record, rollbacks, taken_back
from purpose_agent.store.base import Store
from purpose_agent.types import Heuristic, HeuristicStatus

_History = list[tuple[float, str, str]]


def plan_rollback(store: Store, name: str) -> Rollback:
    """What `roll_back` would do; nothing is written.

    Args:
        store: what is to be cleaned.
        name: of the source; see `find_source`.

    Raises:
        UsageError: nothing in memory came from it.
    """
    items = store.heuristics(retired=True)
    source = find_source(name, items, store)
    removed = descendants(source, items, recorded_influences(store))
    leaving = [h for h in items if h.id in removed and h.status != HeuristicStatus.RETIRED]
    by_id = {h.id: h for h in items}
    back = dict.fromkeys(id for h in leaving for id in _replaced_by(store, h, by_id, removed))
    weakened = [
        h.id
        for h in items
        if h.id not in removed
        and h.status != HeuristicStatus.RETIRED
        and any(e.episode_id in source.episodes for e in h.evidence)
    ]
    return Rollback(
        id=_id(store, source.name),
        source=source.name,
        kind=source.kind,
        items={h.id: h.status.value for h in leaving},
        reinstated=list(back),
        weakened=weakened,
        episodes=sorted(source.episodes),
    )


def roll_back(store: Store, name: str) -> Rollback:
    """Retire what came from a source, and let its episodes teach nothing any more.

    The episodes leave the experience replay; the value memory and the calibration are folded anew without them at
    their next use; as evidence they do not count. Their journals stay. An item of which a removed version took the
    place comes back. Where nothing is left to take back, nothing is written.

    Raises:
        UsageError: nothing in memory came from it.
        StoreError: it cannot be written; calling it again completes it.
    """
    plan = plan_rollback(store, name)
    if is_empty(plan, store):
        return plan
    change_record(store, lambda known: [*known, plan])  # first: what is on record is not evidence
    for id in plan.items:
        store.set_status(id, HeuristicStatus.RETIRED, f"rolled back with {plan.source} [{plan.id}]")
    for id in plan.reinstated:
        status = _before_retirement(store.history(id))
        store.set_status(id, status, f"its next version was rolled back with {plan.source} [{plan.id}]")
    if plan.episodes:
        store.remove_episodes(plan.episodes)
        begin_anew(store)
    return plan


def undo_rollback(store: Store, id: str) -> Rollback:
    """Give the items of a rollback the status that they had; their evidence counts again.

    The episodes stay out of the experience replay and the values.

    Raises:
        UsageError: there is no such rollback, or it was undone before.
    """
    known = rollbacks(store)
    found = next((r for r in known if r.id == id), None)
    if found is None:
        raise UsageError(
            f"there is no rollback {id!r}; there are: {', '.join(r.id for r in known) or 'none'}"
        )
    if found.undone:
        raise UsageError(f"rollback {id!r} was undone before")
    for item in found.reinstated:
        store.set_status(item, HeuristicStatus.RETIRED, f"rollback [{id}] was undone")
    for item, status in found.items.items():
        store.set_status(item, HeuristicStatus(status), f"rollback [{id}] was undone")
    change_record(
        store, lambda now: [msgspec.structs.replace(r, undone=True) if r.id == id else r for r in now]
    )
    return msgspec.structs.replace(found, undone=True)


def is_empty(plan: Rollback, store: Store) -> bool:
    """Whether nothing is left to take back."""
    return not plan.items and taken_back(store).episodes.issuperset(plan.episodes)


def _replaced_by(
    store: Store, item: Heuristic, by_id: dict[str, Heuristic], removed: set[str]
) -> Iterator[str]:
    """Ids of the newest items that are not removed and left only because this one, in the end, took their place."""
    for parent in (by_id[id] for id in item.parents if id in by_id):
        history = store.history(parent.id)
        if parent.status == HeuristicStatus.RETIRED and history and history[-1][2] == REPLACED + item.id:
            if parent.id in removed:
                yield from _replaced_by(store, parent, by_id, removed)
            else:
                yield parent.id


def _before_retirement(history: _History) -> HeuristicStatus:
    earlier = [HeuristicStatus(status) for _, status, _ in history[:-1]]
    return earlier[-1] if earlier else HeuristicStatus.CANARY


def _id(store: Store, source: str) -> str:
    number = len(rollbacks(store)) + 1
    return "r" + hashlib.blake2b(f"{number}\n{source}".encode("utf-8", "replace"), digest_size=3).hexdigest()
