"""What a distiller is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from purpose_agent.types import Heuristic, Trajectory


@runtime_checkable
class Distiller(Protocol):
    """Proposes lessons from one episode. It is asked once for each episode, again only after an outage.

    One that reads nothing but the agent's actions, the task and the verdicts may say so with an attribute
    ``reads_observations = False``: where strangers write what is observed, its proposals are then still the agent's
    own (`Trust.ACTIONS`). A proposal that quotes an observation all the same sets `Heuristic.trust` to whose words
    these are; a label that would make it more trusted than its origin counts for nothing.
    """

    name: str
    """Recorded with the episodes it has seen, and as the ``source`` of its proposals."""

    async def distill(self, trajectory: Trajectory, existing: Sequence[Heuristic]) -> list[Heuristic]:
        """A few proposals, each with its evidence; often none.

        Args:
            trajectory: a finished episode that did not fail for a transient cause.
            existing: the library's live items, so that they need not be proposed again; without tainted ones, whose
                words must not be passed on.

        Raises:
            ModelError: it needed a model, and the model could not answer.
        """
        ...
