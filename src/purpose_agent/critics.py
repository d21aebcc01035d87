"""What a critic is: somebody other than the actor who reads how far a run has come.

A critic follows a run. It is told the purpose, the states and the commands that led to them; never who chose a command
or why: no thoughts, no predictions, no memory. So nothing that an actor writes to itself can move a reading.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol, runtime_checkable

from purpose_agent.types import Snapshot


class Reading(NamedTuple):
    """What a critic makes of the present state of a run, before calibration.

    Attributes:
        progress: in [0, 1]; None for an abstention.
        confidence: the critic's own, in [0, 1]; 0 when it knows nothing.
        evidence: what it rests on, for people.
        reasoning: why, in one sentence.
    """

    progress: float | None
    confidence: float = 0.0
    evidence: str = ""
    reasoning: str = ""


IGNORANT = Reading(None, 0.0, "", "nothing is known yet")


@runtime_checkable
class CriticSession(Protocol):
    """One critic during one run."""

    def arrive(self, state: Snapshot, command: str | None, admissible: Sequence[str]) -> None:
        """Take in a state.

        Args:
            state: the new state.
            command: what led to it (`Action.command`); None for the first state.
            admissible: the commands that may follow; empty where the environment lists none.
        """
        ...

    def known(self) -> Reading | None:
        """The reading of the present state if it costs no model call, else None."""
        ...

    async def read(self, *, keep: bool = True) -> Reading:
        """The reading of the present state, whatever it takes.

        Args:
            keep: whether it may be stored.

        Raises:
            ModelError: the model behind it could not answer.
        """
        ...


@runtime_checkable
class Critic(Protocol):
    """Reads runs.

    Attributes:
        name: names its readings in the journal, in the cache and in reports.
    """

    name: str

    def follow(self, purpose: str) -> CriticSession:
        """Begin to follow a run. What the critic has learned so far holds for the whole run."""
        ...
