from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from fakes.worlds import AsyncGridTreasure, GridTreasure, HangingWorld, MutatingWorld, RaisingWorld
from purpose_agent.conformance.environment import EnvironmentConformance
from purpose_agent.environment import SimpleEnvironment
from purpose_agent.environment_check import check_environment
from purpose_agent.errors import UsageError
from purpose_agent.types import Action, State, Verdict


class TestGridTreasure(EnvironmentConformance):
    def make_environment(self) -> GridTreasure:
        return GridTreasure()


class TestAsyncGridTreasure(EnvironmentConformance):
    def make_environment(self) -> AsyncGridTreasure:
        return AsyncGridTreasure()


class TestSimpleEnvironment(EnvironmentConformance):
    actions = ("more",)

    def make_environment(self) -> SimpleEnvironment:
        return SimpleEnvironment(lambda action, state: State({"n": state.data["n"] + 1}), State({"n": 0}))


def found(environment: Any, subject: str, severity: str = "error", **kwargs: Any) -> str:
    """The messages about one subject; the report must have no errors about others."""
    report = check_environment(environment, **kwargs)
    others = [f for f in report.errors if f.subject != subject]
    assert not others, report
    return "\n".join(f.message for f in report.findings if f.subject == subject and f.severity == severity)


def grid(**members: Any) -> Any:
    """A grid world with some members replaced."""
    return type("Changed", (GridTreasure,), members)()


def test_a_good_environment_has_no_findings() -> None:
    report = check_environment(GridTreasure())
    assert report.ok
    assert report.findings == []
    assert report.steps == 10
    report.raise_if_broken()


def test_an_async_environment_is_closed_twice_and_has_no_findings() -> None:
    world = AsyncGridTreasure()
    assert check_environment(world).findings == []
    assert world.closed == 2


def test_no_execute() -> None:
    assert "add execute" in found(object(), "execute")


def test_a_broken_environment_raises_the_whole_report() -> None:
    report = check_environment(grid(max_steps=0, untrusted="maybe"))
    with pytest.raises(UsageError, match="2 errors") as caught:
        report.raise_if_broken()
    assert "got 0" in str(caught.value)
    assert "got 'maybe'" in str(caught.value)


def test_an_environment_that_mutates_its_own_dict() -> None:
    messages = "\n".join(map(str, check_environment(MutatingWorld()).errors))
    assert "changes it in place" in messages
    assert "does not repeat the episode" in messages


def test_execute_that_changes_the_state_it_is_given_is_warned_about() -> None:
    def execute(self: Any, action: Action, state: State) -> State:
        state.data["at"] = [1, 1]
        return state

    assert "changes the state it is given" in found(grid(execute=execute), "execute", "warning")


def test_an_admissible_action_that_raises() -> None:
    message = found(RaisingWorld(at=2), "execute")
    assert "RuntimeError: the bridge collapsed for the action 'east'" in message


def test_a_hanging_call_is_given_up() -> None:
    world = HangingWorld()
    try:
        assert "did not return within 0.05 s" in found(world, "execute", seconds=0.05)
    finally:
        world.release.set()


def test_a_timeout_that_the_environment_raises_itself_is_not_a_hanging_call() -> None:
    assert "raised TimeoutError: slow" in found(RaisingWorld(error=TimeoutError("slow")), "execute")


@pytest.mark.parametrize("returned", [None, {"at": [0, 0]}, "text"])
def test_reset_that_returns_no_state(returned: Any) -> None:
    assert f"must return a State, got {type(returned).__name__}" in found(
        grid(reset=lambda self, seed=None: returned), "reset"
    )


@pytest.mark.parametrize(
    ("value", "part"),
    [
        (float("nan"), "data['x'] is nan"),
        ({1: "a"}, "the key 1"),
        ({"deep": [object()]}, "data['x']['deep'][0] is a object"),
        ({1, 2}, "is a set"),
        (b"raw", "is a bytes"),
    ],
)
def test_data_that_json_cannot_hold(value: Any, part: str) -> None:
    world = SimpleEnvironment(lambda a, s: s)
    world.reset = lambda seed=None: State({"x": value})  # type: ignore[method-assign]
    assert part in found(world, "reset")


def test_data_that_refers_to_itself() -> None:
    loop: dict[str, Any] = {}
    loop["me"] = loop
    world = SimpleEnvironment(lambda a, s: s)
    world.reset = lambda: State(loop)  # type: ignore[method-assign]
    assert "refers to itself" in found(world, "reset")


