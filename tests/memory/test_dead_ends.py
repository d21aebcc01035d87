"""What failed and idle actions teach."""

from __future__ import annotations

import asyncio

from fakes.episodes import episode
from purpose_agent.memory.distillers.dead_ends import MAX_TIPS, DeadEndDistiller
from purpose_agent.types import Action, Evidence, Heuristic, MemoryTier, Trajectory


def distil(trajectory: Trajectory) -> list[Heuristic]:
    return asyncio.run(DeadEndDistiller().distill(trajectory, []))


def test_an_action_that_failed_twice_becomes_a_tip_keyed_by_its_name() -> None:
    query = Action("search", {"q": ""})
    (tip,) = distil(
        episode(
            (query, "s", None, "line 17: empty\nquery"),
            ("look", "x"),
            (query, "s", None, "line 9: empty query"),
            success=False,
        )
    )
    assert (tip.tier, tip.pattern) == (MemoryTier.TOOL, "search")
    assert tip.strategy == 'avoid repeating it as search({"q": ""}): it failed with line <n>: empty query'
    assert tip.evidence == [Evidence("episode-1", (1, 3))]


def test_errors_teach_in_a_success_too() -> None:
    assert len(distil(episode(("a", 1, None, "no"), ("a", 1, None, "no"), ("b", 2)))) == 1


def test_an_action_that_never_changed_anything_becomes_a_tip() -> None:
    (tip,) = distil(episode(("push", "start"), ("walk", "hall"), ("push", "hall"), success=False))
    assert tip.pattern == "push"
    assert "changed nothing" in tip.strategy


def test_once_is_not_enough_and_neither_is_an_action_that_worked_elsewhere() -> None:
    assert distil(episode(("push", "start"), ("pull", 1, None, "stuck"), success=False)) == []
    assert distil(episode(("push", "start"), ("push", 1), ("push", 1), success=False)) == []


def test_idle_actions_of_a_success_are_no_mistake() -> None:
    assert distil(episode(("look", "start"), ("look", "start"), ("take", 1))) == []


def test_the_claim_to_be_done_is_no_action() -> None:
    assert distil(episode(("DONE", "start"), ("done", "start"), success=False)) == []


def test_few_tips_come_of_one_episode_the_most_frequent_first() -> None:
    moves = [(f"a{n}", "start", None, "no") for n in range(6) for _ in range(n)]
    tips = distil(episode(*moves, success=False))
    assert [tip.pattern for tip in tips] == ["a5", "a4", "a3"][:MAX_TIPS]
