"""What a caller may ask of a run: checked, and made plain, before anything is started."""

from __future__ import annotations

from typing import Any

import msgspec

from purpose_agent.errors import UsageError
from purpose_agent.freeze import plain_copy
from purpose_agent.numeric import plain, real, whole

MAX_PURPOSE_CHARS = 20_000
"""A longer purpose would not leave a model room for anything else."""


def check_task(purpose: Any, max_steps: Any, early_stop_phi: Any) -> None:
    """Refuse arguments of a task that cannot be meant.

    Raises:
        UsageError: naming the value and the remedy.
    """
    if not isinstance(purpose, str):
        raise UsageError(f"purpose must be a str, got {type(purpose).__name__}: {purpose!r:.80}")
    if not purpose.strip():
        raise UsageError("purpose is empty; say in words what the agent should achieve")
    if len(purpose) > MAX_PURPOSE_CHARS:
        raise UsageError(
            f"purpose has {len(purpose)} characters, at most {MAX_PURPOSE_CHARS} are allowed; "
            "put long material into the state instead"
        )
    steps = whole(max_steps)
    if steps is None or steps < 1:
        raise UsageError(f"max_steps must be a whole number of at least 1, below 2**64, got {max_steps!r}")
    phi = real(early_stop_phi)
    if phi is None or phi != phi:
        raise UsageError(
            f"early_stop_phi must be a number (above 10 never stops early), got {early_stop_phi!r}"
        )


def checked_seed(seed: Any) -> int | None:
    """The seed of a task; None for none.

    Raises:
        UsageError: it is no whole number, or one that cannot be stored.
    """
    number = None if seed is None else whole(seed)
    if number is None and seed is not None:
        raise UsageError(f"seed must be a whole number of at most 64 bits, or None, got {seed!r:.80}")
    return number


def checked_options(options: Any) -> dict[str, Any] | None:
    """What is passed to an environment's ``reset``; None for nothing.

    Raises:
        UsageError: it is no dict with texts as keys, or holds something that cannot be stored, so that the task could
            not be played again.
    """
    if options is None:
        return None
    if not isinstance(options, dict):
        raise UsageError(f"options must be a dict or None, got {type(options).__name__}: {options!r:.80}")
    try:
        _read_options(msgspec.msgpack.encode(options))
    except msgspec.ValidationError as e:  # a key that is no text
        raise UsageError(f"options must be a dict with texts as keys ({e}), got {options!r:.200}") from e
    except Exception:
        try:
            _read_options(msgspec.msgpack.encode(plain_copy(msgspec.to_builtins(options))))
        except Exception as e:
            raise UsageError(
                f"options must be a dict of JSON-able values with texts as keys ({e}), got {options!r:.200}"
            ) from e
    return options  # pyright: ignore[reportUnknownVariableType]  # just looked at


_read_options = msgspec.msgpack.Decoder(dict[str, Any]).decode


def checked_text(name: str, text: Any) -> str | None:
    """A text or None.

    Raises:
        UsageError: it is something else.
    """
    if text is not None and not isinstance(text, str):
        raise UsageError(f"{name} must be a str or None, got {type(text).__name__}: {text!r:.80}")
    return text


def checked_switch(name: str, switch: Any) -> bool:
    """True or False.

    Raises:
        UsageError: it is something else.
    """
    switch = plain(switch)
    if not isinstance(switch, bool):
        raise UsageError(f"{name} must be True or False, got {type(switch).__name__}: {switch!r:.80}")
    return switch
