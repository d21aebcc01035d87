"""`Limits.seconds` bounds a run from its first line on, and the learning after it; nothing is waited for for ever."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from fakes.scripted import ACTIONS, act, count, counter, scripted
from purpose_agent import (
    Action,
    AsyncOrchestrator,
    Limits,
    LLMBackend,
    Orchestrator,
    SimpleEnvironment,
    State,
    StopReason,
    Trajectory,
    Verdict,
)
from purpose_agent.events import Event, Executed, Failed, Learned, RunFinished, RunResumed, RunStarted
from purpose_agent.journal import restore_state
from purpose_agent.llm_backend.uniform import UniformBackend
from purpose_agent.memory_system import Recalled
from purpose_agent.store import open_store
from purpose_agent.types import Snapshot

SHORT, LONG = Limits(seconds=0.5), Limits(seconds=1000)


@pytest.fixture
def never() -> Iterator[threading.Event]:
    """Set when the test is over, so that no thread waits for ever."""
    event = threading.Event()
    yield event
    event.set()


class Hanging(SimpleEnvironment):
    """A counter; the named method never answers."""

    def __init__(self, method: str, never: threading.Event) -> None:
        super().__init__(count, State({"n": 0}))
        self._method, self._never = method, never

    def _hang(self, method: str) -> None:
        if method == self._method:
            self._never.wait()

    def reset(self, seed: int | None = None, options: Any = None) -> State:
        self._hang("reset")
        return State({"n": 0})

    def verdict(self, state: State) -> Verdict | None:
        self._hang("verdict")
        return None

    def is_terminal(self, state: State) -> bool:
        self._hang("is_terminal")
        return False

    def restore(self, state: State, actions: list[Action]) -> State:
        self._hang("restore")
        return state


class HangingDoors(Hanging):
    def admissible_actions(self, state: State) -> list[Action]:
        self._hang("admissible_actions")
        return [Action("inc")]


def ended_in_time(orchestrator: Orchestrator, result: Any) -> list[Event]:
    """The events of a run that its time limit ended before its first step."""
    assert (result.stop_reason, result.total_steps, result.error) == (StopReason.LIMIT_SECONDS, 0, None)
    events = orchestrator.store.events(result.run_id)
    assert [type(e) for e in events] == [RunStarted, RunFinished]
    info = orchestrator.store.runs()[0]
    assert (info.run_id, info.stop_reason) == (result.run_id, StopReason.LIMIT_SECONDS)
    return events


@pytest.mark.parametrize("method", ["reset", "verdict", "is_terminal", "admissible_actions"])
def test_a_start_that_hangs_is_abandoned_at_the_time_limit(method: str, never: threading.Event) -> None:
    orchestrator = Orchestrator(UniformBackend(), HangingDoors(method, never), limits=SHORT)
    events = ended_in_time(orchestrator, orchestrator.run_task("count"))
    assert isinstance(events[0], RunStarted)
    assert restore_state(events[0].state).data == ({} if method == "reset" else {"n": 0})
    assert isinstance(events[1], RunFinished)
    assert events[1].detail == "0.5 s are over"
    assert orchestrator.experience_replay.size == 0


def test_a_checker_that_hangs_at_the_start_is_abandoned(never: threading.Event) -> None:
    def checker(_state: State) -> Verdict | None:
        never.wait()
        return None

    orchestrator = Orchestrator(scripted(), counter(), ACTIONS, limits=SHORT, checkers=checker)
    ended_in_time(orchestrator, orchestrator.run_task("count"))


def test_an_async_world_that_hangs_at_the_start_is_abandoned() -> None:
    class Async(SimpleEnvironment):
        async def reset(self) -> State:  # type: ignore[override]
            await asyncio.Event().wait()
            raise AssertionError

    orchestrator = Orchestrator(scripted(), Async(count), ACTIONS, limits=SHORT)
    ended_in_time(orchestrator, orchestrator.run_task("count"))
    ended_in_time(orchestrator, asyncio.run(AsyncOrchestrator(orchestrator).run_task(purpose="count")))


def test_time_that_the_start_took_is_not_given_to_the_loop() -> None:
    class Slow(SimpleEnvironment):
        orchestrator: Any = None

        def is_terminal(self, state: State) -> bool:
            self.orchestrator.late = True
            return False

    import purpose_agent.limits as limits

    world = Slow(count, State({"n": 0}))
    orchestrator = Orchestrator(scripted(), world, ACTIONS, limits=Limits(seconds=1000))
    world.orchestrator = orchestrator
    clock = limits.time.monotonic
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits.time, "monotonic", lambda: clock() + 2000 * hasattr(orchestrator, "late"))
        result = orchestrator.run_task("count")
    assert (result.stop_reason, result.total_steps) == (StopReason.LIMIT_SECONDS, 0)


def test_a_world_that_cannot_be_restored_in_time_ends_the_resumed_run(never: threading.Event) -> None:
    whole = Orchestrator(scripted(act("inc")), counter(), ACTIONS)
    run_id = whole.run_task("count", max_steps=3, learning=False).run_id
    events = whole.store.events(run_id)
    store = open_store(None)  # in which the run was killed after its first step
    store.append(run_id, 0, events[: 1 + [type(e) for e in events].index(Executed)]).result()
    orchestrator = Orchestrator(scripted(), Hanging("restore", never), ACTIONS, store=store, limits=SHORT)
    result = orchestrator.resume(run_id)
    assert (result.stop_reason, result.total_steps) == (StopReason.LIMIT_SECONDS, 1)
    assert result.final_state.data == {"n": 1}
    events = orchestrator.store.events(run_id)
    assert [type(e) for e in events[-2:]] == [RunResumed, RunFinished]
    again = orchestrator.resume(run_id)
    assert (again.stop_reason, again.total_steps) == (StopReason.LIMIT_SECONDS, 1)


# -- learning ----------------------------------------------------------------------------------------------
class Silent(LLMBackend):
    """Never answers until it is let go."""

    def __init__(self, never: threading.Event) -> None:
        self.never = never

    def generate(self, messages: Any, temperature: float = 0, max_tokens: int = 0, stop: Any = None) -> str:
        self.never.wait()
        return '{"heuristics": []}'


def warm(orchestrator: Orchestrator, seconds: float) -> Orchestrator:
    """The orchestrator after its first run, which takes its time, with a limit from now on."""
    orchestrator.run_task("count", max_steps=1, learning=False)
    orchestrator.limits = Limits(seconds=seconds)
    return orchestrator


def test_learning_ends_in_time_and_keeps_what_was_stored(never: threading.Event) -> None:
    orchestrator = warm(
        Orchestrator(scripted(act("inc")), counter(), ACTIONS, optimizer_llm=Silent(never), limits=LONG), 1
    )
    result = orchestrator.run_task("count", max_steps=2)
    assert (result.stop_reason, result.total_steps) == (StopReason.MAX_STEPS, 2)
    assert orchestrator.experience_replay.size == 1
    events = orchestrator.store.events(result.run_id)
    failed = [e for e in events if isinstance(e, Failed)]
    assert [(e.part, e.transient) for e in failed] == [("distiller", True)]
    assert "within 1 s" in failed[0].error
    assert isinstance(events[-1], Learned)


def test_what_was_not_distilled_in_time_is_distilled_later(never: threading.Event) -> None:
    done: list[str] = []

    class Slow:
        name = "slow"
        reads_observations = False

        async def distill(self, trajectory: Trajectory, existing: Any) -> list[Any]:
            if not never.is_set():
                await asyncio.Event().wait()
            done.append(trajectory.purpose)
            return []

    orchestrator = Orchestrator(scripted(act("inc")), counter(), ACTIONS, distillers=[Slow()], limits=LONG)
    warm(orchestrator, 1).run_task("count", max_steps=2)
    assert done == []
    never.set()
    orchestrator.run_task("count on", max_steps=1)
    assert done == ["count on", "count"]


class Brooding:
    """A memory that never has done with learning."""

    name = "brooding"

    def recall(self, task: str, purpose: str, state: Snapshot) -> Recalled:
        return Recalled()

    async def learn(self, trajectory: Trajectory, admissible: Sequence[Sequence[Action]]) -> Sequence[str]:
        await asyncio.Event().wait()
        raise AssertionError

    def dump(self) -> bytes:
        return b""

    def load(self, payload: bytes) -> None: ...


def test_another_memory_learns_within_the_time_limit_too() -> None:
    orchestrator = Orchestrator(scripted(act("inc")), counter(), ACTIONS, memory=Brooding(), limits=LONG)
    result = warm(orchestrator, 1).run_task("count", max_steps=1)
    assert result.stop_reason == StopReason.MAX_STEPS
    failed = [e for e in orchestrator.store.events(result.run_id) if isinstance(e, Failed)]
    assert [(e.part, e.transient) for e in failed] == [("memory", True)]
    assert orchestrator.experience_replay.size == 1
