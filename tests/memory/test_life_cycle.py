"""The rules of a lesson's life."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes.episodes import lesson
from purpose_agent.memory.life_cycle import (
    HOPELESS_AFTER,
    JUDGED_AFTER,
    JUDGED_SUCCESSFUL_AFTER,
    PROMOTED_AFTER,
    is_harmful,
    is_proven,
    is_shown,
    keep_order,
    posterior_mean,
)
from purpose_agent.types import Heuristic, HeuristicStatus


def counted(used: int, succeeded: int) -> Heuristic:
    return lesson(times_used=used, times_succeeded=succeeded)


@settings(deadline=None)
@given(st.integers(0, JUDGED_AFTER - 1), st.integers(0, 500))
def test_nothing_is_retired_early(used: int, others: int) -> None:
    assert not is_harmful(counted(used, 0), others, others)


@settings(deadline=None)
@given(st.integers(0, 300), st.data())
def test_a_long_row_of_failures_is_harmful_whatever_the_others_did(others: int, data: st.DataObject) -> None:
    succeeded = data.draw(st.integers(0, others))
    assert is_harmful(counted(HOPELESS_AFTER, 0), others, succeeded)


@settings(deadline=None)
@given(st.integers(1, 300), st.data())
def test_an_item_as_good_as_the_others_is_never_harmful(n: int, data: st.DataObject) -> None:
    succeeded = data.draw(st.integers(1, n))
    assert not is_harmful(counted(n, succeeded), n, succeeded)


def test_few_episodes_without_the_item_prove_little() -> None:
    assert not is_harmful(counted(8, 0), 1, 1)
    assert is_harmful(counted(8, 0), 200, 200)
    assert not is_harmful(counted(20, 0), 0, 0)


def test_an_item_that_ever_succeeded_is_judged_later() -> None:
    assert not is_harmful(counted(JUDGED_SUCCESSFUL_AFTER - 1, 3), 200, 200)
    assert is_harmful(counted(JUDGED_SUCCESSFUL_AFTER, 3), 200, 200)


def test_promotion_needs_showings_and_success() -> None:
    assert not is_proven(counted(PROMOTED_AFTER - 1, PROMOTED_AFTER - 1), 0, 0)
    assert is_proven(counted(PROMOTED_AFTER, PROMOTED_AFTER), 0, 0)
    assert not is_proven(counted(PROMOTED_AFTER, 0), 0, 0)
    assert is_proven(counted(PROMOTED_AFTER, 2), 100, 5)
    assert not is_proven(counted(PROMOTED_AFTER, 2), 100, 95)


def test_posterior_mean_starts_at_its_prior_and_follows_the_counts() -> None:
    assert posterior_mean(counted(0, 0)) == 0.5
    assert posterior_mean(counted(0, 0), 0.9) == pytest.approx(0.9)
    assert posterior_mean(counted(8, 8)) == pytest.approx(0.9)


def test_a_newcomer_counts_as_average_so_that_the_below_average_go_first() -> None:
    good, new, poor = counted(10, 9), counted(0, 0), counted(10, 6)
    assert sorted([poor, new, good], key=lambda h: keep_order(h, 0.75), reverse=True) == [good, new, poor]


@pytest.mark.parametrize("status", HeuristicStatus)
def test_only_canary_and_active_items_are_shown(status: HeuristicStatus) -> None:
    assert is_shown(lesson(status=status)) == (status in (HeuristicStatus.CANARY, HeuristicStatus.ACTIVE))


def test_before_its_first_showing_an_item_is_worth_what_is_said_of_it() -> None:
    assert posterior_mean(lesson("a", "b", q_value=0.9), 0.5) == 0.9
    assert posterior_mean(lesson("a", "b", q_value=0.9, times_used=2), 0.5) == 0.25
