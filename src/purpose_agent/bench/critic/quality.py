"""How good a critic is: whether its scores rank states by what came of them, and whether they are chances of success.

A score per state is easy to flatter. Where failures run to the step limit, a critic that merely tells the time
separates successes from failures over all states (pooled AUROC), because late states belong to failures; it knows
nothing about the state. So discrimination is measured here among states with an equal step number, and order within an
episode by rank correlation with true progress. States of one episode share an outcome and episodes of one task share a
difficulty, so intervals come from resampling whole tasks (cluster bootstrap: Davison & Hinkley 1997, §3.8), and where a
mean is over states, every episode counts 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from purpose_agent.bench.statistics import CONFIDENCE
from purpose_agent.errors import UsageError
from purpose_agent.numeric import is_number, is_whole
from purpose_agent.types import PHI_MAX

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]
    Ints: TypeAlias = NDArray[np.int64]

RESAMPLES = 2000
"""Draws of a bootstrap."""

BINS = 10
"""Of a calibration error, each with an equal share of the episodes' weight as far as tied scores allow."""


class ScoredState(msgspec.Struct, frozen=True):
    """What a critic said about a state, and the truth.

    Attributes:
        task: the cluster that is resampled; attempts at one task are not independent.
        episode: the attempt; it needs to be unique within its task only.
        step: the state's position in the episode, at least 0.
        phi: the critic's score in [0, 10], or None where it abstained.
        success: whether the episode succeeded in the end.
        dense: true progress of the state, in [0, 1].
    """

    task: str
    episode: str
    step: int
    phi: float | None
    success: bool
    dense: float


class Estimate(msgspec.Struct, frozen=True):
    """A number with its 95 % interval.

    The interval runs between percentiles of the bootstrap over tasks, widened where needed to hold the value
    (resampling adds noise to a calibration error, so its draws lie above it). With one task it is all that is possible.

    Attributes:
        value: on all rows.
        low: lower end of the interval.
        high: its upper end.
        n: episodes that the value rests on.
    """

    value: float
    low: float
    high: float
    n: int


class CriticQuality(msgspec.Struct, frozen=True):
    """All measures of one critic on one set of rows; None where a measure is not defined.

    Attributes:
        tasks: clusters.
        episodes: attempts.
        states: rows.
        auroc_within_steps: see `auroc_within_steps`; .5 is chance.
        auroc_pooled: over all pairs of states, to be read only beside the one within steps: what it has more is
            knowledge of the time.
        rank_correlation: see `rank_correlation`; 0 is chance.
        brier: see `brier`; .25 is a constant Φ of 5.
        ece: see `ece`.
        ece_debiased: see `ece_debiased`.
        abstention: see `abstention`.
    """

    tasks: int
    episodes: int
    states: int
    auroc_within_steps: Estimate | None
    auroc_pooled: Estimate | None
    rank_correlation: Estimate | None
    brier: Estimate | None
    ece: Estimate | None
    ece_debiased: Estimate | None
    abstention: Estimate | None

    def to_json(self) -> dict[str, float | None]:
        """A flat dict: ``name``, ``name_low``, ``name_high`` (None where not defined), ``name_n`` for each measure."""
        flat: dict[str, float | None] = {}
        for name in self.__struct_fields__:
            value: Any = getattr(self, name)
            if isinstance(value, int):
                flat[name] = value
                continue
            known = isinstance(value, Estimate)
            flat[name] = value.value if known else None
            flat[f"{name}_low"] = value.low if known else None
            flat[f"{name}_high"] = value.high if known else None
            flat[f"{name}_n"] = value.n if known else 0
        return flat


def quality(rows: Iterable[ScoredState], *, resamples: int = RESAMPLES, seed: int = 0) -> CriticQuality:
    """Every measure of this module. The order of the rows does not matter.

    Args:
        rows: of finished episodes; none is fine.
        resamples: draws of each bootstrap, at least 1.
        seed: of the draws; equal for all measures, so their intervals are over the same resampled tasks.

    Raises:
        UsageError: a row with an impossible value, two rows of one step of one episode, an episode with two outcomes,
            or a bad argument.
    """
    table = _Table.of(rows, resamples, seed)
    return CriticQuality(
        tasks=table.tasks,
        episodes=len(table.episode_task),
        states=table.states,
        auroc_within_steps=_auroc(table, by_step=True),
        auroc_pooled=_auroc(table, by_step=False),
        rank_correlation=_rank_correlation(table),
        brier=_brier(table),
        ece=_calibration_error(table, debias=False),
        ece_debiased=_calibration_error(table, debias=True),
        abstention=_abstention(table),
    )


