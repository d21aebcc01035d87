"""Means over replications, and rank correlation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist, fmean, stdev

import msgspec

from purpose_agent.bench.statistics import CONFIDENCE, wilson


class Mean(msgspec.Struct, frozen=True):
    """A mean with its 95 % interval.

    Attributes:
        value: the mean; NaN without observations.
        low: lower end.
        high: upper end.
        n: observations.
    """

    value: float
    low: float
    high: float
    n: int

    @property
    def half(self) -> float:
        """Half the width of the interval."""
        return (self.high - self.low) / 2


def mean_of(values: Sequence[float]) -> Mean:
    """The mean of independent replications, with Student's interval; all of the line with fewer than two."""
    n = len(values)
    if n < 2:
        value = values[0] if values else math.nan
        return Mean(value, -math.inf, math.inf, n)
    value = fmean(values)
    radius = _t_quantile(n - 1) * stdev(values) / math.sqrt(n)
    return Mean(value, value - radius, value + radius, n)


def share_of(successes: int, n: int) -> Mean:
    """A share with Wilson's interval; NaN when there is nothing to share."""
    return Mean(successes / n if n else math.nan, *wilson(successes, n), n)


def mean_text(mean: Mean, form: str = ".2f") -> str:
    """``.81 ± .01``, or ``-`` when there was nothing to observe."""
    if math.isnan(mean.value):
        return "-"
    radius = format(mean.half, form) if math.isfinite(mean.half) else "∞"
    return f"{format(mean.value, form)} ± {radius}"


def percent_text(mean: Mean) -> str:
    """A share in percent with its interval, or ``-``."""
    if math.isnan(mean.value):
        return "-"
    return f"{100 * mean.value:.1f} % [{100 * mean.low:.1f}, {100 * mean.high:.1f}]"


def rank_correlation(first: Sequence[float], second: Sequence[float]) -> float:
    """Spearman's: Pearson's of the ranks, equal values sharing theirs; 0 when one of them does not vary."""
    a, b = ranks(first), ranks(second)
    mean = (len(a) + 1) / 2
    covariance = math.fsum((x - mean) * (y - mean) for x, y in zip(a, b, strict=True))
    spread = math.sqrt(math.fsum((x - mean) ** 2 for x in a) * math.fsum((y - mean) ** 2 for y in b))
    return covariance / spread if spread > 0 else 0.0


def ranks(values: Sequence[float]) -> list[float]:
    """From 1 for the least; equal values get the mean of their ranks."""
    order = sorted(range(len(values)), key=values.__getitem__)
    found = [0.0] * len(values)
    begin = 0
    while begin < len(order):
        end = begin
        while end < len(order) and values[order[end]] == values[order[begin]]:
            end += 1
        for place in order[begin:end]:
            found[place] = (begin + end + 1) / 2
        begin = end
    return found


def quantile(values: Sequence[float], share: float) -> float:
    """The least value that at least ``share`` of them do not exceed; NaN without any."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else math.nan


def _t_quantile(freedom: int) -> float:
    """Student's two-sided 95 % quantile: exact for one and two degrees, else the expansion of Abramowitz & Stegun
    (1964), 26.7.5, right to 1 % from three on."""
    p = (1 + CONFIDENCE) / 2
    if freedom == 1:
        return math.tan(math.pi * (p - 0.5))
    if freedom == 2:
        return (2 * p - 1) * math.sqrt(2 / (4 * p * (1 - p)))
    z = NormalDist().inv_cdf(p)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
    )
    return z + math.fsum(term / freedom**k for k, term in enumerate(terms, 1))
