"""The real tasks, in one Java process."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from purpose_agent.conformance.environment import EnvironmentConformance
from purpose_agent.environment_check import check_environment
from purpose_agent.environments.scienceworld import ScienceWorldEnvironment
from purpose_agent.environments.scienceworld_server import ScienceWorldServer
from purpose_agent.environments.scienceworld_tasks import FOLDS, PRESETS, SIMPLIFICATIONS, TASKS
from purpose_agent.errors import EnvironmentFailure, UsageError
from purpose_agent.types import Action, State

pytestmark = [pytest.mark.world, pytest.mark.xdist_group("scienceworld")]

EASY = {"simplification": "easy"}


@pytest.fixture(scope="module")
def world() -> Iterator[ScienceWorldEnvironment]:
    world = ScienceWorldEnvironment("find-animal")
    yield world
    world.close()


def listed(world: ScienceWorldEnvironment, state: State) -> list[str]:
    assert world.admissible_actions is not None
    return world.admissible_actions(state)


def play(world: ScienceWorldEnvironment, commands: list[str], state: State) -> list[State]:
    states = [state]
    for command in commands:
        states.append(world.execute(Action(command), states[-1]))
    return states


def random_commands(world: ScienceWorldEnvironment, state: State, seed: int, steps: int = 12) -> list[str]:
    dice = random.Random(seed)
    commands: list[str] = []
    for _ in range(steps):
        commands.append(dice.choice([c for c in listed(world, state) if not c.startswith("focus")]))
        state = world.execute(Action(commands[-1]), state)
    return commands


@pytest.mark.slow
def test_the_tables_are_the_librarys(world: ScienceWorldEnvironment) -> None:
    world.reset(0)
    server: Any = world._server
    assert sorted(server.task_names()) == sorted(TASKS)
    assert sorted(server.simplifications()) == sorted(SIMPLIFICATIONS)
    for name, task in TASKS.items():
        server.load(name, 0, "")
        assert server.folds() == {
            fold: [task.variation(fold, seed) for seed in range(task.fold_size(fold))] for fold in FOLDS
        }


@pytest.mark.parametrize("preset", PRESETS)
def test_the_gold_path_solves_the_presets(world: ScienceWorldEnvironment, preset: str) -> None:
    options = {"task": preset, **EASY}
    path = world.gold_path(1, options)
    states = play(world, path, world.reset(1, options))
    verdict = world.verdict(states[-1])
    assert verdict is not None
    assert (verdict.success, verdict.score) == (True, 1.0)
    assert world.is_terminal(states[-1])
    assert listed(world, states[-1]) == []
    assert not any(map(world.is_terminal, states[:-1]))
    with pytest.raises(UsageError, match="the episode is over"):
        world.execute(Action("look around"), states[-1])


def test_a_wrong_focus_fails_the_task(world: ScienceWorldEnvironment) -> None:
    after = world.execute(Action("focus on orange"), world.reset(0))
    verdict = world.verdict(after)
    assert (after.data["failure"], after.data["score"]) == (True, 0.0)
    assert verdict is not None
    assert (verdict.score, verdict.success) == (0.0, False)
    assert world.is_terminal(after)


def test_the_score_may_start_above_zero_and_can_be_hidden(world: ScienceWorldEnvironment) -> None:
    assert world.reset(2, {"task": "chemistry-mix"}).data["score"] == pytest.approx(0.21, abs=0.01)
    world._hide_score = True
    try:
        state = world.reset(0)
        assert "score" not in state.data
        failed = world.execute(Action("focus on orange"), state)
        assert failed.data["score"] == 0.0
    finally:
        world._hide_score = False


def test_the_first_state_tells_the_task(world: ScienceWorldEnvironment) -> None:
    state = world.reset(0)
    assert state.describe().startswith(f"Task: {world.purpose}\nThis room is called")
    assert state.describe().endswith("You carry an orange.")
    assert world.purpose == state.data["task"]
    after = world.execute(Action("wait1"), state)
    assert after.describe() == after.data["observation"]


def test_another_room_is_described_on_arrival_and_only_then(world: ScienceWorldEnvironment) -> None:
    arrived = world.execute(Action("teleport to outside"), world.reset(0, EASY))
    assert arrived.describe() == f"{arrived.data['observation']}\n{arrived.data['look']}"
    assert "look" not in arrived.data["observation"]
    stayed = world.execute(Action("teleport to outside"), arrived)
    assert stayed.describe() == stayed.data["observation"]


def test_every_listed_command_is_understood(world: ScienceWorldEnvironment) -> None:
    world._list = "all"
    try:
        for task in ("find-plant", "boil", "power-component"):
            state = world.reset(2, {"task": task})
            random_commands(world, state, seed=2)
    finally:
        world._list = "short"


def test_the_lists_are_sorted_and_the_short_one_is_part_of_the_whole(world: ScienceWorldEnvironment) -> None:
    short = listed(world, world.reset(2))
    world._list = "plain"
    plain = listed(world, world.reset(2))
    world._list = "all"
    whole = listed(world, world.reset(2))
    world._list = "short"
    assert short == sorted(set(short))
    assert set(plain) < set(short) < set(whole)
    assert "reset task" not in whole


def test_the_same_seed_and_commands_give_the_same_episode(world: ScienceWorldEnvironment) -> None:
    options = {"task": "find-animal", "fold": "dev", **EASY}
    first = world.reset(3, options)
    commands = ["teleport to outside", *random_commands(world, first, seed=3)]
    commands.sort(key=lambda c: not c.startswith("teleport"))
    once = play_known(world, commands, world.reset(3, options))
    world.reset(4, {"task": "boil"})
    again = play_known(world, commands, world.reset(3, options))
    assert [s.fingerprint for s in once] == [s.fingerprint for s in again]


def play_known(world: ScienceWorldEnvironment, commands: list[str], state: State) -> list[State]:
    """As `play`, passing over what is not possible in another order."""
    states = [state]
    for command in commands:
        if command in listed(world, states[-1]):
            states.append(world.execute(Action(command), states[-1]))
    return states


PROGRAM = """
from purpose_agent.environments.scienceworld import ScienceWorldEnvironment
from purpose_agent.types import Action
world = ScienceWorldEnvironment("find-animal", simplification="easy")
state = world.reset(5)
for command in ("teleport to outside", "wait1", "wait1", "look around", "teleport to art studio", "wait1"):
    state = world.execute(Action(command), state)
    print(state.fingerprint)
