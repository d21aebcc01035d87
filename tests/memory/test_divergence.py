"""Where a failed and a successful attempt parted."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from fakes.episodes import episode, keep
from purpose_agent.memory.distillers.divergence import DivergenceDistiller, first_divergence
from purpose_agent.store import open_store
from purpose_agent.store.base import Store
from purpose_agent.types import Action, Evidence, Heuristic, MemoryTier, Trajectory

GOOD = [("go east", "hall"), ("open box", "open"), ("take coin", "coin")]
BAD = [("go east", "hall"), ("kick box", "broken"), ("cry", "tears")]


@pytest.fixture
def store() -> Iterator[Store]:
    store = open_store(None)
    yield store
    store.close()


def distil(store: Store, trajectory: Trajectory) -> list[Heuristic]:
    return asyncio.run(DivergenceDistiller(store).distill(trajectory, []))


@pytest.mark.parametrize("failed_first", [True, False])
def test_the_better_action_is_preferred_whichever_attempt_came_first(
    store: Store, failed_first: bool
) -> None:
    good, bad = episode(*GOOD, id="good"), episode(*BAD, id="bad", success=False)
    earlier, later = (bad, good) if failed_first else (good, bad)
    keep(store, earlier)
    (item,) = distil(store, keep(store, later))
    assert item.tier == MemoryTier.STRATEGIC
    assert item.pattern == "Take the coin., after go east"
    assert item.strategy == "prefer open box over kick box"
    assert item.evidence == [Evidence("good", (2,)), Evidence("bad", (2,))]


def test_the_same_action_with_other_params_is_a_tip_about_it(store: Store) -> None:
    keep(store, episode((Action("turn", {"dial": 3}), 1), id="good"))
    (item,) = distil(store, keep(store, episode((Action("turn", {"dial": 9}), 2), id="bad", success=False)))
    assert (item.tier, item.pattern) == (MemoryTier.TOOL, "turn")
    assert item.strategy.endswith('at the start: prefer turn({"dial": 3}) over turn({"dial": 9})')


def test_the_names_of_the_task_become_variables(store: Store) -> None:
    keep(store, episode(("take coin", 1), id="good"))
    (item,) = distil(store, keep(store, episode(("eat coin", 2), id="bad", success=False)))
    assert (item.pattern, item.strategy) == ("Take the <x>., at the start", "prefer take <x> over eat <x>")


def test_only_the_same_task_with_the_other_outcome_is_compared(store: Store) -> None:
    keep(store, episode(*GOOD, id="other", purpose="Take the coin quickly."))
    keep(store, episode(*BAD, id="also bad", success=False))
    keep(store, episode(*GOOD[:1], id="outage", success=False, stop_reason="model_error"))
    assert distil(store, keep(store, episode(*BAD, id="bad", success=False))) == []


def test_attempts_that_cannot_be_compared_teach_nothing() -> None:
    good = episode(*GOOD).steps
    assert first_divergence(good, episode(*BAD, start="elsewhere").steps) is None
    assert first_divergence(good, episode(("go east", "cellar"), ("cry", "x")).steps) is None
    assert first_divergence(good, good[:2]) is None
    assert first_divergence(good, [*good[:1], *episode(("DONE", "hall"), start="hall").steps]) is None
    assert first_divergence(episode(("a", 1, 1.0)).steps, episode(("b", 2, 5.0)).steps) is None
    assert first_divergence([], []) is None
