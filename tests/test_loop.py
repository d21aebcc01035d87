"""The loop: one test for each way in which an implementation to the letter of the seeds goes wrong."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from typing import Any

import pytest

from purpose_agent import (
    Action,
    Environment,
    Heuristic,
    Limits,
    LLMBackend,
    MemoryTier,
    MockLLMBackend,
    Orchestrator,
    Policy,
    SimpleEnvironment,
    State,
    StopReason,
    TaskResult,
    Trajectory,
    TrajectoryStep,
    UsageError,
    Verdict,
)
from purpose_agent.errors import EnvironmentFailure, ModelUnavailableError
from purpose_agent.events import Failed, Refused
from purpose_agent.llm_backend import Choice
from purpose_agent.policies import Abort, Approve, Reject

ACTIONS = {"inc": "add one", "look": "look around"}
ROOMS = ("amber", "coral", "ebony", "ivory", "lilac", "ochre", "olive", "ruby", "teal", "white")


def act(name: str, **params: Any) -> dict[str, Any]:
    return {"thought": "t", "action": {"name": name, "params": params}, "expected_delta": "d"}


def judged(phi: float) -> dict[str, Any]:
    return {"phi": phi, "evidence": f'"n": {phi:g}', "reasoning": "r", "confidence": 0.9}


def scripted(*replies: Any, critic: Any = None) -> MockLLMBackend:
    """An actor that gives these replies in order, the last one for ever; a critic that reads n off the state."""
    waiting = list(replies)

    def actor(_messages: Any) -> Any:
        return waiting.pop(0) if len(waiting) > 1 else waiting[0]

    def score(messages: Any) -> dict[str, Any]:
        text = messages[-1].content
        return judged(next((float(n) for n in range(10, -1, -1) if f'"n": {n}\n' in text), 0.0))

    llm = MockLLMBackend()
    llm.register_handler("STATE EVALUATOR", critic or score)
    llm.register_handler("HEURISTIC EXTRACTOR", {"heuristics": []})
    llm.register_handler("goal-directed agent", actor)
    return llm


def add(action: Action, state: State) -> State:
    return State({**state.data, "n": state.data["n"] + (action.name == "inc")})


def counter(terminal_at: int | None = None) -> SimpleEnvironment:
    return SimpleEnvironment(
        add, State({"n": 0}), (lambda s: s.data["n"] >= terminal_at) if terminal_at else None
    )


def events_of(orch: Orchestrator, run_id: str) -> list[Any]:
    return orch.store.events(run_id)


def test_final_state_is_the_true_last_state_on_early_stop() -> None:
    result = Orchestrator(scripted(act("inc")), counter(), ACTIONS).run_task("count", early_stop_phi=3)
    assert result.stop_reason == StopReason.EARLY_STOP
    assert result.final_state.data == {"n": 3}
    assert result.final_phi == 3


def test_final_state_is_the_true_last_state_on_a_terminal_state() -> None:
    result = Orchestrator(scripted(act("inc")), counter(terminal_at=2), ACTIONS).run_task("count")
    assert result.stop_reason == StopReason.TERMINAL
    assert result.final_state.data == {"n": 2}
    assert result.total_steps == 2


def test_done_is_a_step_like_any_other() -> None:
    seen: list[TrajectoryStep] = []
    llm = scripted(act("inc"), act("done"))
    result = Orchestrator(llm, counter(), ACTIONS, on_step=seen.append).run_task("count")
    assert result.stop_reason == StopReason.DONE
    assert [s.action.name for s in seen] == ["inc", "DONE"]
    assert [s.step_index for s in seen] == [1, 2]
    assert seen[1].score is not None
    assert (seen[1].score.phi_after, seen[1].score.delta) == (1.0, 0.0)
    assert result.final_state.data == {"n": 1}


@pytest.mark.parametrize("evidence", ["the door is open and all is well", "", "n", '"n"', "1", "{", "12"])
def test_a_critic_that_cannot_quote_the_state_ends_no_run_and_makes_no_success(evidence: str) -> None:
    llm = scripted(act("look"), critic={**judged(10), "evidence": evidence, "confidence": 1})
    world = SimpleEnvironment(add, State({"n": 1, "room": 123}))
    result = Orchestrator(llm, world, ACTIONS).run_task("count", max_steps=2)
    assert (result.stop_reason, result.success) == (StopReason.MAX_STEPS, False)


@pytest.mark.parametrize("evidence", ['"n": 1', "room: 123", "123", "n 1 room"])
def test_a_critic_that_can_does(evidence: str) -> None:
    llm = scripted(act("look"), critic={**judged(10), "evidence": evidence, "confidence": 1})
    world = SimpleEnvironment(add, State({"n": 1, "room": 123}))
    result = Orchestrator(llm, world, ACTIONS).run_task("count", max_steps=2)
    assert (result.stop_reason, result.success, result.total_steps) == (StopReason.EARLY_STOP, True, 1)


def test_done_on_a_solved_state_keeps_its_score_and_succeeds() -> None:
    llm = scripted(*[act("inc")] * 8, act("DONE"))
    result = Orchestrator(llm, counter(), ACTIONS).run_task("count", early_stop_phi=9)
    assert result.final_phi == 8
    assert result.success


class InPlace(Environment):
    """Changes its own dict, and hands out the same one."""

    def __init__(self) -> None:
        self.data: dict[str, Any] = {"n": 0, "log": []}

    def reset(self) -> State:
        return State(self.data)

    def execute(self, action: Action, current_state: State) -> State:
        current_state.data["log"].append("spoilt by the environment")
        self.data["n"] += 1
        self.data["log"].append(self.data["n"])
        return State(self.data)


def test_an_environment_that_mutates_its_dict_cannot_change_the_past() -> None:
    result = Orchestrator(scripted(act("inc")), InPlace(), ACTIONS).run_task("count", max_steps=3)
    assert [s.state_before.data["n"] for s in result.trajectory.steps] == [0, 1, 2]
    assert [s.state_after.data["log"] for s in result.trajectory.steps] == [[1], [1, 2], [1, 2, 3]]


def test_a_simple_environment_does_not_leak_into_the_next_task() -> None:
    def spoil(action: Action, state: State) -> State:
        state.data["n"] += 1
        return state

    orch = Orchestrator(scripted(act("inc")), SimpleEnvironment(spoil, State({"n": 0})), ACTIONS)
    first = orch.run_task("count", max_steps=2)
    second = orch.run_task("count", max_steps=2)
    assert first.final_state.data == second.final_state.data == {"n": 2}


def test_a_recorded_state_cannot_be_changed_by_a_callback() -> None:
    def vandal(step: TrajectoryStep) -> None:
        step.state_after.data["n"] = 99

    orch = Orchestrator(scripted(act("inc")), counter(), ACTIONS, on_step=vandal)
    result = orch.run_task("count", max_steps=2)
    assert result.final_state.data == {"n": 2}
    assert [e.part for e in events_of(orch, result.run_id) if isinstance(e, Failed)] == ["callback"] * 2


def test_nested_params_reach_the_environment() -> None:
    got: list[Action] = []

    def execute(action: Action, state: State) -> State:
        got.append(action)
        return state

    reply = '```json\n{"thought": "t", "action": {"name": "look", "params": {"at": {"x": [1, 2]}}}, '
    reply += '"expected_delta": "d"}\n```'

    class Text(LLMBackend):
        """Implements generate alone."""

        def generate(
            self, messages: Any, temperature: float = 0, max_tokens: int = 0, stop: Any = None
        ) -> str:
            if "STATE EVALUATOR" in messages[0].content:
                return '{"phi": 1, "evidence": "{}", "reasoning": "", "confidence": 1}'
            return reply if "goal-directed" in messages[0].content else '{"heuristics": []}'

    Orchestrator(Text(), SimpleEnvironment(execute), ACTIONS).run_task("look", max_steps=1)
    assert got[0].params == {"at": {"x": [1, 2]}}


def test_an_action_that_was_not_offered_never_reaches_the_environment() -> None:
    executed: list[str] = []

    def execute(action: Action, state: State) -> State:
        executed.append(action.name)
        return State({"n": len(executed)})

    llm = scripted(act("format_disk"), act("look"))
    orch = Orchestrator(llm, SimpleEnvironment(execute), {"look": "look around"})
    result = orch.run_task("look", max_steps=1)
    assert executed == ["look"]
    (refused,) = [e for e in events_of(orch, result.run_id) if isinstance(e, Refused)]
    assert "format_disk" in refused.proposal
    retold = llm.call_log[-2 if llm.call_log[-1]["kind"] != "structured" else -1]
    asked = [c for c in llm.call_log if "goal-directed agent" in c["messages"][0]["content"]]
    assert "'format_disk' is not an available action" in asked[1]["messages"][-1]["content"]
    assert "look, DONE" in asked[1]["messages"][-1]["content"]
    assert retold


@pytest.mark.parametrize(
    "nonsense",
    [
        {},
        {"action": None},
        {"action": {"name": 7}},
        {"action": {"name": "look", "params": "x"}},
        {"action": []},
    ],
)
def test_a_reply_without_an_action_is_neither_unknown_nor_done(nonsense: Any) -> None:
    executed: list[str] = []

    def execute(action: Action, state: State) -> State:
        executed.append(action.name)
        return state

    result = Orchestrator(scripted(nonsense), SimpleEnvironment(execute), ACTIONS).run_task("look")
    assert executed == []
    assert result.stop_reason == StopReason.MODEL_ERROR
    assert not result.success
    assert "no valid action" in (result.error or "")


def test_a_bare_name_is_an_action() -> None:
    reply = {"thought": "", "action": "inc", "expected_delta": ""}
    result = Orchestrator(scripted(reply), counter(), ACTIONS).run_task("count", max_steps=1)
    assert result.final_state.data == {"n": 1}


def test_done_is_offered_beside_a_custom_list() -> None:
    llm = scripted(act("DONE"))
    Orchestrator(llm, counter(), ACTIONS).run_task("count")
    asked = next(c for c in llm.call_log if "goal-directed agent" in c["messages"][0]["content"])
    assert "DONE" in asked["messages"][0]["content"]
    assert "DONE" in str(asked["schema"])


def test_an_outage_of_the_critic_costs_nothing_but_its_opinion() -> None:
    def down(_messages: Any) -> Any:
        raise ModelUnavailableError("the critic is down")

    orch = Orchestrator(scripted(act("inc"), critic=down), counter(), ACTIONS)
    result = orch.run_task("count", max_steps=3)
    assert result.stop_reason == StopReason.MAX_STEPS
    assert result.final_state.data == {"n": 3}
    assert all(s.score is not None and s.score.confidence == 0 for s in result.trajectory.steps)
    assert {e.part for e in events_of(orch, result.run_id) if isinstance(e, Failed)} == {"critic"}


def test_an_outage_of_the_distiller_keeps_the_result() -> None:
    llm = MockLLMBackend().register_handler("STATE EVALUATOR", judged(8))
    llm.register_handler("goal-directed agent", act("inc"))
    broken = MockLLMBackend()

    def down(_messages: Any) -> Any:
        raise ModelUnavailableError("the distiller is down")

    broken.register_handler("HEURISTIC EXTRACTOR", down)
    eight = SimpleEnvironment(lambda action, state: State({"n": 8}), State({"n": 0}))
    orch = Orchestrator(llm, eight, ACTIONS, optimizer_llm=broken)
    result = orch.run_task("count", max_steps=2)
    assert result.success
    assert result.total_steps == 2
    assert "distiller" in {e.part for e in events_of(orch, result.run_id) if isinstance(e, Failed)}


def test_an_exception_of_the_environment_is_told_and_leaves_no_trace_in_the_state() -> None:
    calls: list[int] = []

    def execute(action: Action, state: State) -> State:
        calls.append(1)
        if len(calls) == 1:
            raise RuntimeError("the door {is} stuck")
        return add(action, state)

    llm = scripted(act("inc"))
    result = Orchestrator(llm, SimpleEnvironment(execute, State({"n": 0})), ACTIONS).run_task(
        "go", max_steps=2
    )
    first, second = result.trajectory.steps
    assert first.error == "RuntimeError: the door {is} stuck"
    assert first.state_after.data == {"n": 0}
    assert second.error is None
    assert result.final_state.data == {"n": 1}
    asked = [c for c in llm.call_log if "goal-directed agent" in c["messages"][0]["content"]]
    assert "the door {is} stuck" in asked[1]["messages"][-1]["content"]


@pytest.mark.parametrize("given", [None, {"n": 1}, "state", 3])
def test_an_environment_that_returns_no_state_is_told_so(given: Any) -> None:
    env = SimpleEnvironment(lambda action, state: given, State({"n": 0}))
    result = Orchestrator(scripted(act("inc")), env, ACTIONS).run_task("go", max_steps=1)
    assert "must return a State" in (result.trajectory.steps[0].error or "")


def test_an_environment_that_is_gone_ends_the_run_with_a_result() -> None:
    def execute(action: Action, state: State) -> State:
        raise EnvironmentFailure("the simulator died")

    result = Orchestrator(scripted(act("inc")), SimpleEnvironment(execute), ACTIONS).run_task("go")
    assert result.stop_reason == StopReason.ENVIRONMENT_ERROR
    assert "the simulator died" in (result.error or "")


def test_a_failing_reset_ends_the_run_with_a_result() -> None:
    class Broken(Environment):
        def reset(self) -> State:
            raise OSError("no display")

        def execute(self, action: Action, current_state: State) -> State:
            return current_state

    orch = Orchestrator(scripted(act("inc")), Broken(), ACTIONS)
    result = orch.run_task("go")
    assert result.stop_reason == StopReason.ENVIRONMENT_ERROR
    assert "no display" in (result.error or "")
    assert [i.run_id for i in orch.store.runs()] == [result.run_id]


def test_a_hanging_environment_is_abandoned_at_the_time_limit() -> None:
    never = threading.Event()

    def hang(action: Action, state: State) -> State:
        never.wait()
        return state

    orch = Orchestrator(scripted(act("inc")), SimpleEnvironment(hang), ACTIONS, limits=Limits(seconds=0.2))
    result = orch.run_task("go")
    never.set()
    assert result.stop_reason == StopReason.LIMIT_SECONDS
    assert result.total_steps == 0


def test_a_model_that_never_answers_is_abandoned_at_the_time_limit() -> None:
    never = threading.Event()

    class Silent(LLMBackend):
        def generate(
            self, messages: Any, temperature: float = 0, max_tokens: int = 0, stop: Any = None
        ) -> str:
            never.wait()
            return ""

    result = Orchestrator(Silent(), counter(), ACTIONS, limits=Limits(seconds=0.2)).run_task("go")
    never.set()
    assert result.stop_reason == StopReason.LIMIT_SECONDS


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (Limits(model_calls=3), StopReason.LIMIT_MODEL_CALLS),
        (Limits(tokens=200), StopReason.LIMIT_TOKENS),
        (Limits(steps=2), StopReason.MAX_STEPS),
    ],
)
def test_limits_end_a_run_and_keep_what_was_done(limits: Limits, reason: StopReason) -> None:
    result = Orchestrator(scripted(act("inc")), counter(), ACTIONS, limits=limits).run_task("count")
    assert result.stop_reason == reason
    assert 0 < result.total_steps < 20


@pytest.mark.parametrize("bad", [0, -1, float("nan"), "3", True])
def test_a_limit_that_is_no_positive_number_is_refused(bad: Any) -> None:
    with pytest.raises(UsageError, match="positive number"):
        Limits(seconds=bad)


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [
        ({"purpose": ""}, "purpose is empty"),
        ({"purpose": " \n"}, "purpose is empty"),
        ({"purpose": "x" * 200_000}, "200000 characters"),
        ({"purpose": None}, "must be a str"),
        ({"purpose": "p", "max_steps": 0}, "max_steps"),
        ({"purpose": "p", "max_steps": 2.5}, "max_steps"),
        ({"purpose": "p", "early_stop_phi": float("nan")}, "early_stop_phi"),
        ({"purpose": "p", "initial_state": {"n": 1}}, "must be a State"),
        ({"purpose": "p", "seed": "x"}, "seed must be a whole number of at most 64 bits, or None, got 'x'"),
    ],
)
def test_bad_arguments_are_refused_before_any_work(kwargs: dict[str, Any], words: str) -> None:
    llm = scripted(act("inc"))
    orch = Orchestrator(llm, counter(), ACTIONS)
    with pytest.raises(UsageError, match=words):
        orch.run_task(**kwargs)
    assert llm.call_log == []
    assert orch.store.runs() == []


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [
        ({"limits": {"seconds": 1}}, r"must be a Limits, got dict: .*Limits\(seconds=60\)"),
        ({"persistence_dir": 5}, "persistence_dir must be the path of a folder, got 5"),
        ({"persistence_dir": " "}, "persistence_dir is empty"),
        ({"policies": 5}, "must be a list of policies, got 5"),
        ({"policies": Policy()}, "must be a list of policies"),
        ({"policies": [5]}, "5 is no policy; derive a class"),
        ({"policies": [Policy]}, "is no policy; .*instances"),
        ({"seed": "x"}, "seed must be a whole number of at most 64 bits, or None, got 'x'"),
        ({"available_actions": ["a", "b"]}, r"must be a dict of action names .*got \['a', 'b'\]"),
        ({"available_actions": {1: 2}}, r"must be a dict of action names .*got \{1: 2\}"),
    ],
)
def test_bad_arguments_of_an_orchestrator_are_refused_with_a_remedy(
    kwargs: dict[str, Any], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        Orchestrator(scripted(act("inc")), counter(), **kwargs)


def test_what_is_no_episode_is_taken_in_by_nobody() -> None:
    orch = Orchestrator(scripted(act("inc")), counter(), ACTIONS)
    result = orch.run_task("count", max_steps=1)
    for call in (
        lambda: orch.optimizer.optimize(None),  # type: ignore[arg-type]
        lambda: orch.optimizer.optimize([result]),  # type: ignore[list-item]
        lambda: orch.optimizer.optimize(result.trajectory),  # type: ignore[arg-type]
        lambda: orch.optimizer.distill_trajectory(None),  # type: ignore[arg-type]
        lambda: orch.post_task(result),  # type: ignore[arg-type]
    ):
        with pytest.raises(UsageError, match=r"Trajectory.*(got|list)"):
            call()
    assert orch.optimizer.optimize(iter([result.trajectory])) == []  # type: ignore[arg-type]


def test_each_state_is_scored_once_and_deltas_telescope() -> None:
    llm = scripted(act("inc"), act("look"), act("inc"))
    result = Orchestrator(llm, counter(), ACTIONS).run_task("count", max_steps=4)
    scored = [c for c in llm.call_log if "STATE EVALUATOR" in c["messages"][0]["content"]]
    assert len(scored) == 4  # n = 0, 1, 2, 3; looking changes nothing
    steps = result.trajectory.steps
    assert (
        sum(s.score.delta for s in steps if s.score) == steps[-1].score.phi_after - steps[0].score.phi_before
    )  # type: ignore[union-attr]


def test_a_verdict_outranks_the_critic_and_defines_success() -> None:
    class Verified(SimpleEnvironment):
        def verdict(self, state: State) -> Verdict:
            return Verdict(state.data["n"] / 10, success=state.data["n"] >= 10)

    llm = scripted(act("inc"), critic=judged(10))
    result = Orchestrator(llm, Verified(add, State({"n": 0})), ACTIONS).run_task("count", max_steps=9)
    assert not [c for c in llm.call_log if "STATE EVALUATOR" in c["messages"][0]["content"]]
    assert result.final_phi == 9
    assert result.stop_reason == StopReason.MAX_STEPS, (
        "Φ = 9 does not end a run that a verdict calls unfinished"
    )
    assert not result.success
    again = Orchestrator(llm, Verified(add, State({"n": 0})), ACTIONS).run_task("count", max_steps=12)
    assert (again.success, again.stop_reason, again.total_steps) == (True, StopReason.EARLY_STOP, 10)


def test_the_summary_has_its_eight_lines() -> None:
    result = Orchestrator(scripted(act("inc")), counter(), ACTIONS).run_task("count", max_steps=2)
    assert result.summary().splitlines() == [
        "Task: count",
        "Purpose: count",
        "Steps: 2",
        "Success Rate: 100.0%",
        "Cumulative Reward: 2.00",
        "Net Delta: 2.00",
        "Final Φ: 2.00",
        "Task Success: ✗",
    ]


class Guard(Policy):
    def __init__(self, *rulings: Any) -> None:
        self.rulings = list(rulings)

    def before_action(self, action: Action, step: int, state: State) -> Any:
        return self.rulings.pop(0) if self.rulings else Approve()


def test_a_policy_that_rejects_is_heard_by_the_actor() -> None:
    llm = scripted(act("inc"), act("look"))
    orch = Orchestrator(llm, counter(), ACTIONS, policies=[Guard(Reject("too soon"))])
    result = orch.run_task("count", max_steps=1)
    assert result.trajectory.steps[0].action.name == "look"
    asked = [c for c in llm.call_log if "goal-directed agent" in c["messages"][0]["content"]]
    assert "too soon" in asked[1]["messages"][-1]["content"]


def test_a_policy_that_aborts_ends_the_run() -> None:
    orch = Orchestrator(
        scripted(act("inc")), counter(), ACTIONS, policies=[Guard(Approve(), Abort("enough"))]
    )
    result = orch.run_task("count")
    assert (result.stop_reason, result.total_steps) == (StopReason.ABORTED, 1)


def test_a_rule_that_always_rejects_cannot_hold_a_run_for_ever() -> None:
    class Never(Policy):
        def before_action(self, action: Action, step: int, state: State) -> Any:
            return Reject("no")

    result = Orchestrator(scripted(act("inc")), counter(), ACTIONS, policies=[Never()]).run_task("count")
    assert result.stop_reason == StopReason.ABORTED


def test_whatever_a_strangers_model_raises_is_data() -> None:
    class Faulty(LLMBackend):
        def __init__(self, faulty_role: str) -> None:
            self.faulty_role = faulty_role

        def generate(
            self, messages: Any, temperature: float = 0, max_tokens: int = 0, stop: Any = None
        ) -> str:
            if self.faulty_role in messages[0].content:
                raise ConnectionResetError("cable pulled")
            if "STATE EVALUATOR" in messages[0].content:
                return '{"phi": 1, "evidence": "n", "reasoning": "", "confidence": 1}'
            return '{"thought": "", "action": "inc", "expected_delta": "", "heuristics": []}'

    critic = Orchestrator(Faulty("STATE EVALUATOR"), counter(), ACTIONS).run_task("count", max_steps=2)
    assert (critic.stop_reason, critic.total_steps) == (StopReason.MAX_STEPS, 2)
    actor = Orchestrator(Faulty("goal-directed"), counter(), ACTIONS).run_task("count", max_steps=2)
    assert actor.stop_reason == StopReason.MODEL_ERROR
    assert "cable pulled" in (actor.error or "")
    distiller = Orchestrator(Faulty("HEURISTIC"), counter(), ACTIONS).run_task("count", max_steps=2)
    assert distiller.total_steps == 2


@pytest.mark.parametrize("role", ["goal-directed", "STATE EVALUATOR", "HEURISTIC"])
@pytest.mark.parametrize("structured", [True, False])
@pytest.mark.parametrize("nonsense", [None, "x", ["x"], 5, {1: 2}.items()], ids=repr)
def test_a_strangers_model_that_gives_no_reply_of_the_right_kind_is_a_model_error(
    role: str, structured: bool, nonsense: Any
) -> None:
    good = scripted(act("inc"))

    class Text(LLMBackend):
        def generate(self, messages: Any, *_: Any, **__: Any) -> Any:
            return nonsense if role in messages[0].content else json.dumps(good._answer(messages))

    class Structured(Text):
        def generate_structured(self, messages: Any, *_: Any, **__: Any) -> Any:
            return nonsense if role in messages[0].content else good._answer(messages)

    orch = Orchestrator(Structured() if structured else Text(), counter(), ACTIONS)
    result = orch.run_task("count", max_steps=2)
    failed = [e for e in events_of(orch, result.run_id) if isinstance(e, Failed)]
    if role == "goal-directed":
        assert result.stop_reason == StopReason.MODEL_ERROR
        assert "ModelOutputError" in (result.error or "")
    else:
        assert (result.stop_reason, result.total_steps) == (StopReason.MAX_STEPS, 2)
    assert not any("AttributeError" in e.error for e in failed)


def test_a_reply_of_the_wrong_kind_is_asked_for_again() -> None:
    given: list[Any] = [None, '{"thought": "", "action": "inc", "expected_delta": ""}']

    class Once(LLMBackend):
        def generate(self, *_: Any, **__: Any) -> Any:
            return given.pop(0)

    asked = Orchestrator(Once(), counter(), ACTIONS, critic_llm=scripted(act("inc")))
    assert asked.run_task("count", max_steps=1, learning=False).trajectory.steps[0].action.name == "inc"


def test_an_object_given_as_text_is_read() -> None:
    class AsText(MockLLMBackend):
        def generate_structured(self, *args: Any, **kwargs: Any) -> Any:
            return json.dumps(super().generate_structured(*args, **kwargs))

    llm = AsText()
    llm._handlers = scripted(act("inc"))._handlers
    result = Orchestrator(llm, counter(), ACTIONS).run_task("count", max_steps=2)
    assert (result.total_steps, result.final_phi) == (2, 2)


@pytest.mark.parametrize("nonsense", [None, "inc", Choice(7, "inc"), Choice(-1, "inc")], ids=repr)
def test_a_choice_that_is_none_of_the_options_is_a_model_error(nonsense: Any) -> None:
    class Chooser(MockLLMBackend):
        def choose(self, messages: Any, options: Any) -> Any:
            return nonsense

    class Listing(SimpleEnvironment):
        def admissible_actions(self, state: State) -> list[str]:
            return ["inc", "look"]

    result = Orchestrator(Chooser(), Listing(add, State({"n": 0}))).run_task("count", max_steps=1)
    assert result.stop_reason == StopReason.MODEL_ERROR


def test_a_step_whose_verdict_cannot_be_had_is_still_recorded() -> None:
    class Mute(SimpleEnvironment):
        def verdict(self, state: State) -> Verdict:
            if state.data["n"] == 2:
                raise OSError("the judge left")
            return Verdict(0.1)

    result = Orchestrator(scripted(act("inc")), Mute(add, State({"n": 0})), ACTIONS).run_task("count")
    assert result.stop_reason == StopReason.ENVIRONMENT_ERROR
    assert "the judge left" in (result.error or "")
    assert result.total_steps == 2
    assert result.final_state.data == {"n": 2}


def test_a_model_that_never_answers_cannot_keep_the_program_from_ending() -> None:
    code = (
        "import threading\n"
        "from purpose_agent import *\n"
        "class Silent(LLMBackend):\n"
        "    def generate(self, *args, **kwargs): threading.Event().wait()\n"
        "world = SimpleEnvironment(lambda action, state: state)\n"
        "print(Orchestrator(Silent(), world, {'x': 'y'}, limits=Limits(seconds=0.2)).run_task('go').stop_reason)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stdout.strip()) == (0, "limit_seconds")


def test_the_environments_own_bound_ends_a_run() -> None:
    class Short(SimpleEnvironment):
        max_steps = 2

    result = Orchestrator(scripted(act("inc")), Short(add, State({"n": 0})), ACTIONS).run_task("count")
    assert (result.total_steps, result.stop_reason) == (2, StopReason.MAX_STEPS)


def test_an_actors_reply_is_understood_where_actions_are_listed() -> None:
    class Doors(SimpleEnvironment):
        def admissible_actions(self, _state: State) -> list[Action]:
            return [Action("go", {"to": "north"}), Action("go", {"to": "south"})]

    llm = scripted(act("go", to="south"))
    result = Orchestrator(llm, Doors(lambda a, _: State({"at": a.params["to"]}))).run_task("out", max_steps=1)
    assert result.final_state.data == {"at": "south"}


def test_a_failure_that_came_no_closer_reaches_the_distiller() -> None:
    llm = scripted(act("look"), critic=judged(0))
    Orchestrator(llm, SimpleEnvironment(add, State({"n": 0})), ACTIONS).run_task("count", max_steps=2)
    asked = ["\n".join(m["content"] for m in call["messages"]) for call in llm.call_log]
    assert any("HEURISTIC EXTRACTOR" in text for text in asked)


def test_a_lesson_is_found_by_what_only_the_state_says() -> None:
    llm = scripted(act("look"), critic=judged(0))
    orchestrator = Orchestrator(llm, SimpleEnvironment(lambda _, s: s), ACTIONS, withholding=False)
    orchestrator.optimizer.merge_heuristics(
        [Heuristic(f"in the {w} room", f"press {w[::-1]}", [], MemoryTier.STRATEGIC) for w in ROOMS]
    )
    orchestrator.sync_memory()
    orchestrator.run_task("Press the right button", State({"room": "teal"}), max_steps=1)
    asked = ["\n".join(m["content"] for m in call["messages"]) for call in llm.call_log]
    assert any("press laet" in text for text in asked if "goal-directed agent" in text)


def test_a_summary_has_eight_lines_whatever_the_purpose() -> None:
    result = TaskResult(Trajectory("a\ntask", "a\r\n\npurpose"), State({}))
    assert len(result.summary().splitlines()) == 8
    assert "Purpose: a purpose" in result.summary()
