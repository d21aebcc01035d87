"""Where a net-fix test accepts, what it then proves, and when going on is futile; computed before the first pair.

A pair is one task and seed played without and with the edit. Only discordant pairs tell the arms apart (McNemar 1947,
Psychometrika 12:153). If on every task the edit fixes at most as often as it breaks, each discordant pair is a fix
with chance at most 1/2, whatever the past (`probe_plan` says why the order of the tasks makes it hold for an edit that
does so on balance only). The test accepts at ``bounds[r]`` fixes beside ``r`` regressions. The bounds follow the
line of Wald's sequential probability ratio test (1945, Ann. Math. Stat. 16:117) of a fair coin against the effect
looked for, as low as a *fair coin's exact chance of ever getting there* allows it to be, which is at most ``alpha``.
Wald's own bound 1/alpha is higher, because it forgets that the test overshoots it, is given up and runs out of pairs.

That chance, from wherever the test stands, over ``alpha`` is the e-value. It is a martingale under a fair coin and a
supermartingale under any worse one (a fix never lowers it, a regression never raises it), it begins at 1 or below,
and it is 1/alpha where the test accepts: the wealth of a gambler who bets at fair odds on fixes and stops at that
goal (Shafer 2021, J. R. Stat. Soc. A 184:407). So its mean at any stopping time is at most 1 (Ville 1939).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from purpose_agent.memory.gate.net_fix_design import NetFixDesign, Tally

_HEIGHT_HALVINGS = 16  # of at most MAX_PAIRS fixes
_FUTILITY_HALVINGS = 10  # of -_LOWEST
_CALM = 0.5  # discord where an edit does nothing, of the discord of the effect looked for
_LOWEST = -12.0  # log of the likelihood ratio below which everything is futile


@dataclass(frozen=True, slots=True)
class NetFixPlan:
    """See the module's text.

    Attributes:
        design: what it was computed from.
        bounds: fixes that accept, by the number of regressions from 0 to the budget.
        chances: of a fair coin to be accepted, by regressions and fixes below the bound.
        futility: log-likelihood ratio of the effect looked for against no effect at which the test is given up.
        power: chance of accepting the effect looked for.
    """

    design: NetFixDesign
    bounds: tuple[int, ...]
    chances: tuple[tuple[float, ...], ...]
    futility: float
    power: float

    @property
    def type_one(self) -> float:
        """A fair coin's chance to be accepted when all pairs are discordant; no rarer discord makes it larger."""
        return _at(self.bounds, self.chances, 0, 0)

    def e_value(self, tally: Tally) -> float:
        """The evidence that the edit fixes more than it breaks; at least 1/alpha where the test accepts."""
        return _at(self.bounds, self.chances, tally.fixes, tally.regressions) / self.design.alpha

    def accepts(self, tally: Tally) -> bool:
        """Whether the fixes have reached the bound."""
        r = tally.regressions
        return r < len(self.bounds) and tally.fixes >= self.bounds[r]

    def out_of_reach(self, tally: Tally) -> bool:
        """Whether even a fix in every pair that is left would not be accepted."""
        r = tally.regressions
        return r >= len(self.bounds) or self.bounds[r] - tally.fixes > self.design.max_pairs - tally.pairs

    def is_futile(self, tally: Tally) -> bool:
        """Whether the pairs speak so much against the effect looked for that the test is given up."""
        f, r = tally.fixes, tally.regressions
        of_pairs, of_discordant = (
            _pair_ratio(self.design, tally.pairs, f, r),
            _discordant_ratio(self.design, f, r),
        )
        return min(of_pairs, of_discordant) <= self.futility


@lru_cache(maxsize=256)
def plan_of(design: NetFixDesign) -> NetFixPlan:
    """Compute the plan (about 0.2 s of CPU for 100 pairs): the earliest futility that leaves the power asked for."""
    plan = _plan(design, _LOWEST)
    wanted = design.power if plan.power >= design.power else design.power * plan.power
    low, high = _LOWEST, 0.0
    for _ in range(_FUTILITY_HALVINGS):
        middle = (low + high) / 2
        tried = _plan(design, middle)
        if tried.power >= wanted:
            low, plan = middle, tried
        else:
            high = middle
    return plan


