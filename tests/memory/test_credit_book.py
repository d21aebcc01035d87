"""A book of credit is a fold over the trials of a store, and what it does not know it borrows."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes.episodes import lesson
from purpose_agent.memory.credit.credit_book import PRIORS, CreditBook
from purpose_agent.memory.credit.pooling import Belief, pooled
from purpose_agent.store import open_store
from purpose_agent.store.base import Store, Trial
from purpose_agent.types import Heuristic, MemoryTier, Trust

FAMILY = "sort parcels"


def stored(*items: Heuristic) -> Store:
    store = open_store(None)
    for item in items:
        store.add_heuristic(item, "test")
    return store


def item(id: str, **fields: object) -> Heuristic:
    return replace(lesson(f"place {id}", f"go {id}", id=id), **fields)  # type: ignore[arg-type]


def tried(store: Store, id: str, effect: int, n: int = 200, family: str = FAMILY) -> None:
    """Trials of an item that always makes (1), never changes (0) or always prevents (-1) a success."""
    for number in range(n):
        shown = number % 2 == 0
        outcome = float(shown) if effect > 0 else float(not shown) if effect < 0 else float(number % 4 < 2)
        store.add_trials([Trial(id, f"{id} {number}", family, shown, 0.5, outcome)], 0.1)


trials = st.lists(
    st.tuples(st.sampled_from("abc"), st.booleans(), st.sampled_from([0.05, 0.5, 0.9]), st.booleans()),
    min_size=1,
    max_size=30,
)


@settings(deadline=None, max_examples=40)
@given(trials, st.sets(st.integers(0, 30)))
def test_two_books_agree_however_often_they_were_read(
    given_trials: list[tuple[str, bool, float, bool]], reads: set[int]
) -> None:
    items = [item(id) for id in "abc"]
    store = stored(*items)
    often, once = CreditBook(store), CreditBook(store)
    for number, (id, shown, propensity, success) in enumerate(given_trials):
        trial = Trial(id, f"episode {number // 2}", FAMILY, shown, propensity, float(success))
        store.add_trials([trial], 0.1)
        if number in reads:
            often.beliefs(items, FAMILY)
            often.uplift(id)
    for id in "abc":
        assert often.of(id) == once.of(id)
        assert often.uplift(id) == once.uplift(id)
    assert often.beliefs(items, FAMILY) == once.beliefs(items, FAMILY)
    assert often.expected(FAMILY) == once.expected(FAMILY)
    store.close()


def test_an_item_without_trials_is_believed_what_its_kin_are_like() -> None:
    kin, cold = [item(f"kin{n}") for n in range(6)], item("cold")
    stranger = item("stranger", tier=MemoryTier.TOOL)
    store = stored(*kin, cold, stranger)
    before = CreditBook(store).beliefs([cold, stranger])
    for one in kin:
        tried(store, one.id, -1)
    after = CreditBook(store).beliefs([cold, stranger])
    assert after["cold"].mean < before["cold"].mean - 0.5
    assert after["cold"].helps < 0.3 < 0.9 < before["cold"].helps
    assert after["stranger"] == before["stranger"]


def test_kin_of_the_same_family_count_most() -> None:
    bad, good = [item(f"bad{n}") for n in range(6)], [item(f"good{n}") for n in range(6)]
    cold = item("cold")
    store = stored(*bad, *good, cold)
    for one in bad:
        tried(store, one.id, -1, family="water plants")
    for one in good:
        tried(store, one.id, 1)
    book = CreditBook(store)
    at_home = book.beliefs([cold], FAMILY)["cold"].mean
    abroad = book.beliefs([cold], "water plants")["cold"].mean
    assert abroad < 0 < at_home


def test_each_of_the_kin_counts_once() -> None:
    kin, cold = [item(f"kin{n}") for n in range(4)], item("cold")
    store = stored(*kin, cold)
    for one in kin:
        tried(store, one.id, 0, n=20)
    book = CreditBook(store)
    known = [likelihood for one in kin if (likelihood := book.of(one.id).likelihood)]
    assert book.beliefs([cold], FAMILY)["cold"] == pooled(PRIORS[None], known)


@pytest.mark.parametrize("effect", [1, -1])
def test_a_new_version_is_believed_what_its_parent_is_like(effect: int) -> None:
    parent = item("old")
    child = item("new", parents=["old"], version=2)
    store = stored(parent, child)
    tried(store, "old", effect)
    beliefs = CreditBook(store).beliefs([parent, child])
    assert beliefs["new"].mean == pytest.approx(beliefs["old"].mean, abs=0.1)
    assert beliefs["new"].variance > beliefs["old"].variance


def test_own_trials_outweigh_kin() -> None:
    kin, own = [item(f"kin{n}") for n in range(6)], item("own")
    store = stored(*kin, own)
    for one in kin:
        tried(store, one.id, 1)
    tried(store, "own", -1)
    assert CreditBook(store).beliefs([own])["own"].helps < 0.01


def test_strangers_words_are_not_assumed_to_help() -> None:
    trusted, imported = item("a"), item("b", trust=Trust.IMPORT)
    beliefs = CreditBook(stored(trusted, imported)).beliefs([trusted, imported])
    assert beliefs["b"].helps == 0.5 < beliefs["a"].helps


@given(st.lists(st.tuples(st.floats(-1, 1), st.floats(0.001, 5)), max_size=20))
def test_a_pool_lies_between_its_members_and_what_was_assumed(members: list[tuple[float, float]]) -> None:
    prior = Belief(0.2, 0.04)
    pool = pooled(prior, [Belief(mean, variance) for mean, variance in members])
    means = [prior.mean, *(mean for mean, _ in members)]
    assert min(means) - 1e-9 <= pool.mean <= max(means) + 1e-9
    assert 0 < pool.variance < 0.17
