"""What is laid down about a net-fix test before its first pair."""

from __future__ import annotations

import math

import msgspec

from purpose_agent.errors import UsageError
from purpose_agent.numeric import is_number, is_whole

MAX_PAIRS = 500
"""The largest plan that is computed: the work grows with its square and with the budget."""


class NetFixDesign(msgspec.Struct, frozen=True):
    """Error rates, budgets and the effect looked for.

    Attributes:
        alpha: chance, at most, of accepting an edit that fixes at most as often as it breaks; in (0, 1).
        budget: regressions that an accepted edit may have; one more rejects it at once.
        max_pairs: pairs played at most.
        fix_rate: share of pairs that the smallest effect worth finding fixes.
        regression_rate: share of pairs that it breaks; noise breaks some, whatever the edit.
        power: chance of finding this effect that stopping for futility must leave, where ``budget`` and
            ``max_pairs`` allow as much; in (0, 1). Where they do not, it must leave this share of what they allow.

    Raises:
        UsageError: a value out of its range.
    """

    alpha: float
    budget: int = 6
    max_pairs: int = 96
    fix_rate: float = 0.25
    regression_rate: float = 0.05
    power: float = 0.9

    def __post_init__(self) -> None:
        for name in ("alpha", "fix_rate", "regression_rate", "power"):
            value = getattr(self, name)
            if not (is_number(value) and 0.0 < value < 1.0):  # NaN fails the comparison too
                raise UsageError(f"{name} must be a number between 0 and 1, got {value!r}")
        if not self.regression_rate < self.fix_rate < 1.0 - self.regression_rate:
            raise UsageError(
                f"fix_rate must be above regression_rate and their sum below 1, got fix_rate={self.fix_rate!r} "
                f"and regression_rate={self.regression_rate!r}"
            )
        if not (is_whole(self.budget) and self.budget >= 0):
            raise UsageError(f"budget must be a whole number of regressions, at least 0, got {self.budget!r}")
        if not (is_whole(self.max_pairs) and 1 <= self.max_pairs <= MAX_PAIRS):
            raise UsageError(
                f"max_pairs must be a whole number from 1 to {MAX_PAIRS}, got {self.max_pairs!r}"
            )

    @property
    def log_fix(self) -> float:
        """Log-likelihood ratio of a fix among the discordant pairs: the effect looked for against a fair coin."""
        return math.log(2 * self.fix_rate / (self.fix_rate + self.regression_rate))

    @property
    def log_regression(self) -> float:
        """The same of a regression; negative."""
        return math.log(2 * self.regression_rate / (self.fix_rate + self.regression_rate))


class Tally(msgspec.Struct, frozen=True):
    """What came of the pairs so far.

    Attributes:
        pairs: played, the concordant ones included.
        fixes: failed without the item and solved with it.
        regressions: solved without the item and failed with it.

    Raises:
        UsageError: negative counts, or more discordant pairs than pairs.
    """

    pairs: int = 0
    fixes: int = 0
    regressions: int = 0

    def __post_init__(self) -> None:
        for name in ("pairs", "fixes", "regressions"):
            value = getattr(self, name)
            if not (is_whole(value) and value >= 0):
                raise UsageError(f"{name} must be a whole number, at least 0, got {value!r}")
        if self.fixes + self.regressions > self.pairs:
            raise UsageError(
                f"{self.fixes!r} fixes and {self.regressions!r} regressions are more than {self.pairs!r} pairs"
            )

    def after(self, without: bool, shown: bool) -> Tally:
        """The tally with one more pair: success without the item, and with it."""
        fixed, broke = int(shown and not without), int(without and not shown)
        return Tally(self.pairs + 1, self.fixes + fixed, self.regressions + broke)
