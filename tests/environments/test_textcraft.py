"""TextCraft on a small game of the same form."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.small_textcraft import write_folder
from purpose_agent import Orchestrator
from purpose_agent.conformance.environment import EnvironmentConformance
from purpose_agent.environments import resolve_environment
from purpose_agent.environments.textcraft import TextCraftEnvironment
from purpose_agent.environments.textcraft_tasks import open_library
from purpose_agent.errors import EnvironmentFailure, UsageError
from purpose_agent.llm_backend import resolve_backend
from purpose_agent.types import Action, State


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folder(tmp_path_factory.mktemp("unpacked"))


@pytest.fixture
def world(folder: Path) -> TextCraftEnvironment:
    return TextCraftEnvironment(data=folder)


def play(world: TextCraftEnvironment, state: State, commands: list[str]) -> State:
    for command in commands:
        state = world.execute(Action(command), state)
    return state


class TestTextCraft(EnvironmentConformance):
    @pytest.fixture(autouse=True)
    def _data(self, folder: Path) -> None:
        self.folder = folder

    def make_environment(self) -> TextCraftEnvironment:
        return TextCraftEnvironment(data=self.folder)


class TestTextCraftHidden(TestTextCraft):
    def make_environment(self) -> TextCraftEnvironment:
        return TextCraftEnvironment(data=self.folder, recipes="hidden", hide_score=True)


def test_the_first_state_tells_task_recipes_and_inventory(world: TextCraftEnvironment) -> None:
    state = world.reset(0)
    assert state.summary == (
        "Task: Craft the following items from what you have: 1 wooden hoe.\n"
        "Crafting commands:\n"
        "craft 1 red dye using 1 poppy\n"
        "craft 1 wooden hoe using 2 oak planks, 2 stick\n"
        "craft 4 oak planks using 1 oak log\n"
        "craft 4 stick using 2 oak planks\n"
        "You have:\n1 oak log\n2 poppy"
    )
    assert world.admissible_actions(state) == [
        "craft 1 red dye using 1 poppy",
        "craft 4 oak planks using 1 oak log",
    ]
    assert world.purpose == world.purpose_for(0) == state.data["task"]


def test_crafting_uses_up_what_it_needs(world: TextCraftEnvironment) -> None:
    state = play(world, world.reset(0), ["craft 4 oak planks using 1 oak log"])
    assert state.summary == "You crafted 4 oak planks.\nYou have:\n4 oak planks\n2 poppy"
    assert state.data["inventory"] == {"oak_planks": 4, "poppy": 2}


def test_hidden_recipes_are_told_nowhere(folder: Path) -> None:
    state = TextCraftEnvironment(data=folder, recipes="hidden").reset(0)
    assert "recipes" not in state.data
    assert "wooden hoe using" not in json.dumps(state.data) + str(state.summary)


@pytest.mark.parametrize("fold", ["train", "dev", "test"])
def test_gold_paths_solve_every_task(world: TextCraftEnvironment, fold: str) -> None:
    for seed in world.seeds_of(fold):
        last = play(world, world.reset(seed, {"fold": fold}), world.gold_path(seed, {"fold": fold}))
        assert world.is_terminal(last)
        verdict = world.verdict(last)
        assert verdict is not None
        assert (verdict.score, verdict.success) == (1.0, True)
        assert world.admissible_actions(last) == []


def test_a_dead_end_is_a_failure(world: TextCraftEnvironment) -> None:
    state = play(
        world, world.reset(0), ["craft 4 oak planks using 1 oak log", *["craft 1 red dye using 1 poppy"] * 2]
    )
    state = play(world, state, ["craft 4 stick using 2 oak planks"] * 2)
    state = play(world, state, ["craft 4 torch using 1 stick"] * 8)
    assert world.is_terminal(state)
    verdict = world.verdict(state)
    assert verdict is not None
    assert (verdict.score, verdict.success) == (0.0, False)
    assert "nothing can be crafted" in verdict.reason


def test_progress_is_the_share_of_each_target(world: TextCraftEnvironment) -> None:
    states = [world.reset(1)]
    for command in world.gold_path(1):
        states.append(world.execute(Action(command), states[-1]))
    assert [round(world.verdict(s).score, 2) for s in states] == [0, 0.17, 0.33, 0.5, 1]  # type: ignore[union-attr,arg-type]


def test_a_hidden_score_is_told_at_the_end_only(folder: Path) -> None:
    world = TextCraftEnvironment(data=folder, hide_score=True)
    path = world.gold_path(1)
    state = play(world, world.reset(1), path[:-1])
    verdict = world.verdict(state)
    assert verdict is not None
    assert (verdict.score, verdict.success, "score" in state.data) == (None, False, False)
    assert world.verdict(play(world, state, path[-1:])).score == 1.0  # type: ignore[union-attr]


def test_folds_share_no_row_and_leave_out_what_no_path_solves(folder: Path) -> None:
    folds = open_library(folder).folds
    assert {fold: [t.name for t in tasks] for fold, tasks in folds.items()} == {
        "train": ["train 0", "train 1", "train 3", "train 5"],
        "dev": ["train 4"],
        "test": ["val 0"],
    }


def test_settings_bound_crafts_and_commands(folder: Path) -> None:
    assert TextCraftEnvironment(data=folder).seeds == range(3)  # the long one needs 12 commands
    assert TextCraftEnvironment(data=folder, max_steps=12).seeds == range(4)
    assert TextCraftEnvironment(data=folder, max_crafts=2).seeds == range(2)
    with pytest.raises(UsageError, match=r"no task of the fold dev .* max_crafts=1"):
        _ = TextCraftEnvironment(data=folder, max_crafts=1).seeds_of("dev")


def test_without_a_seed_tasks_come_in_turn(world: TextCraftEnvironment) -> None:
    assert [world.reset().data["seed"] for _ in range(4)] == [0, 1, 2, 0]


@pytest.mark.parametrize(
    ("settings", "part"),
    [
        ({"fold": "all"}, "fold='all' is not known; choose one of train, dev, test"),
        ({"fold": 1}, "fold=1"),
        ({"max_crafts": 0}, "max_crafts=0 must be a whole number above 0"),
        ({"max_steps": True}, "max_steps=True"),
        ({"recipes": "some"}, "recipes='some' is not known; choose one of shown, hidden"),
        ({"hide_score": "yes"}, "hide_score='yes' must be true or false"),
        ({"data": "/nowhere"}, "data='/nowhere' does not exist"),
    ],
)
def test_wrong_settings_are_named_with_what_is_right(
    folder: Path, settings: dict[str, Any], part: str
) -> None:
    with pytest.raises(UsageError) as caught:
        TextCraftEnvironment(**{"data": folder, **settings})
    assert part in str(caught.value)


@pytest.mark.parametrize("seed", [-1, 3, 10**30, True, "0", 0.0, float("nan")])
def test_a_seed_that_is_none_is_refused(world: TextCraftEnvironment, seed: Any) -> None:
    with pytest.raises(UsageError, match="the seeds 0 to 2"):
        world.reset(seed)


def test_options_that_are_none_are_refused(world: TextCraftEnvironment) -> None:
    with pytest.raises(UsageError, match="'game' is not an option"):
        world.reset(0, {"game": "twc"})
    with pytest.raises(UsageError, match="differ"):
        world.reset(0, {"seed": 1})
    with pytest.raises(UsageError, match="is not known"):
        world.reset(0, {"fold": []})


@given(
    st.text()
    | st.sampled_from(["craft 1 wooden hoe using 2 oak planks, 2 stick", "CRAFT 1 RED DYE USING 1 POPPY"])
)
def test_a_command_that_is_not_listed_changes_nothing(folder: Path, command: str) -> None:
    world = TextCraftEnvironment(data=folder)
    state = world.reset(0)
    before = state.fingerprint
    with pytest.raises(UsageError, match="not admissible"):
        world.execute(Action(command), state)
    assert state.fingerprint == before


def test_params_are_refused(world: TextCraftEnvironment) -> None:
    with pytest.raises(UsageError, match="has params"):
        world.execute(Action("craft 1 red dye using 1 poppy", {"n": 2}), world.reset(0))


@pytest.mark.parametrize(
    "change",
    [
        {"fold": "none"},
        {"seed": 99},
        {"seed": "0"},
        {"inventory": None},
        {"inventory": {"poppy": -1}},
        {"inventory": {"poppy": "many"}},
        {"inventory": {}},
    ],
)
def test_a_state_of_another_world_is_refused(world: TextCraftEnvironment, change: dict[str, Any]) -> None:
    state = world.reset(0)
    with pytest.raises(EnvironmentFailure):
        world.execute(Action("craft 1 red dye using 1 poppy"), State({**state.data, **change}))
    assert world.verdict(State({})) is None
    assert not world.is_terminal(State({}))
    assert world.admissible_actions(State({})) == []


def test_one_object_serves_several_runs(world: TextCraftEnvironment) -> None:
    ends: dict[int, State] = {}

    def one(seed: int) -> None:
        ends[seed] = play(world, world.reset(seed), world.gold_path(seed))

    threads = [threading.Thread(target=one, args=(seed,)) for seed in world.seeds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(ends[seed].data["success"] for seed in world.seeds)


def test_an_agent_plays_it(world: TextCraftEnvironment) -> None:
    with Orchestrator(resolve_backend("random"), world, seed=0) as agent:
        result = agent.run_task(world.purpose_for(1), max_steps=10, seed=1)
    assert result.total_steps > 0


def test_a_specification_makes_the_same_world(folder: Path) -> None:
    world: Any = resolve_environment(
        f"textcraft:fold=dev,recipes=hidden,max_crafts=4,hide_score=true,data={folder}"
    )
    again: Any = resolve_environment(world.spec)
    assert again.reset(0) == world.reset(0)
    assert (again.fold, again.max_crafts, again.max_steps) == ("dev", 4, 10)
    with pytest.raises(UsageError, match="'game' is not a setting of textcraft; there are fold, max_crafts"):
        resolve_environment("textcraft:game=twc")