"""


def test_another_process_sees_the_same_and_the_list_changes_nothing(world: ScienceWorldEnvironment) -> None:
    program = [sys.executable, "-c", PROGRAM]
    elsewhere = subprocess.run(program, check=True, capture_output=True, text=True).stdout.split()
    commands = ("teleport to outside", "wait1", "wait1", "look around", "teleport to art studio", "wait1")
    state = world.reset(5, EASY)
    seen: list[State] = []
    for command in commands:
        state = world.execute(Action(command), state)
        seen.append(state)
    assert [s.fingerprint for s in seen] == elsewhere
    world._list = "none"
    try:
        state = world.reset(5, EASY)
        for command, before in zip(commands, seen, strict=True):
            state = world.execute(Action(command), state)
            assert state.data == {k: v for k, v in before.data.items() if k != "admissible_actions"}
    finally:
        world._list = "short"


def test_the_gold_path_is_the_same_each_time(world: ScienceWorldEnvironment) -> None:
    paths = [world.gold_path(seed, {"task": "find-plant"}) for seed in (7, 8, 7)]
    assert paths[0] == paths[2] != paths[1]


def test_a_library_solution_that_does_not_solve_it_is_said(
    world: ScienceWorldEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ScienceWorldServer, "gold_path", lambda self: ["wait1", "fly"])
    with pytest.raises(EnvironmentFailure, match="does not solve"):
        world.gold_path(0)


def test_without_a_seed_the_seeds_are_taken_in_turn(world: ScienceWorldEnvironment) -> None:
    world._next_seed = 0
    options = {"task": "identify-life-stages-2"}
    assert [world.reset(options=options).data["seed"] for _ in range(5)] == [0, 1, 2, 3, 0]
    assert world.reset(3, options).data["seed"] == 3
    assert world.reset(options=options).data["seed"] == 1


def test_what_is_not_understood_is_refused_and_changes_nothing(world: ScienceWorldEnvironment) -> None:
    state = world.reset(0)
    with pytest.raises(UsageError, match=r"'opn door' is not a command .* did you mean"):
        world.execute(Action("opn door"), state)
    with pytest.raises(UsageError, match="call reset instead"):
        world.execute(Action("Reset task"), state)
    with pytest.raises(UsageError, match="'focus on' takes 'object'"):
        world.execute(Action("focus on", {"thing": "orange"}), state)
    after = world.execute(Action("look at", {"object": "orange"}), state)
    assert "orange" in after.data["observation"]


def test_an_ambiguous_command_is_answered_by_a_number(world: ScienceWorldEnvironment) -> None:
    state = world.reset(0, {**EASY, "task": "find-plant"})
    hall = world.execute(Action("teleport to hallway"), state)
    asked = world.execute(Action("look at door"), hall)
    assert asked.data["observation"].startswith("Ambiguous request")
    assert listed(world, asked)[:2] == ["0", "1"]
    assert "door" in world.execute(Action("1"), asked).data["observation"]


def test_only_the_current_state_can_be_continued_from(world: ScienceWorldEnvironment) -> None:
    state = world.reset(0)
    world.execute(Action("pick up orange"), world.execute(Action("put down orange"), state))
    with pytest.raises(EnvironmentFailure, match="the game does not stand at the state"):
        world.execute(Action("wait1"), state)


def test_asking_about_other_episodes_does_not_disturb_the_running_one(world: ScienceWorldEnvironment) -> None:
    state = world.execute(Action("put down orange"), world.reset(0))
    assert "boil" in world.purpose_for(1, {"task": "boil"})
    assert world.gold_path(2)
    after = world.execute(Action("pick up orange"), state)
    assert after.data["inventory"] == ["an orange"]


def test_a_run_can_be_restored(world: ScienceWorldEnvironment) -> None:
    options = {"task": "find-plant", "fold": "dev"}
    left = play(world, random_commands(world, world.reset(1, options), 1, 4), world.reset(1, options))[-1]
    commands = random_commands(world, world.reset(1, options), 1, 4)
    actions = [Action("fly"), *map(Action, commands)]  # one that was refused when it was tried
    world.reset(0)
    assert world.restore(left.snapshot(), actions, 1, options) == left
    assert world.restore(left, actions) == left
    assert world.execute(Action("wait1"), left).data["observation"]
    with pytest.raises(EnvironmentFailure, match="replaying 0 actions led to"):
        world.restore(left, [])


def test_a_library_that_breaks_is_no_failed_task(
    world: ScienceWorldEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = world.reset(0)
    server: Any = world._server
    agent = server._interface.agentInterface().get()
    agent.setErrorState("java.lang.NullPointerException")
    with pytest.raises(EnvironmentFailure, match=r"ScienceWorld failed in find-animal 0: .*NullPointer"):
        world.execute(Action("wait1"), state)
    assert world.reset(0) == state


def test_what_the_library_itself_refuses_is_a_usage_error(
    world: ScienceWorldEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("purpose_agent.environments.scienceworld_tasks.Task.variation", 9_999)
    with pytest.raises(UsageError, match="ScienceWorld cannot make find-animal with fold=train, seed=0"):
        world.reset(0)


class TestContract(EnvironmentConformance):
    seeds = (2,)
    steps = 6

    @pytest.fixture(autouse=True)
    def _keep(self, world: ScienceWorldEnvironment, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(world, "close", lambda: None)  # the Java process serves the other tests too
        self.world = world

    def make_environment(self) -> Any:
        return self.world


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_keep_the_contract(
    world: ScienceWorldEnvironment, preset: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world, "close", lambda: None)
    report = check_environment(world, seed=2, options={"task": preset, **EASY}, steps=5)
    assert report.findings == []
    assert report.steps > 0
