"""Task families whose hidden rules are known: which item changes the chance of success, when, and by how much."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from purpose_agent.types import Evidence, Heuristic, MemoryTier

BASE = 0.5
"""Chance of success when nothing is shown."""

_PURPOSES = (
    "Sort all parcels by weight.",
    "Water every plant before noon.",
    "Tune the old piano again.",
    "Count sheep until you sleep.",
)
"""Of the families; no two share as many words as one kind of tasks would."""


@dataclass(frozen=True)
class Family:
    """Tasks of one kind.

    Attributes:
        purpose: of all its tasks.
        items: ids of the memory items that are about it.
    """

    purpose: str
    items: tuple[str, ...]


@dataclass(frozen=True)
class ItemWorld:
    """Families of tasks, and what showing each item does; the effects of the items shown add up.

    Attributes:
        families: all of them; an episode belongs to any with equal chance.
        effects: item id to its effect, from the first episode on.
        change_at: the episode, counted from 0, from which on ``changed`` holds.
        changed: item id to its new effect, for the items that change.
    """

    families: tuple[Family, ...]
    effects: Mapping[str, float]
    change_at: int | None = None
    changed: Mapping[str, float] | None = None

    def effect(self, id: str, episode: int) -> float:
        """What showing an item adds to the chance of success in an episode."""
        if self.changed is not None and self.change_at is not None and episode >= self.change_at:
            return self.changed.get(id, self.effects[id])
        return self.effects[id]

    def chance(self, shown: Iterable[str], episode: int) -> float:
        """Of success. In [0, 1] without clipping, so that effects are exactly what they are called."""
        chance = BASE + sum(self.effect(id, episode) for id in shown)
        assert -1e-9 <= chance <= 1.0 + 1e-9, "the effects of a family leave [0, 1]"
        return chance

    def best(self, family: Family, episode: int) -> float:
        """The chance of success of somebody who knows all effects."""
        return BASE + sum(max(0.0, self.effect(id, episode)) for id in family.items)


def lesson(id: str) -> Heuristic:
    """A memory item of that id; its words matter to nobody here."""
    return Heuristic(
        f"case {id}",
        f"do as {id} says",
        [],
        MemoryTier.STRATEGIC,
        id=id,
        evidence=[Evidence(f"origin of {id}")],
    )


def quarters(seed: int, size: float = 0.15) -> ItemWorld:
    """Four families of ten items: a quarter of all 40 help, a quarter harm, half do nothing.

    In each family two or three help and two or three harm.

    Args:
        seed: of which item does what.
        size: of an effect; at most 1/6.
    """
    counts = ((3, 2), (2, 3), (3, 2), (2, 3))
    return _world(
        seed, [[size] * help + [-size] * harm + [0.0] * (10 - help - harm) for help, harm in counts]
    )


def eight_items(seed: int) -> ItemWorld:
    """One family of eight items: one helps by .3, one by .15, one harms by .15, five do nothing."""
    return _world(seed, [[0.3, 0.15, -0.15, 0.0, 0.0, 0.0, 0.0, 0.0]])


def with_change(world: ItemWorld, at: int, changes: Callable[[str, float], float | None]) -> ItemWorld:
    """The world with a moment at which some effects change.

    Args:
        world: without one.
        at: the first episode after it.
        changes: from an item's id and effect to its new one; None for one that stays as it is.
    """
    found = {id: changes(id, effect) for id, effect in world.effects.items()}
    return ItemWorld(
        world.families, world.effects, at, {id: new for id, new in found.items() if new is not None}
    )


def _world(seed: int, effects: list[list[float]]) -> ItemWorld:
    dice = random.Random(seed)
    families: list[Family] = []
    known: dict[str, float] = {}
    for number, of_family in enumerate(effects):
        dice.shuffle(of_family)
        ids = tuple(f"item{number}{n}" for n in range(len(of_family)))
        families.append(Family(_PURPOSES[number], ids))
        known |= dict(zip(ids, of_family, strict=True))
    return ItemWorld(tuple(families), known)
