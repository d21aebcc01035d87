"""A critic that errs with a known probability."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True)
class NoisyCritic:
    """Says how an episode ended.

    Attributes:
        error: the probability, in [0, 0.5), that it says the opposite of what is true; 0 for a verifier.
    """

    error: float = 0.0

    @property
    def informedness(self) -> float:
        """Sensitivity + specificity − 1 (Youden 1950), here 1 − 2 error."""
        return 1.0 - 2.0 * self.error

    def judge(self, success: bool, dice: random.Random) -> bool:
        """What it says of an episode that succeeded or did not."""
        return success != (dice.random() < self.error)