def auroc(scores: Sequence[float], labels: Sequence[bool]) -> float | None:
    """The probability that a random positive scores above a random negative, ties counting half.

    Source: Hanley & McNeil 1982, Radiology 143:29 (the Mann-Whitney form).

    Returns:
        In [0, 1]; None when a class is missing.

    Raises:
        UsageError: a score that is not a finite number, or not as many labels as scores.
    """
    import numpy as np

    if len(scores) != len(labels):
        raise UsageError(f"scores and labels must be equally many, got {len(scores)} and {len(labels)}")
    for score in scores:
        if not (is_number(score) and abs(score) < float("inf")):
            raise UsageError(f"a score must be a finite number, got {score!r}")
    values, positive = np.array(scores, dtype=np.float64), np.array(labels, dtype=np.bool_)
    nobody = np.zeros(len(scores), dtype=np.int64)
    wins, pairs = _duels(values, positive, nobody, 1)
    return float(wins[0, 0] / pairs[0, 0]) if pairs[0, 0] > 0 else None


def auroc_within_steps(
    rows: Iterable[ScoredState], *, resamples: int = RESAMPLES, seed: int = 0
) -> Estimate | None:
    """AUROC of eventual success among pairs of states with an equal step number.

    Pooled AUROC compares a state of a success with any state of a failure, so it rewards a critic for whatever goes
    with the step number: where successes end early, states of high step number are states of failures, and Φ = −step
    scores well without a look at the state. Here both states of a pair have the same step number and different
    outcomes, hence come from different episodes, and the time alone is worth exactly .5. Steps are pooled with the
    number of their pairs as weight.

    Returns:
        An estimate in [0, 1], ``n`` the episodes that occur in a pair; None when there is no pair.

    Raises:
        UsageError: see `quality`.
    """
    return _auroc(_Table.of(rows, resamples, seed), by_step=True)


def rank_correlation(
    rows: Iterable[ScoredState], *, resamples: int = RESAMPLES, seed: int = 0
) -> Estimate | None:
    """The mean over episodes of Spearman's correlation between Φ and true progress over the episode's states.

    Ties get average ranks. An episode in which Φ is constant counts 0: it tells nothing. Episodes whose progress does
    not vary over the scored states are left out; states without a score are too, and count as `abstention`.

    Returns:
        An estimate in [-1, 1], ``n`` the episodes in the mean; None when there is none.

    Raises:
        UsageError: see `quality`.
    """
    return _rank_correlation(_Table.of(rows, resamples, seed))


def brier(rows: Iterable[ScoredState], *, resamples: int = RESAMPLES, seed: int = 0) -> Estimate | None:
    """The mean squared error of Φ / 10 as a chance of success (Brier 1950), averaged within episodes, then over them.

    Returns:
        An estimate in [0, 1], lower is better, ``n`` the episodes with a score; None when there is none.

    Raises:
        UsageError: see `quality`.
    """
    return _brier(_Table.of(rows, resamples, seed))


def ece(rows: Iterable[ScoredState], *, resamples: int = RESAMPLES, seed: int = 0) -> Estimate | None:
    """Expected calibration error: mean over bins of the gap between the mean of Φ / 10 and the share of successes.

    `BINS` bins of equal weight (equal scores share a bin), the weight of an episode being 1 over its scored states.
    It is above 0 even for a perfect critic, the more so the fewer the episodes; see `ece_debiased`. The bins of all
    rows are kept in every resample.

    Returns:
        An estimate in [0, 1], lower is better, ``n`` the episodes with a score; None when there is none.

    Raises:
        UsageError: see `quality`.
    """
    return _calibration_error(_Table.of(rows, resamples, seed), debias=False)


