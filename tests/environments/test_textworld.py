"""The real games, in one Java process."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from purpose_agent.environment_check import check_environment
from purpose_agent.environments.textworld import TextWorldEnvironment
from purpose_agent.environments.textworld_games import GAMES, PRESETS
from purpose_agent.environments.textworld_server import TextWorldServer
from purpose_agent.errors import EnvironmentFailure, UsageError
from purpose_agent.types import Action, State

pytestmark = pytest.mark.world


@pytest.fixture(scope="module")
def world() -> Iterator[TextWorldEnvironment]:
    world = TextWorldEnvironment("twc", numLocations=1, numItemsToPutAway=2)
    yield world
    world.close()


def play(world: TextWorldEnvironment, commands: list[str], state: State) -> list[State]:
    states = [state]
    for command in commands:
        states.append(world.execute(Action(command), states[-1]))
    return states


def random_commands(world: TextWorldEnvironment, state: State, seed: int, steps: int = 8) -> list[str]:
    dice = random.Random(seed)
    commands: list[str] = []
    for _ in range(steps):
        if world.is_terminal(state):
            break
        commands.append(dice.choice(world.admissible_actions(state)))
        state = world.execute(Action(commands[-1]), state)
    return commands


def test_the_table_holds_the_librarys_games(world: TextWorldEnvironment) -> None:
    world.reset(0)
    server: Any = world._server
    assert server.game_names() == list(GAMES)


@pytest.mark.parametrize("game", GAMES)
def test_the_tables_defaults_are_the_librarys(world: TextWorldEnvironment, game: str) -> None:
    with_defaults = world.reset(0, {"game": game, **dict(GAMES[game].check({}))})
    server: Any = world._server
    server.load(game, "")
    assert server.new_game(0, "train").observation.split() == with_defaults.data["observation"].split()


@pytest.mark.parametrize("game", GAMES)
def test_the_gold_path_solves_the_game(world: TextWorldEnvironment, game: str) -> None:
    options = {"game": game}
    path = world.gold_path(0, options)
    first = world.reset(0, options)
    states = play(world, path, first)
    last = states[-1]
    assert not any(map(world.is_terminal, states[:-1]))
    assert world.is_terminal(last)
    verdict = world.verdict(last)
    assert verdict is not None
    assert (verdict.success, verdict.score) == (True, 1.0)
    assert world.admissible_actions(last) == []
    assert all(world.verdict(s).success is False for s in states[:-1])  # type: ignore[union-attr]
    for state in states[:-1]:
        commands = world.admissible_actions(state)
        assert commands == sorted(set(commands))


@pytest.mark.parametrize("game", GAMES)
def test_the_first_state_names_the_task_and_the_purpose_is_the_librarys(
    world: TextWorldEnvironment, game: str
) -> None:
    state = world.reset(0, {"game": game})
    assert state.describe().startswith(f"Task: {state.data['task']}\n{state.data['observation']}")
    assert world.purpose == state.data["task"]
    if game != "mapreader":
        assert world.purpose == GAMES[game].purpose


def test_later_states_are_the_observation_alone(world: TextWorldEnvironment) -> None:
    state = world.reset(0)
    after = world.execute(Action("open wardrobe"), state)
    assert after.describe() == after.data["observation"] == "You open the wardrobe. It's empty inside."


@pytest.mark.parametrize("game", GAMES)
def test_the_same_seed_and_options_give_the_same_episode(world: TextWorldEnvironment, game: str) -> None:
    options = {"game": game, "fold": "dev"}
    first = world.reset(3, options)
    commands = random_commands(world, first, seed=3)
    once = play(world, commands, world.reset(3, options))
    world.reset(4, {"game": "coin"})
    again = play(world, commands, world.reset(3, options))
    assert [s.fingerprint for s in once] == [s.fingerprint for s in again]
    assert once[0].fingerprint == first.fingerprint


def test_seeds_differ_and_folds_have_their_own(world: TextWorldEnvironment) -> None:
    looks = {
        (fold, seed): world.reset(seed, {"fold": fold}).data["look"]
        for fold in ("train", "dev", "test")
        for seed in (0, 1)
    }
    assert len(set(looks.values())) == 6


def test_without_a_seed_the_seeds_are_taken_in_turn(world: TextWorldEnvironment) -> None:
    world._next_seed = 0
    assert [world.reset().data["seed"] for _ in range(3)] == [0, 1, 2]
    assert world.reset(7).data["seed"] == 7
    assert world.reset(options={"seed": 9}).data["seed"] == 9
    assert world.reset().data["seed"] == 3


def test_a_seed_that_makes_no_game_is_refused_and_passed_over_in_turn(world: TextWorldEnvironment) -> None:
    narrow = {"game": "mapreader", "numLocations": 8, "maxDistanceApart": 8}
    possible: list[int] = []
    for seed in range(6):
        try:
            world.reset(seed, narrow)
            possible.append(seed)
        except UsageError:
            with pytest.raises(UsageError, match=rf"maxDistanceApart=8.*seed={seed}.*another seed"):
                world.reset(seed, narrow)
    assert 0 < len(possible) < 6
    world._next_seed = 0
    assert [world.reset(options=narrow).data["seed"] for _ in possible] == possible


def test_what_the_library_itself_refuses_is_a_usage_error(
    world: TextWorldEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("purpose_agent.environments.textworld_games.Task.parameter_text", "numLocations=77")
    with pytest.raises(UsageError, match="Number of locations must be less than 3"):
        world.reset(0)
    monkeypatch.undo()
    assert world.reset(0).data["observation"].startswith("You are in")


def test_an_inadmissible_command_is_refused_and_changes_nothing(world: TextWorldEnvironment) -> None:
    state = world.reset(0)
    with pytest.raises(UsageError, match=r"did you mean .*'open wardrobe'"):
        world.execute(Action("opn wardrobe"), state)
    with pytest.raises(UsageError, match="has params"):
        world.execute(Action("open wardrobe", {"x": 1}), state)
    assert (
        world.execute(Action("open wardrobe"), state).data["observation"].startswith("You open the wardrobe")
    )


def test_an_episode_that_is_over_takes_no_command(world: TextWorldEnvironment) -> None:
    last = play(world, world.gold_path(0), world.reset(0))[-1]
    with pytest.raises(UsageError, match="the episode is over"):
        world.execute(Action("look around"), last)


def test_failure_ends_the_episode(world: TextWorldEnvironment) -> None:
    state = world.reset(0, {"game": "simonsays"})
    wrong = next(c for c in world.admissible_actions(state) if c not in state.data["observation"])
    after = world.execute(Action(wrong), state)
    verdict = world.verdict(after)
    assert after.data["score"] == -1
    assert verdict is not None
    assert (verdict.score, verdict.success) == (0.0, False)
    assert world.is_terminal(after)


def test_only_the_current_state_can_be_continued_from(world: TextWorldEnvironment) -> None:
    state = world.reset(0)
    world.execute(Action("open wardrobe"), state)
    with pytest.raises(EnvironmentFailure, match="the game does not stand at the state"):
        world.execute(Action("open wardrobe"), state)


def test_asking_about_other_episodes_does_not_disturb_the_running_one(world: TextWorldEnvironment) -> None:
    state = world.execute(Action("open wardrobe"), world.reset(0))
    assert "coin" in world.purpose_for(1, {"game": "mapreader"})
    assert world.gold_path(2, {"game": "sorting"})
    after = world.execute(Action("close wardrobe"), state)
    assert after.data["observation"] == "You close the wardrobe."


def test_a_run_can_be_restored(world: TextWorldEnvironment) -> None:
    options = {"fold": "dev"}
    commands = random_commands(world, world.reset(1, options), seed=1, steps=5)
    left = play(world, commands, world.reset(1, options))[-1]
    actions = [Action("fly"), *map(Action, commands)]  # one that was refused when it was tried
    world.reset(0)
    restored = world.restore(left.snapshot(), actions, 1, options)
    assert restored == left
    assert world.restore(left, actions) == left
    command = world.admissible_actions(left)[0]
    assert world.execute(Action(command), left).data["observation"]


def test_a_run_of_another_game_cannot_be_restored(world: TextWorldEnvironment) -> None:
    left = world.execute(Action("open wardrobe"), world.reset(0))
    with pytest.raises(EnvironmentFailure, match="replaying 0 actions led to"):
        world.restore(left, [])


def test_what_happens_to_a_returned_state_does_not_matter(world: TextWorldEnvironment) -> None:
    state = world.reset(0)
    kept = state.thaw()
    state.data["admissible_actions"].clear()
    state.data["observation"] = "gone"
    assert world.execute(Action("open wardrobe"), kept).data["observation"].startswith("You open")


def test_threads_take_turns(world: TextWorldEnvironment) -> None:
    seen: list[str] = []

    def look(seed: int) -> None:
        seen.append(world.reset(seed).fingerprint)

    threads = [threading.Thread(target=look, args=(5,)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 6
    assert len(set(seen)) == 1


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_keep_the_contract(
    world: TextWorldEnvironment, preset: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world, "close", lambda: None)  # the Java process serves the other tests too
    game, parameters = PRESETS[preset]
    report = check_environment(world, seed=2, options={"game": game, **parameters}, steps=6)
    assert report.findings == []
    assert report.steps > 0


def test_a_game_that_breaks_off_is_an_environment_failure(
    world: TextWorldEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = world.reset(0)
    monkeypatch.setattr(TextWorldServer, "task_description", lambda self: self._decode("no JSON"))
    with pytest.raises(EnvironmentFailure, match="answered 'no JSON'"):
        world.reset(0)
    with pytest.raises(EnvironmentFailure, match="no episode is running"):
        world.execute(Action("open wardrobe"), state)


def test_an_interrupted_command_is_not_half_done(
    world: TextWorldEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = world.reset(0)
    step = TextWorldServer.step

    def interrupted(self: TextWorldServer, command: str) -> Any:
        step(self, command)
        raise KeyboardInterrupt

    monkeypatch.setattr(TextWorldServer, "step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        world.execute(Action("open wardrobe"), state)
    monkeypatch.undo()
    after = world.execute(Action("open wardrobe"), state)
    assert after.data["observation"] == "You open the wardrobe. It's empty inside."
