"""Notices a world that gives nothing to measure, before a clean report is made of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from purpose_agent.bench.suite.rows import STUDY, SuiteRow
from purpose_agent.errors import PurposeAgentError

HANDFUL = 5
"""Episodes in which nothing worked, after which no more are played."""


IMPOSSIBLE_TASKS = 20
"""Tasks of a fold that cannot be made, after which no more are tried where none could."""


class NothingMeasuredError(PurposeAgentError):
    """A world gives nothing to measure: whatever is played in it says nothing about any arm."""


@dataclass
class _Seen:
    """What a world did so far.

    Attributes:
        played: episodes in which a step was taken.
        worked: whether any step of them did.
        error: the first one that a step raised.
        graded: whether anything was ever said about how an episode went.
    """

    played: int = 0
    worked: bool = False
    error: str = ""
    graded: bool = False


@dataclass
class _Fold:
    """The tasks of one fold.

    Attributes:
        impossible: seeds of those that could not be made.
        made: whether one could.
        why: the first could not be.
    """

    impossible: set[int] = field(default_factory=set[int])
    made: bool = False
    why: str = ""


class Watch:
    """Looks at every row as it comes.

    Args:
        rows: of earlier sessions.
    """

    def __init__(self, rows: Iterable[SuiteRow] = ()) -> None:
        self._seen: dict[str, _Seen] = {}
        self._folds: dict[tuple[str, str], _Fold] = {}
        for row in rows:
            self._note(row)

    def take(self, row: SuiteRow) -> None:
        """Take in a new row.

        Raises:
            NothingMeasuredError: nothing worked in the first handful of a world's episodes, or none of many tasks of
                a fold could be made.
        """
        self._note(row)
        fold = self._folds.get((row.job.world, row.job.fold))
        if fold is not None and len(fold.impossible) >= IMPOSSIBLE_TASKS:
            _check_fold(row.job.world, row.job.fold, fold)
        seen = self._seen.get(row.job.world)
        if seen is not None and seen.played >= HANDFUL:
            _check(row.job.world, seen)

    def end(self) -> None:
        """All is played.

        Raises:
            NothingMeasuredError: nothing worked in a world that has fewer episodes than a handful, no task of a fold
                could be made, or no episode was graded.
        """
        for (world, name), fold in self._folds.items():
            _check_fold(world, name, fold)
        for world, seen in self._seen.items():
            _check(world, seen)
            if not seen.graded:
                raise NothingMeasuredError(
                    f"no episode in the world {world} was graded: verdict(state) said nothing about any state; it must "
                    "return a Verdict with a score or a success. Mend it, and begin anew in another folder"
                )

    def _note(self, row: SuiteRow) -> None:
        if row.job.kind == STUDY:
            return
        fold = self._folds.setdefault((row.job.world, row.job.fold), _Fold())
        if not row.counts:
            fold.impossible.add(row.job.seed)
            fold.why = fold.why or row.problem
            return
        fold.made = True
        seen = self._seen.setdefault(row.job.world, _Seen())
        seen.played += bool(row.steps)
        seen.worked |= row.steps > row.failed_steps
        seen.error = seen.error or row.step_error
        seen.graded |= row.graded


def _check(world: str, seen: _Seen) -> None:
    if seen.played and not seen.worked:
        raise NothingMeasuredError(
            f"every step of all {seen.played} episodes played in the world {world} failed: {seen.error}; "
            "execute(action, current_state) must return the next State. Mend it, and begin anew in another folder"
        )


def _check_fold(world: str, name: str, fold: _Fold) -> None:
    if fold.impossible and not fold.made:
        raise NothingMeasuredError(
            f"none of {len(fold.impossible)} tasks of the {name} fold could be made by the world {world}: "
            f"{fold.why or 'it did not say why'}. Mend it, and begin anew in another folder"
        )
