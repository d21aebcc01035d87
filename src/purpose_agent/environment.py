"""The environment contract: what the agent acts in.

The three methods of `Environment` are the whole obligation. Everything else is found by presence, optional, and
may be sync or async:

- ``actions: dict[str, str]`` — action names and descriptions, used when none are given to the orchestrator;
- ``admissible_actions(state) -> list[Action] | list[str]`` — what may be done now; a string is an action of that
  name without params. Its presence makes the actor *choose* instead of writing an action;
- ``verdict(state) -> Verdict | None`` — ground truth about a state;
- ``reset(seed=None, options=None) -> State`` — choose the task: same seed and options, same episode;
- ``restore(state, actions, seed=None, options=None) -> State`` — bring a stateful world back to where a run was
  left, by whatever means it has (for a deterministic one: reset and replay ``actions``), so that `resume` works.
  Without it a run continues from the recorded state alone, which is right when ``execute`` depends on it alone;
- ``close()`` — free what the world holds;
- ``max_steps: int`` — where an episode ends on its own;
- ``untrusted: bool`` — True where strangers can write what is observed (web pages, mail, other people's files). Lessons
  that a model reads out of it are then quarantined until they are verified; see `purpose_agent.memory.provenance`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from purpose_agent.types import Action, State


class Environment(ABC):
    """A world that the agent acts in."""

    @abstractmethod
    def execute(self, action: Action, current_state: State) -> State:
        """Carry out an action and return the new state.

        Args:
            action: a validated action: its name was offered.
            current_state: a copy of the state before; changing it changes nothing that was recorded.

        Returns:
            The state after the action. Raising instead is allowed: the actor is told what went wrong, the state
            stays what it was, and the run goes on. Raise `EnvironmentFailure` when the world is gone for good.
        """
        ...

    def reset(self) -> State:
        """Start a new episode and return its first state."""
        return State(data={})

    def is_terminal(self, state: State) -> bool:
        """Whether the episode is over in this state."""
        return False


class SimpleEnvironment(Environment):
    """An environment made of functions.

    Args:
        execute_fn: ``(action, state) -> new state``.
        initial_state: what `reset` returns a copy of.
        terminal_fn: ``state -> bool``.
    """

    def __init__(
        self,
        execute_fn: Callable[[Action, State], State],
        initial_state: State | None = None,
        terminal_fn: Callable[[State], bool] | None = None,
    ) -> None:
        self._execute_fn = execute_fn
        self._initial_state = (initial_state or State(data={})).snapshot()
        self._terminal_fn = terminal_fn

    def execute(self, action: Action, current_state: State) -> State:
        """Call ``execute_fn``."""
        return self._execute_fn(action, current_state)

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> State:
        """A fresh copy of the initial state, whatever earlier episodes did to theirs."""
        return self._initial_state.thaw()

    def is_terminal(self, state: State) -> bool:
        """Call ``terminal_fn`` where there is one."""
        return self._terminal_fn is not None and self._terminal_fn(state)
