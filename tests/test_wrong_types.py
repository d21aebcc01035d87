"""A value of a wrong type is refused or made right where it comes in; it never makes a store unreadable."""

from __future__ import annotations

import logging
import sqlite3
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fakes.scripted import ACTIONS, act, counter, scripted
from purpose_agent import (
    Action,
    HITLOrchestrator,
    Orchestrator,
    Policy,
    SimpleEnvironment,
    State,
    StopReason,
    TaskResult,
    TrajectoryStep,
    UsageError,
    Verdict,
)
from purpose_agent.errors import StoreError
from purpose_agent.events import HumanDecided, StepStarted, encode_event
from purpose_agent.hitl import HumanInput, HumanInputHandler, InterruptType
from purpose_agent.llm_backend.uniform import UniformBackend
from purpose_agent.policies import Abort, Reject
from purpose_agent.store import open_store
from purpose_agent.types import PurposeScore


class World(SimpleEnvironment):
    """Counts; says about each state what it is told to say."""

    def __init__(self, verdict: Any = None, **fields: Any) -> None:
        super().__init__(self._count, State({"n": 0}))
        self._verdict = verdict or (lambda: None)
        self._fields = fields

    def _count(self, _action: Action, state: State) -> State:
        return State({"n": state.data["n"] + 1}, **self._fields)

    def verdict(self, state: State) -> Verdict | None:
        return self._verdict()


def usable(orchestrator: Orchestrator, **kwargs: Any) -> TaskResult:
    """The result of a run after which another run is possible, in a new process too."""
    result = orchestrator.run_task("count", max_steps=2, **kwargs)
    store = orchestrator.store
    assert store.events(result.run_id)
    with Orchestrator(scripted(act("inc")), counter(), ACTIONS, store=store) as later:
        assert later.run_task("count", max_steps=1).error is None
    assert [info.run_id for info in store.runs()][1] == result.run_id
    return result


@pytest.mark.parametrize("reason", [None, 5, ["x"]])
def test_the_reason_of_a_verdict_may_be_anything(reason: Any) -> None:
    world = World(lambda: Verdict(0.5, reason=reason))
    result = usable(Orchestrator(scripted(act("inc")), world, ACTIONS))
    assert result.verdict == Verdict(0.5, None, "" if reason is None else str(reason))


@pytest.mark.parametrize("number", [np.float64(0.5), np.float32(0.5), np.array(0.5)])
def test_numbers_of_numpy_make_plain_verdicts(number: Any) -> None:
    verdict = Verdict(number, np.bool_(True))  # type: ignore[arg-type]
    assert (type(verdict.score), verdict.success) == (float, True)
    assert verdict.success is True
    assert usable(Orchestrator(scripted(act("inc")), World(lambda: Verdict(number, np.False_)), ACTIONS))  # type: ignore[arg-type]


@pytest.mark.parametrize("bad", [np.bool_(True), "0.5", Decimal("0.5"), np.array([0.1, 0.2]), 2.0])
def test_a_verdict_of_something_else_is_refused(bad: Any) -> None:
    with pytest.raises(ValueError, match="score must be a number"):
        Verdict(bad)


@pytest.mark.parametrize(
    "fields", [{"timestamp": None}, {"timestamp": 5}, {"timestamp": np.float32(5)}, {"id": None}, {"id": 5}]
)
def test_a_states_time_and_id_are_made_right(fields: dict[str, Any]) -> None:
    result = usable(Orchestrator(scripted(act("inc")), World(**fields), ACTIONS))
    assert result.error is None
    assert result.final_state.data == {"n": 2}
    assert isinstance(result.final_state.timestamp, float)
    assert isinstance(result.final_state.id, str)
    assert result.final_state.id


@pytest.mark.parametrize("timestamp", ["x", True, 10**400])
def test_a_time_that_is_no_number_is_the_environments_error(timestamp: Any) -> None:
    result = usable(Orchestrator(scripted(act("inc")), World(timestamp=timestamp), ACTIONS))
    assert "timestamp must be a number" in (result.trajectory.steps[0].error or "")
    with pytest.raises(UsageError, match="timestamp must be a number"):
        Orchestrator(scripted(act("inc")), counter(), ACTIONS).run_task(
            "count", State({"n": 0}, timestamp=timestamp)
        )


class Doors(SimpleEnvironment):
    """Offers what it is given."""

    def __init__(self, offered: Any) -> None:
        super().__init__(lambda _action, state: state, State({"room": "hall"}))
        self._offered = offered

    def admissible_actions(self, state: State) -> Any:
        return self._offered() if callable(self._offered) else self._offered


def broken() -> Any:
    yield Action("a")
    raise ZeroDivisionError


