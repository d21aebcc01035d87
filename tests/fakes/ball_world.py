"""A tiny world with folds, solutions, a dense score and a task that cannot be made, for reports on critics."""

from __future__ import annotations

import random
from typing import Any, ClassVar

from purpose_agent import environment
from purpose_agent.errors import UsageError
from purpose_agent.types import Action, State, Verdict

BALLS = ("red", "green", "blue", "black")
BOXES = ("oak", "tin", "glass")
FOLDS = {"train": 0, "dev": 1, "test": 2}
IMPOSSIBLE = 3
SECRET = 0.4321
"""The score while the right ball is in hand; nobody but the grader may know this number."""


class BallWorld(environment.Environment):
    """Put the named ball into the named box; seeds choose which."""

    max_steps = 8
    played: ClassVar[list[tuple[str, int]]] = []

    def __init__(self, fold: str = "train", size: int = 40, telling: bool = True) -> None:
        self.fold = fold
        self.seeds = range(size)
        self._telling = telling
        self._task = ("red", "oak")

    @property
    def purpose(self) -> str:
        return self._words()

    def _words(self) -> str:
        return f"Your task is to put the {self._task[0]} ball into the {self._task[1]} box."

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> State:
        fold = (options or {}).get("fold", self.fold)
        seed = seed or 0
        if seed % 40 == IMPOSSIBLE:
            raise UsageError(f"seed={seed!r} makes no game")
        dice = random.Random(FOLDS[fold] * 1000 + seed)
        self._task = (dice.choice(BALLS), dice.choice(BOXES))
        BallWorld.played.append((fold, seed))
        return self._state(list(self._task), "", {})

    def gold_path(self, seed: int | None = None, options: dict[str, Any] | None = None) -> list[str]:
        self.reset(seed, options)
        BallWorld.played.pop()
        ball, box = self._task
        return [f"take {ball} ball", f"put {ball} ball into {box} box"]

    def execute(self, action: Action, current_state: State) -> State:
        if action.name not in self.admissible_actions(current_state):
            raise UsageError(f"{action.name!r} is not possible here")
        data = current_state.data
        held, placed = data["held"], dict(data["placed"])
        if action.name.startswith("take"):
            held = action.name.split()[1]
            placed.pop(held, None)
        elif action.name.startswith("put"):
            placed[held], held = action.name.split()[-2], ""
        return self._state(data["task"], held, placed)

    def admissible_actions(self, state: State) -> list[str]:
        if self.is_terminal(state):
            return []
        held = state.data["held"]
        if held:
            return sorted(["look around", *(f"put {held} ball into {box} box" for box in BOXES)])
        return sorted(["look around", *(f"take {ball} ball" for ball in BALLS)])

    def verdict(self, state: State) -> Verdict:
        if not self._telling:
            return Verdict(None, self.is_terminal(state))
        return Verdict(state.data["score"], self.is_terminal(state))

    def is_terminal(self, state: State) -> bool:
        ball, box = state.data["task"]
        return state.data["placed"].get(ball) == box

    @staticmethod
    def _state(task: list[str], held: str, placed: dict[str, str]) -> State:
        done = placed.get(task[0]) == task[1]
        score = 1.0 if done else SECRET if held == task[0] else 0.0
        seen = [f"You hold the {held} ball." if held else "Your hands are empty."]
        seen += [f"The {ball} ball is in the {box} box." for ball, box in sorted(placed.items())]
        data = {"task": task, "held": held, "placed": placed, "score": score}
        return State(data, " ".join(seen))
