"""What may go into a column: text that UTF-8 can hold, and numbers that are numbers."""

from __future__ import annotations

import math

from purpose_agent.errors import StoreError
from purpose_agent.freeze import encodable


def text(value: object) -> str:
    """Any value as text; lone surrogates are escaped."""
    return encodable(str(value))


def fraction(name: str, value: float) -> float:
    """A number in [0, 1].

    Raises:
        StoreError: it is not.
    """
    if not 0.0 <= value <= 1.0:  # NaN fails the comparison too
        raise StoreError(f"{name} must be a number in [0, 1], got {value!r}")
    return float(value)


def number(name: str, value: float) -> float:
    """A finite number.

    Raises:
        StoreError: it is not.
    """
    if not math.isfinite(value):
        raise StoreError(f"{name} must be a finite number, got {value!r}")
    return float(value)
