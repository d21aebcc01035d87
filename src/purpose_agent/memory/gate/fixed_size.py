"""The test that plays a number of pairs fixed in advance and looks once: what a sequential gate is measured against.

McNemar's exact test (1947, Psychometrika 12:153): beside n discordant pairs, the fixes of an edit without effect are
binomial(n, 1/2).
"""

from __future__ import annotations

import math

from purpose_agent.errors import UsageError
from purpose_agent.memory.gate.net_fix_design import NetFixDesign

MOST_PAIRS = 1200
"""Where the search for a number of pairs ends."""


def critical_fixes(discordant: int, alpha: float) -> int:
    """The fewest fixes among ``discordant`` pairs that are significant at ``alpha``; more than there are if none is."""
    tail = 0.0
    for fixes in range(discordant, -1, -1):
        tail += math.comb(discordant, fixes) * 0.5**discordant
        if tail > alpha:
            return fixes + 1
    return 0


def fixed_size_power(design: NetFixDesign, pairs: int) -> float:
    """The chance that the effect of ``design`` is significant after ``pairs`` pairs."""
    discord = design.fix_rate + design.regression_rate
    return sum(
        _binomial(pairs, n, discord)
        * _upper_tail(n, critical_fixes(n, design.alpha), design.fix_rate / discord)
        for n in range(pairs + 1)
    )


def fixed_size_pairs(design: NetFixDesign) -> int:
    """The fewest pairs with the power of ``design`` at its effect (its budget and ``max_pairs`` play no part).

    Raises:
        UsageError: more than `MOST_PAIRS` would be needed.
    """
    for pairs in range(1, MOST_PAIRS + 1):
        if fixed_size_power(design, pairs) >= design.power:
            return pairs
    raise UsageError(f"more than {MOST_PAIRS} pairs are needed for {design!r}; look for a larger effect")


def _binomial(n: int, k: int, p: float) -> float:
    return math.exp(
        math.lgamma(n + 1)
        - math.lgamma(k + 1)
        - math.lgamma(n - k + 1)
        + k * math.log(p)
        + (n - k) * math.log1p(-p)
    )


def _upper_tail(n: int, least: int, p: float) -> float:
    return sum(_binomial(n, k, p) for k in range(least, n + 1))
