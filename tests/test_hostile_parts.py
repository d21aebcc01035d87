"""Whatever a stranger's part raises, and wherever, is in the result and ends at worst the run."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from fakes.scripted import ACTIONS, act, count, counter, scripted
from purpose_agent import (
    Action,
    AsyncOrchestrator,
    Environment,
    LLMBackend,
    Orchestrator,
    SimpleEnvironment,
    State,
    StopReason,
    TaskResult,
    Verdict,
)
from purpose_agent.events import Failed
from purpose_agent.llm_backend.uniform import UniformBackend
from purpose_agent.types import Trust


class Final(BaseException):
    """Of somebody who does not know `Exception`."""


class Raising(Environment):
    """A counter that raises in one method; its methods are async if that is asked for."""

    def __init__(self, where: str, error: BaseException) -> None:
        self.where, self.error = where, error

    def _maybe(self, where: str) -> None:
        if where == self.where:
            raise self.error

    def reset(self) -> State:
        self._maybe("reset")
        return State({"n": 0})

    def execute(self, action: Action, current_state: State) -> State:
        self._maybe("execute")
        return count(action, current_state)

    def verdict(self, state: State) -> Verdict | None:
        self._maybe("verdict")
        return None

    def is_terminal(self, state: State) -> bool:
        self._maybe("is_terminal")
        return False


class AsyncRaising(Raising):
    async def execute(self, action: Action, current_state: State) -> State:  # type: ignore[override]
        await asyncio.sleep(0)
        return super().execute(action, current_state)

    async def reset(self) -> State:  # type: ignore[override]
        await asyncio.sleep(0)
        return super().reset()


@pytest.mark.parametrize("world", [Raising, AsyncRaising])
@pytest.mark.parametrize("where", ["reset", "execute", "verdict", "is_terminal"])
@pytest.mark.parametrize("error", [asyncio.CancelledError(), SystemExit(3), GeneratorExit(), Final("x")])
def test_whatever_a_world_raises_is_in_the_result(world: Any, where: str, error: BaseException) -> None:
    orchestrator = Orchestrator(scripted(act("inc")), world(where, error), ACTIONS)
    in_threads = asyncio.run(AsyncOrchestrator(orchestrator).run_task(purpose="count", max_steps=2))
    for result in (orchestrator.run_task("count", max_steps=2), in_threads):
        assert result.stop_reason == StopReason.ENVIRONMENT_ERROR
        assert type(error).__name__ in (result.error or "")


def test_ctrl_c_in_a_world_is_ctrl_c() -> None:
    with pytest.raises(KeyboardInterrupt):
        Orchestrator(scripted(act("inc")), Raising("execute", KeyboardInterrupt()), ACTIONS).run_task("count")


class Cancelled(LLMBackend):
    """Its calls are cancelled by somebody behind it."""

    def __init__(self, at_once: bool) -> None:
        self.at_once = at_once

    def generate(self, messages: Any, temperature: float = 0, max_tokens: int = 0, stop: Any = None) -> str:
        raise asyncio.CancelledError

    async def agenerate(
        self, messages: Any, temperature: float = 0, max_tokens: int = 0, stop: Any = None
    ) -> str:
        if not self.at_once:
            await asyncio.sleep(0)
        raise asyncio.CancelledError


@pytest.mark.parametrize("role", ["llm", "critic_llm", "optimizer_llm"])
@pytest.mark.parametrize("at_once", [True, False])
def test_a_models_call_that_is_cancelled_is_an_outage(role: str, at_once: bool) -> None:
    models = {"llm": scripted(act("inc")), "critic_llm": scripted(), "optimizer_llm": scripted()}
    models[role] = Cancelled(at_once)  # type: ignore[assignment]
    orchestrator = Orchestrator(environment=counter(), available_actions=ACTIONS, **models)  # type: ignore[arg-type]
    result = orchestrator.run_task("count", max_steps=2)
    assert result.stop_reason == (StopReason.MODEL_ERROR if role == "llm" else StopReason.MAX_STEPS)
    failed = [e for e in orchestrator.store.events(result.run_id) if isinstance(e, Failed)]
    part = {"llm": "actor", "critic_llm": "critic", "optimizer_llm": "distiller"}[role]
    assert {(e.part, e.transient) for e in failed} == {(part, True)}


def test_a_checker_that_is_cancelled_has_no_opinion() -> None:
    async def checker(_state: State) -> Verdict | None:
        raise asyncio.CancelledError

    orchestrator = Orchestrator(scripted(act("inc")), counter(), ACTIONS, checkers=checker)
    assert orchestrator.run_task("count", max_steps=1).stop_reason == StopReason.MAX_STEPS


def test_a_run_that_is_cancelled_is_still_interrupted() -> None:
    begun = asyncio.Event()

    class Waiting(SimpleEnvironment):
        async def execute(self, action: Action, current_state: State) -> State:  # type: ignore[override]
            begun.set()
            await asyncio.Event().wait()
            raise AssertionError

    orchestrator = Orchestrator(scripted(act("inc")), Waiting(count, State({"n": 0})), ACTIONS)

    async def cancel() -> None:
        task = asyncio.create_task(AsyncOrchestrator(orchestrator).run_task(purpose="count"))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())
    assert orchestrator.store.runs()[0].stop_reason == StopReason.INTERRUPTED


@pytest.mark.parametrize("bad", [Action(5), Action(None)])  # type: ignore[arg-type]
def test_an_action_without_a_name_ends_the_run(bad: Action) -> None:
    class Doors(SimpleEnvironment):
        def admissible_actions(self, state: State) -> list[Action]:
            return [Action("a"), bad]

    result = Orchestrator(UniformBackend(), Doors(count, State({"n": 0}))).run_task("go")
    assert result.stop_reason == StopReason.ENVIRONMENT_ERROR
    assert "name must be a str" in (result.error or "")


def test_a_listener_that_raises_does_not_end_a_run(caplog: pytest.LogCaptureFixture) -> None:
    heard: list[str] = []

    def broken(run_id: str, _event: Any) -> None:
        raise ValueError("no ears")

    def good(run_id: str, event: Any) -> None:
        heard.append(type(event).__name__)

    orchestrator = Orchestrator(scripted(act("inc")), counter(), ACTIONS)
    with caplog.at_level(logging.WARNING):
        result = orchestrator.run_task("count", max_steps=2, listeners=[broken, good])
    assert result.stop_reason == StopReason.MAX_STEPS
    assert heard == [type(e).__name__ for e in orchestrator.store.events(result.run_id)]
    assert caplog.text.count("no ears") == 1


class Moody(SimpleEnvironment):
    """Its properties raise."""

    def _raise(self) -> Any:
        raise RuntimeError("not now")

    spec = untrusted = exclusive = actions = max_steps = property(_raise)  # type: ignore[assignment]


def test_properties_that_raise_count_as_the_careful_answer(caplog: pytest.LogCaptureFixture) -> None:
    world = Moody(count, State({"n": 0}))
    orchestrator = Orchestrator(scripted(act("inc")), world)
    result: TaskResult = orchestrator.run_task("count", max_steps=2)
    assert (result.stop_reason, result.error) == (StopReason.MAX_STEPS, None)
    assert result.trajectory.trust == Trust.ENVIRONMENT  # nobody knows
    assert orchestrator.runner.host.exclusive
    assert orchestrator.runner.host.name == "Moody"
    assert caplog.text.count("RuntimeError: not now") == 5


def test_an_answer_without_a_truth_ends_the_run() -> None:
    class Unclear:
        def __bool__(self) -> bool:
            raise ValueError("more than one element")

    class World(SimpleEnvironment):
        def is_terminal(self, state: State) -> Any:
            return Unclear()

    result = Orchestrator(scripted(act("inc")), World(count, State({"n": 0})), ACTIONS).run_task("count")
    assert result.stop_reason == StopReason.ENVIRONMENT_ERROR


# -- text that UTF-8 cannot hold ---------------------------------------------------------------------------
def test_a_lone_surrogate_in_a_task_costs_nothing() -> None:
    orchestrator = Orchestrator(scripted(act("inc")), counter(), ACTIONS)
    result = orchestrator.run_task("count\udc80", max_steps=1, task_description="up\udcff")
    assert (result.stop_reason, result.error) == (StopReason.MAX_STEPS, None)
    info = orchestrator.store.runs()[0]
    assert (info.run_id, info.purpose, info.task) == (result.run_id, "count\\udc80", "up\\udcff")


@pytest.mark.parametrize("name", ["a", "a\udc80"])
def test_a_lone_surrogate_in_an_error_or_a_name_does_not_stop_learning(name: str) -> None:
    class Doors(SimpleEnvironment):
        def execute(self, action: Action, current_state: State) -> State:
            raise OSError("no such file: \udc80")

        def admissible_actions(self, state: State) -> list[str]:
            return [name]

    orchestrator = Orchestrator(UniformBackend(), Doors(count, State({"n": 0})))
    result = orchestrator.run_task("go", max_steps=3, seed=4)
    assert result.total_steps
    assert not [e for e in orchestrator.store.events(result.run_id) if isinstance(e, Failed)]
    assert orchestrator.experience_replay.size == 1


def test_a_store_whose_folder_is_deleted_is_told(tmp_path: Any) -> None:
    import shutil

    with Orchestrator(scripted(act("inc")), counter(), ACTIONS, store=tmp_path / "s" / "x.sqlite") as orch:
        assert orch.run_task("count", max_steps=1).error is None
        shutil.rmtree(tmp_path / "s")
        result = orch.run_task("count", max_steps=2)
        assert result.stop_reason == StopReason.STORE_ERROR
        assert "is gone" in (result.error or "")
