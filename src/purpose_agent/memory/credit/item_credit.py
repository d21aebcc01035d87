"""What one item's trials say: its uplift, whether it is proven, and whether it has begun to do harm.

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
from math import exp, log, sqrt

from purpose_agent.memory.credit.martingale import RATES, Martingale, cost, log_mean_exp
from purpose_agent.memory.credit.pooling import Belief
from purpose_agent.store.base import Trial
from purpose_agent.types import Uplift

LEVEL = 0.05
"""One less the coverage of the intervals."""

DRIFT_AFTER = log(100.0)
"""Log evidence that harm has begun after which an item starts anew. At worst, when its effect is 0, an item is stopped
wrongly once in more than a hundred trials in the mean (e-detectors; Shin, Ramdas & Rinaldo 2023)."""

_VARIANCE = 0.25  # of an outcome, before there are enough trials to tell
_VARIANCE_TRIALS = 10.0  # that it counts for
_FAST, _SLOW = 0.2, 0.03  # memory of recent outcomes
_SUSPICION = 2.5  # standard deviations


@dataclass
class ItemCredit:
    """The trials of one item, folded in their order.

    Attributes:
        shown: trials in which it was shown, of all times; ``shown_succeeded`` of them succeeded.
        withheld: trials in which it was withheld; ``withheld_succeeded`` of them succeeded.
        epoch: how often it began anew after doing harm; all that follows is of the present epoch.
        n: trials.
        weight: Σ e (1 − e) J.
        spread: Σ e (1 − e).
        squares: Σ ((z − e)(y − m))².
        sums: Σ (z − e)(y − m), with its bound.
    """

    shown: int = 0
    shown_succeeded: int = 0
    withheld: int = 0
    withheld_succeeded: int = 0
    epoch: int = 0
    n: int = 0
    weight: float = 0.0
    spread: float = 0.0
    squares: float = 0.0
    sums: Martingale = field(default_factory=Martingale)
    _harm: list[float] = field(default_factory=lambda: [0.0] * len(RATES))
    _fast: float | None = None
    _slow: float = 0.5

    def add(self, trial: Trial) -> None:
        """Take in a trial."""
        self._count(trial)
        e, m = trial.propensity, trial.baseline
        x = (float(trial.shown) - e) * (trial.outcome - m)
        bound = max(e, 1.0 - e) * max(m, 1.0 - m)
        self.n += 1
        self.weight += e * (1.0 - e) * trial.informedness
        self.spread += e * (1.0 - e)
        self.squares += x * x
        self.sums.add(x, bound)
        self._watch(x, bound)

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
        variance = share * self.squares + (1.0 - share) * _VARIANCE * self.spread
        return Belief(self.sums.total / self.weight, variance / self.weight**2)

    @property
    def proof(self) -> float:
        """Log of the e-value against "it does not help": the present one, as the greatest so far would be none."""
        return self.sums.log_wealth()

    @property
    def suspect(self) -> bool:
        """Whether episodes that showed it have lately gone worse than before; a question, not yet an answer."""
        if self._fast is None:
            return False
        usual = min(0.97, max(0.03, self._slow))
        spread = sqrt(usual * (1.0 - usual) * _FAST / (2.0 - _FAST))
        return self._fast < usual - _SUSPICION * spread

    def _count(self, trial: Trial) -> None:
        succeeded = trial.outcome >= 0.5
        if not trial.shown:
            self.withheld += 1
            self.withheld_succeeded += succeeded
            return
        self.shown += 1
        self.shown_succeeded += succeeded
        if self._fast is None:
            self._fast = self._slow = trial.baseline
        self._fast += _FAST * (trial.outcome - self._fast)
        self._slow += max(_SLOW, 1.0 / (self.shown + 1)) * (trial.outcome - self._slow)

    def _watch(self, x: float, bound: float) -> None:
        """Keep the evidence that harm has begun, for every possible beginning (a mixture of CUSUMs); act on it."""
        for k, rate in enumerate(RATES):
            self._harm[k] = max(self._harm[k], 0.0) - rate * x - cost(rate, bound) * x * x
        if log_mean_exp(self._harm) >= DRIFT_AFTER:
            self._begin_anew()

    def _begin_anew(self) -> None:
        fresh = ItemCredit(
            self.shown, self.shown_succeeded, self.withheld, self.withheld_succeeded, self.epoch + 1
        )
        fresh._fast, fresh._slow = self._fast, self._fast if self._fast is not None else 0.5
        self.__dict__.update(fresh.__dict__)


def e_value(log_wealth: float) -> float:
    """Evidence as a factor, at most 1e9."""
    return min(1e9, exp(min(log_wealth, 25.0)))


def _clipped(x: float) -> float:
    return max(-1.0, min(1.0, x))
