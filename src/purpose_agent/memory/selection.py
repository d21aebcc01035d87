"""The memory items chosen for one task, and what chance decided about them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from purpose_agent.types import Heuristic, MemoryTier


@dataclass(frozen=True)
class Selection:
    """The items chosen for one task, best first in each tier.

    Attributes:
        strategic: lessons for the prompt's prefix.
        procedural: procedures for the index in the prefix.
        tool: action name to the tips that come with that action's observations, withheld ones too.
        withheld: ids of the items that chance or doubt withheld.
        propensities: item id to the probability with which it was to be shown, for items that chance decided about.
    """

    strategic: tuple[Heuristic, ...] = ()
    procedural: tuple[Heuristic, ...] = ()
    tool: Mapping[str, tuple[Heuristic, ...]] = field(default_factory=dict[str, tuple[Heuristic, ...]])
    withheld: frozenset[str] = frozenset()
    propensities: Mapping[str, float] = field(default_factory=dict[str, float])

    @property
    def items(self) -> Iterator[Heuristic]:
        """All of them; of the prefix those that are shown."""
        yield from (*self.strategic, *self.procedural)
        for tips in self.tool.values():
            yield from tips

    @property
    def prefix_ids(self) -> tuple[str, ...]:
        """Ids of the items in the prompt's prefix: shown from the first step on."""
        return tuple(h.id for h in (*self.strategic, *self.procedural))

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of all items that may be shown; a tool tip counts as shown only once its action was taken."""
        return tuple(h.id for h in self.items if h.id not in self.withheld)

    @property
    def withheld_prefix(self) -> list[str]:
        """Ids of the items that would be in the prompt's prefix, had they not been withheld at random."""
        tips = self.withheld_tips
        return sorted(id for id in self.withheld if id in self.propensities and id not in tips)

    @property
    def withheld_tips(self) -> list[str]:
        """Ids of the tips that will not come with their action's observations."""
        return sorted({h.id for tips in self.tool.values() for h in tips} & self.withheld)

    def without(self, withheld: frozenset[str], propensities: Mapping[str, float]) -> Selection:
        """What is left of it when some of its items are withheld."""
        return replace(
            self,
            strategic=tuple(h for h in self.strategic if h.id not in withheld),
            procedural=tuple(h for h in self.procedural if h.id not in withheld),
            withheld=withheld,
            propensities=propensities,
        )

    def with_item(self, item: Heuristic) -> Selection:
        """The selection with one more item, first in its tier."""
        match item.tier:
            case MemoryTier.STRATEGIC:
                return replace(self, strategic=(item, *self.strategic))
            case MemoryTier.PROCEDURAL:
                return replace(self, procedural=(item, *self.procedural))
            case MemoryTier.TOOL:
                action = item.pattern.strip()
                return replace(self, tool={**self.tool, action: (item, *self.tool.get(action, ()))})

    def without_item(self, id: str) -> Selection:
        """The selection without an item."""
        kept = {action: tuple(h for h in tips if h.id != id) for action, tips in self.tool.items()}
        return replace(
            self,
            strategic=tuple(h for h in self.strategic if h.id != id),
            procedural=tuple(h for h in self.procedural if h.id != id),
            tool={action: tips for action, tips in kept.items() if tips},
            withheld=self.withheld - {id},
        )
