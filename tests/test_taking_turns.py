"""Synchronous runs of one orchestrator take turns, and what a run calls is told that it cannot have one."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from typing import Any

import pytest

from purpose_agent import (
    Action,
    AutoApproveHandler,
    HITLOrchestrator,
    Limits,
    MockLLMBackend,
    Orchestrator,
    Policy,
    SimpleEnvironment,
    State,
    StopReason,
    TrajectoryStep,
    UsageError,
)

pytestmark = pytest.mark.timeout(60)

Call = Callable[[Orchestrator], Any]

CALLS: dict[str, Call] = {
    "run_task": lambda o: o.run_task("again"),
    "resume": lambda o: o.resume("some run"),
    "post_task": lambda o: o.post_task(Orchestrator(MockLLMBackend(), world()).run_task("p").trajectory),
    "probe": lambda o: o.probe("some item"),
    "probe_waiting": lambda o: o.probe_waiting(),
    "close": lambda o: o.close(),
    "hitl": lambda o: HITLOrchestrator(o, AutoApproveHandler()).run_task("again"),
}


def world(execute: Callable[[Action, State], Any] | None = None) -> SimpleEnvironment:
    def count(action: Action, state: State) -> State:
        if execute is not None:
            execute(action, state)
        return State({"n": state.data["n"] + 1})

    return SimpleEnvironment(count, State({"n": 0}))


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("notebook", [False, True])
def test_a_callback_that_calls_back_is_refused_and_the_run_goes_on(name: str, notebook: bool) -> None:
    told: list[str] = []

    def call_back(_step: TrajectoryStep) -> None:
        with pytest.raises(UsageError, match=r"inside a run.*after run_task has returned") as caught:
            CALLS[name](orch)
        told.append(str(caught.value))

    orch = Orchestrator(MockLLMBackend(), world(), on_step=call_back)

    async def in_a_loop() -> Any:
        return orch.run_task("count", max_steps=2)

    result = asyncio.run(in_a_loop()) if notebook else orch.run_task("count", max_steps=2)
    assert (result.stop_reason, len(told)) == (StopReason.MAX_STEPS, 2)
    orch.on_step = None
    assert orch.run_task("count", max_steps=1).total_steps == 1, "nothing was closed"


@pytest.mark.parametrize("seconds", [None, 50])
def test_an_environment_that_calls_back_is_told_so_in_a_thread_of_its_own_too(seconds: float | None) -> None:
    def again(_action: Action, _state: State) -> None:
        orch.run_task("again")

    orch = Orchestrator(MockLLMBackend(), world(again), limits=Limits(seconds=seconds))
    result = orch.run_task("count", max_steps=1)
    assert "inside a run of the same orchestrator" in (result.trajectory.steps[0].error or "")


def test_so_is_a_policy_and_a_detour_over_another_orchestrator() -> None:
    refused: list[str] = []

    class Asking(Policy):
        def before_step(self, step: int, state: State) -> Any:
            try:
                other.run_task("another")
            except UsageError as e:
                refused.append(f"other: {e}")

    def back(_step: TrajectoryStep) -> None:
        try:
            orch.run_task("again")
        except UsageError as e:
            refused.append(str(e))

    orch = Orchestrator(MockLLMBackend(), world(), policies=[Asking()])
    other = Orchestrator(MockLLMBackend(), world(), on_step=back)
    other_steps = other.run_task("another", max_steps=1)
    assert other_steps.total_steps == 1
    assert refused[0].startswith("other: this was called from inside"), "other → orch → other"


def test_another_orchestrator_may_be_used_inside_a_run() -> None:
    inner = Orchestrator(MockLLMBackend(), world())
    found: list[int] = []
    orch = Orchestrator(
        MockLLMBackend(),
        world(),
        on_step=lambda _: found.append(inner.run_task("inner", max_steps=3).total_steps),
    )
    assert orch.run_task("count", max_steps=2).total_steps == 2
    assert found == [3, 3]


def test_a_second_thread_waits_for_its_turn() -> None:
    entered, go_on = threading.Event(), threading.Event()
    order: list[str] = []

    def wait(_action: Action, _state: State) -> None:
        if not entered.is_set():
            entered.set()
            assert go_on.wait(30)

    orch = Orchestrator(MockLLMBackend(), world(wait))

    def run(purpose: str) -> None:
        order.append(f"{purpose}: {orch.run_task(purpose, max_steps=1).total_steps}")

    first, second = (threading.Thread(target=run, args=(name,)) for name in ("first", "second"))
    first.start()
    assert entered.wait(30)
    second.start()
    go_on.set()
    first.join(30)
    second.join(30)
    assert order == ["first: 1", "second: 1"]


def test_what_a_run_left_behind_may_start_another_once_it_is_over() -> None:
    left: list[contextvars.Context] = []
    orch = Orchestrator(MockLLMBackend(), world(), on_step=lambda _: left.append(contextvars.copy_context()))
    orch.run_task("count", max_steps=1)
    assert left[0].run(lambda: orch.run_task("later", max_steps=1)).total_steps == 1
