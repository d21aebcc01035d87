"""The memory items chosen for one task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from purpose_agent.types import Heuristic


@dataclass(frozen=True)
class Selection:
    """The items chosen for one task, best first in each tier.

    Attributes:
        strategic: lessons for the prompt's prefix.
        procedural: procedures for the index in the prefix.
        tool: action name to the tips that come with that action's observations.
    """

    strategic: tuple[Heuristic, ...] = ()
    procedural: tuple[Heuristic, ...] = ()
    tool: Mapping[str, tuple[Heuristic, ...]] = field(default_factory=dict[str, tuple[Heuristic, ...]])

    @property
    def prefix_ids(self) -> tuple[str, ...]:
        """Ids of the items in the prompt's prefix: shown from the first step on."""
        return tuple(h.id for h in (*self.strategic, *self.procedural))

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of all chosen items; a tool tip counts as shown only once its action was taken."""
        return (*self.prefix_ids, *(h.id for tips in self.tool.values() for h in tips))