def _plan(design: NetFixDesign, futility: float) -> NetFixPlan:
    bounds = _bounds(design, futility)
    plan = NetFixPlan(design, bounds, _chances(design, bounds, futility), futility, 0.0)
    return NetFixPlan(design, bounds, plan.chances, futility, chance_of_accepting(plan))


def chance_of_accepting(
    plan: NetFixPlan, fix_rate: float | None = None, regression_rate: float | None = None
) -> float:
    """The exact chance of accepting an edit with these rates per pair, by default those of the design.

    All pairs are taken to be alike; half failed and half solved before, they are a mixture of two kinds.
    """
    design = plan.design
    fix = design.fix_rate if fix_rate is None else fix_rate
    regression = design.regression_rate if regression_rate is None else regression_rate
    accepted = 0.0
    alive = {Tally(): 1.0}
    for _ in range(design.max_pairs):
        reached: defaultdict[tuple[int, int, int], float] = defaultdict(float)
        for tally, chance in alive.items():
            n, f, r = tally.pairs + 1, tally.fixes, tally.regressions
            reached[n, f + 1, r] += chance * fix
            reached[n, f, r + 1] += chance * regression
            reached[n, f, r] += chance * (1.0 - fix - regression)
        alive = {}
        for counts, chance in reached.items():
            tally = Tally(*counts)
            if plan.accepts(tally):
                accepted += chance
            elif (
                tally.regressions <= design.budget
                and not plan.out_of_reach(tally)
                and not plan.is_futile(tally)
            ):
                alive[tally] = chance
    return accepted


def _bounds(design: NetFixDesign, futility: float) -> tuple[int, ...]:
    """The lowest bounds along Wald's line whose chance under a fair coin is at most alpha."""
    slope = -design.log_regression / design.log_fix

    def line(height: float) -> list[int]:
        return [math.ceil(height + slope * r) for r in range(design.budget + 1)]

    def is_level(bounds: Sequence[int]) -> bool:
        return _at(bounds, _chances(design, bounds, futility), 0, 0) <= design.alpha

    low, high = 0.0, design.max_pairs + 1.0
    for _ in range(_HEIGHT_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if is_level(line(middle)) else (middle, high)
    bounds = line(high)
    for r in range(len(bounds)):  # whole numbers leave some of alpha unspent
        lower = [*bounds[:r], bounds[r] - 1, *bounds[r + 1 :]]
        if all(a < b for a, b in pairwise(lower)) and is_level(lower):
            bounds = lower
    return tuple(bounds)


def _chances(design: NetFixDesign, bounds: Sequence[int], futility: float) -> tuple[tuple[float, ...], ...]:
    """A fair coin's chance to reach a bound, by regressions and fixes, from the last row to the first."""
    rows: list[tuple[float, ...]] = []
    for r in range(design.budget, -1, -1):
        bound = bounds[r]
        after_regression = rows[-1] if rows else (0.0,) * bound
        row = [0.0] * bound
        after_fix = 1.0
        for f in range(bound - 1, -1, -1):
            is_over = f + r >= design.max_pairs or _discordant_ratio(design, f, r) <= futility
            after_fix = row[f] = 0.0 if is_over else (after_fix + after_regression[f]) / 2
        rows.append(tuple(row))
    return tuple(reversed(rows))


def _at(bounds: Sequence[int], chances: Sequence[Sequence[float]], fixes: int, regressions: int) -> float:
    if regressions >= len(bounds):
        return 0.0
    return 1.0 if fixes >= bounds[regressions] else chances[regressions][fixes]


def _discordant_ratio(design: NetFixDesign, fixes: int, regressions: int) -> float:
    """Log-likelihood ratio, of the discordant pairs: the effect looked for against a fair coin."""
    return fixes * design.log_fix + regressions * design.log_regression


def _pair_ratio(design: NetFixDesign, pairs: int, fixes: int, regressions: int) -> float:
    """Log-likelihood ratio, of all pairs: the effect looked for against no effect and little noise.

    Most edits change nothing: hardly a pair is discordant, and only the concordant ones can tell. It stops the test and
    never accepts, so it cannot make an error of the first kind.
    """
    discord = design.fix_rate + design.regression_rate
    calm = discord * _CALM
    return (
        fixes * math.log(2 * design.fix_rate / calm)
        + regressions * math.log(2 * design.regression_rate / calm)
        + (pairs - fixes - regressions) * math.log((1 - discord) / (1 - calm))
    )
