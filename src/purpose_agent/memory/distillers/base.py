"""What a distiller is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from purpose_agent.types import Heuristic, Trajectory


@runtime_checkable
class Distiller(Protocol):
    """Proposes lessons from one episode. It is asked once for each episode, again only after an outage."""

    name: str
    """Recorded with the episodes it has seen, and as the ``source`` of its proposals."""

    async def distill(self, trajectory: Trajectory, existing: Sequence[Heuristic]) -> list[Heuristic]:
        """A few proposals, each with its evidence; often none.

        Args:
            trajectory: a finished episode that did not fail for a transient cause.
            existing: the library's live items, so that they need not be proposed again.

        Raises:
            ModelError: it needed a model, and the model could not answer.
        """
        ...
