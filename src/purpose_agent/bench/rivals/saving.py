"""What a rival knows as bytes, and back."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from purpose_agent.errors import UsageError

T = TypeVar("T", bound=msgspec.Struct)


def saved(known: msgspec.Struct) -> bytes:
    """All of it, as msgpack."""
    return msgspec.msgpack.encode(known)


def restored(payload: Any, kind: type[T], name: str) -> T:
    """What was saved.

    Args:
        payload: the bytes.
        kind: what they hold.
        name: of the memory, for the message.

    Raises:
        UsageError: they hold something else.
    """
    try:
        return msgspec.msgpack.decode(payload, type=kind)
    except (msgspec.MsgspecError, TypeError, ValueError, RecursionError) as error:
        raise UsageError(
            f"these bytes are no saved memory {name!r} ({error}): {payload!r:.60}; give load what dump returned"
        ) from error
