"""The actor outside of a run, its conversation, and what a choice may be."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.worlds import GridTreasure
from purpose_agent import (
    Action,
    Actor,
    Heuristic,
    MemoryTier,
    MockLLMBackend,
    Orchestrator,
    SimpleEnvironment,
    State,
    UsageError,
)
from purpose_agent.action_reply import RefusedError, read_action
from purpose_agent.conversation import Conversation, Turn
from purpose_agent.errors import ModelOutputError
from purpose_agent.events import Compacted, Recalled
from purpose_agent.llm_backend import Choice

ACTIONS = {"look": "look around", "open": "open something"}


def reply(name: Any, params: Any = None, **more: Any) -> dict[str, Any]:
    return {"thought": "t", "action": {"name": name, "params": params or {}}, "expected_delta": "d", **more}


def prompts(llm: MockLLMBackend, call: int = -1) -> str:
    return "\n".join(m["content"] for m in llm.call_log[call]["messages"])


def test_decide_shows_the_last_entries_of_a_history() -> None:
    llm = MockLLMBackend().register_handler("goal-directed agent", reply("open", {"what": {"door": [1]}}))
    history = [{"action": f"look({i})", "result": f"result {i}", "score": f"Δ={i}"} for i in range(9)]
    action = Actor(llm, ACTIONS, history_window=3).decide("get out", State({"room": "hall {x}"}), history)
    assert (action.name, action.params, action.thought) == ("open", {"what": {"door": [1]}}, "t")
    text = prompts(llm)
    assert "result 8" in text
    assert "result 6" in text
    assert "result 5" not in text
    assert "7. look(6)" in text
    assert "hall {x}" in text
    assert "get out" in text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("p", {"n": 1}), r"must be a State, got dict.*State\(data\)"),
        ((5, State({})), "purpose must be a str, got int"),
        (("p", State({}), ["looked"]), "history must be a list of dicts"),
        (("p", State({}), 5), "history must be a list of dicts"),
    ],
)
def test_a_decision_about_nothing_that_can_be_read_is_refused(arguments: Any, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Actor(MockLLMBackend()).decide(*arguments)


@pytest.mark.parametrize("offered", [["a"], {1: 2}, {"": "nothing"}, "look", 5])
def test_actions_are_offered_by_name(offered: Any) -> None:
    with pytest.raises(UsageError, match="available_actions must be a dict of action names"):
        Actor(MockLLMBackend(), offered)


def test_memory_given_by_hand_reaches_the_prompt_and_can_be_cited() -> None:
    llm = MockLLMBackend().register_handler("goal-directed agent", reply("look", cited=["s1"]))
    strategic = Heuristic("a door is shut", "look for a key first", [], MemoryTier.STRATEGIC, id="s1")
    action = Actor(llm, ACTIONS, strategic_memory=[strategic]).decide("get out", State({}))
    assert "look for a key first" in prompts(llm)
    assert action.cited == ["s1"]


def test_a_procedure_is_read_by_recall() -> None:
    replies = [reply("recall", {"id": "p1"}), reply("look")]
    llm = MockLLMBackend().register_handler("goal-directed agent", lambda m: replies.pop(0))
    sop = Heuristic(
        "leave a room", "by the door", ["find the key", "turn it"], MemoryTier.PROCEDURAL, id="p1"
    )
    action = Actor(llm, ACTIONS, procedural_memory=[sop]).decide("leave the room", State({}))
    assert action.name == "look"
    assert "turn it" not in prompts(llm, 0)
    assert "p1" in prompts(llm, 0)
    assert "turn it" in prompts(llm, 1)


def test_recall_costs_no_step_and_is_journalled() -> None:
    replies = [
        reply("recall", {"id": "p1"}),
        reply("recall", {"id": "none such"}),
        reply("look"),
        reply("DONE"),
    ]
    llm = MockLLMBackend().register_handler("goal-directed agent", lambda m: replies.pop(0))
    executed: list[str] = []

    def execute(action: Action, state: State) -> State:
        executed.append(action.name)
        return State({"n": len(executed)})

    orch = Orchestrator(llm, SimpleEnvironment(execute), ACTIONS, withholding=False)
    sop = Heuristic("leave the room", "by the door", ["find the key"], MemoryTier.PROCEDURAL, id="p1")
    orch.library.add([sop], "by hand")
    orch.sync_memory()
    result = orch.run_task("leave the room")
    recalled = [e for e in orch.store.events(result.run_id) if isinstance(e, Recalled)]
    assert [(e.memory_id, e.found) for e in recalled] == [("p1", True), ("none such", False)]
    assert executed == ["look"]
    assert "p1" in result.trajectory.shown


def test_an_actor_that_names_no_available_action_fails_with_a_clear_error() -> None:
    llm = MockLLMBackend().register_handler("goal-directed agent", reply("format_disk"))
    with pytest.raises(ModelOutputError, match="no available action"):
        Actor(llm, ACTIONS).decide("p", State({}))


def test_without_a_list_any_action_goes() -> None:
    llm = MockLLMBackend().register_handler("goal-directed agent", reply("dance", {"to": "jazz"}))
    assert Actor(llm).decide("have fun", State({})).name == "dance"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(
        st.sampled_from(["action", "name", "params", "thought", "cited"]) | st.text(), json_values
    )
)
def test_whatever_a_model_says_becomes_an_offered_action_or_a_refusal(said: dict[str, Any]) -> None:
    with contextlib.suppress(RefusedError):
        action = read_action(said, ACTIONS)
        assert action.name in {*ACTIONS, "DONE"}
        assert isinstance(action.params, dict)


def test_a_conversation_only_grows_at_its_end() -> None:
    conversation = Conversation("system", "first")
    seen = conversation.messages()
    for n in range(20):
        with_offer = conversation.messages("You can: a | b")
        assert with_offer[:-1] == seen[:-1]
        assert with_offer[-1].content.startswith(seen[-1].content)
        conversation.add(Turn(f"go {n}", f"result {n}", Action(f"go {n}")))
        assert conversation.messages()[: len(seen)] == seen
        seen = conversation.messages()


def test_a_long_conversation_is_compacted_and_says_what_was_left_out() -> None:
    conversation = Conversation("system", "first", max_chars=500)
    for n in range(12):
        conversation.add(Turn(f"go {n}", "x" * 60, Action(f"go {n}")))
    dropped = conversation.compact()
    assert dropped == 6
    messages = conversation.messages()
    assert sum(len(m.content) for m in messages) < 700
    assert "go 0; go 1" in messages[1].content
    assert messages[2].content == "go 6"
    assert conversation.compact() == 0 or len(conversation.messages()) < len(messages)


def test_compaction_in_a_run_is_an_event() -> None:
    llm = MockLLMBackend().register_handler("goal-directed agent", reply("look"))

    def talk(action: Action, state: State) -> State:
        n = state.data["n"] + 1
        return State({"n": n}, summary=f"{n} " + "blah " * 600)

    orch = Orchestrator(llm, SimpleEnvironment(talk, State({"n": 0})), ACTIONS)
    result = orch.run_task("listen", max_steps=12)
    assert result.total_steps == 12
    assert any(isinstance(e, Compacted) for e in orch.store.events(result.run_id))


class First(MockLLMBackend):
    """Chooses the first option, and remembers what it was offered."""

    def __init__(self) -> None:
        super().__init__()
        self.offered: list[list[str]] = []

    async def achoose(self, messages: Any, options: Any, temperature: float = 0.0) -> Choice:
        self.offered.append(list(options))
        return Choice(0, options[0])


def test_in_a_choice_only_admissible_actions_are_offered_and_done_is_not_where_verdicts_are() -> None:
    llm = First()
    orch = Orchestrator(llm, GridTreasure(3), learning=False)
    result = orch.run_task("find it", max_steps=5, seed=1)
    assert orch.decision == "choice"
    assert all(set(o) <= {"north", "south", "west", "east", "dig"} for o in llm.offered)
    assert result.total_steps == 5


def test_without_memory_nothing_is_repeated_in_the_same_state_while_something_is_left() -> None:
    llm = First()
    world = GridTreasure(2)
    result = Orchestrator(llm, world, learning=False).run_task("find it", max_steps=3, seed=0)
    first = [
        s.action.name
        for s in result.trajectory.steps
        if s.state_before == result.trajectory.steps[0].state_before
    ]
    assert len(first) == len(set(first))


def test_a_practised_agent_acts_by_habit_and_asks_its_model_less() -> None:
    llm = First()
    orch = Orchestrator(llm, GridTreasure(3), seed=0)
    for _ in range(30):
        orch.run_task("Find the treasure and dig it up.", max_steps=20)
    llm.offered.clear()
    results = [
        orch.run_task("Find the treasure and dig it up.", max_steps=20, seed=1000 + i, learning=False)
        for i in range(10)
    ]
    steps = [s for r in results for s in r.trajectory.steps]
    habits = [s for s in steps if s.source == "habit"]
    assert sum(r.success for r in results) >= 8
    assert len(habits) > len(steps) / 2
    assert len(llm.offered) == len(steps) - len(habits)


def test_tool_tips_given_by_hand_reach_a_decision_outside_of_a_run() -> None:
    llm = MockLLMBackend().register_handler("goal-directed agent", reply("look"))
    Actor(llm, ACTIONS, tool_memory={"open": "turn the key first"}).decide("get out", State({}))
    assert "turn the key first" in prompts(llm)


def test_a_world_in_which_nothing_may_be_done_is_told_so() -> None:
    class Stuck(GridTreasure):
        def admissible_actions(self, state: State) -> list[str]:
            return []

    for learning in (True, False):
        result = Orchestrator(First(), Stuck(), learning=learning).run_task("find it")
        assert result.stop_reason == "environment_error"
        assert "no admissible action" in (result.error or "")
