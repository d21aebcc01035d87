"""A counting world and a model that plays its three roles from a script: deterministic, instant, inspectable."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from purpose_agent.environment import SimpleEnvironment
from purpose_agent.llm_backend import ChatMessage, MockLLMBackend
from purpose_agent.types import Action, State

ACTIONS = {"inc": "add one", "look": "look around", "double": "times two"}

CRITIC, DISTILLER, ACTOR = "STATE EVALUATOR", "HEURISTIC EXTRACTOR", "goal-directed agent"


def act(name: str, **params: Any) -> dict[str, Any]:
    """An actor's reply."""
    return {
        "thought": f"I try {name}",
        "action": {"name": name, "params": params},
        "expected_delta": "n changes",
    }


def judged(phi: float, evidence: str = '"n"') -> dict[str, Any]:
    """A critic's reply."""
    return {"phi": phi, "evidence": evidence, "reasoning": "n says so", "confidence": 0.9}


def phi_is_n(messages: list[ChatMessage]) -> dict[str, Any]:
    """A critic whose Φ is the counter."""
    found = re.search(r'"n": (\d+)', messages[-1].content)
    return judged(min(10.0, float(found[1])), found[0]) if found else judged(0.0)


def scripted(
    *replies: Any, critic: Any = phi_is_n, distiller: Any = None, actor: Callable[..., Any] | None = None
) -> MockLLMBackend:
    """A model whose actor gives these replies in order, the last one for ever."""
    waiting = list(replies) or [act("inc")]

    def next_reply(_messages: list[ChatMessage]) -> Any:
        return waiting.pop(0) if len(waiting) > 1 else waiting[0]

    llm = MockLLMBackend()
    llm.register_handler(CRITIC, critic)
    llm.register_handler(DISTILLER, distiller or {"heuristics": []})
    llm.register_handler(ACTOR, actor or next_reply)
    return llm


def count(action: Action, state: State) -> State:
    """What the actions do."""
    n = state.data["n"]
    return State({**state.data, "n": {"inc": n + 1, "double": n * 2}.get(action.name, n)})


def counter(**more: Any) -> SimpleEnvironment:
    """A world that is a number."""
    return SimpleEnvironment(count, State({"n": 0, **more}))


def prompts(llm: MockLLMBackend, role: str = ACTOR) -> list[str]:
    """All that was said in each call to a role, oldest first."""
    joined = ["\n".join(m["content"] for m in call["messages"]) for call in llm.call_log]
    return [text for text in joined if role in text]
