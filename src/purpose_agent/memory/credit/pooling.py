"""What is believed of an item's uplift: a prior that it borrows from its kin, sharpened by its own trials.

An empirical-Bayes normal model, as in random-effects meta-analysis (DerSimonian & Laird 1986; Efron & Morris 1975).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import erf, sqrt

_LEAST_SD, _MOST_SD = 0.05, 0.4
_OWN_WEIGHT = 3.0  # items that the group's own prior counts for


@dataclass(frozen=True)
class Belief:
    """A normal distribution of an uplift.

    Attributes:
        mean: in units of success rate.
        variance: above 0.
    """

    mean: float
    variance: float

    @property
    def sd(self) -> float:
        """The standard deviation."""
        return sqrt(self.variance)

    @property
    def helps(self) -> float:
        """The probability that the uplift is above 0."""
        return 0.5 * (1.0 + erf(self.mean / (self.sd * sqrt(2.0))))

    def given(self, likelihood: Belief | None) -> Belief:
        """The posterior after an independent estimate; itself when there is none."""
        if likelihood is None:
            return self
        precision = 1.0 / self.variance + 1.0 / likelihood.variance
        mean = (self.mean / self.variance + likelihood.mean / likelihood.variance) / precision
        return Belief(mean, 1.0 / precision)

    def widened(self, sd: float) -> Belief:
        """The same mean, less certain: for what is like it and not the same."""
        return Belief(self.mean, self.variance + sd * sd)


def pooled(prior: Belief, estimates: Iterable[Belief]) -> Belief:
    """The distribution of a group's uplifts, for a member of which nothing is known yet.

    Args:
        prior: what is assumed of a group without members.
        estimates: of its members, from their trials alone.
    """
    known = list(estimates)
    spread = prior.variance
    weights = [1.0 / (spread + estimate.variance) for estimate in known]
    total = _OWN_WEIGHT / spread + sum(weights)
    mean = _OWN_WEIGHT / spread * prior.mean
    mean += sum(w * estimate.mean for w, estimate in zip(weights, known, strict=True))
    mean /= total
    # what members differ by beyond their own noise; one that is hardly known says hardly anything of it
    shares = [(spread / (spread + estimate.variance)) ** 2 for estimate in known]
    excess = sum(s * ((e.mean - mean) ** 2 - e.variance) for s, e in zip(shares, known, strict=True))
    variance = (_OWN_WEIGHT * spread + excess) / (_OWN_WEIGHT + sum(shares))
    return Belief(mean, min(_MOST_SD**2, max(_LEAST_SD**2, variance)))
