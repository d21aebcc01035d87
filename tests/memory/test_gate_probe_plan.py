"""Which past tasks an item is probed on."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from purpose_agent.errors import UsageError
from purpose_agent.memory.gate.probe_plan import PastEpisode, probe_tasks


def past(n: int, success: bool, **changes: object) -> PastEpisode:
    return replace(PastEpisode(f"e{n}", "Take the coin.", "a house", n, None, success), **changes)


HISTORY = [past(n, success=n % 3 == 0) for n in range(30)]  # ten solved, twenty failed
EPISODES = st.lists(
    st.builds(
        PastEpisode,
        id=st.sampled_from([f"e{n}" for n in range(12)]),
        purpose=st.sampled_from(["a", "b"]),
        task=st.just("t"),
        seed=st.one_of(st.none(), st.integers(0, 5)),
        options=st.one_of(st.none(), st.just({}), st.fixed_dictionaries({"rooms": st.integers(1, 2)})),
        success=st.booleans(),
        transient=st.booleans(),
    ),
    max_size=30,
)


def test_half_were_solved_and_half_failed_and_they_alternate() -> None:
    tasks = probe_tasks(HISTORY, derived_from=[], limit=12, seed=0)
    assert [t.solved for t in tasks] == [True, False] * 6


def test_the_newest_are_chosen_in_a_seeded_order() -> None:
    tasks = probe_tasks(HISTORY, derived_from=[], limit=8, seed=0)
    assert {t.seed for t in tasks if t.solved} == {27, 24, 21, 18}
    assert {t.seed for t in tasks if not t.solved} == {29, 28, 26, 25}
    assert tasks == probe_tasks(HISTORY, derived_from=[], limit=8, seed=0)
    assert tasks != probe_tasks(HISTORY, derived_from=[], limit=8, seed=1)


def test_what_one_half_lacks_the_other_gives() -> None:
    tasks = probe_tasks(HISTORY, derived_from=[], limit=26, seed=0)
    assert [sum(t.solved for t in tasks), len(tasks)] == [10, 26]
    assert len(probe_tasks(HISTORY, derived_from=[], limit=99, seed=0)) == 30


def test_a_solved_task_comes_first_and_is_the_odd_one() -> None:
    assert [t.solved for t in probe_tasks(HISTORY, derived_from=[], limit=3, seed=0)] == [True, False, True]


def test_an_item_is_not_probed_on_what_it_was_made_of_under_whatever_purpose() -> None:
    source = past(99, success=True, id="source", seed=29)
    again = past(98, success=False, id="again", seed=29, purpose="Sell the coin.", options={})
    tasks = probe_tasks([*HISTORY, again, source], derived_from=["source"], limit=40, seed=0)
    assert len(tasks) == 29
    assert 29 not in {t.seed for t in tasks}


def test_the_order_of_options_makes_no_other_task() -> None:
    episodes = [
        past(1, success=False, options={"rooms": 1, "items": 2}),
        past(1, success=True, id="later", options={"items": 2, "rooms": 1}),
    ]
    [task] = probe_tasks(episodes, derived_from=[], limit=5, seed=0)
    assert task.solved
    assert probe_tasks(episodes, derived_from=["e1"], limit=5, seed=0) == []


def test_what_cannot_be_played_again_is_left_out() -> None:
    episodes = [
        past(1, success=False, seed=None),
        past(2, success=False, seed=None, options={}),
        past(3, success=False, seed=None, options={"game": "coin"}),
        past(4, success=False, transient=True),
        past(0, success=False),
    ]
    assert {t.seed for t in probe_tasks(episodes, derived_from=[], limit=9, seed=0)} == {None, 0}


@settings(deadline=None)
@given(EPISODES, st.sets(st.sampled_from(["e0", "e1", "e2"])), st.integers(0, 9), st.integers(0, 3))
def test_a_plan_has_no_task_twice_nor_too_many_nor_any_of_the_evidence(
    episodes: list[PastEpisode], evidence: set[str], limit: int, seed: int
) -> None:
    tasks = probe_tasks(episodes, derived_from=evidence, limit=limit, seed=seed)
    keys = [(t.seed, str(t.options or {}), t.purpose, t.task) for t in tasks]
    worlds = {(e.seed, str(e.options or {})) for e in episodes if e.id in evidence}
    assert len(set(keys)) == len(keys) <= limit
    assert not worlds & {key[:2] for key in keys}
    assert all(t.seed is not None or t.options for t in tasks)


def test_a_negative_limit_is_refused() -> None:
    with pytest.raises(UsageError, match=r"limit must be .* got -1"):
        probe_tasks(HISTORY, derived_from=[], limit=-1, seed=0)
