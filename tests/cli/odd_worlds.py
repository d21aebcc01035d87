"""Worlds that try a command line's patience."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from typing import Any, ClassVar

from fakes.worlds import GridTreasure
from purpose_agent.environment import Environment
from purpose_agent.errors import UsageError
from purpose_agent.types import Action, State


class SlowTreasure(GridTreasure):
    """Takes its time for every action, so that there is time to interrupt it."""

    max_steps = 200

    def execute(self, action: Action, current_state: State) -> State:
        time.sleep(0.05)
        return super().execute(action, current_state)


class FarTreasure(GridTreasure):
    """Never finds anything."""

    def execute(self, action: Action, current_state: State) -> State:
        return current_state if action.name == "dig" else super().execute(action, current_state)


class Nasty(Environment):
    """States and errors full of what could break a terminal."""

    actions: ClassVar = {"push": "push the button"}

    def reset(self) -> State:
        return State({"n": 0, "colour": "\x1b[31mred\x1b]0;title\x07", "items": ["a"]})

    def execute(self, action: Action, current_state: State) -> State:
        data = dict(current_state.data)
        data["n"] += 1
        if data["n"] == 2:
            raise RuntimeError("bad \x1b[2J thing\nsecond line")
        data["items"] = [*data["items"], "\u202eb"]
        data["big"] = {f"key{i}": "x" * 50 for i in range(300)}
        data["nan"] = float("nan")
        return State(data)


class Unbegun(GridTreasure):
    """Cannot be reset."""

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> State:
        raise OSError("the disk is on fire")


class Silent(GridTreasure):
    """Does not say what it is for."""

    purpose: Any = None


class Fussy(GridTreasure):
    """Has seeds, and a purpose for each of them."""

    seeds = range(3)

    def purpose_for(self, seed: int | None = None) -> str:
        return f"Find treasure number {seed}."


def shop(size: int = 3) -> GridTreasure:
    """A factory with a setting."""
    return GridTreasure(size)


class Gappy(GridTreasure):
    """Makes no game of some seeds."""

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> State:
        if seed == 1:
            raise UsageError("no game with seed 1")
        return super().reset(seed, options)


class Stuck(GridTreasure):
    """Does not come back from an action, unless something is raised in it."""

    def execute(self, action: Action, current_state: State) -> State:
        print("stuck", file=sys.stderr, flush=True)
        threading.Event().wait()
        return current_state


class Chatty(GridTreasure):
    """Says everything aloud: from Python, from native code, and by a child process."""

    def execute(self, action: Action, current_state: State) -> State:
        print("python says", action.name)
        os.write(1, b"native code says so\n")
        subprocess.run([sys.executable, "-c", "print('a child says so')"], check=True)
        return super().execute(action, current_state)


class Unclosed(GridTreasure):
    """Tries to end the program when it is closed."""

    def close(self) -> None:
        raise SystemExit(0)


class Unrestored(GridTreasure):
    """Cannot be brought back to where a run was left."""

    def restore(self, state: State, actions: list[Action], **_: Any) -> State:
        raise OSError("the save file is gone")
