"""Probe episodes of the sequential gate beside those of a test of fixed size at the same error rates.

    python benchmarks/gate.py                       4,000 replications a row, seed 0 (about two minutes)
    python benchmarks/gate.py --replications 500

Both tests aim at the same level, the same effect and the same power at that effect. The fixed one is McNemar's exact
test with the fewest pairs that reach it. A pair is two episodes. A row's rates are fixes and regressions per pair, in
the two halves of the probe where they differ (solved before, failed before).
"""

from __future__ import annotations

import argparse
import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from msgspec.structs import replace

from purpose_agent.memory.gate.false_promotions import share
from purpose_agent.memory.gate.fixed_size import critical_fixes, fixed_size_pairs
from purpose_agent.memory.gate.net_fix_design import NetFixDesign, Tally
from purpose_agent.memory.gate.net_fix_plan import NetFixPlan, chance_of_accepting, plan_of
from purpose_agent.memory.gate.net_fix_sequential import Decision, NetFixTest

Rates = tuple[float, float]
"""Fixes and regressions per pair."""

OUTCOMES = ((False, True), (True, False), (True, True))


@dataclass(frozen=True)
class Truth:
    """What an edit does.

    Attributes:
        name: for the table.
        solved: rates on tasks that were solved before.
        failed: rates on tasks that failed before.
        share: of the issue's stream of proposals (a quarter helps, a quarter harms, half do nothing).
    """

    name: str
    solved: Rates
    failed: Rates
    share: float = 0.0


def alike(name: str, fix: float, regression: float, share: float = 0.0) -> Truth:
    return Truth(name, (fix, regression), (fix, regression), share)


TRUTHS = (
    alike("does nothing, much noise", 0.15, 0.15, 0.25),
    alike("does nothing, some noise", 0.05, 0.05, 0.25),
    alike("does nothing, hardly any noise", 0.01, 0.01),
    Truth("fixes as many as it breaks, elsewhere", (0.0, 0.2), (0.2, 0.0)),
    alike("helps less than looked for", 0.15, 0.05),
    alike("helps as looked for", 0.25, 0.05, 0.25),
    Truth("the same, on failed tasks only", (0.05, 0.07), (0.45, 0.03)),
    alike("helps more", 0.35, 0.05),
    alike("helps much", 0.5, 0.05),
    alike("harms", 0.05, 0.25, 0.25),
    alike("breaks much", 0.0, 0.4),
)


def outcomes(truth: Truth, replications: int, pairs: int, rng: np.random.Generator) -> np.ndarray:
    """Indices into `OUTCOMES`, one row a replication; solved and failed tasks alternate."""
    drawn = rng.random((replications, pairs))
    fix = np.array([truth.solved[0], truth.failed[0]])[np.arange(pairs) % 2]
    regression = np.array([truth.solved[1], truth.failed[1]])[np.arange(pairs) % 2]
    return np.where(drawn < fix, 0, np.where(drawn < fix + regression, 1, 2))


