"""A memory that takes the place of ours: what the loop asks of it.

Researchers compare memories, and a report card needs rivals that play under the same rules. Whatever has these three
methods can be given to ``Orchestrator(memory=...)``: the loop, Φ, the journal, limits and the actor's prompts stay the
same, and nothing but the memory differs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

from purpose_agent.types import Action, Heuristic, Snapshot, Trajectory, Verdict


@dataclass(frozen=True)
class Recalled:
    """What a memory has to say about a task.

    Attributes:
        items: shown in this order, each in the place of its tier; `Heuristic.evidence` says which episodes taught it.
        example: a text that is shown with the first state, such as an earlier episode; "" for none.
        example_id: id of that episode.
    """

    items: tuple[Heuristic, ...] = ()
    example: str = ""
    example_id: str = ""


@dataclass(frozen=True)
class Example:
    """An earlier episode that is shown with the first state.

    Attributes:
        id: of the episode.
        purpose: what its goal was.
        text: how it is shown.
    """

    id: str
    purpose: str
    text: str


@runtime_checkable
class MemorySystem(Protocol):
    """A memory.

    It may also have ``guide(purpose, seed, *, explore)``, which returns a `Guide` for one episode or None: where the
    environment lists what may be done, a guide narrows the choice.
    """

    name: str
    """In files and reports; what it knows is kept under it."""

    def recall(self, task: str, purpose: str, state: Snapshot) -> Recalled:
        """What to show.

        Args:
            task: in words.
            purpose: the goal.
            state: the first one.
        """
        ...

    async def learn(self, trajectory: Trajectory, admissible: Sequence[Sequence[Action]]) -> Sequence[str]:
        """Take in a finished episode; returns the ids of items that are new or changed.

        Args:
            trajectory: the episode; ``trajectory.succeeded`` tells how it ended.
            admissible: what could be done in the first state and after each step; empty where no list is offered.

        Raises:
            ModelError: it needed a model, and the model could not answer.
        """
        ...

    def dump(self) -> bytes:
        """Everything it knows."""
        ...

    def load(self, payload: bytes) -> None:
        """Know what was dumped, and nothing else."""
        ...


class Shortlist(NamedTuple):
    """The options that a guide leaves.

    Attributes:
        options: best first, at least one.
        practised: whether the first is the best by what was learned, and not by curiosity alone.
    """

    options: list[Action]
    practised: bool


class Guide(Protocol):
    """Follows one episode, and says which of the admissible actions are worth asking the model about."""

    @property
    def knows_something(self) -> bool:
        """Whether it is worth asking at all."""
        ...

    def begin(self, state: Snapshot, admissible: Sequence[Action], verdict: Verdict | None) -> None:
        """Start at the first state."""
        ...

    def observe(
        self, action: Action, state: Snapshot, admissible: Sequence[Action], phi: float | None
    ) -> None:
        """Take in what an action led to; ``phi`` is Φ of the new state in [0, 10], None where it is not known."""
        ...

    def shortlist(self, options: Sequence[Action]) -> Shortlist:
        """Those of the options that are left, at least one."""
        ...
