"""Intervals and tests for successes counted on few tasks, where the normal approximation misleads.

Sources: Wilson 1927 (score interval of a proportion), McNemar 1947 in its exact form (paired proportions), Tango 1998
(score interval of their difference). Bowyer et al. 2025 (arXiv 2503.01747) show why nothing simpler will do below some
hundred tasks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from statistics import NormalDist

import msgspec

from purpose_agent.calibration import score_interval
from purpose_agent.errors import UsageError

CONFIDENCE = 0.95
"""Coverage of every interval in a report."""


class Proportion(msgspec.Struct, frozen=True):
    """Successes out of tasks.

    Attributes:
        n: tasks.
        successes: of them.
        rate: successes / n, 0 when there are no tasks.
        low: lower end of the 95 % Wilson interval.
        high: its upper end.
    """

    n: int
    successes: int
    rate: float
    low: float
    high: float


class PairedDifference(msgspec.Struct, frozen=True):
    """The success rate of one arm minus that of another on the same tasks.

    Attributes:
        n: tasks that both played.
        only_first: tasks that only the first arm solved.
        only_second: tasks that only the second arm solved.
        difference: (only_first − only_second) / n, 0 when there are no tasks.
        low: lower end of the 95 % interval.
        high: its upper end.
        p: two-sided, of the hypothesis that the two are equally likely to solve a task.
    """

    n: int
    only_first: int
    only_second: int
    difference: float
    low: float
    high: float
    p: float

    @property
    def is_evidence(self) -> bool:
        """Whether the arms differ: the interval excludes 0 and the exact test agrees."""
        return self.p <= 1 - CONFIDENCE and not self.low <= 0 <= self.high


class Line(msgspec.Struct, frozen=True):
    """A straight line fitted by least squares.

    Attributes:
        slope: change of y per unit of x.
        intercept: y at x = 0.
        error: standard error of the slope; 0 when there are fewer than three points.
    """

    slope: float
    intercept: float
    error: float


def proportion(outcomes: Sequence[bool]) -> Proportion:
    """The share of successes with its Wilson score interval."""
    n, successes = len(outcomes), sum(outcomes)
    low, high = wilson(successes, n)
    return Proportion(n, successes, successes / n if n else 0.0, low, high)


def wilson(successes: int, n: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """The score interval of a proportion (Wilson 1927, J. Am. Stat. Assoc. 22:209); (0, 1) without observations.

    Raises:
        UsageError: not 0 ≤ successes ≤ n, or a confidence outside (0, 1).
    """
    if not 0 <= successes <= n:
        raise UsageError(f"successes must be in [0, n], got {successes!r} of n={n!r}")
    return score_interval(successes / n if n else 0.0, n, confidence)


def paired_difference(first: Sequence[bool], second: Sequence[bool]) -> PairedDifference:
    """Compare two arms on the same tasks.

    Args:
        first: outcome of each task in one arm.
        second: outcome of the same tasks, in the same order, in the other.

    Raises:
        UsageError: they are not equally many.
    """
    if len(first) != len(second):
        raise UsageError(f"paired outcomes must be equally many, got {len(first)} and {len(second)}")
    n = len(first)
    only_first = sum(a and not b for a, b in zip(first, second, strict=True))
    only_second = sum(b and not a for a, b in zip(first, second, strict=True))
    low, high = tango(only_first, only_second, n)
    return PairedDifference(
        n=n,
        only_first=only_first,
        only_second=only_second,
        difference=(only_first - only_second) / n if n else 0.0,
        low=low,
        high=high,
        p=mcnemar(only_first, only_second),
    )


def mcnemar(only_first: int, only_second: int) -> float:
    """The exact two-sided p of McNemar's test: a sign test on the tasks that only one arm solved.

    Source: McNemar 1947, Psychometrika 12:153; the exact form is a binomial test with probability 1/2.
    """
    total, fewer = only_first + only_second, min(only_first, only_second)
    tail = sum(math.comb(total, k) for k in range(fewer + 1))
    return min(1.0, 2 * tail / 2**total)


def tango(only_first: int, only_second: int, n: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """The score interval of a difference of paired proportions; (-1, 1) without observations.

    Source: Tango 1998, Statistics in Medicine 17:891: all differences that the score test does not reject. It holds
    its coverage with few tasks and where the arms agree on all of them.

    Raises:
        UsageError: negative counts, or more discordant tasks than tasks.
    """
    if min(only_first, only_second) < 0 or only_first + only_second > n:
        raise UsageError(f"impossible counts: {only_first!r} and {only_second!r} of n={n!r}")
    z = _quantile(confidence)
    if n == 0:
        return -1.0, 1.0
    observed = (only_first - only_second) / n

    def score(difference: float) -> float:
        return _tango_score(only_first, only_second, n, difference)

    low = _bisect(lambda d: score(d) > z, -1.0, observed)
    high = _bisect(lambda d: score(d) >= -z, observed, 1.0)
    return low, high


def _tango_score(b: int, c: int, n: int, difference: float) -> float:
    """Tango's statistic: how far the observed difference lies above ``difference``, in standard errors.

    ``q`` is the most likely share of tasks that only the second arm solves, given the difference.
    """
    linear = -b - c + (2 * n - b + c) * difference
    root = math.sqrt(max(0.0, linear * linear + 8 * n * c * difference * (1 - difference)))
    q = (root - linear) / (4 * n)
    variance = n * (2 * q + difference * (1 - difference))
    distance = b - c - n * difference
    if variance <= 1e-12:
        return 0.0 if abs(distance) <= 1e-9 else math.copysign(math.inf, distance)
    return distance / math.sqrt(variance)


def _bisect(holds: Callable[[float], bool], low: float, high: float) -> float:
    """Where ``holds`` turns from True to False between ``low`` and ``high``."""
    for _ in range(60):
        middle = (low + high) / 2
        if holds(middle):
            low = middle
        else:
            high = middle
    return (low + high) / 2


def moving_rate(outcomes: Sequence[bool], window: int) -> list[float]:
    """After each task: the share of successes among the last ``window`` tasks, or among all so far if fewer.

    Raises:
        UsageError: a window below 1.
    """
    if window < 1:
        raise UsageError(f"window must be at least 1, got {window!r}")
    return [
        sum(outcomes[max(0, end - window) : end]) / min(window, end) for end in range(1, len(outcomes) + 1)
    ]


def cumulative_rate(outcomes: Sequence[bool]) -> list[float]:
    """After each task: the share of successes so far."""
    return moving_rate(outcomes, max(1, len(outcomes)))


def fit_line(points: Sequence[tuple[float, float]]) -> Line:
    """The least-squares line through points (x, y); flat through their mean when x does not vary."""
    n = len(points)
    if n == 0:
        return Line(0.0, 0.0, 0.0)
    mean_x, mean_y = (math.fsum(p[i] for p in points) / n for i in (0, 1))
    spread = math.fsum((x - mean_x) ** 2 for x, _ in points)
    if spread <= 1e-12:
        return Line(0.0, mean_y, 0.0)
    slope = math.fsum((x - mean_x) * (y - mean_y) for x, y in points) / spread
    intercept = mean_y - slope * mean_x
    rest = math.fsum((y - intercept - slope * x) ** 2 for x, y in points)
    return Line(slope, intercept, math.sqrt(rest / (n - 2) / spread) if n > 2 else 0.0)


def _quantile(confidence: float) -> float:
    if not 0 < confidence < 1:
        raise UsageError(f"confidence must be between 0 and 1, got {confidence!r}")
    return NormalDist().inv_cdf((1 + confidence) / 2)
