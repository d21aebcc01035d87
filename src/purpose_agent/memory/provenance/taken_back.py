"""What was rolled back: a record in the store, by which a rollback is told, undone, and kept from being forgotten."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from purpose_agent.errors import StoreCorruptError, StoreError
from purpose_agent.store.base import Store

ARTEFACT = "rollbacks"

_TRIES = 20


class Rollback(msgspec.Struct, frozen=True):
    """What leaves memory with a source.

    Attributes:
        id: identifier.
        source: as it was given.
        kind: what it is: an item, an episode, a trust label, an import, a distiller or an environment.
        items: id of each item that leaves to the status that it had.
        reinstated: ids of earlier versions that come back in the place of versions that leave.
        weakened: ids of items that stay and lose evidence.
        episodes: ids of the episodes that are no evidence any more, and leave the experience replay.
        undone: whether its items were restored.
    """

    id: str
    source: str
    kind: str
    items: dict[str, str]
    reinstated: list[str]
    weakened: list[str]
    episodes: list[str]
    undone: bool = False


class TakenBack(msgspec.Struct, frozen=True):
    """All that rollbacks took back and nobody restored.

    Attributes:
        items: ids of items.
        episodes: ids of episodes.
    """

    items: frozenset[str] = frozenset()
    episodes: frozenset[str] = frozenset()


_decoder = msgspec.msgpack.Decoder(list[Rollback])


def rollbacks(store: Store) -> list[Rollback]:
    """All rollbacks of a store, oldest first.

    Raises:
        StoreCorruptError: the record cannot be read.
    """
    kept = store.artefact(ARTEFACT)
    return [] if kept is None else _decode(kept[0])


def _decode(payload: bytes) -> list[Rollback]:
    try:
        return _decoder.decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError) as e:
        raise StoreCorruptError(f"the record of rollbacks cannot be read: {e}") from e


def taken_back(store: Store) -> TakenBack:
    """What rollbacks took back and nobody restored."""
    standing = [r for r in rollbacks(store) if not r.undone]
    if not standing:
        return TakenBack()
    return TakenBack(
        frozenset(id for r in standing for id in r.items),
        frozenset(id for r in standing for id in r.episodes),
    )


def change_record(store: Store, change: Callable[[list[Rollback]], list[Rollback]]) -> None:
    """Replace the record by what ``change`` makes of it; tried again where another process was faster.

    Raises:
        StoreError: others were faster every time.
    """
    for _ in range(_TRIES):
        kept = store.artefact(ARTEFACT)
        before, number = ([], 0) if kept is None else (_decode(kept[0]), kept[1])
        payload = msgspec.msgpack.encode(change(before))
        if store.save_artefact(ARTEFACT, payload, upto=number + 1):
            written = store.artefact(ARTEFACT)
            if written is not None and written[0] == payload:
                return
    raise StoreError("the record of rollbacks is being changed by others; try again")
