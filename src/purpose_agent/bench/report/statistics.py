"""Statistics over tasks: what is random is which tasks were drawn and which training stream was met, not the coin of a
single episode.

Sources: Owen 2007, "The pigeonhole bootstrap" (Ann. Appl. Stat. 1:386): rows and columns of a crossed design are
resampled independently, which errs on the wide side. Fisher 1935 (randomisation test). Chen et al. 2021
(arXiv 2107.03374) for the unbiased estimate of k of n, here with "all" in place of "any", as Yao et al. 2024
(arXiv 2406.12045) do for pass^k.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from purpose_agent.bench.report.report import Estimate
from purpose_agent.bench.statistics import CONFIDENCE, tango
from purpose_agent.calibration import score_interval
from purpose_agent.errors import UsageError

RESAMPLES = 4000
"""Of each bootstrap and of each permutation test that is not exact."""

Cells = Mapping[Hashable, Mapping[int, float]]
"""task -> order -> mean result over repeats; a task may lack orders, though not all."""


def mean_estimate(cells: Cells, clusters: Mapping[Hashable, Hashable], *, rate: bool) -> Estimate:
    """The mean over tasks with its interval.

    Args:
        cells: results.
        clusters: of each task; tasks of one cluster are drawn together.
        rate: whether results are shares of successes, else scores in [0, 1]. All or none of few tasks is not taken for
            certainty: the interval of a rate is never narrower than Wilson's for as many tasks, and equal scores, which
            a bootstrap cannot tell from certainty, get Wilson's too.
    """
    table = _table(cells)
    value = _mean(table)
    low, high = _bootstrap(table, [clusters[task] for task in cells])
    if rate or _are_equal(low, high):
        least, most = score_interval(min(1.0, max(0.0, value)), len(cells), CONFIDENCE)
        low, high = min(low, least), max(high, most)
    return Estimate(value, min(low, value), max(high, value), len(cells))


def difference_estimate(
    first: Cells, second: Cells, clusters: Mapping[Hashable, Hashable], *, rate: bool
) -> tuple[Estimate, float]:
    """The mean of first minus second over the tasks that both hold, with its interval, and a two-sided p.

    An arm that was played once for all orders is compared with each order of the other.

    Args:
        first: results of one arm.
        second: results of the other.
        clusters: of each task.
        rate: whether results are shares of successes; then the interval is never narrower than Tango's for as many
            tasks, and p is exact.
    """
    differences = paired(first, second)
    table = _table(differences)
    value = _mean(table)
    low, high = _bootstrap(table, [clusters[task] for task in differences])
    means = {task: sum(row.values()) / len(row) for task, row in differences.items()}
    if rate:
        up = sum(m for m in means.values() if m > 0)
        down = -sum(m for m in means.values() if m < 0)
        least, most = tango(round(up), round(down), len(means))
        low, high = min(low, least), max(high, most)
    elif _are_equal(low, high):
        least, most = score_interval((value + 1) / 2, len(means), CONFIDENCE)
        low, high = min(low, 2 * least - 1), max(high, 2 * most - 1)
    return Estimate(value, min(low, value), max(high, value), len(differences)), permutation_p(
        means, clusters
    )


def _are_equal(low: float, high: float) -> bool:
    """Whether every resample has the same mean, so that the bootstrap knows nothing of how far others may differ."""
    return high - low < 1e-9


def paired(first: Cells, second: Cells) -> dict[Hashable, dict[int, float]]:
    """First minus second, by task and order; an arm with a single order stands against each order of the other."""
    found: dict[Hashable, dict[int, float]] = {}
    alone = [len({order for row in cells.values() for order in row}) == 1 for cells in (first, second)]
    for task, row in first.items():
        other = second.get(task)
        if not row or not other:
            continue
        a, b = next(iter(row.values())), next(iter(other.values()))
        if alone[0]:
            pairs = {o: a - value for o, value in sorted(other.items())}
        elif alone[1]:
            pairs = {o: value - b for o, value in sorted(row.items())}
        else:
            pairs = {o: row[o] - other[o] for o in sorted(row.keys() & other.keys())}
        if pairs:
            found[task] = pairs
    return found


def permutation_p(differences: Mapping[Hashable, float], clusters: Mapping[Hashable, Hashable]) -> float:
    """Two-sided p of the hypothesis that the sign of each cluster's difference is a coin.

    Exact wherever the differences are multiples of one small number, such as outcomes of a few plays; by draws with
    a fixed seed elsewhere.
    """
    sums: dict[Hashable, float] = {}
    for task, difference in differences.items():
        sums[clusters[task]] = sums.get(clusters[task], 0.0) + difference
    values = [abs(s) for s in sums.values() if abs(s) > 1e-12]
    if not values:
        return 1.0
    observed = abs(sum(sums.values()))
    unit = _unit(values)
    return _exact_p(values, unit, observed) if unit is not None else _drawn_p(values, observed)


def _unit(values: Sequence[float]) -> float | None:
    """1 / d for the smallest d up to 60 that makes all values whole; None when there is none."""
    for d in range(1, 61):
        if all(abs(v * d - round(v * d)) < 1e-6 for v in values):
            return 1 / d
    return None


def _exact_p(values: Sequence[float], unit: float, observed: float) -> float:
    """By the distribution of the sum, built one cluster at a time."""
    whole = [round(v / unit) for v in values]
    counts: dict[int, int] = {0: 1}
    for w in whole:
        further: dict[int, int] = {}
        for total, n in counts.items():
            for signed in (total + w, total - w):
                further[signed] = further.get(signed, 0) + n
        counts = further
    seen = round(observed / unit)
    return sum(n for total, n in counts.items() if abs(total) >= seen) / 2 ** len(whole)


def _drawn_p(values: Sequence[float], observed: float) -> float:
    import numpy as np

    rng = np.random.default_rng(0)
    signs = rng.integers(0, 2, size=(RESAMPLES, len(values))) * 2 - 1
    sums = np.abs(signs @ np.asarray(values))
    return (1 + int((sums >= observed - 1e-9).sum())) / (1 + RESAMPLES)


def pass_k(successes: Sequence[tuple[int, int]], most: int) -> list[float]:
    """The chance that k of k attempts at a task succeed, for k = 1 to ``most``, averaged over tasks.

    Args:
        successes: (successes, attempts) of each task; tasks with fewer than k attempts do not count for k.
        most: the largest k.

    Raises:
        UsageError: more successes than attempts.
    """
    for s, n in successes:
        if not 0 <= s <= n:
            raise UsageError(f"successes must lie between 0 and the attempts, got {s!r} of {n!r}")
    found: list[float] = []
    for k in range(1, most + 1):
        shares = [math.comb(s, k) / math.comb(n, k) for s, n in successes if n >= k]
        if not shares:
            break
        found.append(sum(shares) / len(shares))
    return found


def _mean(table: Any) -> float:
    import numpy as np

    if not table.size:
        return 0.0
    by_task: Any = np.nanmean(table, axis=1)
    return float(by_task.mean())


def _table(cells: Cells) -> Any:
    """Tasks by orders, NaN where a task was not played."""
    import numpy as np

    orders = sorted({order for row in cells.values() for order in row})
    absent = float("nan")
    return np.array([[row.get(o, absent) for o in orders] for row in cells.values()], dtype=float)


def _bootstrap(table: Any, clusters: Sequence[Hashable]) -> tuple[float, float]:
    """Percentile interval of `_mean`; clusters of tasks and orders are resampled independently."""
    import numpy

    np: Any = numpy

    if not table.size:
        return -1.0, 1.0
    groups: dict[Hashable, list[int]] = {}
    for i, cluster in enumerate(clusters):
        groups.setdefault(cluster, []).append(i)
    rng = np.random.default_rng(0)
    member = np.zeros((len(groups), table.shape[0]))
    for g, rows in enumerate(groups.values()):
        member[g, rows] = 1.0
    known = ~np.isnan(table)
    filled = np.where(known, table, 0.0)
    drawn = rng.multinomial(len(groups), np.full(len(groups), 1 / len(groups)), size=RESAMPLES) @ member
    orders = table.shape[1]
    weights = rng.multinomial(orders, np.full(orders, 1 / orders), size=RESAMPLES)
    plays = weights @ known.T.astype(float)  # of each task in the orders that were drawn: replicates by tasks
    own = filled.sum(axis=1) / known.sum(axis=1)  # stands where a task was played in none of those orders
    met = np.asarray(weights @ filled.T / np.maximum(plays, 1), dtype=float)
    by_task = np.asarray(np.where(plays > 0, met, own), dtype=float)
    means = (drawn * by_task).sum(axis=1) / drawn.sum(axis=1)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return float(low), float(high)
