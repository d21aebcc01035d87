"""The published rules by which ExpeL's insights are voted on and ACE's playbook grows."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from purpose_agent.bench.rivals.insights import FULL, Insights, Kind, Operation
from purpose_agent.bench.rivals.playbook import Playbook
from purpose_agent.bench.rivals.similarity import Likeness, says_the_same

ADD, EDIT, AGREE, REMOVE = Kind.ADD, Kind.EDIT, Kind.AGREE, Kind.REMOVE
WORDS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def listed(*texts: str) -> Insights:
    insights = Insights()
    insights.apply([Operation(ADD, text=text) for text in texts], ["first"])
    return insights


def strengths(insights: Insights) -> dict[str, int]:
    return {insight.text: insight.strength for insight in insights.entries}


def full_list() -> Insights:
    return listed(*(f"{a} then {b} at last" for a in WORDS for b in WORDS[:2]))


def test_a_new_insight_has_strength_two_and_votes_count_one() -> None:
    insights = listed("open doors", "read signs", "count coins")
    votes = [Operation(AGREE, "insight-2"), Operation(EDIT, "insight-3", "count the money twice")]
    changed = insights.apply([*votes, Operation(REMOVE, "insight-1")], ["second"])
    assert strengths(insights) == {"read signs": 3, "count the money twice": 3, "open doors": 1}
    assert set(changed) == {"insight-1", "insight-2", "insight-3"}
    assert [insight.id for insight in insights.entries] == ["insight-2", "insight-3", "insight-1"]


def test_without_strength_an_insight_is_dropped_and_its_id_is_not_given_again() -> None:
    insights = listed("open doors")
    remove = Operation(REMOVE, "insight-1")
    assert insights.apply([remove], []) == ["insight-1"]
    assert insights.apply([remove], []) == []
    assert insights.entries == []
    assert insights.apply([Operation(ADD, text="read signs")], []) == ["insight-2"]


def test_a_full_list_removes_by_three() -> None:
    insights = full_list()
    assert len(insights.entries) == FULL
    insights.apply([Operation(AGREE, "insight-1")], [])
    insights.apply([Operation(REMOVE, "insight-1"), Operation(REMOVE, "insight-2")], [])
    assert not {"insight-1", "insight-2"} & {insight.id for insight in insights.entries}


def test_removal_comes_first_and_agreement_can_rescue() -> None:
    insights = listed("open doors")
    insights.apply([Operation(REMOVE, "insight-1")], [])
    insights.apply([Operation(AGREE, "insight-1"), Operation(REMOVE, "insight-1")], [])
    assert strengths(insights) == {"open doors": 1}


def test_an_edit_that_reproduces_an_insight_agrees_with_it() -> None:
    insights = listed("open doors", "read signs")
    insights.apply([Operation(EDIT, "insight-1", "Read signs!")], ["second"])
    assert strengths(insights) == {"read signs": 3, "open doors": 2}
    both = [Operation(EDIT, id, "knock before you enter") for id in ("insight-1", "insight-2")]
    insights.apply(both, [])
    assert sorted(strengths(insights).values()) == [3, 4]


def test_what_names_no_insight_or_says_nothing_new_is_discarded() -> None:
    insights = listed("open doors")
    nothing = [
        Operation(AGREE, "insight-9"),
        Operation(REMOVE, ""),
        Operation(EDIT, "insight-1", ""),
        Operation(ADD, text="Open doors."),
        Operation(ADD, text=""),
    ]
    assert insights.apply(nothing, ["second"]) == []
    assert strengths(insights) == {"open doors": 2}
    assert insights.entries[0].episodes == ["first"]


def test_opposites_are_not_the_same() -> None:
    assert says_the_same("always open the red door first", ["never open the red door first"]) is None
    assert says_the_same("Open the red door.", ["look around", "open the red doors"]) == 1


OPERATIONS = st.builds(
    Operation,
    st.sampled_from(list(Kind)),
    st.sampled_from(["", "insight-0", *(f"insight-{n}" for n in range(1, 6))]),
    st.sampled_from(["", "open doors", "read signs", "never open doors", "{0}", "ask"]),
)


@given(st.lists(st.lists(OPERATIONS, max_size=5), max_size=8))
def test_whatever_is_voted_the_list_is_sorted_alive_and_without_doubles(rounds: list[Any]) -> None:
    insights = Insights()
    for number, operations in enumerate(rounds):
        changed = insights.apply(operations, [str(number)])
        ids = [insight.id for insight in insights.entries]
        found = [insight.strength for insight in insights.entries]
        assert found == sorted(found, reverse=True)
        assert all(strength >= 1 for strength in found)
        assert len(set(ids)) == len(ids)
        assert len(strengths(insights)) == len(ids)
        assert set(changed) <= set(ids)


def test_a_playbook_ranks_by_use_and_merges_near_duplicates() -> None:
    playbook = Playbook([])
    first, second, third = (playbook.add(text, "a") for text in ("open doors", "read signs", "count coins"))
    assert playbook.add("Read the signs", "b") != second, "another word is another bullet"
    assert playbook.add("READ SIGNS!", "b") == second
    assert playbook.find(second).episodes == ["a", "b"]  # type: ignore[union-attr]
    playbook.find(first).helpful += 2  # type: ignore[union-attr]
    playbook.find(third).harmful += 1  # type: ignore[union-attr]
    assert [bullet.id for bullet in playbook.ranked] == [first, "bullet-4", second, third]


def test_the_nearest_text_by_words_and_of_equals_the_last() -> None:
    likeness = Likeness(None)
    assert likeness.nearest("open the red door", ["count coins", "the red door", "a blue door"]) == 1
    assert likeness.nearest("same", ["same", "same"]) == 1
    assert likeness.nearest("anything", []) is None


class Broken:
    name, dimension = "broken", 3

    def embed(self, texts: Any) -> Any:
        raise RuntimeError("no weights")


def test_an_embedder_that_fails_leaves_the_words() -> None:
    likeness = Likeness(Broken())
    with pytest.warns(RuntimeWarning, match="no weights"):
        assert likeness.nearest("the red door", ["count coins", "red doors", "x"]) == 1
