"""How often a report card's intervals hold, and how often it finds evidence where there is none.

    python benchmarks/evidence.py                     300 replications a row, seed 0 (about three minutes)
    python benchmarks/evidence.py --replications 1000

60 tasks whose difficulty varies (log-odds with standard deviation 1), training streams that differ (log-odds with the
standard deviation of the row), success in about half of the plays. *Covered*: the interval of a rate holds the true
one. *Evidence*: two arms that are equally good are told apart, since the interval leaves 0 out and p is .05 at most;
beside it what the interval alone and p alone would say. An arm that learns has as many memories as there are streams,
one that does not plays each task once.
"""

from __future__ import annotations

import argparse
import math

import numpy as np
from numpy.typing import NDArray

from purpose_agent.bench.report import statistics
from purpose_agent.bench.report.statistics import Cells, difference_estimate, mean_estimate

TASKS = 60
STREAMS = (1, 3, 10)
SPREADS = (0.0, 0.5, 1.0)


def plays(dice: np.random.Generator, levels: NDArray[np.float64], streams: int, spread: float) -> Cells:
    """Of one arm: each task once in each stream."""
    odds = levels[:, None] + dice.normal(0, spread, streams)[None, :]
    solved = dice.random(odds.shape) < 1 / (1 + np.exp(-odds))
    return {task: dict(enumerate(map(float, row))) for task, row in enumerate(solved)}


def covered(dice: np.random.Generator, streams: int, spread: float, replications: int) -> float:
    far = dice.normal(0, math.hypot(1, spread), 1_000_000)
    truth = float((1 / (1 + np.exp(-far))).mean())
    hits = 0
    for _ in range(replications):
        cells = plays(dice, dice.normal(0, 1, TASKS), streams, spread)
        found = mean_estimate(cells, {task: task for task in cells}, rate=True)
        hits += found.low <= truth <= found.high
    return hits / replications


def false_evidence(
    dice: np.random.Generator, streams: int, spread: float, both: bool, replications: int
) -> tuple[float, float, float]:
    """By interval and p together, by the interval alone, by p alone."""
    together = interval = test = 0
    for _ in range(replications):
        levels = dice.normal(0, 1, TASKS)
        first = plays(dice, levels, streams, spread)
        second = plays(dice, levels, streams, spread) if both else plays(dice, levels, 1, 0.0)
        found, p = difference_estimate(first, second, {task: task for task in first}, rate=True)
        outside = not found.low <= 0 <= found.high
        interval, test, together = interval + outside, test + (p <= 0.05), together + (outside and p <= 0.05)
    return together / replications, interval / replications, test / replications


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--replications", type=int, default=300, metavar="N")
    parser.add_argument("--resamples", type=int, default=1000, metavar="N", help="Of each bootstrap.")
    options = parser.parse_args()
    statistics.RESAMPLES = options.resamples
    dice = np.random.default_rng(0)
    print(
        "| streams | they differ by | covered | evidence, one learns (interval, p) | evidence, both learn |"
    )
    print("|---|---|---|---|---|")
    for streams in STREAMS:
        for spread in SPREADS:
            rate = covered(dice, streams, spread, options.replications)
            sides = [
                false_evidence(dice, streams, spread, both, options.replications) for both in (False, True)
            ]
            told = " | ".join(f"{e:.1%} ({i:.1%}, {p:.1%})" for e, i, p in sides)
            print(f"| {streams} | {spread:g} | {rate:.1%} | {told} |", flush=True)


if __name__ == "__main__":
    main()
