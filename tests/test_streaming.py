"""The async front: events as they happen, and many runs at once."""

from __future__ import annotations

import asyncio
import re
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from fakes.scripted import ACTIONS, act, count, counter, judged, phi_is_n, prompts, scripted
from purpose_agent import (
    Action,
    AsyncOrchestrator,
    MockLLMBackend,
    Orchestrator,
    SimpleEnvironment,
    State,
    StopReason,
    StreamEvent,
    TaskResult,
    UsageError,
)
from purpose_agent.errors import EnvironmentFailure, ModelUnavailableError
from purpose_agent.events import RunFinished


def stream(orch: Orchestrator, **kwargs: Any) -> list[StreamEvent]:
    """All events of one run."""

    async def collect() -> list[StreamEvent]:
        return [e async for e in AsyncOrchestrator(orch).run_task_stream("count", **kwargs)]

    return asyncio.run(collect())


def orchestrator(llm: MockLLMBackend | None = None, **kwargs: Any) -> Orchestrator:
    return Orchestrator(llm or scripted(), kwargs.pop("environment", None) or counter(), ACTIONS, **kwargs)


def types(events: list[StreamEvent]) -> list[str]:
    return [e.event_type for e in events]


# -- one run -----------------------------------------------------------------------------------------------


def test_the_events_of_a_run_come_in_order() -> None:
    events = stream(orchestrator(), max_steps=2)
    step = ["step_start", "action", "score", "step_end"]
    assert types(events) == ["task_start", *step, *step, "task_end"]
    assert [e.step for e in events] == [0, 1, 1, 1, 1, 2, 2, 2, 2, 2]
    start, action, score, end = events[0], events[2], events[3], events[-1]
    assert start.data["purpose"] == "count"
    assert (action.data["name"], action.data["params"], action.data["thought"]) == ("inc", {}, "I try inc")
    assert (score.data["phi_before"], score.data["phi_after"], score.data["delta"]) == (0, 1, 1)
    result = end.data["result"]
    assert isinstance(result, TaskResult)
    assert (result.run_id, result.total_steps) == (start.data["run_id"], 2)


def test_a_slow_critic_does_not_mix_the_steps_up() -> None:
    """The critic scores step t while the actor decides step t + 1; each event says which step it is of."""

    class Slow(MockLLMBackend):
        async def agenerate_structured(self, *args: Any, **kwargs: Any) -> Any:
            for _ in range(5):
                await asyncio.sleep(0)
            return await super().agenerate_structured(*args, **kwargs)

    llm = Slow()
    llm.register_handler("STATE EVALUATOR", phi_is_n).register_handler("goal-directed agent", act("inc"))
    events = stream(orchestrator(llm), max_steps=3)
    steps = [e.step for e in events[1:-1]]
    assert steps == [1] * 4 + [2] * 4 + [3] * 4
    assert types(events)[1:-1] == ["step_start", "action", "score", "step_end"] * 3
    assert [e.data["phi_after"] for e in events if e.event_type == "score"] == [1, 2, 3]


@pytest.mark.parametrize(
    ("ending", "replies", "kwargs", "terminal_at"),
    [
        ("done", [act("inc"), act("DONE")], {}, None),
        ("early_stop", [act("inc")], {"early_stop_phi": 2}, None),
        ("terminal", [act("inc")], {}, 2),
    ],
)
def test_why_a_run_ended_is_the_last_event_but_one(
    ending: str, replies: list[Any], kwargs: dict[str, Any], terminal_at: int | None
) -> None:
    world = SimpleEnvironment(count, State({"n": 0}), lambda s: s.data["n"] == terminal_at)
    events = stream(orchestrator(scripted(*replies), environment=world), **kwargs)
    assert types(events)[-3:] == ["step_end", ending, "task_end"]
    assert types(events).count("step_start") == 2, "a step that was not taken did not begin"
    assert (events[-2].step, events[-1].data["result"].stop_reason) == (2, ending)


def test_a_failing_critic_is_told_and_the_run_goes_on() -> None:
    def down(_messages: Any) -> Any:
        raise ModelUnavailableError("the critic is down")

    events = stream(orchestrator(scripted(critic=down)), max_steps=3)
    errors = [e for e in events if e.event_type == "error"]
    assert {e.step for e in errors} >= {1, 2, 3}
    assert {e.data["part"] for e in errors} == {"critic"}
    assert all("the critic is down" in e.data["error"] for e in errors)
    assert events[-1].data["result"].total_steps == 3
    assert types(events).count("score") == 3, "every step is treated alike: an abstention is recorded"


