"""Statistics over tasks: what is random is which tasks were drawn and which training stream was met, not the coin of a
single episode.

Sources: Owen 2007, "The pigeonhole bootstrap" (Ann. Appl. Stat. 1:386): rows and columns of a crossed design are
resampled independently. It cannot reach beyond the streams it has, and the range of three holds the middle of what they
are drawn from in 75 % of cases. So an interval is never narrower than Student's from the variance components of tasks
and of streams (Searle, Casella & McCulloch 1992), whose half-widths add up in squares (Graybill & Wang 1980, J. Am.
Stat. Assoc. 75:869). Fisher 1935 (randomisation test). Chen et al. 2021
(arXiv 2107.03374) for the unbiased estimate of k of n, here with "all" in place of "any", as Yao et al. 2024
(arXiv 2406.12045) do for pass^k.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from itertools import combinations, product
from typing import Any

from purpose_agent.bench.report.report import Estimate
from purpose_agent.bench.statistics import CONFIDENCE, student, tango
from purpose_agent.calibration import score_interval
from purpose_agent.errors import UsageError

RESAMPLES = 4000
"""Of each bootstrap and of each permutation test that is not exact."""

_FEW_ORDERS = 4

Cells = Mapping[Hashable, Mapping[int, float]]
"""task -> order -> mean result over repeats; a task may lack orders, though not all."""


def mean_estimate(cells: Cells, clusters: Mapping[Hashable, Hashable], *, rate: bool) -> Estimate:
    """The mean over tasks with its interval.

    Args:
        cells: results.
        clusters: of each task; tasks of one cluster are drawn together.
        rate: whether results are shares of successes, else scores in [0, 1]. All or none of few tasks is not taken for
            certainty: the interval of a rate is never narrower than Wilson's for as many clusters, and equal scores,
            which tell nothing of how far others may differ, get Wilson's too.
    """
    table, groups = _table(cells), _groups(clusters[task] for task in cells)
    value = _mean(table)
    low, high = _interval(table, groups, (0.0, 1.0))
    if cells and (rate or _are_equal(low, high)):
        least, most = score_interval(min(1.0, max(0.0, value)), len(groups), CONFIDENCE)
        low, high = min(low, least), max(high, most)
    return Estimate(value, min(low, value), max(high, value), len(cells))


def difference_estimate(
    first: Cells,
    second: Cells,
    clusters: Mapping[Hashable, Hashable],
    *,
    rate: bool,
    apart: int | None = None,
) -> tuple[Estimate, float]:
    """The mean of first minus second over the tasks that both hold, with its interval, and a two-sided p.

    An arm that was played once for all orders is compared with each order of the other.

    Args:
        first: results of one arm.
        second: results of the other.
        clusters: of each task.
        rate: whether results are shares of successes; then the interval is never narrower than Tango's for ``apart``
            tasks.
        apart: so many tasks are taken to be independent where all are alike; default: as many as there are clusters.
    """
    differences = paired(first, second)
    table, groups = _table(differences), _groups(clusters[task] for task in differences)
    value = _mean(table)
    low, high = _interval(table, groups, (-1.0, 1.0))
    n = len(groups) if apart is None else apart
    if differences and rate:
        means = [sum(row.values()) / len(row) for row in differences.values()]
        share = n / len(means)
        up, down = sum(m for m in means if m > 0), -sum(m for m in means if m < 0)
        least, most = tango(round(up * share), round(down * share), n)
        low, high = min(low, least), max(high, most)
    elif differences and _are_equal(low, high):
        least, most = score_interval((value + 1) / 2, n, CONFIDENCE)
        low, high = min(low, 2 * least - 1), max(high, 2 * most - 1)
    estimate = Estimate(value, min(low, value), max(high, value), len(differences))
    return estimate, permutation_p(first, second, clusters)


def _are_equal(low: float, high: float) -> bool:
    """Whether all results are alike, so that they tell nothing of how far others may differ."""
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


def permutation_p(first: Cells, second: Cells, clusters: Mapping[Hashable, Hashable]) -> float:
    """Two-sided p of the hypothesis that it does not matter which of the two arms played.

    Where both played a task equally often, stream by stream, the arms change places: the sign of the difference is a
    coin. Where one played it more often, each choice of as many of all plays is as likely to be the other's. Tasks of
    one cluster go together. The streams are taken as they are.

    Exact wherever the outcomes are multiples of one small number, such as those of a few plays; by draws with a fixed
    seed elsewhere.
    """
    arms = [len({order for row in cells.values() for order in row}) for cells in (first, second)]
    by_cluster: dict[Hashable, list[tuple[list[float], list[float]]]] = {}
    for task in first:
        if task in second and (plays := _plays(first[task], second[task], alike=arms[0] == arms[1])):
            by_cluster.setdefault(clusters[task], []).append(plays)
    outcomes = [_rearranged(tasks) for tasks in by_cluster.values()]
    kept = [sums for sums in outcomes if max(map(abs, sums)) > 1e-12]
    if not kept:
        return 1.0
    observed = abs(sum(sums[0] for sums in kept))
    unit = _unit(kept)
    return _exact_p(kept, unit, observed) if unit is not None else _drawn_p(kept, observed)


def _plays(
    first: Mapping[int, float], second: Mapping[int, float], *, alike: bool
) -> tuple[list[float], list[float]] | None:
    """What both arms got in a task; of arms that have the same streams only where both were played."""
    if alike:
        both = sorted(first.keys() & second.keys())
        return ([first[o] for o in both], [second[o] for o in both]) if both else None
    return (list(first.values()), list(second.values())) if first and second else None


def _rearranged(tasks: Sequence[tuple[list[float], list[float]]]) -> list[float]:
    """The sums of differences that a cluster could have had, the observed one first."""
    here = sum(_gap(a, b) for a, b in tasks)
    shapes = {(len(a), len(b)) for a, b in tasks}
    if any(a == b for a, b in shapes) or len(shapes) > 1:
        return [here, -here]
    ((a, b),) = shapes
    pooled = [x + y for x, y in tasks]
    return [
        sum(_gap([v for i, v in enumerate(values) if i in chosen], [v for i, v in enumerate(values) if i not in chosen])
            for values in pooled)
        for chosen in map(frozenset, combinations(range(a + b), a))
    ]  # fmt: skip


def _gap(first: Sequence[float], second: Sequence[float]) -> float:
    return sum(first) / len(first) - sum(second) / len(second)


def _unit(outcomes: Sequence[Sequence[float]]) -> float | None:
    """1 / d for the smallest d up to 60 that makes all values whole; None when there is none."""
    values = {v for sums in outcomes for v in sums}
    for d in range(1, 61):
        if all(abs(v * d - round(v * d)) < 1e-6 for v in values):
            return 1 / d
    return None


def _exact_p(outcomes: Sequence[Sequence[float]], unit: float, observed: float) -> float:
    """By the distribution of the sum, built one cluster at a time."""
    chances: dict[int, float] = {0: 1.0}
    for sums in outcomes:
        steps = Counter(round(v / unit) for v in sums)
        further: dict[int, float] = {}
        for total, chance in chances.items():
            for step, n in steps.items():
                further[total + step] = further.get(total + step, 0.0) + chance * n / len(sums)
        chances = further
    seen = round(observed / unit)
    return min(1.0, sum(chance for total, chance in chances.items() if abs(total) >= seen))


def _drawn_p(outcomes: Sequence[Sequence[float]], observed: float) -> float:
    import numpy as np

    rng = np.random.default_rng(0)
    total = np.zeros(RESAMPLES)
    for sums in outcomes:
        total += np.asarray(sums)[rng.integers(0, len(sums), size=RESAMPLES)]
    return (1 + int((np.abs(total) >= observed - 1e-9).sum())) / (1 + RESAMPLES)


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


def _groups(clusters: Iterable[Hashable]) -> list[list[int]]:
    """The rows of each cluster."""
    groups: dict[Hashable, list[int]] = {}
    for row, cluster in enumerate(clusters):
        groups.setdefault(cluster, []).append(row)
    return list(groups.values())


def _interval(
    table: Any, groups: Sequence[Sequence[int]], bounds: tuple[float, float]
) -> tuple[float, float]:
    """Of `_mean`: the bootstrap's or Student's, whichever reaches further on either side."""
    if not table.size:
        return -1.0, 1.0
    low, high = _bootstrap(table, groups)
    value, half = _mean(table), _half_width(table, groups)
    return max(bounds[0], min(low, value - half)), min(bounds[1], max(high, value + half))


def _half_width(table: Any, groups: Sequence[Sequence[int]]) -> float:
    """Student's half-width of `_mean` over tasks, and over streams beyond what differences between tasks explain.

    Of a single stream nothing can be said, so there it is the one over tasks; of a single cluster it is 0.
    """
    import numpy

    np: Any = numpy
    by_task: Any = np.nanmean(table, axis=1)
    n, g = len(by_task), len(groups)
    if g < 2:
        return 0.0
    off = by_task - by_task.mean()
    over_tasks = sum(off[list(rows)].sum() ** 2 for rows in groups) / n**2 * g / (g - 1)
    over_streams = 0.0
    orders = table.shape[1]
    if orders > 1:
        left = table - by_task[:, None]
        by_stream: Any = np.nanmean(left, axis=0)
        noise = np.nansum((left - by_stream) ** 2) / ((n - 1) * (orders - 1)) / np.isfinite(table).sum()
        spread = ((by_stream - by_stream.mean()) ** 2).sum() / (orders * (orders - 1))
        over_streams = max(0.0, float(spread - noise))
    tasks, streams = student(g - 1), student(orders - 1) if orders > 1 else 0.0
    return math.sqrt(tasks**2 * float(over_tasks) + streams**2 * over_streams)


def _bootstrap(table: Any, groups: Sequence[Sequence[int]]) -> tuple[float, float]:
    """Percentile interval of `_mean`; clusters of tasks and orders are resampled independently."""
    import numpy

    np: Any = numpy
    rng = np.random.default_rng(0)
    member = np.zeros((len(groups), table.shape[0]))
    for g, rows in enumerate(groups):
        member[g, list(rows)] = 1.0
    known = ~np.isnan(table)
    filled = np.where(known, table, 0.0)
    drawn = rng.multinomial(len(groups), np.full(len(groups), 1 / len(groups)), size=RESAMPLES) @ member
    weights = _draws_of_orders(table.shape[1], rng)
    plays = weights @ known.T.astype(float)  # of each task in the orders that were drawn: replicates by tasks
    own = filled.sum(axis=1) / known.sum(axis=1)  # stands where a task was played in none of those orders
    met = np.asarray(weights @ filled.T / np.maximum(plays, 1), dtype=float)
    by_task = np.asarray(np.where(plays > 0, met, own), dtype=float)
    means = (drawn * by_task).sum(axis=1) / drawn.sum(axis=1)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return float(low), float(high)


def _draws_of_orders(orders: int, rng: Any) -> Any:
    """How often each order is in each resample; of few orders every draw there is, equally often."""
    import numpy as np

    if orders > _FEW_ORDERS:
        return rng.multinomial(orders, np.full(orders, 1 / orders), size=RESAMPLES)
    every = [[draw.count(o) for o in range(orders)] for draw in product(range(orders), repeat=orders)]
    return np.resize(np.array(every), (RESAMPLES, orders))
