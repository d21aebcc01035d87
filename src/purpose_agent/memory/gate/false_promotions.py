"""How much evidence each proposal of a stream needs, so that few of all promotions are false.

e-LOND (Xu & Ramdas 2024, Online multiple testing with e-values, AISTATS): the i-th proposal is promoted when its
e-value is at least 1/alpha_i, with alpha_i = alpha · gamma_i · (promotions so far + 1) and gamma_i summing to 1. Then
the false discovery rate, the mean share of false promotions among all, is at most alpha after any number of proposals.

Why, with asynchronous decisions and under any dependence: take R for the number of promotions in the end, 1 for none.
A false promotion i adds 1/R to the share. It was made when its e-value E_i was at least 1/alpha_i, so that 1/R is at
most alpha_i E_i / R; and when it was made there were at most R - 1 others, so that alpha_i is at most
alpha · gamma_i · R. Together it adds at most alpha · gamma_i · E_i, whose mean is at most alpha · gamma_i, because E_i
is an e-process at a stopping time. The sum over i is alpha. Nothing was assumed about when the others were decided
or what E_i depends on. So a proposal may be judged again at a higher level once more have been promoted, as long as

- its position is given to it before its first probe and to no other, whatever becomes of it;
- a promotion counts for good, also when the item is retired later;
- the e-value is the one its test stopped with, and not the best of several tests.

gamma_i = 3/√(i+8) - 3/√(i+9) falls as i^-1.5, late: it has no weak spot between 10 and 200 proposals. Of the helpful
quarter of a stream it promotes .66, .64, .61 and .59 at 10, 30, 100 and 200 proposals, 1/i(i+1) promotes .67, .55, .40
and .31 (``benchmarks/gate.py``, 4,000 streams, seed 0). The price is the first proposal: 1/alpha_1 is about 20/alpha.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from purpose_agent.errors import UsageError
from purpose_agent.numeric import is_number, is_whole

ALPHA = 0.05
"""Share of false promotions, at most, in the mean."""

_DELAY = 9


def share(position: int) -> float:
    """gamma_i, the part of alpha that belongs to the proposal at a position, counted from 1; they sum to 1.

    Raises:
        UsageError: the position is not a whole number from 1.
    """
    if not (is_whole(position) and position >= 1):
        raise UsageError(f"position must be a whole number, at least 1, got {position!r}")
    before, after = math.sqrt(position + _DELAY - 1), math.sqrt(position + _DELAY)
    return math.sqrt(_DELAY) / (before * after * (before + after))  # the difference, without cancellation


def level(position: int, promotions: int, alpha: float = ALPHA) -> float:
    """alpha_i: the level at which the proposal at a position is tested.

    Args:
        position: of the proposal in the stream, from 1.
        promotions: proposals of the stream that were promoted so far, this one not among them. It may have grown since
            the proposal was tested: then compare the e-value that it had with the new level.
        alpha: the false discovery rate, in (0, 1).

    Raises:
        UsageError: a value out of its range.
    """
    if not (is_number(alpha) and 0.0 < alpha < 1.0):
        raise UsageError(f"alpha must be a number between 0 and 1, got {alpha!r}")
    if not (is_whole(promotions) and promotions >= 0):
        raise UsageError(f"promotions must be a whole number, at least 0, got {promotions!r}")
    return min(alpha, alpha * share(position) * (promotions + 1))


def is_promoted(e_value: float, position: int, promotions: int, alpha: float = ALPHA) -> bool:
    """Whether an e-value suffices at a position; see `level` for the arguments.

    Raises:
        UsageError: an e-value that is negative or not a number, or see `level`.
    """
    if not (is_number(e_value) and e_value >= 0.0):
        raise UsageError(f"e_value must be a number, at least 0, got {e_value!r}")
    return e_value >= 1.0 / level(position, promotions, alpha)


def promoted(e_values: Sequence[float], alpha: float = ALPHA) -> list[int]:
    """The positions, from 1, that are promoted when the proposals are decided one after another."""
    found: list[int] = []
    for position, e_value in enumerate(e_values, 1):
        if is_promoted(e_value, position, len(found), alpha):
            found.append(position)
    return found
