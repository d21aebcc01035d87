"""The quick start of the seed document runs as written."""

from __future__ import annotations

import pytest

from purpose_agent import (
    Action,
    Environment,
    LLMBackend,
    MockLLMBackend,
    Orchestrator,
    State,
    resolve_backend,
)


class MyEnv(Environment):
    def execute(self, action: Action, current_state: State) -> State:
        x, y = current_state.data["position"]
        if action.name == "move":
            x += 1
        found = ["map"] if action.name == "search" else []
        return State(data={"position": [x, y], "inventory": current_state.data["inventory"] + found})


def quick_start(llm: LLMBackend, max_steps: int) -> None:
    orch = Orchestrator(
        llm=llm,
        environment=MyEnv(),
        available_actions={"search": "Search for items", "move": "Move to location"},
    )
    result = orch.run_task(
        purpose="Find the hidden treasure in the maze",
        initial_state=State(data={"position": [0, 0], "inventory": []}),
        max_steps=max_steps,
    )
    assert result.error is None, result.error
    assert result.stop_reason in ("max_steps", "done", "early_stop")
    assert 1 <= result.total_steps <= max_steps
    assert all(s.action.name in ("search", "move", "DONE") for s in result.trajectory.steps)
    second = orch.run_task(
        purpose="Find the second treasure", initial_state=State(data={"position": [0, 0], "inventory": []}),
        max_steps=1,
    )  # fmt: skip
    assert second.error is None, second.error
    assert len(result.summary().splitlines()) == 8
    assert orch.stats["experience_replay"]["size"] == 2


def test_with_the_mock_backend() -> None:
    quick_start(MockLLMBackend(), max_steps=20)


@pytest.mark.model
@pytest.mark.slow
def test_with_the_embedded_model() -> None:
    quick_start(resolve_backend("local"), max_steps=1)