@pytest.mark.parametrize("part", ["actor", "environment"])
def test_a_failure_that_ends_the_run_is_an_event_and_not_an_exception(part: str) -> None:
    def gone(_action: Action, _state: State) -> State:
        raise EnvironmentFailure("the world is gone")

    def down(_messages: Any) -> Any:
        raise ModelUnavailableError("the actor is down")

    llm = scripted(actor=down) if part == "actor" else scripted()
    world = SimpleEnvironment(gone, State({"n": 0})) if part == "environment" else counter()
    events = stream(orchestrator(llm, environment=world))
    assert [e.data["part"] for e in events if e.event_type == "error"] == [part]
    assert events[-1].data["result"].stop_reason == f"{'model' if part == 'actor' else part}_error"


def test_an_environment_error_is_an_observation() -> None:
    def stuck(_action: Action, _state: State) -> State:
        raise RuntimeError("the door is stuck")

    events = stream(orchestrator(environment=SimpleEnvironment(stuck, State({"n": 0}))), max_steps=1)
    (end,) = [e for e in events if e.event_type == "step_end"]
    assert "the door is stuck" in end.data["error"]


def test_wrong_arguments_are_refused_before_the_first_event() -> None:
    with pytest.raises(UsageError):
        stream(orchestrator(), max_steps=0)


def test_stream_events_have_the_defaults_of_the_seeds() -> None:
    event = StreamEvent("step_start")
    assert (event.event_type, event.data, event.step, event.token) == ("step_start", {}, 0, "")
    assert "step_start" in repr(event)


def test_run_task_awaits_the_result() -> None:
    result = asyncio.run(AsyncOrchestrator(orchestrator()).run_task(purpose="count", max_steps=2))
    assert [s.state_after.data["n"] for s in result.trajectory.steps] == [1, 2]


# -- leaving early -----------------------------------------------------------------------------------------


def test_a_consumer_that_stops_early_leaves_a_run_that_can_be_resumed(tmp_path: Path) -> None:
    async def leave(orch: Orchestrator) -> str:
        events = AsyncOrchestrator(orch).run_task_stream("count", max_steps=6)
        run_id = ""
        async for event in events:
            run_id = event.data.get("run_id", run_id)
            if event.event_type == "score" and event.step == 2:
                break
        await events.aclose()
        return run_id

    with orchestrator(persistence_dir=tmp_path) as orch:
        run_id = asyncio.run(leave(orch))
        (ended,) = [e for e in orch.store.events(run_id) if isinstance(e, RunFinished)]
        assert ended.stop_reason == StopReason.INTERRUPTED
    executed: list[int] = []
    with orchestrator(persistence_dir=tmp_path, on_step=lambda s: executed.append(s.step_index)) as orch:
        result = orch.resume(run_id)
        assert [s.state_after.data["n"] for s in result.trajectory.steps] == [1, 2, 3, 4, 5, 6]
        assert executed == list(range(7 - len(executed), 7)), "no step is repeated"
        assert result.stop_reason == StopReason.MAX_STEPS


def test_an_interrupted_stream_does_not_disturb_the_others() -> None:
    async def both() -> tuple[list[str], TaskResult]:
        front = AsyncOrchestrator(orchestrator())
        other = asyncio.create_task(front.run_task(purpose="count", max_steps=5))
        seen: list[str] = []
        events = front.run_task_stream("count", max_steps=5)
        async for event in events:
            seen.append(event.event_type)
            if event.event_type == "action":
                break
        await events.aclose()
        return seen, await other

    seen, other = asyncio.run(both())
    assert seen == ["task_start", "step_start", "action"]
    assert (other.stop_reason, other.total_steps) == (StopReason.MAX_STEPS, 5)


# -- many at once ------------------------------------------------------------------------------------------


