"""Small worlds and models for measuring: they cost next to nothing, so what is measured is the framework."""

from __future__ import annotations

import asyncio
from typing import Any

from purpose_agent import ChatMessage, Environment, LLMBackend, State
from purpose_agent.llm_backend.usage import Usage, report_usage
from purpose_agent.types import Action, Verdict

ACTIONS = {"step": "take one step", "turn": "turn around"}

PURPOSE = "Walk until somebody says that it is enough."


class Corridor(Environment):
    """A state of a few fields, one of which changes at each step."""

    actions = ACTIONS

    def reset(self, seed: int | None = None) -> State:
        return self._state(0)

    def execute(self, action: Action, current_state: State) -> State:
        return self._state(current_state.data["position"] + 1)

    @staticmethod
    def _state(position: int) -> State:
        data = {"position": position, "facing": "north", "carrying": ["lamp", "map"], "lit": True}
        return State(
            data, f"You are at door {position} of a long corridor, facing north, with a lamp and a map."
        )


class JudgedCorridor(Corridor):
    """The same with ground truth, so that no critic is asked."""

    def verdict(self, state: State) -> Verdict:
        return Verdict(min(0.5, state.data["position"] / 1000), False)


class AsyncCorridor:
    """The same with async methods, so that no thread is needed beside an event loop."""

    actions = ACTIONS

    def __init__(self) -> None:
        self._world = Corridor()

    async def reset(self, seed: int | None = None) -> State:
        return self._world.reset(seed)

    async def execute(self, action: Action, current_state: State) -> State:
        return self._world.execute(action, current_state)


class ScriptedModel(LLMBackend):
    """Answers every structured call after ``seconds`` with a dict that is ready: an action, or a low score.

    Args:
        seconds: how long a call takes; 0 returns at once.
    """

    name = "scripted"
    non_blocking = True

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.calls = 0

    def generate(
        self,
        messages: list[ChatMessage],
        temperature: float = 0.7,
        max_tokens: int = 2048,
        stop: list[str] | None = None,
    ) -> str:
        return "ok"

    async def agenerate_structured(
        self,
        messages: list[ChatMessage],
        schema: dict[str, Any],
        temperature: float = 0.3,
        max_tokens: int = 1024,
    ) -> dict[str, Any]:
        self.calls += 1
        if self.seconds:
            await asyncio.sleep(self.seconds)
        report_usage(Usage(1, 100, 50, 10))
        if "phi" in schema["properties"]:
            return {"phi": 2.0, "evidence": "long corridor", "reasoning": "on the way", "confidence": 0.9}
        return {"thought": "on", "action": {"name": "step", "params": {}}, "expected_delta": "the next door"}
