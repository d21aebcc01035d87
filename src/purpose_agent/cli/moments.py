"""Points in time for people and for programs."""

from __future__ import annotations

from datetime import UTC, datetime


def local_time(seconds: float) -> str:
    """``2026-03-01 14:05`` in the user's time zone; ``-`` for a number that is no time."""
    try:
        return datetime.fromtimestamp(seconds).strftime("%Y-%m-%d %H:%M")
    except (ValueError, OverflowError, OSError):
        return "-"


def iso_time(seconds: float) -> str | None:
    """ISO 8601 in UTC; None for a number that is no time."""
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
    except (ValueError, OverflowError, OSError):
        return None
