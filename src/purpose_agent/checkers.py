"""Checkers: a user's own ground truth, as functions of a state, and how several make one.

A checker returns a `Verdict`, or None for what it cannot tell. Combinations follow Kleene's three-valued logic: what
depends on something unknown is unknown.

===========  =====================================================  ==============================================
             success                                                score
===========  =====================================================  ==============================================
`all_of`     False if one is, True if all are, else unknown         the least; 0 if one is 0
`any_of`     True if one is, False if all are, else unknown         the greatest; 1 if one is 1
`weighted`   as `all_of`                                            the weighted mean; a bare False counts 0
===========  =====================================================  ==============================================

Scores count as `Verdict.progress` does: a success without a score is 1. Where a member's score is not told, that of the
combination is not told either, save for the two cases in the table.
"""

from __future__ import annotations

import asyncio
import math
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol, cast

from purpose_agent import bridge
from purpose_agent.cancellation import is_cancelled
from purpose_agent.errors import PurposeAgentError, UsageError, describe_error
from purpose_agent.numeric import is_number
from purpose_agent.types import State, Verdict


class Checker(Protocol):
    """A function of a state to a verdict on it; any callable that does this will do, async ones too.

    It gets a snapshot, which cannot be changed. One that raises, or returns anything else, has no opinion about that
    state; the failure is journalled and the run goes on.
    """

    def __call__(self, state: State, /) -> Verdict | Awaitable[Verdict | None] | None:
        """The verdict on ``state``; None where it cannot tell."""
        ...


Report = Callable[[Exception], None]
"""Called with whatever a checker raises."""


class Combination(ABC):
    """Several checkers that make one; it is a checker itself.

    Args:
        members: what it is made of.

    Raises:
        UsageError: there are none, or one of them is not callable.
    """

    def __init__(self, members: Sequence[Checker]) -> None:
        if not members:
            raise UsageError(f"{type(self).__name__} needs at least one checker")
        self.members = tuple(_callable(member) for member in members)

    async def __call__(self, state: State, /) -> Verdict | None:
        """The verdict of the combination; a member that fails counts as unknown."""
        return await self.ask(state, _ignore, in_thread=False)

    async def ask(self, state: State, report: Report, *, in_thread: bool) -> Verdict | None:
        """The same, and what members raise is reported."""
        verdicts = [await check(member, state, report, in_thread=in_thread) for member in self.members]
        score, success = self.score(verdicts), self.success([v.success if v else None for v in verdicts])
        if score is None and success is None:
            return None
        return Verdict(score, success, "; ".join(v.reason for v in verdicts if v is not None and v.reason))

    @abstractmethod
    def score(self, verdicts: Sequence[Verdict | None]) -> float | None:
        """The combined score."""

    def success(self, told: Sequence[bool | None]) -> bool | None:
        """The combined success: that of all."""
        return False if False in told else None if None in told else True


class _AllOf(Combination):
    def score(self, verdicts: Sequence[Verdict | None]) -> float | None:
        known = _progress(verdicts)
        return 0.0 if 0.0 in known else None if None in known else min(p for p in known if p is not None)


class _AnyOf(Combination):
    def score(self, verdicts: Sequence[Verdict | None]) -> float | None:
        known = _progress(verdicts)
        return 1.0 if 1.0 in known else None if None in known else max(p for p in known if p is not None)

    def success(self, told: Sequence[bool | None]) -> bool | None:
        return True if True in told else None if None in told else False


class _Weighted(Combination):
    def __init__(self, pairs: Sequence[tuple[Checker, float]]) -> None:
        super().__init__([checker for checker, _ in pairs])
        self._weights = [weight for _, weight in pairs]

    def score(self, verdicts: Sequence[Verdict | None]) -> float | None:
        total = 0.0
        for verdict, weight in zip(verdicts, self._weights, strict=True):
            progress = None if verdict is None else verdict.progress
            if progress is None and (verdict is None or verdict.success is not False):
                return None
            total += weight * (progress or 0.0)
        return min(1.0, total / math.fsum(self._weights))


def all_of(*checkers: Checker) -> Combination:
    """A checker that is content when all are; its score is the least of theirs.

    Raises:
        UsageError: there is none, or one of them is not callable.
    """
    return _AllOf(checkers)


def any_of(*checkers: Checker) -> Combination:
    """A checker that is content when one is; its score is the greatest of theirs.

    Raises:
        UsageError: there is none, or one of them is not callable.
    """
    return _AnyOf(checkers)


def weighted(checkers: Mapping[Checker, float] | Iterable[tuple[Checker, float]]) -> Combination:
    """A checklist: content when all are; its score is the weighted mean of theirs, a bare False counting 0.

    Args:
        checkers: each with its weight, above 0.

    Raises:
        UsageError: there is none, one of them is not callable, or a weight is not a positive number.
    """
    given = cast("Any", checkers)
    try:
        listed: list[Any] = list(given.items() if hasattr(given, "items") else given)
        pairs: list[tuple[Checker, float]] = [(checker, weight) for checker, weight in listed]
    except (TypeError, ValueError):
        raise UsageError(
            f"weighted needs a dict of checkers to weights or pairs, got {checkers!r:.80}"
        ) from None
    for checker, weight in pairs:
        if not (is_number(weight) and 0 < weight < math.inf):
            raise UsageError(f"the weight of {name_of(checker)} must be a positive number, got {weight!r}")
    return _Weighted(pairs)


def one_checker(given: Checker | Iterable[Checker] | None) -> Checker | None:
    """What a user gave as checkers, as one: a sequence means all of them, and an empty one none.

    Raises:
        UsageError: something in it is not callable.
    """
    if given is None:
        return None
    if isinstance(given, Iterable) and not callable(given):
        several = list(given)
        if len(several) != 1:
            return all_of(*several) if several else None
        given = several[0]
    return _callable(given)


class CheckerError(PurposeAgentError):
    """A checker raised, or returned something that is no verdict."""


async def check(checker: Checker, state: State, report: Report, *, in_thread: bool) -> Verdict | None:
    """What a checker says about a state; None where it cannot tell, or fails.

    Args:
        checker: who is asked.
        state: a snapshot.
        report: called with whatever it raises.
        in_thread: whether a blocking checker runs in a worker thread.
    """
    if isinstance(checker, Combination):
        return await checker.ask(state, report, in_thread=in_thread)
    try:
        verdict: Any = await bridge.call(checker, state, in_thread=in_thread)
        if verdict is not None and not isinstance(verdict, Verdict):
            raise TypeError(
                f"it must return a Verdict or None, got {type(verdict).__name__}: {verdict!r:.80}"
            )
    except Exception as e:
        report(CheckerError(f"{name_of(checker)}: {describe_error(e)}"))
        return None
    except asyncio.CancelledError:
        if is_cancelled():
            raise
        report(CheckerError(f"{name_of(checker)}: it was cancelled from within"))
        return None
    return verdict


def _callable(member: Any) -> Checker:
    if not callable(member):
        raise UsageError(
            f"a checker must be callable with a State, got {type(member).__name__}: {member!r:.80}"
        )
    return cast("Checker", member)


def name_of(checker: Any) -> str:
    """What to call a checker in a message."""
    return str(getattr(checker, "__name__", None) or type(checker).__name__)


def _progress(verdicts: Sequence[Verdict | None]) -> list[float | None]:
    return [None if verdict is None else verdict.progress for verdict in verdicts]


def _ignore(_error: Exception) -> None:
    """Nobody asked."""
