"""Intervals hold what they promise, and agree with published numbers."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from purpose_agent.bench.statistics import moving_rate, student, tango, wilson
from purpose_agent.errors import UsageError

outcomes = st.lists(st.booleans(), max_size=60)
counts = st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(0, 60)).map(
    lambda c: (c[0], c[1], c[0] + c[1] + c[2])
)


# -- one proportion --------------------------------------------------------------------------------------------
def test_wilson_agrees_with_published_values() -> None:
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)  # Newcombe 1998, table I
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert wilson(1, 29) == pytest.approx((0.0061, 0.1718), abs=5e-5)


@given(outcomes)
def test_wilson_contains_the_rate_and_stays_in_the_unit_interval(given_outcomes: list[bool]) -> None:
    n, successes = len(given_outcomes), sum(given_outcomes)
    low, high = wilson(successes, n)
    assert 0 <= low <= (successes / n if n else 0.5) <= high <= 1
    assert low < high


@given(st.integers(0, 60), st.integers(1, 60))
def test_wilson_is_symmetric_and_narrows_with_n(successes: int, n: int) -> None:
    assume(successes <= n)
    low, high = wilson(successes, n)
    mirrored = wilson(n - successes, n)
    assert (1 - high, 1 - low) == pytest.approx(mirrored)
    more = wilson(4 * successes, 4 * n)
    assert more[1] - more[0] < high - low


@pytest.mark.parametrize("p", [0.05, 0.2, 0.5, 0.8])
def test_wilson_covers_on_average(p: float) -> None:
    covered = [_covered(p, n) for n in range(15, 60)]
    assert sum(covered) / len(covered) > 0.94
    assert min(covered) > 0.85  # it oscillates around 95 %, as every interval of a count does


def _covered(p: float, n: int) -> float:
    total = 0.0
    for k in range(n + 1):
        low, high = wilson(k, n)
        if low <= p <= high:
            total += math.comb(n, k) * p**k * (1 - p) ** (n - k)
    return total


# -- paired difference -----------------------------------------------------------------------------------------
def test_closed_forms() -> None:
    z_squared = 1.959964**2
    edge = z_squared / (44 + z_squared)  # without discordant pairs the interval has this closed form
    assert tango(0, 0, 44) == pytest.approx((-edge, edge), abs=1e-5)
    low, high = tango(1, 0, 44)
    assert low < 0 < high


@given(counts)
def test_the_interval_ends_where_the_score_test_rejects(given_counts: tuple[int, int, int]) -> None:
    b, c, n = given_counts
    low, high = tango(b, c, n)
    observed = (b - c) / n if n else 0.0
    assert -1 <= low <= observed + 1e-9
    assert observed - 1e-9 <= high <= 1
    if b + c:  # at a difference of 0 the statistic is McNemar's (b − c) / √(b + c)
        rejected = abs(b - c) / math.sqrt(b + c) > 1.959964
        assert rejected == (not low <= 0 <= high)


@given(counts)
def test_swapping_the_arms_mirrors_the_interval(given_counts: tuple[int, int, int]) -> None:
    b, c, n = given_counts
    low, high = tango(b, c, n)
    assert tango(c, b, n) == pytest.approx((-high, -low), abs=1e-9)


def test_tango_covers_for_every_mix_of_few_tasks() -> None:
    n = 20
    for first_only, second_only in ((0.1, 0.1), (0.4, 0.1), (0.7, 0.05), (0.3, 0.0)):
        neither = 1 - first_only - second_only
        covered = 0.0
        for b in range(n + 1):
            for c in range(n + 1 - b):
                low, high = tango(b, c, n)
                if low <= first_only - second_only <= high:
                    ways = math.comb(n, b) * math.comb(n - b, c)
                    covered += ways * first_only**b * second_only**c * neither ** (n - b - c)
        assert covered > 0.92


# -- Student's t -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("freedom", "published"),
    [(1, 12.706), (2, 4.303), (3, 3.182), (4, 2.776), (9, 2.262), (24, 2.064), (59, 2.001), (120, 1.980)],
)
def test_student_agrees_with_published_values(freedom: int, published: float) -> None:
    assert student(freedom) == pytest.approx(published, abs=5e-4)


def test_student_comes_close_to_the_normal_distribution() -> None:
    reach = [student(n) for n in (1, 2, 5, 30, 999, 1001, 10**9)]
    assert reach == sorted(reach, reverse=True)
    assert reach[-1] == pytest.approx(1.95996, abs=1e-5)
    assert student(10, 0.99) == pytest.approx(3.169, abs=5e-4)


# -- curves ----------------------------------------------------------------------------------------------------
@given(outcomes, st.integers(1, 20))
def test_a_moving_rate_is_the_mean_of_the_last_outcomes(given_outcomes: list[bool], window: int) -> None:
    found = moving_rate(given_outcomes, window)
    assert len(found) == len(given_outcomes)
    for i, rate in enumerate(found):
        last = given_outcomes[max(0, i + 1 - window) : i + 1]
        assert rate == pytest.approx(sum(last) / len(last))


@pytest.mark.parametrize(
    "call",
    [
        lambda: wilson(3, 2),
        lambda: wilson(1, 2, 1.5),
        lambda: tango(3, 3, 5),
        lambda: moving_rate([True], 0),
        lambda: student(0),
    ],
)
def test_impossible_counts_are_refused(call: object) -> None:
    with pytest.raises(UsageError):
        call()  # type: ignore[operator]
