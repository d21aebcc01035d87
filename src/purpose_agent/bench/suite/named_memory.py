"""A user's memory, with errors that say whose they are: which memory, which method, which world."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

from purpose_agent.errors import ModelError, PurposeAgentError, describe_error
from purpose_agent.memory_system import MemorySystem, Recalled
from purpose_agent.types import Action, Heuristic, Snapshot, Trajectory


class MemoryFailedError(PurposeAgentError):
    """A user's memory did not do what it must for anything to be measured with it."""


class LearningFailedError(PurposeAgentError):
    """A user's memory could not learn from an episode; it goes on with the next."""


class NamedMemory:
    """Passes everything on to a memory, and looks at what comes back.

    Args:
        system: the memory.
        world: in which it is measured.

    Raises:
        MemoryFailedError: by every method, if the memory's raised or returned what it must not.
    """

    def __init__(self, system: MemorySystem, world: str) -> None:
        self.name = system.name
        self._system: Any = system
        self._world = world
        if callable(getattr(system, "guide", None)):
            self.guide = self._guide

    def recall(self, task: str, purpose: str, state: Snapshot) -> Recalled:
        """See `MemorySystem.recall`."""
        found = self._called("recall", task, purpose, state)
        items: Any = found.items if isinstance(found, Recalled) else None
        if items is None or not all(isinstance(item, Heuristic) for item in items):
            raise self._failed("recall", f"it must return a Recalled with Heuristics, got {found!r:.80}")
        if found.example and not found.example_id:
            raise self._failed("recall", "its example has no example_id; name the episode that it comes from")
        return found

    async def learn(self, trajectory: Trajectory, admissible: Sequence[Sequence[Action]]) -> Sequence[str]:
        """See `MemorySystem.learn`.

        Raises:
            LearningFailedError: it raised.
            ModelError: it needed a model, and the model could not answer.
        """
        try:
            learning = self._system.learn(trajectory, admissible)
            if inspect.isawaitable(learning):
                return list(await learning or ())  # pyright: ignore[reportUnknownArgumentType]  # as `MemorySystem` says
        except ModelError:
            raise
        except Exception as e:
            raise LearningFailedError(describe_error(e)) from e
        raise self._failed("learn", "it must be an `async def`")

    def dump(self) -> bytes:
        """See `MemorySystem.dump`."""
        found = self._called("dump")
        if not isinstance(found, bytes):
            raise self._failed("dump", f"it must return bytes, got {found!r:.80}")
        return found

    def load(self, payload: bytes) -> None:
        """See `MemorySystem.load`."""
        self._called("load", payload)

    def _guide(self, purpose: str, seed: int | None, *, explore: bool) -> Any:
        return self._called("guide", purpose, seed, explore=explore)

    def _called(self, method: str, *arguments: Any, **named: Any) -> Any:
        try:
            return getattr(self._system, method)(*arguments, **named)
        except Exception as e:
            raise self._failed(method, describe_error(e)) from e

    def _failed(self, method: str, what: str) -> MemoryFailedError:
        return memory_failed(self.name, method, self._world, what)


def memory_failed(name: str, method: str, world: str, what: str) -> MemoryFailedError:
    """The error of a memory that fails in a method."""
    return MemoryFailedError(
        f"the memory {name!r} fails in {method}() in the world {world}: {what}; mend it, and go on with --resume"
    )