def ece_debiased(
    rows: Iterable[ScoredState], *, resamples: int = RESAMPLES, seed: int = 0
) -> Estimate | None:
    """The root mean square gap of the bins of `ece`, less what chance alone contributes.

    From each squared gap its sampling variance is subtracted (Kumar, Liang & Ma 2019, arXiv 1909.10155), here estimated
    between tasks because states of a task are not independent; a sum below 0 gives 0. A bin with one task says nothing
    and contributes 0.

    Returns:
        An estimate in [0, 1], lower is better, ``n`` the episodes with a score; None when there is none.

    Raises:
        UsageError: see `quality`.
    """
    return _calibration_error(_Table.of(rows, resamples, seed), debias=True)


def abstention(rows: Iterable[ScoredState], *, resamples: int = RESAMPLES, seed: int = 0) -> Estimate | None:
    """The mean over episodes of the share of states without a score.

    Returns:
        An estimate in [0, 1]; None when there are no rows.

    Raises:
        UsageError: see `quality`.
    """
    return _abstention(_Table.of(rows, resamples, seed))


@dataclass(frozen=True)
class _Table:
    """Rows as arrays: one entry per scored state in order of task, episode and step, then one per episode.

    Attributes:
        tasks: how many there are.
        states: rows, scored or not.
        task: of each scored state, its task's number.
        episode: its episode's number.
        step: its step number.
        phi: its score, as given: dividing it could make ties.
        success: the episode's outcome.
        dense: true progress.
        episode_task: of each episode, its task's number.
        abstained: share of its states without a score.
        draws: (resamples, tasks), how often each task is drawn.
    """

    tasks: int
    states: int
    task: Ints
    episode: Ints
    step: Ints
    phi: Floats
    success: NDArray[np.bool_]
    dense: Floats
    episode_task: Ints
    abstained: Floats
    draws: Floats

    @classmethod
    def of(cls, rows: Iterable[ScoredState], resamples: int, seed: int) -> _Table:
        import numpy as np

        if not (is_whole(resamples) and resamples >= 1):
            raise UsageError(f"resamples must be a whole number of at least 1, got {resamples!r}")
        if not (is_whole(seed) and seed >= 0):
            raise UsageError(f"seed must be a whole number of at least 0, got {seed!r}")
        kept = list(rows)
        for row in kept:
            _check(row)
        kept.sort(key=lambda row: (row.task, row.episode, row.step))
        names = {task: number for number, task in enumerate(dict.fromkeys(row.task for row in kept))}
        episode_task: list[int] = []
        abstained: list[float] = []
        scored: list[tuple[int, float, ScoredState]] = []
        for number, (_, group) in enumerate(groupby(kept, key=lambda row: (row.task, row.episode))):
            states = list(group)
            _check_episode(states)
            spoken = [(number, row.phi, row) for row in states if row.phi is not None]
            scored += spoken
            episode_task.append(names[states[0].task])
            abstained.append(1 - len(spoken) / len(states))
        tasks = len(names)
        even = np.full(tasks, 1 / max(1, tasks))
        draws = np.zeros((resamples, tasks))
        if tasks:
            draws += np.random.default_rng(seed).multinomial(tasks, even, size=resamples)
        return cls(
            tasks=tasks,
            states=len(kept),
            task=np.array([names[row.task] for _, _, row in scored], dtype=np.int64),
            episode=np.array([number for number, _, _ in scored], dtype=np.int64),
            step=np.array([row.step for _, _, row in scored], dtype=np.int64),
            phi=np.array([phi for _, phi, _ in scored], dtype=np.float64),
            success=np.array([row.success for _, _, row in scored], dtype=np.bool_),
            dense=np.array([row.dense for _, _, row in scored], dtype=np.float64),
            episode_task=np.array(episode_task, dtype=np.int64),
            abstained=np.array(abstained, dtype=np.float64),
            draws=draws,
        )

    @property
    def chance(self) -> Floats:
        """Φ / 10 of each scored state."""
        return self.phi / PHI_MAX

    @property
    def scored_by_episode(self) -> Floats:
        """How many states of each episode have a score."""
        import numpy as np

        return np.bincount(self.episode, minlength=len(self.episode_task)).astype(np.float64)

    def by_task(self, values: Floats, among: NDArray[np.bool_]) -> tuple[Floats, Floats]:
        """Sum of the episodes' ``values`` and number of the episodes ``among`` which they count, for each task."""
        import numpy as np

        chosen = self.episode_task[among]
        sums = np.bincount(chosen, weights=values[among], minlength=self.tasks)
        return sums.astype(np.float64), np.bincount(chosen, minlength=self.tasks).astype(np.float64)


