"""Somebody's environments, for report cards: whole ones, and such that lack something."""

from __future__ import annotations

import time
from typing import Any, ClassVar

from fakes.ball_world import BallWorld
from purpose_agent.environment import Environment
from purpose_agent.errors import UsageError
from purpose_agent.types import Action, State, Verdict


class PoliteBalls(BallWorld):
    """The same tasks under the same numbers, in other words."""

    def _words(self) -> str:
        return super()._words().replace("Your task is to", "Please")


class Buttons:
    """Somebody's environment, without a base class and without folds."""

    max_steps = 2
    purpose = "Press the right button."

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> State:
        return State({"right": (seed or 0) % 3, "pressed": -1})

    def admissible_actions(self, state: State) -> list[str]:
        return [] if self.is_terminal(state) else [f"press button {n}" for n in range(3)]

    def execute(self, action: Action, current_state: State) -> State:
        return State({**current_state.data, "pressed": int(action.name.split()[-1])})

    def verdict(self, state: State) -> Verdict:
        return Verdict(float(self.is_terminal(state)), self.is_terminal(state))

    def is_terminal(self, state: State) -> bool:
        return state.data["pressed"] == state.data["right"]


class WithoutVerdict(Environment):
    actions: ClassVar = {"wait": "do nothing"}

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> State:
        return State({})

    def execute(self, action: Action, current_state: State) -> State:
        return current_state


class Breaking(Buttons):
    """Breaks after a while."""

    left: ClassVar[int] = 12

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> State:
        Breaking.left -= 1
        if Breaking.left < 0:
            raise RuntimeError("the wire came off")
        return super().reset(seed, options)


class Failing(Buttons):
    """Whatever is done raises an error, or every other thing is."""

    every: ClassVar[int] = 1

    def execute(self, action: Action, current_state: State) -> State:
        if int(action.name.split()[-1]) % self.every == 0:
            raise TypeError("execute() got no button")
        return super().execute(action, current_state)


class HalfFailing(Failing):
    """Two of three buttons raise an error."""

    every = 2


class Folded(Buttons):
    """The same, with folds."""

    fold = "train"
    seeds = range(100)


class FoldedWithoutOptions(Folded):
    """It has folds and cannot be told which."""

    def reset(self, seed: int | None = None) -> State:  # type: ignore[override]
        return super().reset(seed)


class NeverMade(Folded):
    """No task can be made but those of the train fold."""

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> State:
        if (options or {}).get("fold") != "train":
            raise UsageError("the game files are missing")
        return super().reset(seed, options)


class Wordless(Buttons):
    """It does not say what is to be done."""

    purpose = " "


class WordlessTasks(Buttons):
    """It does not say of a task what is to be done."""

    def purpose_for(self, seed: int, options: dict[str, Any] | None = None) -> str:
        return ""


class Seedless(Buttons):
    """Its tasks are all one."""

    def reset(self) -> State:  # type: ignore[override]
        return super().reset(0)


class Listed(Folded):
    """Its seeds are a list."""

    seeds: ClassVar = [1, 2, 3]  # type: ignore[misc]


class Silent(Buttons):
    """It grades nothing."""

    def verdict(self, state: State) -> Verdict | None:  # type: ignore[override]
        return None


class SilentAtFirst(Buttons):
    """It grades nothing but what is solved."""

    def verdict(self, state: State) -> Verdict | None:  # type: ignore[override]
        return Verdict(1.0, True) if self.is_terminal(state) else None


class Hanging(Buttons):
    """Its third task never begins."""

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> State:
        if seed == 2:
            time.sleep(600)
        return super().reset(seed, options)


class Sticking(Buttons):
    """It cannot be closed."""

    def close(self) -> None:
        raise OSError("the door sticks")
