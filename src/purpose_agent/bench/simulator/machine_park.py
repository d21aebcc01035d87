"""A park of machines, each kind with one right button: an environment, and a reader that does what lessons say.

With it the harness is tested against the truth: lessons carry all that can be known, the reader follows a lesson about
the machine at hand and guesses where there is none. So memory must help, and a placebo must not.
"""

from __future__ import annotations

import random
import re
from typing import Any, ClassVar

from purpose_agent.bench.simulator.oracle_world import COLOURS, kinds, purpose_for
from purpose_agent.environment import Environment
from purpose_agent.llm_backend.base import ChatMessage
from purpose_agent.llm_backend.uniform import UniformBackend
from purpose_agent.memory.rendering import CLOSING, OPENING
from purpose_agent.types import Action, State, Verdict

_KIND = re.compile(r"machine of the kind (\w+)")
_PRESS = re.compile(r"\bpress_\w+")
_MEMORY = re.compile(f"{re.escape(OPENING)}(.*?){re.escape(CLOSING)}", re.DOTALL)


class MachinePark(Environment):
    """Machines by seed: the seed's remainder tells the kind, the seed itself the serial number.

    Args:
        n_kinds: of machines.
        truth: decides which button is right.
    """

    actions: ClassVar[dict[str, str]] = {
        f"press_{colour}": f"press the {colour} button" for colour in COLOURS
    }

    def __init__(self, n_kinds: int = 8, truth: int = 0) -> None:
        self._kinds = kinds(n_kinds)
        dice = random.Random(truth)
        self._right = {kind: dice.choice(COLOURS) for kind in self._kinds}
        self._kind = self._kinds[0]

    def purpose_for(self, seed: int | None = None, options: dict[str, Any] | None = None) -> str:
        """The goal of the episode that ``reset(seed)`` starts."""
        return purpose_for(self._kinds[(seed or 0) % len(self._kinds)])

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> State:
        """A machine that stands still."""
        number = seed or 0
        self._kind = self._kinds[number % len(self._kinds)]
        return State({"machine": self._kind, "serial": number, "running": False})

    def execute(self, action: Action, current_state: State) -> State:
        """Press a button."""
        started = action.name == f"press_{self._right[current_state.data['machine']]}"
        return State({**current_state.data, "running": current_state.data["running"] or started})

    def verdict(self, state: State) -> Verdict:
        """Whether it runs."""
        running = bool(state.data["running"])
        return Verdict(float(running), success=running)

    def is_terminal(self, state: State) -> bool:
        """A machine that runs needs nothing more."""
        return bool(state.data["running"])

    def gold_path(self, seed: int | None = None, options: dict[str, Any] | None = None) -> list[str]:
        """The right button."""
        return [f"press_{self._right[self._kinds[(seed or 0) % len(self._kinds)]]}"]

    def reader(self, seed: int) -> Reader:
        """The model that goes with it."""
        return Reader(seed)


class Reader(UniformBackend):
    """Presses what a lesson about the machine at hand names, then what an example did, then anything."""

    name = "reader"

    def generate_structured(
        self,
        messages: list[ChatMessage],
        schema: dict[str, Any],
        temperature: float = 0.3,
        max_tokens: int = 1024,
    ) -> dict[str, Any]:
        """The button that memory names, if it names one that is offered; else see `UniformBackend`."""
        guess = super().generate_structured(messages, schema, temperature, max_tokens)
        told = "\n".join(message.content for message in messages if message.role == "user")
        tried = set(_PRESS.findall("\n".join(m.content for m in messages if m.role == "assistant")))
        machine, block = _KIND.search(told), _MEMORY.search(told)
        lessons = block[1].splitlines() if block else []
        about = [line for line in lessons if machine and re.search(rf"\b{machine[1]}\b", line)]
        elsewhere = _MEMORY.sub("", told)  # an example, whatever machine it is about
        named = [
            press
            for text in (*about, elsewhere)
            for press in _PRESS.findall(text)
            if press in MachinePark.actions
        ]
        press = next((press for press in named if press not in tried), None)
        return guess if press is None else {**guess, "action": {"name": press, "params": {}}}

    async def agenerate_structured(
        self,
        messages: list[ChatMessage],
        schema: dict[str, Any],
        temperature: float = 0.3,
        max_tokens: int = 1024,
    ) -> dict[str, Any]:
        """See `generate_structured`."""
        return self.generate_structured(messages, schema, temperature, max_tokens)