def _check(row: ScoredState) -> None:
    where = f"in step {row.step!r} of episode {row.episode!r} of task {row.task!r}"
    if not (is_whole(row.step) and 0 <= row.step < 2**63):
        raise UsageError(f"step must be a whole number of at least 0, got {row.step!r} {where}")
    if row.phi is not None and not (is_number(row.phi) and 0 <= row.phi <= PHI_MAX):
        raise UsageError(f"phi must be a number in [0, {PHI_MAX:g}] or None, got {row.phi!r} {where}")
    if not (is_number(row.dense) and 0 <= row.dense <= 1):
        raise UsageError(f"dense must be a number in [0, 1], got {row.dense!r} {where}")
    success: Any = row.success
    if not isinstance(success, bool):
        raise UsageError(f"success must be True or False, got {success!r} {where}")


def _check_episode(states: Sequence[ScoredState]) -> None:
    """States of one episode, by step."""
    first = states[0]
    name = f"episode {first.episode!r} of task {first.task!r}"
    for before, row in pairwise(states):
        if row.step == before.step:
            raise UsageError(f"{name} has two rows of step {row.step!r}")
        if row.success is not first.success:
            raise UsageError(f"{name} has rows of both outcomes; it can only have ended once")


def _estimate(
    table: _Table, statistic: Callable[[Floats], Floats], n: int, lowest: float, highest: float
) -> Estimate | None:
    """The statistic on all rows and its percentiles over resampled tasks.

    Args:
        table: the rows.
        statistic: from draws (k, tasks), how often each task counts, to k values; NaN where not defined.
        n: episodes behind it.
        lowest: smallest possible value.
        highest: largest possible value.
    """
    import numpy as np

    if not table.tasks:
        return None
    value = float(statistic(np.ones((1, table.tasks)))[0])
    if np.isnan(value):
        return None
    value = min(highest, max(lowest, value))
    if table.tasks == 1:
        return Estimate(value, lowest, highest, n)
    found = statistic(table.draws)
    found = found[~np.isnan(found)]
    if not found.size:
        return Estimate(value, lowest, highest, n)
    low, high = (float(end) for end in np.quantile(found, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2]))
    return Estimate(value, max(lowest, min(low, value)), min(highest, max(high, value)), n)


def _mean(table: _Table, values: Floats, among: NDArray[np.bool_], lowest: float) -> Estimate | None:
    """The mean of the episodes' ``values`` over the episodes ``among`` which they count."""
    sums, counts = table.by_task(values, among)

    def statistic(draws: Floats) -> Floats:
        return _ratio(draws @ sums, draws @ counts)

    return _estimate(table, statistic, int(among.sum()), lowest, 1.0)


def _ratio(part: Floats, whole: Floats) -> Floats:
    """part / whole, NaN where there is no whole."""
    import numpy as np

    return np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)


def _abstention(table: _Table) -> Estimate | None:
    return _mean(table, table.abstained, table.abstained >= 0, 0.0)


def _brier(table: _Table) -> Estimate | None:
    import numpy as np

    squared = (table.chance - table.success) ** 2
    states = table.scored_by_episode
    sums = np.bincount(table.episode, weights=squared, minlength=len(states))
    return _mean(table, sums / np.maximum(states, 1), states > 0, 0.0)


def _rank_correlation(table: _Table) -> Estimate | None:
    import numpy as np

    episodes = len(table.episode_task)
    found, counts = np.zeros(episodes), np.zeros(episodes, dtype=np.bool_)
    edges = np.searchsorted(table.episode, np.arange(episodes + 1))
    for number in range(episodes):
        states = slice(int(edges[number]), int(edges[number + 1]))
        one = _spearman(table.phi[states], table.dense[states])
        if one is not None:
            found[number], counts[number] = one, True
    return _mean(table, found, counts, -1.0)


def _spearman(phi: Floats, dense: Floats) -> float | None:
    """None when ``dense`` is constant, else 0 when ``phi`` is."""
    if dense.size < 2:
        return None
    a, b = _ranks(phi), _ranks(dense)
    a, b = a - a.mean(), b - b.mean()
    if not b.any():
        return None
    return float(a @ b / ((a @ a) * (b @ b)) ** 0.5) if a.any() else 0.0


