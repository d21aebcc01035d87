"""When two lessons are one."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes.episodes import lesson
from purpose_agent.memory.duplicates import jaccard, say_the_same, signature
from purpose_agent.types import Heuristic, MemoryTier

LONG = "check the shelf in the kitchen for the red box and open it with care when nobody else is around"


def same(a: Heuristic, b: Heuristic) -> bool:
    return say_the_same(signature(a), signature(b))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Look around.", "look   around"),
        ("Look\naround!", "LOOK AROUND"),
        ("ｌook around", "look around"),
        (LONG, LONG.replace("box", "crate")),
        ("", ""),
        ("?!", "?!"),
    ],
)
def test_wording_case_and_punctuation_do_not_count(one: str, other: str) -> None:
    assert same(lesson("p", one), lesson("p", other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("take the left door", "take the right door"),
        (f"always {LONG}", f"never {LONG}"),
        (LONG, f"do not {LONG}"),
        (f"{LONG} prefer north over south", f"{LONG} prefer south over north"),
        (f"{LONG} wait 5 minutes", f"{LONG} wait 50 minutes"),
        ("?!", "!!"),
    ],
)
def test_meaning_counts(one: str, other: str) -> None:
    assert not same(lesson("p", one), lesson("p", other))


def test_tiers_are_apart() -> None:
    assert not same(lesson("p", "s"), lesson("p", "s", tier=MemoryTier.TOOL))


def test_tips_about_two_actions_are_two() -> None:
    one, other = (lesson(name, LONG, tier=MemoryTier.TOOL) for name in ("open", "close"))
    assert not same(one, other)


def test_a_procedure_is_its_steps_in_order_however_it_is_advertised() -> None:
    def sop(strategy: str, *steps: str) -> Heuristic:
        return lesson("make tea", strategy, tier=MemoryTier.PROCEDURAL, steps=steps)

    assert same(sop("quick", "boil water", "pour"), sop("slow", "Boil water.", "pour"))
    assert not same(sop("quick", "boil water", "pour"), sop("quick", "pour", "boil water"))


texts = st.text(max_size=60)
lessons = st.builds(lesson, texts, texts, tier=st.sampled_from(MemoryTier), steps=st.lists(texts, max_size=3))


@settings(deadline=None)
@given(lessons, lessons)
def test_sameness_is_reflexive_and_symmetric(a: Heuristic, b: Heuristic) -> None:
    assert same(a, a)
    assert same(a, b) == same(b, a)


def test_jaccard() -> None:
    assert jaccard(frozenset("ab"), frozenset("bc")) == pytest.approx(1 / 3)
    assert jaccard(frozenset(), frozenset()) == 1.0
