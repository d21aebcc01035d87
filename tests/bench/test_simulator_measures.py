"""The simulator's numbers."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from purpose_agent.bench.simulator.measures import (
    mean_of,
    mean_text,
    percent_text,
    quantile,
    rank_correlation,
    ranks,
    share_of,
)

values = st.lists(st.integers(-5, 5).map(float), min_size=2, max_size=30)


def test_equal_values_share_their_ranks() -> None:
    assert ranks([3.0, 1.0, 3.0, 2.0, 3.0]) == [4.0, 1.0, 4.0, 2.0, 4.0]


@given(values)
def test_ranks_add_up_whatever_is_equal(given_values: list[float]) -> None:
    n = len(given_values)
    assert math.fsum(ranks(given_values)) == pytest.approx(n * (n + 1) / 2)


@given(values, st.integers(0, 10**6))
def test_a_rank_correlation_does_not_care_for_units(given_values: list[float], shift: int) -> None:
    other = [value**3 + shift for value in given_values]
    expected = 1.0 if len(set(given_values)) > 1 else 0.0
    assert rank_correlation(given_values, other) == pytest.approx(expected)
    assert rank_correlation(given_values, [-value for value in other]) == pytest.approx(-expected)


@pytest.mark.parametrize(
    ("n", "t"), [(2, 12.706), (3, 4.303), (4, 3.182), (6, 2.571), (11, 2.228), (31, 2.042)]
)
def test_means_have_students_interval(n: int, t: float) -> None:
    sample = [float(number) for number in range(n)]
    mean = mean_of(sample)
    spread = math.sqrt(sum((x - mean.value) ** 2 for x in sample) / (n - 1))
    assert mean.half == pytest.approx(t * spread / math.sqrt(n), rel=0.01)


def test_one_replication_says_nothing_of_its_error() -> None:
    assert mean_of([0.5]).half == math.inf
    assert mean_text(mean_of([0.5])) == "0.50 ± ∞"


def test_nothing_to_measure_is_no_number() -> None:
    assert mean_text(mean_of([])) == percent_text(share_of(0, 0)) == "-"
    assert math.isnan(quantile([], 0.5))


def test_a_quantile_is_one_of_the_values() -> None:
    assert [quantile([4.0, 1.0, 3.0, 2.0], share) for share in (0.25, 0.5, 0.9)] == [1.0, 2.0, 4.0]