def _ranks(values: Floats) -> Floats:
    """Ranks from 1, doubled so that the average ranks of ties are whole numbers."""
    import numpy as np

    _, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (2 * last - counts + 1)[which].astype(np.float64)


def _auroc(table: _Table, by_step: bool) -> Estimate | None:
    import numpy as np

    wins, pairs = np.zeros((table.tasks, table.tasks)), np.zeros((table.tasks, table.tasks))
    seen = np.zeros(len(table.episode_task), dtype=np.bool_)
    step = table.step if by_step else np.zeros_like(table.step)
    order = np.argsort(step, kind="stable")
    cuts = np.flatnonzero(np.diff(step[order])) + 1
    for at in np.split(order, cuts):
        won, met = _duels(table.phi[at], table.success[at], table.task[at], table.tasks)
        if not met.any():
            continue
        wins += won
        pairs += met
        seen[table.episode[at]] = True

    def statistic(draws: Floats) -> Floats:
        return _ratio(((draws @ wins) * draws).sum(axis=1), ((draws @ pairs) * draws).sum(axis=1))

    return _estimate(table, statistic, int(seen.sum()), 0.0, 1.0)


def _duels(scores: Floats, positive: NDArray[np.bool_], task: Ints, tasks: int) -> tuple[Floats, Floats]:
    """Pairs of a positive and a negative state, by the task of either.

    A pair is drawn as often as its tasks are drawn, multiplied; so AUROC of any resample follows from these matrices.

    Returns:
        (tasks, tasks) each, rows the positive's task: pairs that the positive wins, ties counting half; all pairs.
    """
    import numpy as np

    wins, pairs = np.zeros((tasks, tasks)), np.zeros((tasks, tasks))
    above, home = scores[positive], task[positive]
    below, away = scores[~positive], task[~positive]
    if not above.size:
        return wins, pairs
    at_home = np.bincount(home, minlength=tasks)
    for other in np.unique(away):
        rivals = np.sort(below[away == other])
        beaten = np.searchsorted(rivals, above, "left") + np.searchsorted(rivals, above, "right")
        wins[:, other] = np.bincount(home, weights=beaten / 2, minlength=tasks)
        pairs[:, other] = at_home * len(rivals)
    return wins, pairs


def _calibration_error(table: _Table, debias: bool) -> Estimate | None:
    import numpy as np

    states = table.scored_by_episode
    weight = 1 / states[table.episode]
    cell = table.task * BINS + _bins(table.chance, weight)
    size = table.tasks * BINS
    shape = (table.tasks, BINS)
    weights = np.bincount(cell, weights=weight, minlength=size).reshape(shape)
    gaps = np.bincount(cell, weights=weight * (table.chance - table.success), minlength=size).reshape(shape)

    def plain(draws: Floats) -> Floats:
        return _ratio(np.abs(draws @ gaps).sum(axis=1), (draws @ weights).sum(axis=1))

    def debiased(draws: Floats) -> Floats:
        mass = draws @ weights
        gap = np.nan_to_num(_ratio(draws @ gaps, mass))
        # Variance of a ratio of sums over independent tasks (the linearised one of survey sampling).
        spread = draws @ gaps**2 - 2 * gap * (draws @ (gaps * weights)) + gap**2 * (draws @ weights**2)
        clusters = draws @ (weights > 0).astype(np.float64)
        several = clusters > 1
        variance = _ratio(np.maximum(spread, 0) * clusters, mass**2 * np.maximum(clusters - 1, 0))
        excess = np.where(several, gap**2 - np.nan_to_num(variance), 0.0)
        return np.sqrt(np.maximum(_ratio((mass * excess).sum(axis=1), mass.sum(axis=1)), 0))

    return _estimate(table, debiased if debias else plain, int((states > 0).sum()), 0.0, 1.0)


def _bins(chance: Floats, weight: Floats) -> Ints:
    """The bin of each state: bins of equal weight, equal chances together where the middle of their weight falls."""
    import numpy as np

    if not chance.size:
        return np.zeros(0, dtype=np.int64)
    _, which = np.unique(chance, return_inverse=True)
    mass = np.bincount(which, weights=weight)
    middle = (np.cumsum(mass) - mass / 2) / mass.sum()
    return np.minimum((middle * BINS).astype(np.int64), BINS - 1)[which]
