"""False promotions over a stream of proposals."""

from __future__ import annotations

import math
import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from purpose_agent.errors import UsageError
from purpose_agent.memory.gate.false_promotions import is_promoted, level, promoted, share


def e_value(drawn: random.Random, helps: bool, goal: float) -> float:
    """A bold gambler's wealth: under no effect it reaches ``goal`` with chance 1/goal, so its mean is 1."""
    return goal if drawn.random() < (0.7 if helps else 1 / goal) else 0.0


@pytest.mark.parametrize("alpha", [0.05, 0.2])
@pytest.mark.parametrize("length", [10, 60])
def test_the_mean_share_of_false_promotions_is_alpha_at_most(alpha: float, length: int) -> None:
    drawn, replications, total = random.Random(7), 2000, 0.0
    for _ in range(replications):
        true = false = 0
        for position in range(1, length + 1):
            helps = drawn.random() < 0.25
            goal = 1 / level(position, true + false, alpha)
            if is_promoted(e_value(drawn, helps, goal), position, true + false, alpha):
                true, false = true + helps, false + (not helps)
        total += false / max(1, true + false)
    assert total / replications <= alpha


def test_it_holds_when_decisions_wait_for_each_other_and_all_false_ones_come_together() -> None:
    """Null proposals share one bet, and all are judged again at the level that the promotions have reached."""
    drawn, replications, length, alpha, total = random.Random(8), 4000, 40, 0.2, 0.0
    for _ in range(replications):
        goal = drawn.choice([5.0, 20.0, 80.0])
        shared = goal if drawn.random() < 1 / goal else 0.0
        helps = [drawn.random() < 0.25 for _ in range(length)]
        values = [e_value(drawn, True, 200.0) if h else shared for h in helps]
        made: set[int] = set()
        while True:
            new = [
                i for i in range(length) if i not in made and is_promoted(values[i], i + 1, len(made), alpha)
            ]
            if not new:
                break
            made.add(new[-1])
        total += sum(not helps[i] for i in made) / max(1, len(made))
    assert total / replications <= alpha


def test_the_shares_are_positive_fall_and_sum_to_one() -> None:
    shares = [share(i) for i in range(1, 100_001)]
    assert all(a > b > 0 for a, b in pairwise(shares))
    assert math.fsum(shares) + 3 / math.sqrt(100_009) == pytest.approx(1.0)  # what is left for all later ones


@settings(deadline=None)
@given(st.integers(1, 500), st.integers(0, 500), st.floats(0.001, 0.5))
def test_the_level_rises_with_promotions_and_never_above_alpha(i: int, made: int, alpha: float) -> None:
    assert 0 < level(i, made, alpha) <= level(i, made + 1, alpha) <= alpha
    assert level(i + 1, made, alpha) <= level(i, made, alpha)
    assert is_promoted(1 / level(i, made, alpha), i, made, alpha)
    assert not is_promoted(0.99 / level(i, made, alpha), i, made, alpha)


def test_a_proposal_that_just_missed_is_promoted_once_others_were() -> None:
    assert not is_promoted(250.0, 1, 0)
    assert is_promoted(250.0, 1, 1)


def test_promotions_make_later_ones_easier() -> None:
    assert promoted([0.0, 460.0, 300.0]) == [2, 3]
    assert promoted([0.0, 100.0, 300.0]) == []


@pytest.mark.parametrize("value", [-1.0, math.nan, True, "20"])
def test_what_is_no_e_value_is_refused(value: float) -> None:
    with pytest.raises(UsageError, match=f"e_value must be a number, at least 0, got {value!r}"):
        is_promoted(value, 1, 0)


@pytest.mark.parametrize("alpha", [0.0, 1.0, -0.05, math.nan, True])
def test_an_alpha_out_of_range_is_refused(alpha: float) -> None:
    with pytest.raises(UsageError, match=f"alpha must be a number between 0 and 1, got {alpha!r}"):
        level(1, 0, alpha)


def test_a_position_or_a_count_out_of_range_is_refused() -> None:
    with pytest.raises(UsageError, match="position must be a whole number, at least 1, got 0"):
        level(0, 0)
    with pytest.raises(UsageError, match="promotions must be a whole number, at least 0, got -1"):
        level(1, -1)
