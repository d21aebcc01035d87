"""Intervals hold what they promise, and the permutation test is exact."""

from __future__ import annotations

import math
import random
from collections.abc import Hashable, Mapping
from itertools import combinations, pairwise, product

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from purpose_agent.bench.report import statistics
from purpose_agent.bench.report.statistics import (
    difference_estimate,
    mean_estimate,
    paired,
    pass_k,
    permutation_p,
)
from purpose_agent.bench.statistics import wilson
from purpose_agent.errors import UsageError

Cells = dict[Hashable, dict[int, float]]

quick = settings(max_examples=25)
rates = st.sampled_from([0.0, 0.5, 1.0])
orders = st.dictionaries(st.integers(0, 2), rates, min_size=1, max_size=3)
tables = st.lists(orders, min_size=1, max_size=12).map(lambda rows: dict(enumerate(rows)))
binary = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=25)


def alone(cells: Mapping[Hashable, object]) -> dict[Hashable, Hashable]:
    """Each task is a cluster of its own."""
    return {task: task for task in cells}


def single(values: list[float]) -> Cells:
    return {task: {0: value} for task, value in enumerate(values)}


def p_of(differences: list[float], clusters: dict[Hashable, Hashable] | None = None) -> float:
    cells = single(differences)
    return permutation_p(cells, single([0.0] * len(differences)), clusters or alone(cells))


# -- means -----------------------------------------------------------------------------------------------------
@quick
@given(tables, st.booleans())
def test_a_mean_lies_in_its_interval_and_the_interval_among_the_possible(cells: Cells, rate: bool) -> None:
    found = mean_estimate(cells, alone(cells), rate=rate)
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert found.n == len(cells)


@quick
@given(tables)
def test_a_task_counts_once_however_often_it_was_played(cells: Cells) -> None:
    found = mean_estimate(cells, alone(cells), rate=True)
    assert found.value == pytest.approx(sum(sum(r.values()) / len(r) for r in cells.values()) / len(cells))


