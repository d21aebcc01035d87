"""What is a number: in Python a bool is an int, to a user it is not."""

from __future__ import annotations

from typing import TypeGuard


def is_whole(value: object) -> TypeGuard[int]:
    """Whether a value is a whole number."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: object) -> TypeGuard[float]:
    """Whether a value is a number; NaN and the infinities are."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)