def test_a_seeded_reset_that_differs() -> None:
    counter = itertools.count()
    world = SimpleEnvironment(lambda a, s: s)
    world.reset = lambda seed=None: State({"n": next(counter)})  # type: ignore[method-assign]
    assert "seed=0 does not repeat the episode" in found(world, "reset")


def test_an_unseeded_reset_that_differs_is_a_warning() -> None:
    counter = itertools.count()
    world = SimpleEnvironment(lambda a, s: s)
    world.reset = lambda: State({"n": next(counter)})  # type: ignore[method-assign]
    assert "cannot be repeated" in found(world, "reset", "warning")


@pytest.mark.parametrize(
    ("listed", "severity", "part"),
    [
        (("dig",), "error", "must return a list"),
        ([1], "error", "got 1"),
        ([""], "error", "non-empty"),
        (["dig", "dig"], "warning", "'dig' more than once"),
        (["east", "dig"], "warning", "not sorted"),
        ([], "error", "could do nothing"),
    ],
)
def test_admissible_actions_that_are_wrong(listed: Any, severity: str, part: str) -> None:
    world = grid(admissible_actions=lambda self, state: listed, execute=lambda self, action, state: state)
    assert part in found(world, "admissible_actions", severity)


def test_admissible_actions_in_another_order_each_time() -> None:
    orders = itertools.cycle([["dig", "east"], ["east", "dig"]])
    world = grid(
        admissible_actions=lambda self, state: next(orders), execute=lambda self, action, state: state
    )
    assert "is not a function of the state" in found(world, "admissible_actions")


@pytest.mark.parametrize(
    ("verdict", "part"),
    [
        (lambda self, state: 0.5, "must return a Verdict or None, got float"),
        (lambda self, state: Verdict(2.0), "must be a number in [0, 1] or None, got 2.0"),
    ],
)
def test_a_verdict_that_is_none(verdict: Any, part: str) -> None:
    assert part in found(grid(verdict=verdict), "verdict")


def test_a_verdict_that_depends_on_more_than_the_state() -> None:
    scores = itertools.count()
    world = grid(verdict=lambda self, state: Verdict(min(1.0, next(scores) / 100)))
    assert "is not a function of the state" in found(world, "verdict")


def test_is_terminal_that_is_not_a_bool() -> None:
    assert "got 'no'" in found(grid(is_terminal=lambda self, state: "no"), "is_terminal")


@pytest.mark.parametrize("actions", [["dig"], {"dig": None}, {1: "dig"}])
def test_actions_that_are_not_text_to_text(actions: Any) -> None:
    assert "must be a dict of names to descriptions" in found(grid(actions=actions), "actions")


@pytest.mark.parametrize("limit", [0, -1, True, 2.5, "20"])
def test_max_steps_that_is_not_a_number_above_zero(limit: Any) -> None:
    assert f"got {limit!r}" in found(grid(max_steps=limit), "max_steps")


def test_close_that_fails_the_second_time() -> None:
    closed: list[int] = []

    def close(self: Any) -> None:
        if closed:
            raise RuntimeError("already closed")
        closed.append(1)

    assert "harmless when it is called a second time" in found(grid(close=close), "close")


def test_restore_that_does_not_restore() -> None:
    world = grid(restore=lambda self, state, actions, seed=None: self.reset(seed))
    assert " actions it led to" in found(world, "restore")


def test_an_ability_that_is_no_method() -> None:
    assert "must be a method" in found(grid(verdict=True), "verdict")


def test_options_that_reset_does_not_take() -> None:
    assert "takes no options" in found(MutatingWorldWithoutFault(), "reset", options={"size": 5})


class MutatingWorldWithoutFault(MutatingWorld):
    def reset(self, seed: int | None = None) -> State:
        self.data = {"count": 0}
        return State(dict(self.data))

    def execute(self, action: Action, current_state: State) -> State:
        return State({"count": current_state.data["count"] + 1})


def test_without_admissible_actions_execute_is_tried_with_the_given_ones() -> None:
    world = SimpleEnvironment(
        lambda action, state: State({"done": [*state.data["done"], action.name]}), State({"done": []})
    )
    assert "pass actions=" in found(world, "execute", "warning")
    report = check_environment(world, actions=["a", Action("b")])
    assert report.findings == []
    assert report.steps == 10


def test_the_report_can_be_read_and_serialised() -> None:
    report = check_environment(grid(max_steps=0))
    assert str(report).splitlines() == [
        "Changed: 1 errors, 0 warnings, 10 actions executed",
        "  error: max_steps: must be a whole number above 0, got 0",
    ]
    assert json.loads(json.dumps([vars(f) for f in report.findings]))[0]["subject"] == "max_steps"