def sequential(design: NetFixDesign, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Whether each replication was accepted, and its episodes."""
    accepted, episodes = np.zeros(len(rows), bool), np.zeros(len(rows), int)
    for index, row in enumerate(rows):
        test = NetFixTest(design)
        for outcome in row:
            if (decision := test.judge().decision) is not Decision.CONTINUE:
                break
            test = test.after(*OUTCOMES[outcome])
        else:
            decision = test.judge().decision
        accepted[index], episodes[index] = decision is Decision.ACCEPT, 2 * test.tally.pairs
    return accepted, episodes


def fixed(alpha: float, rows: np.ndarray) -> np.ndarray:
    """Whether each replication was accepted; every row is as long as the test."""
    critical = np.array([critical_fixes(n, alpha) for n in range(rows.shape[1] + 1)])
    fixes, regressions = (rows == 0).sum(axis=1), (rows == 1).sum(axis=1)
    return fixes >= critical[fixes + regressions]


def floor(design: NetFixDesign, pairs: int) -> float:
    """The least ratio that any sequential test of this level and power can have at the effect looked for.

    Wald (1945): the mean of the log-likelihood ratio of the pairs at the end is at least the divergence between the
    two decisions' chances under both hypotheses.
    """
    a, b = design.alpha, 1 - design.power
    told = (1 - b) * math.log((1 - b) / a) + b * math.log(b / (1 - a))
    per_pair = design.fix_rate * design.log_fix + design.regression_rate * design.log_regression
    return told / per_pair / pairs


def worst_level(plan: NetFixPlan) -> tuple[float, Rates, Rates]:
    """The largest chance of accepting an edit that fixes as often as it breaks, with rates that differ by half."""
    rates = (0.0, 0.02, 0.05, 0.1, 0.2, 0.4)
    found = (0.0, (0.0, 0.0), (0.0, 0.0))
    for fix, regression, other in itertools.product((*rates, 0.8), rates, rates):
        solved, failed = (other, other + fix - regression), (fix, regression)
        if fix >= regression and sum(solved) <= 1 and sum(failed) <= 1:
            found = max(found, (level_at(plan, solved, failed), solved, failed))
    return found


def level_at(plan: NetFixPlan, solved: Rates, failed: Rates) -> float:
    """The chance of accepting when solved and failed tasks alternate, with no stop for futility among the pairs."""
    design = plan.design
    size = design.max_pairs + 2
    chance, accepted = np.zeros((size, size)), 0.0
    chance[0, 0] = 1.0
    tallies = [[Tally(f + r, f, r) for r in range(size)] for f in range(size)]
    accepts = np.array([[plan.accepts(t) for t in row] for row in tallies])
    dead = np.array([[plan.e_value(t) == 0.0 for t in row] for row in tallies])
    for n in range(design.max_pairs):
        fix, regression = (solved, failed)[n % 2]
        after = chance * (1 - fix - regression)
        after[1:, :] += chance[:-1, :] * fix
        after[:, 1:] += chance[:, :-1] * regression
        accepted += after[accepts].sum()
        chance = np.where(accepts | dead, 0.0, after)
    return float(accepted)


def compare(design: NetFixDesign, replications: int, seed: int) -> None:
    """One table: a design, and what both tests did with every truth."""
    pairs, plan = fixed_size_pairs(design), plan_of(design)
    print(
        f"\nlevel {design.alpha}, power {design.power} at {design.fix_rate} fixes and {design.regression_rate} "
        f"regressions per pair; fixed size {pairs} pairs; sequential at most {design.max_pairs} pairs, "
        f"budget {design.budget}\n"
        f"exact: type I error at most {plan.type_one:.4f}, power {plan.power:.4f}; no sequential test of this level "
        f"and power has a ratio below {floor(design, pairs):.3f} at this effect"
    )
    print(f"{'':38}{'accepted':>16}{'episodes':>23}{'ratio':>8}")
    print(f"{'the edit':38}{'sequ.':>8}{'fixed':>8}{'mean':>8}{'p90':>6}{'fixed':>9}")
    stream = 0.0
    for number, truth in enumerate(TRUTHS):
        rng = np.random.default_rng([seed, number])
        accepted, episodes = sequential(design, outcomes(truth, replications, design.max_pairs, rng))
        also = fixed(design.alpha, outcomes(truth, replications, pairs, rng))
        ratio = episodes.mean() / (2 * pairs)
        stream += truth.share * ratio
        print(
            f"{truth.name:38}{accepted.mean():8.3f}{also.mean():8.3f}{episodes.mean():8.1f}"
            f"{np.percentile(episodes, 90):6.0f}{2 * pairs:9}{ratio:8.3f}",
            flush=True,
        )
    print(f"{'a quarter helps, half nothing, a quarter harms':77}{stream:8.3f}")


LEVELS = tuple(0.05 / 4**n for n in range(8))
SHARES: dict[str, Callable[[int], float]] = {
    "3/√(i+8) - 3/√(i+9), the gate's": share,
    "1 / i(i+1)": lambda i: 1 / (i * (i + 1)),
    "1 / 200 for 200 proposals": lambda i: 1 / 200,
}


def streams(design: NetFixDesign, replications: int, seed: int) -> None:
    """Streams of proposals of which a quarter helps as looked for and the others do nothing, e-LOND at .05."""
    plans = [plan_of(replace(design, alpha=a)) for a in LEVELS]
    helpful = [chance_of_accepting(plan) for plan in plans]
    useless = [chance_of_accepting(plan, 0.15, 0.15) for plan in plans]
    print(
        f"\nstreams of proposals, a quarter helps as looked for, the others do nothing (with much noise); at most "
        f"{design.max_pairs} pairs, budget {design.budget}; e-LOND at .05\n"
        f"{'share of alpha of the i-th proposal':38}{'proposals':>10}{'helpful ones promoted':>24}{'FDR':>8}"
    )
    for name, part in SHARES.items():
        for length in (10, 30, 100, 200):
            rng = np.random.default_rng([seed, length])
            helps = rng.random((replications, length)) < 0.25
            drawn = rng.random((replications, length))
            true, false = np.zeros(replications), np.zeros(replications)
            for index in range(length):
                log_level = np.log(np.minimum(0.05, 0.05 * part(index + 1) * (true + false + 1)))
                accepted = [
                    np.interp(log_level, np.log(LEVELS[::-1]), c[::-1], left=0) for c in (useless, helpful)
                ]
                promoted = drawn[:, index] < np.where(helps[:, index], accepted[1], accepted[0])
                true += promoted & helps[:, index]
                false += promoted & ~helps[:, index]
            rate = (false / np.maximum(1, true + false)).mean()
            print(f"{name:38}{length:10}{true.sum() / helps.sum():24.3f}{rate:8.4f}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--replications", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    print(f"{asked.replications} replications a row, seed {asked.seed}")
    for design in (
        NetFixDesign(0.05),
        NetFixDesign(0.05, budget=10, max_pairs=128),
        NetFixDesign(0.05, power=0.8),
        NetFixDesign(0.05, budget=10, max_pairs=160, power=0.95),
        NetFixDesign(0.005, budget=10, max_pairs=200),
    ):
        compare(design, asked.replications, asked.seed)
    streams(NetFixDesign(0.05), asked.replications, asked.seed)
    level, solved, failed = worst_level(plan_of(NetFixDesign(0.05)))
    print(
        f"\nworst level over a grid of edits that fix as many as they break, solved tasks first: {level:.4f} "
        f"(fixes and regressions {solved} on solved tasks, {failed} on failed ones)"
    )


if __name__ == "__main__":
    main()
