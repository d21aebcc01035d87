"""Intervals for successes counted on few tasks, where the normal approximation misleads.

Sources: Wilson 1927 (score interval of a proportion), Tango 1998 (score interval of the difference of paired ones).
Bowyer et al. 2025 (arXiv 2503.01747) show why nothing simpler will do below some hundred tasks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from statistics import NormalDist

from purpose_agent.calibration import score_interval
from purpose_agent.errors import UsageError

CONFIDENCE = 0.95
"""Coverage of every interval in a report."""


def wilson(successes: int, n: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """The score interval of a proportion (Wilson 1927, J. Am. Stat. Assoc. 22:209); (0, 1) without observations.

    Raises:
        UsageError: not 0 ≤ successes ≤ n, or a confidence outside (0, 1).
    """
    if not 0 <= successes <= n:
        raise UsageError(f"successes must be in [0, n], got {successes!r} of n={n!r}")
    return score_interval(successes / n if n else 0.0, n, confidence)


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


def student(freedom: int, confidence: float = CONFIDENCE) -> float:
    """How many standard errors a two-sided interval reaches by Student's t.

    Source: Abramowitz & Stegun 1964, 26.7.3 and 26.7.4: the finite series for a whole number of degrees of freedom.

    Raises:
        UsageError: no degree of freedom, or a confidence outside (0, 1).
    """
    if freedom < 1:
        raise UsageError(f"there must be at least one degree of freedom, got {freedom!r}")
    normal = _quantile(confidence)
    if freedom > 1000:  # the series is long, and the difference below .2 %
        return normal
    far = normal
    while _within(far, freedom) < confidence:
        far *= 2
    return _bisect(lambda t: _within(t, freedom) < confidence, 0.0, far)


def _within(t: float, freedom: int) -> float:
    """The chance that Student's t lies within ±``t``."""
    angle = math.atan(t / math.sqrt(freedom))
    odd = freedom % 2
    term, squared = math.cos(angle) if odd else 1.0, math.cos(angle) ** 2
    total = 0.0
    for k in range(1 + odd, freedom, 2):
        total += term
        term *= squared * k / (k + 1)
    total *= math.sin(angle)
    return 2 / math.pi * (angle + total) if odd else total


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


def _quantile(confidence: float) -> float:
    if not 0 < confidence < 1:
        raise UsageError(f"confidence must be between 0 and 1, got {confidence!r}")
    return NormalDist().inv_cdf((1 + confidence) / 2)
