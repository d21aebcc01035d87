"""What chance decides: with bounded probabilities, by a seed, and for what is believed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.episodes import episode, keep, lesson
from purpose_agent.memory.credit.credit_book import CreditBook
from purpose_agent.memory.credit.pooling import Belief
from purpose_agent.memory.credit.withholding import FIRST_FLOOR, FLOOR, coin, propensity
from purpose_agent.memory.library import Library
from purpose_agent.store import open_store
from purpose_agent.store.base import Store

beliefs = st.builds(Belief, st.floats(-2, 2), st.floats(1e-6, 4))


@pytest.fixture
def store() -> Store:
    store = open_store(None)
    Library(store).add([lesson(f"place {word}", f"go {word}", id=word) for word in "abcdefgh"], "test")
    return store


@given(beliefs, st.integers(0, 10_000), st.booleans())
def test_both_sides_always_have_a_chance(belief: Belief, trials: int, suspect: bool) -> None:
    assert FLOOR <= propensity(belief, trials, suspect) <= 1 - FLOOR
    assert FIRST_FLOOR <= propensity(belief, 0, suspect) <= 1 - FIRST_FLOOR


@given(beliefs, st.floats(0, 1), st.integers(0, 1000))
def test_what_is_believed_to_help_more_is_shown_more_often(belief: Belief, more: float, trials: int) -> None:
    better = Belief(belief.mean + more, belief.variance)
    assert propensity(better, trials) >= propensity(belief, trials)


def test_what_is_in_question_is_tried_both_ways() -> None:
    assert propensity(Belief(0.5, 0.001), 500, suspect=True) == 0.5


def test_coins_are_fair_and_the_same_everywhere() -> None:
    thrown = [coin("a seed", str(n)) for n in range(2000)]
    assert thrown == [coin("a seed", str(n)) for n in range(2000)]
    assert sum(c < 0.3 for c in thrown) / 2000 == pytest.approx(0.3, abs=0.03)


def test_a_decision_follows_from_its_seed(store: Store) -> None:
    items = store.heuristics()

    def decisions(seed: int) -> list[frozenset[str]]:
        book = CreditBook(store)
        return [book.assign(items, "a purpose", seed).withheld for _ in range(20)]

    assert decisions(1) == decisions(1)
    assert decisions(1) != decisions(2)
    assert len(set(decisions(1))) > 1  # the same task gets other coins when it is met again


def test_a_process_that_begins_later_throws_the_same_coins(store: Store) -> None:
    items = store.heuristics()
    from_the_start = CreditBook(store)
    for seed in range(20):
        later = CreditBook(store)
        draw = [book.draws(items, "a purpose", seed)(items[0]) for book in (from_the_start, later)]
        assert draw[0] == draw[1]
        assert later.assign(items, "a purpose", seed) == from_the_start.assign(items, "a purpose", seed)
        keep(store, episode(id=f"episode-{seed}"))


def test_nothing_is_left_to_chance_where_nothing_is_learned(store: Store) -> None:
    assert CreditBook(store).assign(store.heuristics(), "a purpose", None).propensities == {}