circle: dict[str, Any] = {}
circle["again"] = circle


@pytest.mark.parametrize(
    ("offered", "words"),
    [
        ([Action("a", params=[1])], "params must be a dict"),  # type: ignore[arg-type]
        ([Action(5)], "name must be a str"),  # type: ignore[arg-type]
        ([Action(None)], "name must be a str"),  # type: ignore[arg-type]
        ([Action("a", cited=5)], "cited must be a list"),  # type: ignore[arg-type]
        ([Action("a", circle)], "refers to itself"),
        (broken, "ZeroDivisionError"),
        (5, "admissible_actions"),
    ],
)
def test_admissible_actions_that_are_none_end_the_run(offered: Any, words: str) -> None:
    result = usable(Orchestrator(UniformBackend(), Doors(offered)))
    assert result.stop_reason == StopReason.ENVIRONMENT_ERROR
    assert words in (result.error or "")


@pytest.mark.parametrize("action", [Action("a", thought=None), Action("a", None, cited=None)])  # type: ignore[arg-type]
def test_what_an_action_leaves_open_may_be_none(action: Action) -> None:
    assert usable(Orchestrator(UniformBackend(), Doors([action]))).error is None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"seed": "x"}, "seed must be a whole number"),
        ({"seed": 1.5}, "seed must be a whole number"),
        ({"seed": True}, "seed must be a whole number"),
        ({"seed": float("nan")}, "seed must be a whole number"),
        ({"seed": Decimal(1)}, "seed must be a whole number"),
        ({"seed": 2**64}, "seed must be a whole number"),
        ({"seed": -(2**64)}, "seed must be a whole number"),
        ({"max_steps": 2**64}, "max_steps must be"),
        ({"early_stop_phi": 10**400}, "early_stop_phi must be a number"),
        ({"options": 5}, "options must be a dict"),
        ({"options": [("a", 1)]}, "options must be a dict"),
        ({"options": {1: 2}}, "options must be a dict"),
        ({"options": {"a": object()}}, "options must be a dict"),
        ({"task_description": 5}, "task_description must be a str"),
        ({"learning": "x"}, "learning must be True"),
        ({"held_out": "x"}, "held_out must be True"),
    ],
)
def test_arguments_of_a_task_are_checked(arguments: dict[str, Any], words: str) -> None:
    orchestrator = Orchestrator(scripted(act("inc")), counter(), ACTIONS)
    with pytest.raises(UsageError, match=words):
        orchestrator.run_task("count", **arguments)
    assert orchestrator.store.runs() == []
    if "held_out" not in arguments:
        with pytest.raises(UsageError, match=words):
            HITLOrchestrator(orchestrator).run_task("count", **arguments)


def test_an_orchestrators_own_seed_and_learning_are_checked_with_each_task() -> None:
    orchestrator = Orchestrator(scripted(act("inc")), counter(), ACTIONS)
    for seed in (1.5, "x", 2**64):
        orchestrator.seed = seed  # type: ignore[assignment]
        with pytest.raises(UsageError, match="seed must be a whole number"):
            orchestrator.run_task("count")
    orchestrator.seed, orchestrator.learning = 2**64 - 1, "x"  # type: ignore[assignment]
    with pytest.raises(UsageError, match="learning must be True"):
        orchestrator.run_task("count")


def test_numbers_of_numpy_are_arguments_of_a_task() -> None:
    orchestrator = Orchestrator(scripted(act("inc")), counter(), ACTIONS, learning=False)
    result = usable(orchestrator, seed=np.int64(7), early_stop_phi=np.float32(9), learning=np.bool_(True))
    assert result.trajectory.seed == 7
    assert type(result.trajectory.seed) is int


class Ruled(Policy):
    """Rules as it is told."""

    def __init__(self, ruling: Any = None, score: Any = None) -> None:
        self.ruling, self.score = ruling, score

    def before_action(self, action: Action, step: int, state: State) -> Any:
        return self.ruling

    def after_score(self, step: TrajectoryStep) -> Any:
        return self.score


@pytest.mark.parametrize("reason", [None, 5])
@pytest.mark.parametrize("ruling", [Reject, Abort])
def test_the_reason_of_a_ruling_may_be_anything(ruling: Any, reason: Any) -> None:
    policy = Ruled(ruling(reason))
    assert usable(Orchestrator(scripted(act("inc")), counter(), ACTIONS, policies=[policy])).stop_reason == (
        StopReason.ABORTED
    )


@pytest.mark.parametrize("reasoning", [None, 5])
def test_the_reasoning_of_an_override_may_be_anything(reasoning: Any) -> None:
    policy = Ruled(score=PurposeScore(0, 4, 4, reasoning=reasoning))
    result = usable(Orchestrator(scripted(act("inc")), counter(), ACTIONS, policies=[policy]))
    assert result.error is None
    assert result.final_phi == 4