def test_many_runs_at_once_are_complete_and_do_not_mix(tmp_path: Path) -> None:
    """50 runs of 5 steps on one orchestrator and one file; each state carries the name of its run."""

    def actor(messages: list[Any]) -> dict[str, Any]:
        (name,) = set(re.findall(r"task-\d+", "\n".join(m.content for m in messages)))
        return act("inc", of=name)

    def execute(action: Action, state: State) -> State:
        assert action.params["of"] == state.data["name"]
        return count(action, state)

    async def run(front: AsyncOrchestrator, number: int) -> list[StreamEvent]:
        state = State({"n": 0, "name": f"task-{number}"})
        stream = front.run_task_stream(f"count task-{number}", state, max_steps=5)
        return [e async for e in stream]

    async def all_of(front: AsyncOrchestrator) -> list[list[StreamEvent]]:
        return await asyncio.gather(*(run(front, number) for number in range(50)))

    llm = scripted(actor=actor, critic=lambda m: phi_is_n(m))
    world = SimpleEnvironment(execute, State({"n": 0}))
    with Orchestrator(llm, world, {"inc": "add one"}, persistence_dir=tmp_path) as orch:
        streams = asyncio.run(all_of(AsyncOrchestrator(orch)))
        for number, events in enumerate(streams):
            assert Counter(types(events)) == Counter(
                {"task_start": 1, "step_start": 5, "action": 5, "score": 5, "step_end": 5, "task_end": 1}
            )
            assert {e.data["params"]["of"] for e in events if e.event_type == "action"} == {f"task-{number}"}
            result = events[-1].data["result"]
            assert [s.error for s in result.trajectory.steps] == [None] * 5
            assert result.final_state.data == {"n": 5, "name": f"task-{number}"}
        assert len({events[-1].data["result"].run_id for events in streams}) == 50
    with Orchestrator(scripted(), world, {"inc": "add one"}, persistence_dir=tmp_path) as again:
        assert again.stats["experience_replay"]["size"] == 50
        assert {(r.steps, r.stop_reason) for r in again.store.runs()} == {(5, "max_steps")}


def test_what_many_runs_teach_at_once_is_all_kept() -> None:
    """The pitfall: a read-modify-write of the library that spans a model call keeps 2 of 8."""

    def distil(messages: list[Any]) -> dict[str, Any]:
        text = "\n".join(m.content for m in messages)
        words = ["apple", "bread", "chair", "drum", "eagle", "fence", "grape", "house"]
        word = words[int(re.findall(r"task-(\d)", text)[0])]
        item = {"tier": "strategic", "pattern": f"the {word} is near", "strategy": f"paint the {word} green"}
        return {"heuristics": [item]}

    class Yielding(MockLLMBackend):
        async def agenerate_structured(self, *args: Any, **kwargs: Any) -> Any:
            await asyncio.sleep(0)
            reply = await super().agenerate_structured(*args, **kwargs)
            await asyncio.sleep(0)
            return reply

    llm = Yielding()
    llm.register_handler("STATE EVALUATOR", judged(8)).register_handler("HEURISTIC EXTRACTOR", distil)
    llm.register_handler("goal-directed agent", act("inc"))

    async def all_of(front: AsyncOrchestrator) -> None:
        await asyncio.gather(*(front.run_task(purpose=f"count task-{n}", max_steps=2) for n in range(8)))

    orch = orchestrator(llm)
    asyncio.run(all_of(AsyncOrchestrator(orch)))
    taught = {h.strategy for h in orch.library if h.strategy.startswith("paint the")}
    assert len(taught) == 8


def test_blocking_environments_run_beside_each_other() -> None:
    """Each run waits in its environment for the others: under one lock this would never end."""
    together = threading.Barrier(4, timeout=30)

    def meet(action: Action, state: State) -> State:
        together.wait()
        return count(action, state)

    async def all_of(front: AsyncOrchestrator) -> list[TaskResult]:
        return await asyncio.gather(*(front.run_task(purpose=f"count {n}", max_steps=2) for n in range(4)))

    results = asyncio.run(
        all_of(AsyncOrchestrator(orchestrator(environment=SimpleEnvironment(meet, State({"n": 0})))))
    )
    assert [[s.error for s in r.trajectory.steps] for r in results] == [[None, None]] * 4


def test_the_sync_front_goes_on_working_beside_the_async_one() -> None:
    llm = scripted()
    orch = orchestrator(llm)
    asyncio.run(AsyncOrchestrator(orch).run_task(purpose="count", max_steps=1))
    assert orch.run_task("count", max_steps=1).total_steps == 1
    assert len(prompts(llm)) == 2


def test_an_argument_that_there_is_none_of_is_named_with_the_method_that_was_called() -> None:
    front = AsyncOrchestrator(orchestrator())
    with pytest.raises(UsageError, match=r"AsyncOrchestrator.run_task has no argument 'prupose'.*purpose"):
        asyncio.run(front.run_task(prupose="count"))
    with pytest.raises(UsageError, match=r"AsyncOrchestrator.run_task needs purpose="):
        asyncio.run(front.run_task())
    with pytest.raises(UsageError, match=r"run_task_stream has no argument 'setps'"):
        stream(orchestrator(), setps=3)
