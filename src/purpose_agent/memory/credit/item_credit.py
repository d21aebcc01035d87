"""What one item's trials say: its uplift, whether it is proven, and whether it has begun to do harm.

Trials are folded in their order into a `Stretch`, whose text has the mathematics. When recent outcomes question an
item, a second stretch begins: both sides are tried equally often until the trials since then tell whether the item
still helps as it did or harms as much (the sequential probability ratio test of Wald 1945). If it harms, that stretch
becomes the item's present one and what was before is history. The same happens when the evidence for harm, for every
possible beginning of it, has become great without any question.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import exp, log, sqrt

from purpose_agent.memory.credit.martingale import RATES, Martingale, cost, log_mean_exp
from purpose_agent.memory.credit.pooling import Belief
from purpose_agent.memory.credit.stretch import LEVEL, OUTCOME_VARIANCE, Stretch, score
from purpose_agent.store.base import Trial
from purpose_agent.types import Uplift

DRIFT_AFTER = log(100.0)
"""Log evidence that harm has begun after which an item starts anew. At worst, when its effect is 0, an item is stopped
wrongly once in more than a hundred trials in the mean (e-detectors; Shin, Ramdas & Rinaldo 2023)."""

ANSWERED_AFTER = log(200.0)
"""Log likelihood ratio of "helps as before" and "harms as much" that answers a question: about one answer of two
hundred is wrong."""

PATIENCE = 200
"""Trials after which a question without an answer is dropped."""

_FAST, _SLOW = 0.1, 0.01  # memory of recent outcomes
_SUSPICION = 2.5  # standard deviations
_LEAST_EFFECT = 0.1  # that is looked for
_LEAST_TRIALS = 30  # before recent outcomes question anything


@dataclass
class ItemCredit:
    """The trials of one item.

    Attributes:
        shown: trials in which it was shown, of all times; ``shown_succeeded`` of them succeeded.
        withheld: trials in which it was withheld; ``withheld_succeeded`` of them succeeded.
        epoch: how often it began anew after doing harm.
        present: the trials of the present epoch.
    """

    shown: int = 0
    shown_succeeded: int = 0
    withheld: int = 0
    withheld_succeeded: int = 0
    epoch: int = 0
    present: Stretch = field(default_factory=Stretch)
    _since: Stretch | None = None  # the trials since the present one was questioned
    _before: float = 0.0  # the effect that was questioned
    _harm: list[float] = field(default_factory=lambda: [0.0] * len(RATES))
    _fast: float | None = None
    _slow: float = 0.5

    @property
    def n(self) -> int:
        """Trials of the present epoch."""
        return self.present.n

    @property
    def proof(self) -> float:
        """Log of the e-value against "it does not help": the present one, as the greatest so far would be none."""
        return self.present.sums.log_wealth()

    @property
    def weight(self) -> float:
        """Σ e (1 − e) J over the trials of the present epoch."""
        return self.present.weight

    @property
    def sums(self) -> Martingale:
        """Σ (z − e)(y − m) over the trials of the present epoch, with its bound."""
        return self.present.sums

    @property
    def likelihood(self) -> Belief | None:
        """The uplift as the trials of this epoch alone have it; None without any."""
        return self.present.likelihood

    @property
    def suspect(self) -> bool:
        """Whether episodes that showed it went worse than before, and its trials have not answered why yet."""
        return self._since is not None

    def uplift(self, level: float = LEVEL) -> Uplift | None:
        """The uplift with its interval; see `Stretch.uplift`."""
        return self.present.uplift(level)

    def add(self, trial: Trial) -> None:
        """Take in a trial."""
        self._count(trial)
        self.present.add(trial)
        if self._since is not None:
            self._since.add(trial)
            self._answer(self._since)
        elif self._is_worse() and (known := self.likelihood) is not None and known.mean > known.sd:
            self._since, self._before = Stretch(), max(_LEAST_EFFECT, known.mean)
        self._watch(trial)

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

    def _is_worse(self) -> bool:
        """Whether episodes that showed it have lately gone worse than before."""
        if self._fast is None or self.n < _LEAST_TRIALS:
            return False
        usual = min(0.97, max(0.03, self._slow))
        spread = sqrt(usual * (1.0 - usual) * _FAST / (2.0 - _FAST))
        return self._fast < usual - _SUSPICION * spread

    def _answer(self, since: Stretch) -> None:
        """End the question when the trials since then tell, or when they have had their chance."""
        noise = max(OUTCOME_VARIANCE * since.spread, since.squares)
        ratio = 2.0 * self._before * since.weight * since.sums.total / noise
        if ratio <= -ANSWERED_AFTER:
            self._begin_anew()
        elif ratio >= ANSWERED_AFTER or since.n >= PATIENCE:
            self._since = None

    def _watch(self, trial: Trial) -> None:
        """Keep the evidence that harm has begun, for every possible beginning (a mixture of CUSUMs); act on it."""
        x, bound = score(trial)
        for k, rate in enumerate(RATES):
            self._harm[k] = max(self._harm[k], 0.0) - rate * x - cost(rate, bound) * x * x
        if log_mean_exp(self._harm) >= DRIFT_AFTER:
            self._begin_anew()

    def _begin_anew(self) -> None:
        self.epoch += 1
        self.present, self._since = self._since or Stretch(), None
        self._harm = [0.0] * len(RATES)
        self._slow = self._fast if self._fast is not None else self._slow


def e_value(log_wealth: float) -> float:
    """Evidence as a factor, at most 1e9."""
    return min(1e9, exp(min(log_wealth, 25.0)))
