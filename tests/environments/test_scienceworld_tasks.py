"""What is checked before any Java starts."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from purpose_agent.environments import list_environments, resolve_environment
from purpose_agent.environments.scienceworld import ScienceWorldEnvironment
from purpose_agent.environments.scienceworld_actions import (
    check_verbs,
    command_text,
    describe_commands,
    offered,
    with_verbs,
)
from purpose_agent.environments.scienceworld_tasks import PRESETS, TASKS, Task, make_task
from purpose_agent.errors import EnvironmentFailure, MissingDependencyError, UsageError
from purpose_agent.types import Action, State, Verdict

BOIL = Task(TASKS["boil"], "train", 0, "none")


@pytest.mark.parametrize(
    ("settings", "part"),
    [
        (
            {"task": "boyl"},
            "'boyl' is not a task of ScienceWorld; did you mean 'boil'? choose one of boil (1-1)",
        ),
        ({"task": 11}, "11 is not a task"),
        ({"task": "boil", "fold": "all"}, "fold='all' is not known; choose one of train, dev, test"),
        (
            {"task": "boil", "simplification": "simple"},
            "'simple' is not known; choose none, easy, or some of",
        ),
        ({"task": "boil", "simplification": "easy+openDoors"}, "'easy' is not known"),
        ({"task": "boil", "simplification": 1}, "simplification=1: 1 is not known"),
        ({"task": "3-1", "simplification": "noElectricalAction"}, "makes power-component impossible"),
        (
            {"task": "boil", "actions": "few"},
            "actions='few' is not known; choose one of plain, short, all, none",
        ),
        (
            {"task": "boil", "verbs": "focus on+sing"},
            "verbs='focus on+sing': 'sing' is not a command; choose all",
        ),
        ({"task": "boil", "verbs": 3}, "verbs=3: 3 is not a command"),
        ({"task": "boil", "hide_score": "yes"}, "hide_score='yes' must be true or false"),
        ({"task": "boil", "max_steps": 0}, "max_steps=0"),
    ],
)
def test_wrong_settings_are_named_with_what_is_right(settings: dict[str, Any], part: str) -> None:
    with pytest.raises(UsageError) as caught:
        ScienceWorldEnvironment(**settings)
    assert part in str(caught.value)


@pytest.mark.parametrize(
    ("spec", "part"),
    [
        ("scienceworld", "needs either task="),
        ("scienceworld:task=boil,preset=find-plant", "needs either task="),
        (
            "scienceworld:task=boil,colour=red",
            "'colour' is not a setting of scienceworld; there are preset, task",
        ),
        ("scienceworld:preset=boil", "'boil' is not known; choose one of lifespan-longest-lived"),
    ],
)
def test_a_wrong_specification_is_explained(spec: str, part: str) -> None:
    with pytest.raises(UsageError) as caught:
        resolve_environment(spec)
    assert part in str(caught.value)


def test_a_task_goes_by_name_and_by_number() -> None:
    by_number: Any = resolve_environment("scienceworld:task=10-2")
    assert by_number.task == "mendelian-genetics-unknown-plant"
    assert len(TASKS) == 30
    assert sum(task.variations for task in TASKS.values()) == 7_207


def test_an_environment_knows_the_specification_that_makes_it_again() -> None:
    world: Any = resolve_environment(
        "scienceworld:task=1-1,fold=dev,simplification=teleportAction+openDoors,"
        "actions=all,verbs=focus on+move,hide_score=true,max_steps=9"
    )
    again: Any = resolve_environment(world.spec)
    assert again.spec == world.spec
    assert (again.max_steps, again.simplification) == (9, "teleportAction+openDoors")
    assert "verbs=move+focus on" in again.spec  # in the order of the table of commands


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_are_possible_and_settings_win_over_them(preset: str) -> None:
    world = ScienceWorldEnvironment.from_preset(preset, fold="dev", simplification="none")
    assert (world.task, world.simplification) == (preset, "none")
    assert world.max_steps <= 15
    assert len(world.seeds) > 30
    assert "actions=plain" in world.spec


def test_simplifications_have_one_spelling() -> None:
    assert ScienceWorldEnvironment("boil", simplification="").simplification == "none"
    world = ScienceWorldEnvironment("boil", simplification="openDoors+teleportAction")
    assert world.simplification == "teleportAction+openDoors"


@pytest.mark.parametrize(
    ("fold", "seed", "variation"),
    [("train", 0, 0), ("train", 13, 13), ("dev", 0, 14), ("dev", 6, 20), ("test", 0, 21), ("test", 8, 29)],
)
def test_seeds_count_within_the_fold(fold: str, seed: int, variation: int) -> None:
    assert make_task(BOIL, seed, {"fold": fold}, 0).variation == variation


@pytest.mark.parametrize("seed", [-1, 14, True, 1.0, "1"])
def test_a_seed_out_of_range_is_refused(seed: Any) -> None:
    with pytest.raises(UsageError, match="boil has the seeds 0 to 13 in the fold train"):
        make_task(BOIL, seed, None, 0)


def test_options_choose_the_task() -> None:
    task = make_task(BOIL, None, {"seed": 4, "fold": "dev", "task": "4-3", "simplification": "easy"}, 7)
    assert (task.science.name, task.fold, task.seed, task.simplification) == ("find-plant", "dev", 4, "easy")
    assert make_task(BOIL, None, {}, 16).seed == 2
    with pytest.raises(UsageError, match=r"seed=1 and options\['seed'\]=2 differ"):
        make_task(BOIL, 1, {"seed": 2}, 0)
    with pytest.raises(UsageError, match="'colour': no such option"):
        make_task(BOIL, 1, {"colour": "red"}, 0)


def state(**data: Any) -> State:
    return State({"task_name": "boil", "score": 0.0, "success": False, "failure": False, **data})


@pytest.mark.parametrize(
    ("data", "verdict", "terminal"),
    [
        ({"score": 0.25}, Verdict(0.25, False, "the game's score is 0.25 of 1"), False),
        ({"score": 1.0, "success": True}, Verdict(1.0, True, "the game says the task is achieved"), True),
        ({"score": 0.0, "failure": True}, Verdict(0.0, False, "the game says the task has failed"), True),
    ],
)
def test_verdicts_follow_from_the_state_alone(data: dict[str, Any], verdict: Verdict, terminal: bool) -> None:
    world = ScienceWorldEnvironment("boil")
    assert world.verdict(state(**data)) == verdict
    assert world.is_terminal(state(**data)) is terminal
    assert world.verdict(State({})) is None


def test_a_hidden_score_is_told_at_the_end_only() -> None:
    world = ScienceWorldEnvironment("boil", hide_score=True)
    going_on = State({"task_name": "boil", "success": False, "failure": False})
    assert world.verdict(going_on) == Verdict(None, False, "not finished; the score is hidden")
    assert world.verdict(state(success=True)) == Verdict(1.0, True, "the game says the task is achieved")


def test_without_a_list_there_is_none_and_the_commands_are_described() -> None:
    listing, writing = ScienceWorldEnvironment("boil"), ScienceWorldEnvironment("boil", actions="none")
    assert listing.actions is None
    assert listing.admissible_actions is not None
    assert listing.admissible_actions(state(admissible_actions=["wait1"])) == ["wait1"]
    assert writing.admissible_actions is None
    assert writing.actions == describe_commands()
    assert describe_commands()["move"] == 'params {"object": ..., "to": ...}'
    assert describe_commands()["wait1"] == "one step"


@pytest.mark.parametrize(
    ("action", "command"),
    [
        (Action("move", {"object": "orange", "to": "the  box"}), "move orange to the box"),
        (Action("move orange to box"), "move orange to box"),
        (Action("focus on", {"object": "egg"}), "focus on egg"),
        (Action("2"), "2"),
    ],
)
def test_params_complete_a_command(action: Action, command: str) -> None:
    assert command_text(action.name, action.params) == command


@pytest.mark.parametrize(
    ("action", "part"),
    [
        (Action("move", {"object": "orange"}), "'move' takes 'object' and 'to'"),
        (Action("move", {"object": "orange", "to": 3}), "each the name of a thing"),
        (Action("wait", {"object": "orange"}), "'wait' takes no params"),
        (Action("move orange", {"to": "box"}), "'move orange' with params is not a command"),
    ],
)
def test_params_that_do_not_fit_are_explained(action: Action, part: str) -> None:
    with pytest.raises(UsageError) as caught:
        command_text(action.name, action.params)
    assert part in str(caught.value)


def test_the_lists_offer_only_what_is_understood_and_the_short_one_what_is_worthwhile() -> None:
    names = {
        "orange",
        "orange in inventory",
        "box",
        "egg",
        "agent",
        "jam to go",
        "battery anode",
        "wire terminal 1",
    }
    valid = [
        "reset task",
        "wait",
        "wait1",
        "look at egg",
        "look at pearl",
        "focus on agent",
        "put down orange",
        "move orange in inventory to box",
        "move egg to box",
        "move egg to pearl",
        "pour jam to go into box",
        "move jam to go to box",
        "connect egg to box",
        "connect battery anode to wire terminal 1",
        "teleport to moon",
    ]
    left_out = {"reset task", "look at pearl", "move egg to pearl"}
    assert offered(valid, names, "all") == sorted(set(valid) - left_out)
    assert offered(valid, names, "short") == [
        "connect battery anode to wire terminal 1",
        "look at egg",
        "move orange in inventory to box",
        "put down orange",
        "teleport to moon",
        "wait1",
    ]
    assert offered(["0", "1"], set(), "short") == ["0", "1"]


def test_the_plain_list_leaves_out_what_is_told_anyway_and_all_about_doors_and_rooms_but_the_way() -> None:
    names = {"egg", "hall", "door", "door to hall", "box", "orange"}
    valid = [
        *("go to hall", "go to door", "go to door to hall", "open door to hall", "close door", "look at egg"),
        *("focus on hall", "focus on door to hall", "focus on egg", "pick up egg", "mix box", "inventory"),
        *("put down orange", "move orange to hall", "move orange to box", "look around"),
    ]
    kept = [
        *(
            "focus on egg",
            "go to hall",
            "look around",
            "move orange to box",
            "open door to hall",
            "pick up egg",
        ),
        "put down orange",
    ]
    assert offered(valid, names, "plain") == kept
    teleporting = offered([*valid, "teleport to hall"], names, "plain")
    assert teleporting == sorted({*kept, "teleport to hall"} - {"go to hall"})


def test_verbs_choose_commands_and_keep_the_ways_and_answers() -> None:
    commands = [
        "focus on egg",
        "go to hall",
        "look around",
        "open door to hall",
        "open drawer",
        "pick up egg",
        "2",
    ]
    assert with_verbs(commands, check_verbs("all")) == commands
    assert with_verbs(commands, check_verbs("pick up")) == [
        "go to hall",
        "open door to hall",
        "pick up egg",
        "2",
    ]
    assert check_verbs("pick up + focus on") == check_verbs("focus on+pick up")


def test_execute_without_an_episode_says_what_to_do() -> None:
    with pytest.raises(EnvironmentFailure, match="call reset or restore first"):
        ScienceWorldEnvironment("boil").execute(Action("wait1"), state())


def test_the_purpose_is_known_without_java() -> None:
    assert ScienceWorldEnvironment("boil").purpose == "Your task is to boil a substance."


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scienceworld.constants", None)
    with pytest.raises(MissingDependencyError, match=r"purpose-agent\[scienceworld\]"):
        ScienceWorldEnvironment("boil").reset(0)


def test_it_is_listed_with_all_its_settings() -> None:
    info = next(e for e in list_environments() if e.name == "scienceworld")
    assert info.installed
    assert {*info.parameters} == {
        *("task", "preset", "fold", "simplification", "actions", "verbs", "hide_score", "max_steps"),
    }


def test_making_an_environment_loads_neither_py4j_nor_the_package() -> None:
    code = (
        "import sys\n"
        "from purpose_agent.environments import resolve_environment, list_environments\n"
        "list_environments(); resolve_environment('scienceworld:preset=find-plant').close()\n"
        "assert not [m for m in sys.modules if m.startswith('py4j') or m.split('.')[0] == 'scienceworld']\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
