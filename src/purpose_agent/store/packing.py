"""From events to bytes and back, and what a list of runs shows of them."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

import msgspec

from purpose_agent.errors import StoreCorruptError, StoreError
from purpose_agent.events import (
    Event,
    Executed,
    RunFinished,
    RunResumed,
    RunStarted,
    Scored,
    decode_event,
    encode_event,
)
from purpose_agent.freeze import plain_copy
from purpose_agent.store.base import RunInfo

Milestone = RunStarted | RunResumed | RunFinished
"""The events that change what a list of runs shows."""


def pack(events: Iterable[Event]) -> tuple[list[bytes], list[Milestone]]:
    """The events as bytes, and those of them that a list of runs must know, as they will be read.

    Encoding does not look at types, and one value of a wrong type would make a run unreadable for good. So what was
    encoded is read once before it is written.

    Raises:
        StoreError: an event holds something that cannot be stored, or could not be read again.
    """
    payloads: list[bytes] = []
    milestones: list[Milestone] = []
    for event in events:
        try:
            payload = encode_event(event)
            stored = decode_event(payload)
        except Exception:
            payload, stored = _pack_foreign(event)
        payloads.append(payload)
        if isinstance(stored, (RunStarted, RunFinished, RunResumed)):
            milestones.append(stored)
    return payloads, milestones


def unpack(run_id: str, payloads: Iterable[bytes]) -> list[Event]:
    """The events of a run.

    Raises:
        StoreCorruptError: the bytes at a position are no event that this version knows.
    """
    events: list[Event] = []
    for seq, payload in enumerate(payloads):
        try:
            events.append(decode_event(payload))
        except (msgspec.MsgspecError, UnicodeDecodeError) as e:
            raise StoreCorruptError(
                f"event {seq} of run {run_id!r} cannot be read ({e}); it is damaged or from a newer version"
            ) from e
    return events


def unknown_run(run_id: str) -> RunInfo:
    """What is known about a run before its first event."""
    return RunInfo(run_id, time.time(), "", "", "", "", 0, "", None, None)


def advance(info: RunInfo, milestones: Iterable[Milestone]) -> RunInfo:
    """What is known about a run after some more of its events."""
    for event in milestones:
        if isinstance(event, RunStarted):
            info = msgspec.structs.replace(
                info,
                created_at=event.created_at,
                purpose=event.purpose,
                task=event.task,
                environment=event.environment,
                model=event.model,
                trust=event.trust,
            )
        elif isinstance(event, RunFinished):
            info = msgspec.structs.replace(
                info,
                steps=event.steps,
                stop_reason=event.stop_reason,
                success=event.success,
                final_phi=event.final_phi,
            )
        else:
            info = msgspec.structs.replace(info, stop_reason="", success=None)
    return info


def with_progress(info: RunInfo, newest_first: Iterable[bytes]) -> RunInfo:
    """The line about a run that is not finished, with its steps and Φ read from its last events."""
    steps: int | None = None
    phi: float | None = None
    for payload in newest_first:
        try:
            event = decode_event(payload)
        except (msgspec.MsgspecError, UnicodeDecodeError):  # a list of runs can do without it
            continue
        if steps is None and isinstance(event, Executed):
            steps = event.step
        elif phi is None and isinstance(event, Scored):
            phi = event.score.phi_after
        if steps is not None and phi is not None:
            break
    return msgspec.structs.replace(info, steps=steps or 0, final_phi=phi)


def _pack_foreign(event: Any) -> tuple[bytes, Event]:
    """An event with foreign contents (a lone surrogate, a number of numpy) made plain, and how it will be read."""
    try:
        plain = plain_copy(msgspec.to_builtins(event, enc_hook=plain_copy))
        payload = msgspec.msgpack.encode(plain)
        return payload, decode_event(payload)
    except Exception as e:
        raise StoreError(f"an event cannot be stored: {type(event).__name__}: {e}") from e
