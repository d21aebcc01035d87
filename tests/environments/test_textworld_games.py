"""What is checked before any Java starts."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from purpose_agent.environments.textworld import TextWorldEnvironment
from purpose_agent.environments.textworld_games import GAMES, PRESETS, Task, make_task
from purpose_agent.errors import EnvironmentFailure, UsageError
from purpose_agent.types import Action, State, Verdict

TWC = Task("twc", GAMES["twc"].check({}), "train", 0)


@pytest.mark.parametrize(
    ("settings", "part"),
    [
        ({"game": "zork"}, "'zork' is not a game of TextWorldExpress; choose one of cookingworld, twc, coin"),
        ({"game": None}, "None is not a game"),
        ({"game": "twc", "fold": "all"}, "fold='all' is not known; choose one of train, dev, test"),
        ({"game": "twc", "numIngredients": 1}, "'numIngredients' is not a parameter of the game 'twc'"),
        ({"game": "arithmetic", "numLocations": 1}, "its parameters: it has none"),
        ({"game": "twc", "numLocations": 0}, "numLocations=0 is out of range; numLocations is 1 to 3"),
        ({"game": "twc", "numItemsToPutAway": 5}, "numItemsToPutAway is 1 to 4"),
        ({"game": "mapreader", "numLocations": 50}, "numLocations is 2 to 48"),
        ({"game": "coin", "numLocations": "5"}, "must be a whole number, got '5'"),
        ({"game": "coin", "numLocations": 2.0}, "must be a whole number, got 2.0"),
        ({"game": "coin", "numLocations": True}, "must be a whole number, got True"),
        ({"game": "coin", "includeDoors": 2}, "includeDoors=2 is out of range; includeDoors is 0 to 1"),
        ({"game": "coin", "max_steps": 0}, "max_steps=0"),
        ({"game": "coin", "max_steps": "25"}, "max_steps='25'"),
    ],
)
def test_wrong_settings_are_named_with_what_is_right(settings: dict[str, Any], part: str) -> None:
    with pytest.raises(UsageError) as caught:
        TextWorldEnvironment(**settings)
    assert part in str(caught.value)


def test_switches_take_true_and_false() -> None:
    assert TextWorldEnvironment("coin", includeDoors=False).parameters["includeDoors"] == 0


def test_all_parameters_are_known_with_their_defaults() -> None:
    world = TextWorldEnvironment("cookingworld", numLocations=3)
    assert world.parameters == {
        "numLocations": 3,
        "numIngredients": 3,
        "numDistractorItems": 10,
        "includeDoors": 1,
        "limitInventorySize": 1,
    }


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_are_possible_and_settings_win_over_them(preset: str) -> None:
    game, given = PRESETS[preset]
    world = TextWorldEnvironment.from_preset(preset, fold="dev", numLocations=2)
    assert world.game == game
    assert world.parameters == {**world.parameters, **given, "numLocations": 2}
    assert world.fold == "dev"


def test_an_unknown_preset_lists_the_presets() -> None:
    with pytest.raises(UsageError, match="'nice' is not known; choose one of mapreader, mapreader-hard"):
        TextWorldEnvironment.from_preset("nice")


@pytest.mark.parametrize(
    ("fold", "seed", "library_seed"), [("train", 3, 3), ("dev", 3, 10_003), ("test", 999, 20_999)]
)
def test_seeds_count_within_the_fold(fold: str, seed: int, library_seed: int) -> None:
    assert make_task(TWC, seed, {"fold": fold}, 0).library_seed == library_seed


@pytest.mark.parametrize("seed", [-1, 1000, 10_003, True, 1.0, "1"])
def test_a_seed_out_of_range_is_refused(seed: Any) -> None:
    with pytest.raises(UsageError, match="seeds are whole numbers from 0 to 999 in each fold"):
        make_task(TWC, seed, None, 0)


def test_options_choose_the_task() -> None:
    task = make_task(TWC, None, {"seed": 4, "fold": "dev", "numLocations": 1}, 7)
    assert (task.seed, task.fold, dict(task.parameters)["numLocations"]) == (4, "dev", 1)
    assert make_task(TWC, None, {}, 7).seed == 7
    assert make_task(TWC, 0, {"seed": 0}, 7).seed == 0


def test_another_game_starts_from_its_own_defaults() -> None:
    base = Task("twc", GAMES["twc"].check({"numLocations": 1}), "train", 0)
    assert dict(make_task(base, 0, {"game": "coin"}, 0).parameters)["numLocations"] == 11


@pytest.mark.parametrize(
    ("seed", "options", "part"),
    [
        (1, {"seed": 2}, "seed=1 and options['seed']=2 differ"),
        (1, {"folds": "dev"}, "'folds' is not a parameter"),
        (1, {"game": "zork"}, "'zork' is not a game"),
    ],
)
def test_impossible_options_are_refused(seed: int, options: dict[str, Any], part: str) -> None:
    with pytest.raises(UsageError) as caught:
        make_task(TWC, seed, options, 0)
    assert part in str(caught.value)


def state(**data: Any) -> State:
    return State({"score": 0.0, "success": False, "failure": False, "admissible_actions": ["go"], **data})


@pytest.mark.parametrize(
    ("data", "verdict", "terminal"),
    [
        ({"score": 0.25}, Verdict(0.25, False, "the game's score is 0.25 of 1"), False),
        ({"score": 1.0, "success": True}, Verdict(1.0, True, "the game says the task is achieved"), True),
        ({"score": -1.0, "failure": True}, Verdict(0.0, False, "the game says the task has failed"), True),
        ({"score": 0.4, "failure": True}, Verdict(0.4, False, "the game says the task has failed"), True),
    ],
)
def test_verdicts_follow_from_the_state_alone(data: dict[str, Any], verdict: Verdict, terminal: bool) -> None:
    world = TextWorldEnvironment("twc")
    assert world.verdict(state(**data)) == verdict
    assert world.is_terminal(state(**data)) is terminal


def test_a_state_of_another_world_has_no_verdict() -> None:
    world = TextWorldEnvironment("twc")
    assert world.verdict(State({})) is None
    assert world.admissible_actions(State({})) == []
    assert not world.is_terminal(State({}))


def test_execute_without_an_episode_says_what_to_do() -> None:
    with pytest.raises(EnvironmentFailure, match="call reset or restore first"):
        TextWorldEnvironment("twc").execute(Action("go"), state())


def test_the_purpose_is_known_without_java() -> None:
    assert TextWorldEnvironment("coin").purpose.startswith("Your task is to search the environment")


def test_making_an_environment_loads_neither_py4j_nor_the_package() -> None:
    code = (
        "import sys\n"
        "from purpose_agent.environments import resolve_environment, list_environments\n"
        "assert not [m for m in sys.modules if m.startswith('purpose_agent.environments.')]\n"
        "list_environments(); resolve_environment('textworld:preset=twc').close()\n"
        "assert not [m for m in sys.modules if m.startswith(('py4j', 'textworld_express'))]\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
