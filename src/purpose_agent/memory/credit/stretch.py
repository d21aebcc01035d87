"""The trials of one item over a stretch of time, folded in their order.

An item is shown (z = 1) with propensity e or withheld (z = 0); the episode ends with outcome y where m was to be
expected. The augmented inverse-propensity score of a trial (AIPW; Robins, Rotnitzky & Zhao 1994) with one outcome model
for both arms is (z − e)(y − m) / (e (1 − e)). Its mean is the effect whatever m is, because e is known: doubly robust.
Scores are averaged with the overlap weights w = e (1 − e) (Li, Morgan & Zaslavsky 2018), which bounds every term and,
where both arms vary alike, makes the mean the most precise one. The uplift is then Σ(z − e)(y − m) / Σ e (1 − e), the
effect in the trials that could tell it.

Where a critic and not a verifier judged the outcome, it shows only a part of the effect, its informedness J =
sensitivity + specificity − 1 (Rogan & Gladen 1978): such a trial weighs e (1 − e) J.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from purpose_agent.memory.credit.martingale import Martingale
from purpose_agent.memory.credit.pooling import Belief
from purpose_agent.store.base import Trial
from purpose_agent.types import Uplift

LEVEL = 0.05
"""One less the coverage of the intervals."""

OUTCOME_VARIANCE = 0.25
"""Of an outcome, before there are enough trials to tell: that of a fair coin, the greatest there is."""

_VARIANCE_TRIALS = 10.0  # that it counts for


@dataclass
class Stretch:
    """A fold over trials.

    Attributes:
        n: trials.
        weight: Σ e (1 − e) J.
        spread: Σ e (1 − e).
        squares: Σ ((z − e)(y − m))².
        sums: Σ (z − e)(y − m), with its bound.
    """

    n: int = 0
    weight: float = 0.0
    spread: float = 0.0
    squares: float = 0.0
    sums: Martingale = field(default_factory=Martingale)

    def add(self, trial: Trial) -> None:
        """Take in a trial."""
        e = trial.propensity
        x, bound = score(trial)
        self.n += 1
        self.weight += e * (1.0 - e) * trial.informedness
        self.spread += e * (1.0 - e)
        self.squares += x * x
        self.sums.add(x, bound)

    def uplift(self, level: float = LEVEL) -> Uplift | None:
        """The uplift; its interval covers it at every look with a chance of 1 − ``level``. None without trials."""
        if not self.n:
            return None
        mean = self.sums.total / self.weight
        radius = self.sums.deviation(level / 2) / self.weight
        return Uplift(_clipped(mean), _clipped(mean - radius), _clipped(mean + radius), self.n)

    @property
    def likelihood(self) -> Belief | None:
        """The uplift as the trials alone have it: a mean with the variance of that mean; None without trials."""
        if not self.n:
            return None
        # with few trials the squares tell little: hold them against those of a coin
        share = self.n / (self.n + _VARIANCE_TRIALS)
        variance = share * self.squares + (1.0 - share) * OUTCOME_VARIANCE * self.spread
        return Belief(self.sums.total / self.weight, variance / self.weight**2)


def score(trial: Trial) -> tuple[float, float]:
    """(z − e)(y − m) of a trial, and the bound on its size that was known beforehand."""
    e, m = trial.propensity, trial.baseline
    return (float(trial.shown) - e) * (trial.outcome - m), max(e, 1.0 - e) * max(m, 1.0 - m)


def _clipped(x: float) -> float:
    return max(-1.0, min(1.0, x))
