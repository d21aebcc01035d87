"""Chance decides which of the selected items are shown, with probabilities that are known.

An item is shown with the probability that it helps, as far as is known (probability matching; Thompson 1933), where
what is known is doubted somewhat (`DOUBT`). So what is uncertain is tried both ways, what is known to help is nearly
always shown, and the expected cost of withholding, at most the doubted P(it does not help) × its uplift, falls to that
of the floor.
"""

from __future__ import annotations

import hashlib
from math import cos, log, pi, sqrt

from purpose_agent.memory.credit.pooling import Belief

FLOOR = 0.02
"""Least probability of either side, for items with thirty trials and more."""

FIRST_FLOOR = 0.05
"""The same for an item without trials."""

DOUBT = 1.2
"""By this factor a belief's standard deviation is taken wider than it is. Chance then tells more about all items, for a
little more regret. Set with the simulator's scenario ``credit``."""

_FLOOR_TRIALS = 20.0


def propensity(belief: Belief, trials: int, suspect: bool = False) -> float:
    """The probability with which an item is to be shown.

    Args:
        belief: of its uplift.
        trials: that it rests on.
        suspect: whether recent outcomes question it: then both sides are tried equally often, to find out.
    """
    if suspect:
        return 0.5
    floor = max(FLOOR, FIRST_FLOOR * _FLOOR_TRIALS / (_FLOOR_TRIALS + trials))
    doubted = Belief(belief.mean, DOUBT**2 * belief.variance)
    return min(1.0 - floor, max(floor, doubted.helps))


def coin(seed: str, what: str) -> float:
    """A number in [0, 1) that is equal in every process for equal arguments, and looks random otherwise."""
    digest = hashlib.blake2b(f"{seed}\n{what}".encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2.0**64


def normal(seed: str, what: str) -> float:
    """A standard normal number made of two coins (Box & Muller 1958); equal in every process for equal arguments."""
    first, second = coin(seed, f"{what} 1"), coin(seed, f"{what} 2")
    return sqrt(-2.0 * log(1.0 - first)) * cos(2.0 * pi * second)
