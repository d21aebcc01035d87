"""What is a number: in Python a bool is an int, to a user it is not."""

from __future__ import annotations

import operator
from typing import Any, TypeGuard

LEAST_WHOLE, MOST_WHOLE = -(2**63), 2**64 - 1
"""Bounds of the whole numbers that can be stored."""


def is_whole(value: object) -> TypeGuard[int]:
    """Whether a value is a whole number."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: object) -> TypeGuard[float]:
    """Whether a value is a number; NaN and the infinities are."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def plain(value: Any) -> Any:
    """What a scalar of numpy (or of anything that is made like it) holds; any other value as it is."""
    item: Any = getattr(value, "item", None)
    return item() if callable(item) and getattr(value, "ndim", None) == 0 else value


def whole(value: Any) -> int | None:
    """The value as an int that can be stored, None where it is none; integers of numpy are."""
    if isinstance(value, bool):
        return None
    try:
        number = operator.index(value)
    except TypeError:
        return None
    return number if LEAST_WHOLE <= number <= MOST_WHOLE else None


def real(value: Any) -> float | None:
    """The value as a float, None where it is none; numbers of numpy are, NaN and the infinities too."""
    value = plain(value)
    try:
        return float(value) if is_number(value) else None
    except OverflowError:
        return None
