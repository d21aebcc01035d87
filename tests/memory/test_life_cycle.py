"""The rules of a lesson's life."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes.episodes import lesson
from purpose_agent.memory.life_cycle import (
    HOPELESS_AFTER,
    is_shown,
    keep_order,
    posterior_mean,
    review,
)
from purpose_agent.types import Heuristic, HeuristicStatus, Uplift

ACTIVE, CANARY, RETIRED = HeuristicStatus.ACTIVE, HeuristicStatus.CANARY, HeuristicStatus.RETIRED


def counted(used: int, succeeded: int, **fields: object) -> Heuristic:
    return lesson(times_used=used, times_succeeded=succeeded, **fields)


def reviewed(
    item: Heuristic, uplift: Uplift | None = None, *, e: float = 1.0, drifted: bool = False
) -> HeuristicStatus | None:
    change = review(item, uplift, proof=e, threshold=20.0, drifted=drifted)
    return None if change is None else change[0]


@settings(deadline=None)
@given(st.integers(0, HOPELESS_AFTER - 1), st.floats(-1, 1), st.floats(0, 1))
def test_nothing_is_retired_while_it_may_do_no_harm(used: int, low: float, high: float) -> None:
    assert reviewed(counted(used, 0), Uplift(low, min(low, high), high, used)) is None


@settings(deadline=None)
@given(st.integers(HOPELESS_AFTER, 500), st.floats(-1, 1))
def test_a_long_row_of_failures_is_retired_whatever_the_estimate(used: int, high: float) -> None:
    assert reviewed(counted(used, 0), Uplift(high, -1, high, used)) == RETIRED


@settings(deadline=None)
@given(st.integers(1, 500), st.floats(-1, -1e-9), st.sampled_from([ACTIVE, CANARY]))
def test_an_item_whose_whole_interval_is_below_zero_is_retired(
    used: int, high: float, status: HeuristicStatus
) -> None:
    assert reviewed(counted(used, used, status=status), Uplift(high, -1, high, used)) == RETIRED


def test_promotion_needs_proof_however_good_the_counts() -> None:
    assert reviewed(counted(500, 500)) is None
    assert reviewed(counted(50, 50), Uplift(0.9, 0.5, 1.0, 60), e=19.0) is None
    assert reviewed(counted(50, 30), Uplift(0.2, 0.01, 0.4, 60), e=20.5) == ACTIVE


def test_an_active_item_that_begins_to_do_harm_must_prove_itself_anew() -> None:
    assert reviewed(counted(50, 30, status=ACTIVE), None, drifted=True) == CANARY
    assert reviewed(counted(50, 30, status=CANARY), None, drifted=True) is None


def test_posterior_mean_starts_at_its_prior_and_follows_the_counts() -> None:
    assert posterior_mean(counted(0, 0)) == 0.5
    assert posterior_mean(counted(0, 0), 0.9) == pytest.approx(0.9)
    assert posterior_mean(counted(8, 8)) == pytest.approx(0.9)


def test_of_equal_worth_what_is_shown_and_better_supported_stays_and_a_persons_word_above_all() -> None:
    mine, shown, hidden = lesson(source="human"), lesson("a"), lesson("b", status=HeuristicStatus.CANDIDATE)
    assert keep_order(mine, -1) > keep_order(shown, 0.9) > keep_order(hidden, 0.9) > keep_order(shown, 0.8)


@pytest.mark.parametrize("status", HeuristicStatus)
def test_only_canary_and_active_items_are_shown(status: HeuristicStatus) -> None:
    assert is_shown(lesson(status=status)) == (status in (HeuristicStatus.CANARY, HeuristicStatus.ACTIVE))


def test_before_its_first_showing_an_item_is_worth_what_is_said_of_it() -> None:
    assert posterior_mean(lesson("a", "b", q_value=0.9), 0.5) == 0.9
    assert posterior_mean(lesson("a", "b", q_value=0.9, times_used=2), 0.5) == 0.25
