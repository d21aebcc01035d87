"""Sums of bounded noise, and how far they may stray: bounds that hold at every look, without any assumption.

Let x₁, x₂, … be bounded, |xᵢ| ≤ cᵢ with cᵢ known beforehand, and μᵢ the mean of xᵢ given the past. For each rate λ with
λ cᵢ < 1, exp(λ Σ(xᵢ − μᵢ) − Σ ψ(λ, cᵢ) xᵢ²), ψ(λ, c) = (−log(1 − λc) − λc) / c², is a nonnegative supermartingale
(Fan, Grama & Liu 2015, with the prediction 0; the empirical Bernstein bound of Howard, Ramdas, McAuliffe & Sekhon 2021,
"Time-uniform, nonparametric, nonasymptotic confidence sequences", theorem 4). So is a mixture over a few rates, and by
Ville's inequality it ever exceeds 1/α with a chance of at most α. The μᵢ may change as they like.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import exp, log

RATES: tuple[float, ...] = tuple(0.9 / 2**k for k in range(8))
"""The λ of the mixture: from sharp for a few large effects to sharp for small ones over many thousands of trials."""

_LOG_SHARE = -log(len(RATES))
_NEWTON_STEPS = 30
_CLOSE = 1e-9


def cost(rate: float, bound: float) -> float:
    """ψ(λ, c): what a squared observation costs at a rate."""
    x = rate * bound
    return (-log(1.0 - x) - x) / (bound * bound)


@dataclass
class Martingale:
    """A running sum with what its mixture has paid for the noise.

    Attributes:
        total: Σ xᵢ.
        costs: for each of `RATES`, Σ ψ(λ, cᵢ) xᵢ².
    """

    total: float = 0.0
    costs: list[float] = field(default_factory=lambda: [0.0] * len(RATES))

    def add(self, x: float, bound: float) -> None:
        """Take in an observation.

        Args:
            x: within ±``bound``.
            bound: in (0, 1], fixed before ``x`` was known.
        """
        square = x * x
        self.total += x
        for k, rate in enumerate(RATES):
            self.costs[k] += cost(rate, bound) * square

    def log_wealth(self, direction: int = 1) -> float:
        """The log of an e-value against "no mean was ever above 0" (for -1: below 0)."""
        total = direction * self.total
        return log_mean_exp([rate * total - paid for rate, paid in zip(RATES, self.costs, strict=True)])

    def deviation(self, level: float) -> float:
        """The least u for which Σ(xᵢ − μᵢ) ever exceeds u with a chance of at most ``level``; in either direction."""
        wanted = -log(level)
        # Newton's method on a convex rising function, from a point above: every step stays above the answer
        u = min((paid + wanted - _LOG_SHARE) / rate for rate, paid in zip(RATES, self.costs, strict=True))
        for _ in range(_NEWTON_STEPS):
            value, slope = self._log_wealth_and_slope(u)
            step = (value - wanted) / slope
            u -= step
            if step <= _CLOSE * u:
                break
        return u

    def _log_wealth_and_slope(self, total: float) -> tuple[float, float]:
        """What the log of the e-value would be at a sum, and by how much it rises there: a mean of the rates."""
        logs = [rate * total - paid for rate, paid in zip(RATES, self.costs, strict=True)]
        most = max(logs)
        shares = [exp(value - most) for value in logs]
        whole = sum(shares)
        slope = sum([rate * share for rate, share in zip(RATES, shares, strict=True)]) / whole
        return most + log(whole) + _LOG_SHARE, slope


def log_mean_exp(values: list[float]) -> float:
    """log of the mean of the exponentials of as many values as there are `RATES`."""
    most = max(values)
    return most + log(sum([exp(value - most) for value in values])) + _LOG_SHARE