class Person(HumanInputHandler):
    def __init__(self, **answer: Any) -> None:
        self.answer = answer

    def request_input(self, interrupt_type: InterruptType, context: dict[str, Any]) -> HumanInput:
        return HumanInput(**{"interrupt_type": interrupt_type, **self.answer})


@pytest.mark.parametrize("answer", [{"approved": False}, {"interrupt_type": InterruptType.ABORT}])
@pytest.mark.parametrize("message", [5, None])
def test_the_message_of_a_person_may_be_anything(answer: dict[str, Any], message: Any) -> None:
    orchestrator = Orchestrator(scripted(act("inc")), counter(), ACTIONS)
    person = HITLOrchestrator(orchestrator, Person(**answer, message=message), approve_actions=True)
    result = person.run_task("count", max_steps=1)
    assert result.stop_reason == StopReason.ABORTED
    told = [e.message for e in orchestrator.store.events(result.run_id) if isinstance(e, HumanDecided)]
    assert told == ([] if answer == {"approved": False} else ["5" if message else "aborted by a person"])
    assert orchestrator.run_task("count", max_steps=1).error is None


# -- the store ---------------------------------------------------------------------------------------------
WRONG = [
    StepStarted("x"),  # type: ignore[arg-type]
    HumanDecided(1, "abort", False, None),  # type: ignore[arg-type]
]


@pytest.mark.parametrize("event", WRONG)
def test_nothing_that_cannot_be_read_is_written(event: Any, tmp_path: Path) -> None:
    for place in (None, tmp_path / "store.sqlite"):
        with open_store(place) as store:
            assert isinstance(store.append("r", 0, [event]).exception(60), StoreError)
            store.append("r", 0, [StepStarted(1)]).result()
            assert store.events("r") == [StepStarted(1)]


def spoil(path: Path, run_id: str, payload: bytes) -> None:
    """Overwrite all events of a run."""
    with sqlite3.connect(path) as connection:
        connection.execute(
            "UPDATE events SET payload = ? WHERE run = (SELECT number FROM runs WHERE id = ?)",
            (payload, run_id),
        )


@pytest.mark.parametrize("payload", [encode_event(WRONG[1]), b"\xc1 is not msgpack"])
def test_a_store_with_an_unreadable_episode_stays_usable(
    payload: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "store.sqlite"

    def run(times: int = 1) -> TaskResult:
        world = World(lambda: Verdict(0.9, True))
        with Orchestrator(scripted(act("inc")), world, ACTIONS, store=path) as orchestrator:
            return [orchestrator.run_task("count", max_steps=2) for _ in range(times)][-1]

    bad = run().run_id
    run()
    spoil(path, bad, payload)
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM artefacts")  # nothing of what was learned is kept
    with caplog.at_level(logging.WARNING):
        result = run(2)
    assert result.error is None
    assert bad in caplog.text
    with open_store(path) as store:
        assert not [e for e in store.events(result.run_id) if type(e).__name__ == "Failed"]
        with pytest.raises(StoreError, match="cannot be read"):
            store.events(bad)


def test_a_list_of_runs_can_do_without_an_unreadable_event(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    with open_store(path) as store:
        store.append("left", 0, [StepStarted(1), StepStarted(2)]).result()
    spoil(path, "left", encode_event(WRONG[1]))
    with open_store(path) as store:
        assert [(info.run_id, info.steps) for info in store.runs()] == [("left", 0)]


def test_a_held_out_task_passes_over_an_unreadable_episode(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    with Orchestrator(scripted(act("inc")), counter(), ACTIONS, store=path) as orchestrator:
        bad = orchestrator.run_task("count", max_steps=2).run_id
    spoil(path, bad, b"\xc1")
    with Orchestrator(scripted(act("inc")), counter(), ACTIONS, store=path) as orchestrator:
        assert orchestrator.run_task("count", max_steps=1, held_out=True).error is None
        assert orchestrator.experience_replay.get_top_trajectories(min_success_rate=0) == []


def test_an_unreadable_value_record_is_passed_over(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "store.sqlite"
    with Orchestrator(UniformBackend(), Doors([Action("a")]), store=path) as orchestrator:
        bad = orchestrator.run_task("go", max_steps=2).run_id
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM artefacts WHERE name NOT LIKE 'value_record:%'")
        connection.execute("UPDATE artefacts SET payload = x'c1'")
    with Orchestrator(UniformBackend(), Doors([Action("a")]), store=path) as orchestrator:
        assert orchestrator.run_task("go", max_steps=2).error is None
    assert bad in caplog.text
