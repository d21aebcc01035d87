"""Small deterministic worlds: a good one, and some with one fault each."""

from __future__ import annotations

import asyncio
import random
import threading
from typing import Any, ClassVar

from purpose_agent import environment
from purpose_agent.types import Action, State, Verdict

MOVES = {"north": (0, -1), "south": (0, 1), "west": (-1, 0), "east": (1, 0)}


class GridTreasure(environment.Environment):
    """A square field with a treasure somewhere: walk there and dig. Digging in the wrong place is allowed.

    The state says how far the treasure is, so progress can be seen. Seeds choose where it lies.
    """

    actions: ClassVar = {**{name: f"walk one field {name}" for name in MOVES}, "dig": "dig here"}
    max_steps = 20

    def __init__(self, size: int = 4) -> None:
        self.size = size

    @property
    def purpose(self) -> str:
        return "Find the treasure and dig it up."

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> State:
        size = (options or {}).get("size", self.size)
        dice = random.Random(seed or 0)
        treasure = [dice.randrange(1, size), dice.randrange(1, size)]
        return self._state({"size": size, "at": [0, 0], "treasure": treasure, "found": False})

    def execute(self, action: Action, current_state: State) -> State:
        if action.name not in self.admissible_actions(current_state):
            raise ValueError(f"{action.name!r} is not possible here")
        data = dict(current_state.data)
        if action.name == "dig":
            data["found"] = data["at"] == data["treasure"]
        else:
            data["at"] = [a + b for a, b in zip(data["at"], MOVES[action.name], strict=True)]
        return self._state(data)

    def admissible_actions(self, state: State) -> list[str]:
        if state.data["found"]:
            return []
        x, y = state.data["at"]
        inside = range(state.data["size"])
        return sorted(["dig", *(n for n, (dx, dy) in MOVES.items() if x + dx in inside and y + dy in inside)])

    def verdict(self, state: State) -> Verdict:
        if state.data["found"]:
            return Verdict(1.0, True, "the treasure is dug up")
        return Verdict(max(0.0, 0.9 - 0.1 * self._distance(state.data)), False, "it is still in the ground")

    def is_terminal(self, state: State) -> bool:
        return state.data["found"]

    def restore(
        self,
        state: State,
        actions: list[Action],
        seed: int | None = None,
        options: dict[str, Any] | None = None,
    ) -> State:
        now = self.reset(seed, options)
        for action in actions:
            now = self.execute(action, now)
        return now

    @staticmethod
    def _distance(data: dict[str, Any]) -> int:
        return sum(abs(a - b) for a, b in zip(data["at"], data["treasure"], strict=True))

    def _state(self, data: dict[str, Any]) -> State:
        far = self._distance(data)
        text = (
            "You found the treasure!"
            if data["found"]
            else f"You stand at {data['at']}, {far} steps from the treasure."
        )
        return State(data, text)


def treasure_path(state: State) -> list[str]:
    """The commands that solve a `GridTreasure` from its first state."""
    x, y = state.data["treasure"]
    return ["east"] * x + ["south"] * y + ["dig"]


class MutatingWorld(environment.Environment):
    """Hands out its own dict, changes it in place, and never starts afresh."""

    def __init__(self) -> None:
        self.data: dict[str, Any] = {"count": 0}

    def reset(self, seed: int | None = None) -> State:
        return State(self.data)

    def execute(self, action: Action, current_state: State) -> State:
        self.data["count"] += 1
        return State(self.data)

    def admissible_actions(self, state: State) -> list[str]:
        return ["count"]


class RaisingWorld(GridTreasure):
    """Raises at the n-th action (counted from 1)."""

    def __init__(self, at: int = 1, error: Exception | None = None) -> None:
        super().__init__()
        self.at = at
        self.error = error or RuntimeError("the bridge collapsed")
        self.executed = 0

    def execute(self, action: Action, current_state: State) -> State:
        self.executed += 1
        if self.executed == self.at:
            raise self.error
        return super().execute(action, current_state)


class HangingWorld(GridTreasure):
    """Does not return from ``execute`` until `release` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.release = threading.Event()

    def execute(self, action: Action, current_state: State) -> State:
        self.release.wait()
        return super().execute(action, current_state)


class AsyncGridTreasure:
    """The same world with async methods, and without the base class."""

    max_steps = 20
    purpose = GridTreasure.purpose

    def __init__(self, size: int = 4) -> None:
        self._world = GridTreasure(size)
        self.closed = 0

    async def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> State:
        await asyncio.sleep(0)
        return self._world.reset(seed, options)

    async def execute(self, action: Action, current_state: State) -> State:
        await asyncio.sleep(0)
        return self._world.execute(action, current_state)

    async def admissible_actions(self, state: State) -> list[str]:
        return self._world.admissible_actions(state)

    async def verdict(self, state: State) -> Verdict:
        return self._world.verdict(state)

    async def is_terminal(self, state: State) -> bool:
        return self._world.is_terminal(state)

    async def close(self) -> None:
        self.closed += 1
