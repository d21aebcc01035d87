"""What the bundled worlds check alike: settings, seeds and commands, refused in one wording with the remedy."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import Any

from purpose_agent.errors import UsageError
from purpose_agent.numeric import is_whole


def check_known(name: str, value: object, known: Iterable[str]) -> str:
    """One of the known values of a setting.

    Raises:
        UsageError: it is none of them.
    """
    choices = tuple(known)
    if not isinstance(value, str) or value not in choices:
        raise UsageError(f"{name}={value!r} is not known; choose one of {', '.join(choices)}")
    return value


def check_at_least_one(name: str, value: object) -> int:
    """A whole number above 0.

    Raises:
        UsageError: it is none.
    """
    if not is_whole(value) or value < 1:
        raise UsageError(f"{name}={value!r} must be a whole number above 0")
    return value


def check_flag(name: str, value: object) -> bool:
    """A truth value.

    Raises:
        UsageError: it is none.
    """
    if not isinstance(value, bool):
        raise UsageError(f"{name}={value!r} must be true or false")
    return value


def asked_seed(seed: object, option: object, turn: int) -> Any:
    """The seed of an episode, not yet checked: ``reset``'s argument, else its option, else the one whose turn it is.

    Raises:
        UsageError: argument and option are given and differ.
    """
    if seed is not None and option is not None and seed != option:
        raise UsageError(f"seed={seed!r} and options['seed']={option!r} differ; give one of them")
    return next(s for s in (seed, option, turn) if s is not None)


def check_admissible(command: str, admissible: Sequence[str]) -> None:
    """A command that may be given.

    Raises:
        UsageError: it is not among them; near ones are named.
    """
    if command in admissible:
        return
    if not admissible:
        raise UsageError(f"{command!r} is not possible: the episode is over")
    hint = meant(command, admissible) or f"for instance {admissible[0]!r} is"
    raise UsageError(f"{command!r} is not admissible here; {hint} ({len(admissible)} commands are)")


def meant(command: str, listed: Sequence[str]) -> str:
    """Asks whether one of the listed commands that are near to it was meant; nothing where none is."""
    near = difflib.get_close_matches(command, listed, n=3, cutoff=0.3)
    return f"did you mean {', '.join(map(repr, near))}?" if near else ""
