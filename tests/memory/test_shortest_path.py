"""The procedure behind a success."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes.episodes import episode
from purpose_agent.memory.distillers.shortest_path import MAX_STEPS, ShortestPathDistiller, shortest_path
from purpose_agent.memory.library import Library
from purpose_agent.store import open_store
from purpose_agent.types import Action, Evidence, Heuristic, MemoryTier, Trajectory, Verdict


def distil(trajectory: Trajectory, existing: Sequence[Heuristic] = ()) -> list[Heuristic]:
    return asyncio.run(ShortestPathDistiller().distill(trajectory, existing))


def actions(trajectory: Trajectory) -> list[str]:
    return [step.action.name for step in shortest_path(trajectory.steps)]


def test_errors_idle_steps_and_done_are_left_out() -> None:
    attempt = episode(
        ("go east", "hall"),
        ("jump", "hall"),
        ("open door", "hall", None, "locked"),
        ("go north", "attic"),
        ("DONE", "attic"),
    )
    assert actions(attempt) == ["go east", "go north"]


def test_ways_back_are_left_out() -> None:
    attempt = episode(
        ("a", 1),
        ("b", 2),
        ("c", 3),
        ("back", 1),
        ("d", 4),
        ("e", "start"),
        ("f", 5),
        ("g", 6),
        ("h", 5),
        ("i", 7),
    )
    assert actions(attempt) == ["f", "i"]


def test_a_way_back_on_which_the_score_rose_is_no_detour() -> None:
    attempt = episode(("go in", "room"), ("take coin", "coin taken"), ("look", "room"), ("go out", "street"))
    attempt.steps[0].verdict = Verdict(0.0, False)
    attempt.steps[1].verdict = Verdict(0.5, False)
    attempt.steps[2].verdict = Verdict(0.5, False)
    assert actions(attempt) == ["go in", "take coin", "look", "go out"]


def test_a_way_back_to_the_start_is_left_out_though_the_start_has_a_score() -> None:
    attempt = episode(("south", 1, 6.0), ("north", "start", 5.0), ("east", 2, 6.0), ("dig", 3, 10.0))
    attempt.steps[0].score.phi_before = 5.0  # type: ignore[union-attr]
    for step, score in zip(attempt.steps, (0.6, 0.5, 0.6, 1.0), strict=True):
        step.verdict = Verdict(score, score == 1.0)
    assert actions(attempt) == ["east", "dig"]


def test_what_comes_after_the_success_is_left_out() -> None:
    attempt = episode(("a", 1), ("b", 2), ("c", 3))
    attempt.steps[1].verdict = Verdict(1.0, True)
    assert actions(attempt) == ["a", "b"]


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3)), max_size=12))
def test_the_path_leads_from_the_start_to_the_last_state_without_a_repetition(
    moves: list[tuple[str, int]],
) -> None:
    attempt = episode(*moves, start=0)
    path = shortest_path(attempt.steps)
    places = [0, *(step.state_after.data["at"] for step in path)]
    assert len(set(places)) == len(places)
    assert places[-1] == (moves[-1][1] if moves else 0)
    assert [step.state_before.data["at"] for step in path] == places[:-1]


def test_words_of_the_task_become_variables_in_commands() -> None:
    attempt = episode(
        ("go to the kitchen", "kitchen"),
        ("take Red Coin from table", "coin"),
        purpose="Bring the red coin from the kitchen, 3 times.",
    )
    (item,) = distil(attempt)
    assert item.steps == ["go to the <x>", "take <y> from table"]
    assert item.pattern == "Bring the <y> from the <x>, <n> times."
    assert item.tier == MemoryTier.PROCEDURAL
    assert item.evidence == [Evidence("episode-1", (1, 2))]
    assert item.source == "shortest_path"


def test_params_named_by_the_task_become_variables_and_the_others_stay() -> None:
    attempt = episode(
        (Action("search", {"query": "blue whale", "page": 1, "safe": True}), 1),
        (Action("open", {"target": {"name": "blue whale", "tags": ["sea", None]}, "text": "x" * 300}), 2),
        purpose='Find out about the "blue whale".',
    )
    (item,) = distil(attempt)
    assert item.steps == [
        'search({"query": "<query>", "page": 1, "safe": true})',
        'open({"target": {"name": "<query>", "tags": ["sea", null]}, "text": "<text>"})',
    ]
    assert item.pattern == 'Find out about the "<query>".'


def test_two_values_never_share_a_variable() -> None:
    attempt = episode(
        (Action("move", {"to": "north"}), 1),
        (Action("move", {"to": "south"}), 2),
        purpose="Visit north and south.",
    )
    (item,) = distil(attempt)
    assert item.steps == ['move({"to": "<to>"})', 'move({"to": "<to2>"})']


def test_a_second_success_with_other_objects_makes_the_procedure_general() -> None:
    purpose = "Put everything in its place."
    store = open_store(None)
    library = Library(store)
    for n, (thing, place) in enumerate(
        [("dirty fork", "dishwasher"), ("hat", "hat rack"), ("hat", "hat rack"), ("cup", "shelf")]
    ):
        attempt = episode((f"take {thing}", 1), (f"put {thing} in {place}", 2), purpose=purpose, id=f"e{n}")
        library.add(distil(attempt, list(library)), "test")
    (item,) = library
    assert item.steps == ["take <x>", "put <x> in <y>"]
    assert {e.episode_id for e in item.evidence} == {"e0", "e1", "e2", "e3"}
    store.close()


def test_calls_are_made_general_in_the_same_way() -> None:
    def attempt(city: str, id: str) -> Trajectory:
        moves = [(Action(name, {"city": city}), n) for n, name in enumerate(("find", "book"))]
        return episode(*moves, purpose="Book a flight.", id=id)

    (first,) = distil(attempt("Oslo", "e0"))
    (second,) = distil(attempt("Rome", "e1"), [first])
    assert second.id == first.id
    assert second.steps == ['find({"city": "<city>"})', 'book({"city": "<city>"})']


@pytest.mark.parametrize(
    "attempt",
    [
        episode(("a", 1), success=False),
        episode(("a", 1), success=None),
        episode(("DONE", "start")),
        episode(),
        episode(*[(f"a{n}", n) for n in range(MAX_STEPS + 1)]),
    ],
)
def test_no_procedure_comes_of_a_failure_of_nothing_or_of_a_very_long_way(attempt: Trajectory) -> None:
    assert distil(attempt) == []


def test_a_high_phi_is_a_success_where_there_is_no_verdict() -> None:
    assert len(distil(episode(("a", 1, 8.0), success=None))) == 1


hostile = st.text(max_size=30) | st.sampled_from(
    ["{x} {0}", "a(b)(", 'f({"a": 1', "<x>", "\\1 \\g<0>", "(?P<n>", "take"]
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | hostile,
    lambda v: st.lists(v, max_size=2),
    max_leaves=4,
)


@settings(deadline=None)
@given(hostile, hostile, st.dictionaries(hostile, values, max_size=2), hostile)
def test_any_text_is_survived(purpose: str, name: str, params: dict[str, object], other: str) -> None:
    first = distil(episode((Action(name, params), 1), purpose=purpose))
    for item in distil(episode((Action(other, params), 1), purpose=purpose), first):
        assert len(item.steps) == 1
        assert len(item.strategy) < 200
