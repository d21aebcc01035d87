"""Machines that each start with one button, an actor that knows only what it is told, and a distiller that is right.

The actor presses the button that a shown lesson names for the machine at hand, else any of them. So its success on a
machine tells whether the lesson was learned, kept, found, rendered and not withheld, and nothing else.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, ClassVar

from purpose_agent.environment import Environment
from purpose_agent.llm_backend.messages import ChatMessage
from purpose_agent.llm_backend.mock import MockLLMBackend
from purpose_agent.llm_backend.usage import estimate_tokens
from purpose_agent.memory.rendering import CLOSING, OPENING
from purpose_agent.types import Action, State, Verdict

COLOURS = ("red", "green", "blue", "white", "black", "yellow")
"""Of the buttons; one action each."""

TRIES = 2
"""Steps of an episode."""

LUCK = 1.0 - (1.0 - 1.0 / len(COLOURS)) ** TRIES
"""Success of an actor that is told nothing: .31."""

_SYLLABLES = ("ba", "ko", "mi", "tu", "re", "sa", "lo")
_KIND = re.compile(r"machine of the kind (\w+)")
_PRESSED = re.compile(r"^\d+\. press_(\w+)", re.MULTILINE)
_MEMORY = re.compile(f"{re.escape(OPENING)}.*?{re.escape(CLOSING)}", re.DOTALL)


def purpose_for(kind: str) -> str:
    """The goal of an episode with a machine of that kind."""
    return f"Start the machine of the kind {kind}."


def kinds(n: int) -> list[str]:
    """``n`` names of kinds of machines, no two of them alike."""
    return ["".join(syllables) for syllables in product(_SYLLABLES, repeat=3)][:n]


class Machines(Environment):
    """The world; its verdict is exact.

    Args:
        right: kind of machine to the colour of its button.
    """

    actions: ClassVar[dict[str, str]] = {
        f"press_{colour}": f"press the {colour} button" for colour in COLOURS
    }

    def __init__(self, right: dict[str, str]) -> None:
        self._right = right
        self._kind = next(iter(right))

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> State:
        """A machine of ``options["kind"]`` that stands still."""
        self._kind = str((options or {}).get("kind", self._kind))
        return State({"machine": self._kind, "running": False})

    def execute(self, action: Action, current_state: State) -> State:
        """Press a button."""
        kind = current_state.data["machine"]
        started = action.name == f"press_{self._right[kind]}"
        return State({"machine": kind, "running": current_state.data["running"] or started})

    def verdict(self, state: State) -> Verdict:
        """Whether it runs."""
        running = bool(state.data["running"])
        return Verdict(float(running), success=running)

    def is_terminal(self, state: State) -> bool:
        """A machine that runs needs nothing more."""
        return bool(state.data["running"])


@dataclass
class Script:
    """What the model's two roles say, and what they were asked.

    The guesses of an episode follow from ``seed`` and ``pass_number`` alone, whatever is shown, so that another
    learner can be given the same luck.

    Attributes:
        seed: of the guesses.
        pass_number: of the present episode.
        distilled: calls of the distiller.
        memory_tokens: of the largest block of memory in a prompt, estimated.
        told: whether the prompt of the present episode held the lesson for its machine.
    """

    seed: int
    pass_number: int = 0
    distilled: int = 0
    memory_tokens: int = 0
    told: bool = False

    def guesses(self, kind: str, pass_number: int) -> list[str]:
        """The buttons that are pressed where nothing is known."""
        return random.Random(f"{self.seed} {kind} {pass_number}").choices(COLOURS, k=TRIES)

    def model(self) -> MockLLMBackend:
        """A model that speaks by this script."""
        llm = MockLLMBackend()
        llm.register_handler("HEURISTIC EXTRACTOR", self.distiller)
        return llm.register_handler("goal-directed agent", self.actor)

    def actor(self, messages: Sequence[ChatMessage]) -> dict[str, Any]:
        """Press what the lesson for this machine says, else anything."""
        prompt = "\n".join(message.content for message in messages)
        kind = _first(_KIND, prompt)
        block = _MEMORY.search(prompt)
        lines = block.group().splitlines() if block else []
        self.memory_tokens = max(self.memory_tokens, estimate_tokens(block.group()) if block else 0)
        advice = next((line for line in lines if re.search(rf"\b{kind}\b", line) and "button" in line), "")
        named = re.search(r"the (\w+) button", advice)
        self.told = named is not None
        tried = sum(message.role == "assistant" for message in messages)
        colour = named[1] if named else self.guesses(kind, self.pass_number)[tried % TRIES]
        return {"thought": "", "action": {"name": f"press_{colour}", "params": {}}, "expected_delta": ""}

    def distiller(self, messages: Sequence[ChatMessage]) -> dict[str, Any]:
        """The lesson of a success; none of a failure."""
        self.distilled += 1
        episode = messages[-1].content
        if "Outcome: success" not in episode:
            return {"heuristics": []}
        kind, colour = _first(_KIND, episode), _PRESSED.findall(episode)[-1]
        lesson = {
            "tier": "strategic",
            "pattern": f"the machine is of the kind {kind}",
            "strategy": f"press the {colour} button",
        }
        return {"heuristics": [lesson]}


def _first(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found[1] if found else ""
