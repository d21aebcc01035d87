"""Notices a world that gives nothing to measure, before a clean report is made of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from purpose_agent.bench.suite.rows import STUDY, SuiteRow
from purpose_agent.errors import PurposeAgentError

HANDFUL = 5
"""Episodes in which nothing worked, after which no more are played."""


class NothingMeasuredError(PurposeAgentError):
    """A world gives nothing to measure: whatever is played in it says nothing about any arm."""


@dataclass
class _Seen:
    """What a world did so far.

    Attributes:
        played: episodes in which a step was taken.
        worked: whether any step of them did.
        error: the first one that a step raised.
    """

    played: int = 0
    worked: bool = False
    error: str = ""


class Watch:
    """Looks at every row as it comes.

    Args:
        rows: of earlier sessions.
    """

    def __init__(self, rows: Iterable[SuiteRow] = ()) -> None:
        self._seen: dict[str, _Seen] = {}
        for row in rows:
            self._note(row)

    def take(self, row: SuiteRow) -> None:
        """Take in a new row.

        Raises:
            NothingMeasuredError: nothing worked in the first handful of a world's episodes.
        """
        self._note(row)
        seen = self._seen.get(row.job.world)
        if seen is not None and seen.played >= HANDFUL:
            _check(row.job.world, seen)

    def end(self) -> None:
        """All is played.

        Raises:
            NothingMeasuredError: nothing worked in a world that has fewer episodes than a handful.
        """
        for world, seen in self._seen.items():
            _check(world, seen)

    def _note(self, row: SuiteRow) -> None:
        if row.job.kind == STUDY:
            return
        seen = self._seen.setdefault(row.job.world, _Seen())
        seen.played += bool(row.steps)
        seen.worked |= row.steps > row.failed_steps
        seen.error = seen.error or row.step_error


def _check(world: str, seen: _Seen) -> None:
    if seen.played and not seen.worked:
        raise NothingMeasuredError(
            f"every step of all {seen.played} episodes played in the world {world} failed: {seen.error}; "
            "execute(action, current_state) must return the next State. Mend it, and begin anew in another folder"
        )