def test_the_interval_is_of_the_mean_that_is_reported_where_tasks_lack_orders() -> None:
    cells: Cells = {t: {0: 1.0, 1: 1.0, 2: 1.0} if t % 2 else {t // 2 % 3: 0.0} for t in range(200)}
    found = mean_estimate(cells, alone(cells), rate=False)
    assert found.value == 0.5
    assert (found.low + found.high) / 2 == pytest.approx(0.5, abs=0.02)  # by plays it would lie near 0.75


@quick
@given(tables, st.randoms(use_true_random=False))
def test_the_order_of_tasks_changes_neither_the_mean_nor_p(cells: Cells, dice: random.Random) -> None:
    shuffled = list(cells)
    dice.shuffle(shuffled)
    other = {task: cells[task] for task in shuffled}
    a, b = (mean_estimate(c, alone(c), rate=True) for c in (cells, other))
    assert a.value == pytest.approx(b.value)
    half: Cells = {task: dict.fromkeys(row, 0.5) for task, row in cells.items()}
    assert permutation_p(cells, half, alone(cells)) == permutation_p(other, half, alone(other))


def test_the_order_of_many_tasks_hardly_changes_the_interval() -> None:
    cells = single([1.0] * 20 + [0.0] * 40)
    mixed = {task: cells[task] for task in sorted(cells, key=lambda t: t % 7)}
    a, b = (mean_estimate(c, alone(c), rate=True) for c in (cells, mixed))
    assert (a.low, a.high) == pytest.approx((b.low, b.high), abs=0.02)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_all_or_none_of_few_tasks_is_no_certainty(value: float) -> None:
    found = mean_estimate(single([value] * 10), alone(single([value] * 10)), rate=True)
    assert found.high - found.low > 0.25
    same, p = difference_estimate(
        single([value] * 10), single([value] * 10), {t: t for t in range(10)}, rate=True
    )
    assert same.value == 0
    assert same.low < -0.1
    assert same.high > 0.1
    assert p == 1.0


def test_tasks_of_one_template_are_drawn_together_and_widen_the_interval() -> None:
    cells = single([1.0] * 30 + [0.0] * 30)
    apart = mean_estimate(cells, alone(cells), rate=True)
    together = mean_estimate(cells, {t: t // 10 for t in cells}, rate=True)
    assert together.value == apart.value
    assert together.high - together.low > 1.5 * (apart.high - apart.low)


def test_streams_that_differ_widen_the_interval() -> None:
    equal: Cells = {t: {0: t % 2, 1: t % 2} for t in range(60)}
    unequal: Cells = {t: {0: 1.0, 1: 0.0} for t in range(60)}
    a, b = (mean_estimate(c, alone(c), rate=True) for c in (equal, unequal))
    assert a.value == b.value == 0.5
    assert b.high - b.low > 2 * (a.high - a.low)


def test_nothing_played_is_nothing_known() -> None:
    found = mean_estimate({}, {}, rate=True)
    assert (found.low, found.high, found.n) == (-1.0, 1.0, 0)


# -- differences -----------------------------------------------------------------------------------------------
@quick
@given(tables, tables, st.booleans())
def test_a_difference_lies_in_its_interval(first: Cells, second: Cells, rate: bool) -> None:
    assume(paired(first, second))
    clusters = alone({**first, **second})
    found, p = difference_estimate(first, second, clusters, rate=rate)
    assert -1 <= found.low <= found.value <= found.high <= 1
    assert 0 < p <= 1
    mirrored, same_p = difference_estimate(second, first, clusters, rate=rate)
    assert mirrored.value == pytest.approx(-found.value)
    assert same_p == p


def test_an_arm_that_learns_nothing_stands_against_every_stream_of_the_other() -> None:
    assert paired({"t": {0: 1.0}}, {"t": {0: 0.0, 1: 1.0, 2: 0.5}}) == {"t": {0: 1.0, 1: 0.0, 2: 0.5}}
    assert paired({"t": {0: 0.0, 1: 1.0}}, {"t": {0: 0.5}}) == {"t": {0: -0.5, 1: 0.5}}


def test_streams_stand_against_their_own_kind_also_where_some_were_not_played_yet() -> None:
    first: Cells = {"a": {0: 1.0, 1: 1.0}, "b": {1: 1.0}, "c": {0: 1.0}}
    second: Cells = {"a": {0: 0.0, 1: 0.0}, "b": {0: 0.0, 1: 0.5}, "c": {1: 0.0}, "d": {0: 1.0}}
    assert paired(first, second) == {"a": {0: 1.0, 1: 1.0}, "b": {1: 0.5}}


def test_the_interval_holds_its_coverage_in_a_simulation(monkeypatch: pytest.MonkeyPatch) -> None:
    """n = 40 tasks, two streams, success rates that vary with the task and the arm; 200 replications, one seed."""
    monkeypatch.setattr(statistics, "RESAMPLES", 600)
    dice = random.Random(0)
    covered = 0
    for _ in range(200):
        levels = [dice.betavariate(1.5, 1.5) for _ in range(40)]
        arm: Cells = {
            t: {o: float(dice.random() < min(1, p + 0.2)) for o in (0, 1)} for t, p in enumerate(levels)
        }
        plain: Cells = {t: {0: float(dice.random() < p)} for t, p in enumerate(levels)}
        found, _ = difference_estimate(arm, plain, alone(arm), rate=True)
        covered += found.low <= _GAIN <= found.high
    assert covered >= 0.92 * 200


@pytest.mark.parametrize(("streams", "spread"), [(3, 0.0), (3, 0.5), (3, 1.0), (10, 1.0)])
def test_the_interval_of_a_rate_covers_where_streams_differ(
    monkeypatch: pytest.MonkeyPatch, streams: int, spread: float
) -> None:
    """60 tasks whose difficulty varies, streams whose log-odds have that standard deviation; 200 replications."""
    monkeypatch.setattr(statistics, "RESAMPLES", 400)
    dice = random.Random(0)

    def chance(task: float, stream: float) -> float:
        return 1 / (1 + math.exp(-(0.5 + task + stream)))

    truth = sum(chance(dice.gauss(0, 1), dice.gauss(0, spread)) for _ in range(100_000)) / 100_000
    covered = 0
    for _ in range(200):
        levels, drift = ([dice.gauss(0, sd) for _ in range(n)] for n, sd in ((60, 1), (streams, spread)))
        cells: Cells = {
            t: {o: float(dice.random() < chance(level, drift[o])) for o in range(streams)}
            for t, level in enumerate(levels)
        }
        found = mean_estimate(cells, alone(cells), rate=True)
        covered += found.low <= truth <= found.high
    assert covered >= 0.92 * 200


def test_the_interval_of_a_score_covers_where_streams_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    """25 tasks, three streams, whose scores differ as much as tasks do."""
    monkeypatch.setattr(statistics, "RESAMPLES", 400)
    dice = random.Random(0)
    covered = 0
    for _ in range(200):
        levels, drift = ([dice.gauss(0, 0.1) for _ in range(n)] for n in (25, 3))
        cells: Cells = {t: {o: 0.5 + a + d for o, d in enumerate(drift)} for t, a in enumerate(levels)}
        found = mean_estimate(cells, alone(cells), rate=False)
        covered += found.low <= 0.5 <= found.high
    assert covered >= 0.91 * 200


def test_few_templates_are_few_however_many_tasks_they_have() -> None:
    cells = single([1.0] * 40)
    assert mean_estimate(cells, {t: t % 4 for t in cells}, rate=True).low == pytest.approx(wilson(4, 4)[0])


def _expected_gain() -> float:
    dice = random.Random(1)
    gains = [min(1, p + 0.2) - p for p in (dice.betavariate(1.5, 1.5) for _ in range(100_000))]
    return sum(gains) / len(gains)


_GAIN = _expected_gain()


# -- the permutation test --------------------------------------------------------------------------------------
@quick
@given(st.lists(st.sampled_from([-1.0, -2 / 3, -0.5, 0.0, 1 / 3, 0.5, 1.0]), min_size=1, max_size=8))
def test_p_is_the_share_of_sign_flips_that_are_as_far_from_none(values: list[float]) -> None:
    flips = [
        abs(sum(s * v for s, v in zip(signs, values, strict=True)))
        for signs in product((1, -1), repeat=len(values))
    ]
    expected = sum(f >= abs(sum(values)) - 1e-9 for f in flips) / len(flips)
    assert p_of(values) == pytest.approx(expected)


@quick
@given(binary)
def test_p_of_single_outcomes_is_mcnemars(outcomes: list[tuple[bool, bool]]) -> None:
    first, second = (single([float(pair[i]) for pair in outcomes]) for i in (0, 1))
    _, p = difference_estimate(first, second, alone(first), rate=True)
    only_first = sum(a and not b for a, b in outcomes)
    only_second = sum(b and not a for a, b in outcomes)
    total, fewer = only_first + only_second, min(only_first, only_second)
    tail = sum(math.comb(total, k) for k in range(fewer + 1))  # McNemar 1947, exact: a sign test
    assert p == pytest.approx(min(1.0, 2 * tail / 2**total))


def test_tasks_of_one_template_flip_together() -> None:
    values = [1.0] * 10
    assert p_of(values) == pytest.approx(2 / 1024)
    assert p_of(values, {t: t // 5 for t in range(10)}) == pytest.approx(0.5)


def test_scores_of_any_size_are_tested_by_draws_that_agree() -> None:
    dice = random.Random(0)
    values = [dice.random() - 0.3 for _ in range(12)]
    total = abs(sum(values))
    flips = [abs(sum(s * v for s, v in zip(c, values, strict=True))) for c in product((1, -1), repeat=12)]
    exact = sum(f >= total - 1e-9 for f in flips) / len(flips)
    assert p_of(values) == pytest.approx(exact, abs=0.02)
    assert p_of(values) == p_of(values)


@quick
@given(st.lists(st.tuples(*[st.integers(0, 1)] * 4), min_size=1, max_size=5))
def test_of_more_plays_against_one_each_might_have_been_the_others(tasks: list[tuple[int, ...]]) -> None:
    first: Cells = {t: dict(enumerate(map(float, plays[:3]))) for t, plays in enumerate(tasks)}
    second = single([float(plays[3]) for plays in tasks])
    observed = abs(sum(sum(p[:3]) / 3 - p[3] for p in tasks))
    totals = [
        abs(sum((sum(p) - p[other]) / 3 - p[other] for p, other in zip(tasks, others, strict=True)))
        for others in product(range(4), repeat=len(tasks))
    ]
    expected = sum(t >= observed - 1e-9 for t in totals) / len(totals)
    assert permutation_p(first, second, alone(first)) == pytest.approx(expected)


def test_p_holds_its_size_where_ten_streams_stand_against_one_play() -> None:
    """No effect, ten plays against one, success in one of fifteen: of 200 replications few may have p ≤ .05."""
    dice = random.Random(0)
    false = 0
    for _ in range(200):
        arm: Cells = {t: {o: float(dice.random() < 1 / 15) for o in range(10)} for t in range(20)}
        plain = single([float(dice.random() < 1 / 15) for _ in range(20)])
        false += permutation_p(arm, plain, alone(arm)) <= 0.05
    assert false <= 0.09 * 200


# -- pass^k ----------------------------------------------------------------------------------------------------
attempts = st.tuples(st.integers(0, 5), st.integers(0, 5)).map(lambda pair: (min(pair), max(pair)))


@given(st.lists(attempts.filter(lambda a: a[1] > 0), min_size=1, max_size=6))
def test_pass_k_is_the_share_of_draws_of_k_attempts_that_all_succeed(
    successes: list[tuple[int, int]],
) -> None:
    found = pass_k(successes, 5)
    for k, value in enumerate(found, 1):
        shares = []
        for s, n in successes:
            if n >= k:
                draws = list(combinations([True] * s + [False] * (n - s), k))
                shares.append(sum(map(all, draws)) / len(draws))
        assert value == pytest.approx(sum(shares) / len(shares))
    assert len(found) == min(5, max(n for _, n in successes))


@given(st.lists(st.integers(0, 4), min_size=1, max_size=8))
def test_more_attempts_are_harder_to_pass(successes: list[int]) -> None:
    found = pass_k([(s, 4) for s in successes], 4)
    assert all(a >= b - 1e-12 for a, b in pairwise(found))
    assert math.isclose(found[0], sum(successes) / 4 / len(successes))


def test_more_successes_than_attempts_are_refused() -> None:
    with pytest.raises(UsageError, match="successes"):
        pass_k([(3, 2)], 2)


def test_equal_scores_of_few_tasks_are_not_certainty_either() -> None:
    found = mean_estimate(single([1.0] * 5), alone(single([1.0] * 5)), rate=False)
    assert (found.value, found.high) == (1.0, 1.0)
    assert found.low == pytest.approx(wilson(5, 5)[0])
    nothing = single([0.0] * 5)
    difference, _ = difference_estimate(single([1.0] * 5), nothing, alone(nothing), rate=False)
    assert 0.0 < difference.low < 0.5
