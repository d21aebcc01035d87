"""The recipes of TextCraft: what can be made of what."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

Inventory = Mapping[str, int]
"""How many there are of each thing."""

_TAGS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "planks": (("_planks",), ()),
    "logs": (("_log", "_stem"), ()),
    "wool": (("_wool",), ()),
    "coals": ((), ("coal",)),
    "stone_tool_materials": ((), ("blackstone", "cobblestone", "stone")),
    "stone_crafting_materials": ((), ("cobblestone", "smooth_stone", "stone")),
    "wooden_slabs": ((), ()),
    "soul_fire_base_blocks": ((), ()),
    **{
        f"{wood}_logs": ((), (f"{wood}_log",))
        for wood in ("acacia", "birch", "dark_oak", "jungle", "oak", "spruce")
    },
    **{f"{wood}_stems": ((), (f"{wood}_stem",)) for wood in ("crimson", "warped")},
}
"""The game's groups of things, as the tasks were made with: how names in them end, and names."""


@dataclass(frozen=True, order=True)
class Recipe:
    """One way to make something.

    Attributes:
        product: what it makes.
        count: how many of it.
        ingredients: what it uses up, with how many of each, sorted.
    """

    product: str
    count: int
    ingredients: tuple[tuple[str, int], ...]

    @cached_property
    def command(self) -> str:
        """How the agent says it: ``craft 4 stick using 2 oak planks``."""
        used = ", ".join(amount(item, n) for item, n in self.ingredients)
        return f"craft {amount(self.product, self.count)} using {used}"

    def possible(self, inventory: Inventory) -> bool:
        """Whether the ingredients are there."""
        return all(inventory.get(item, 0) >= n for item, n in self.ingredients)

    def apply(self, inventory: Inventory) -> dict[str, int]:
        """What there is after crafting once."""
        after = Counter(inventory)
        after.subtract(dict(self.ingredients))
        after[self.product] += self.count
        return {item: n for item, n in sorted(after.items()) if n > 0}


def amount(item: str, n: int) -> str:
    """A number of things in words; names are given to people without underscores."""
    return f"{n} {item.replace('_', ' ')}"


class RecipeBook:
    """All recipes.

    Args:
        recipes: in any order.
    """

    def __init__(self, recipes: Iterable[Recipe]) -> None:
        self.recipes = tuple(sorted(set(recipes), key=lambda recipe: recipe.command))
        self.by_command = {recipe.command: recipe for recipe in self.recipes}
        self._using: dict[str, list[Recipe]] = {}
        self._making: dict[str, list[Recipe]] = {}
        for recipe in self.recipes:
            self._using.setdefault(recipe.ingredients[0][0], []).append(recipe)
            self._making.setdefault(recipe.product, []).append(recipe)

    def possible(self, inventory: Inventory) -> list[Recipe]:
        """What can be crafted now, sorted by command."""
        found = (recipe for item in inventory for recipe in self._using.get(item, ()))
        return sorted((r for r in found if r.possible(inventory)), key=lambda recipe: recipe.command)

    def making(self, product: str) -> list[Recipe]:
        """All recipes of a thing, sorted by command."""
        return list(self._making.get(product, ()))

    def relevant(self, goals: Iterable[str], inventory: Inventory) -> list[Recipe]:
        """The recipes that a task is given with, sorted by command.

        Those that lead to the goals from what there is, and as distractors all others that can be crafted at once.
        """
        reachable = self._reachable(inventory)
        wanted, queue = set[str](), list(goals)
        found = set(self.possible(inventory))
        while queue:
            item = queue.pop()
            if item in wanted:
                continue
            wanted.add(item)
            for recipe in self.making(item):
                if all(ingredient in reachable for ingredient, _ in recipe.ingredients):
                    found.add(recipe)
                    queue += (ingredient for ingredient, _ in recipe.ingredients)
        return sorted(found, key=lambda recipe: recipe.command)

    def _reachable(self, inventory: Inventory) -> set[str]:
        """What there is or can come to be, numbers aside."""
        have = set(inventory)
        while True:
            new = {
                recipe.product
                for recipe in self.recipes
                if recipe.product not in have and all(item in have for item, _ in recipe.ingredients)
            }
            if not new:
                return have
            have |= new


def read_recipes(raw: Mapping[str, Any]) -> RecipeBook:
    """The recipes in the game's own JSON, with one recipe for each thing that fits a group such as ``planks``.

    A place in a recipe that takes one of several listed things counts for nothing, and a recipe of such places only is
    left out: so the tasks were made, and their solutions need it.

    Raises:
        KeyError, TypeError, AttributeError: it is no such JSON.
    """
    slots = {name: _slots(recipe) for name, recipe in raw.items()}
    items = {_plain(s["item"]) for found in slots.values() for s in found if "item" in s}
    items |= {_plain(recipe["result"]["item"]) for recipe in raw.values()}
    recipes: list[Recipe] = []
    for name, recipe in raw.items():
        needed = Counter(_choices(slot, items) for slot in slots[name])
        result = recipe["result"]
        for chosen in itertools.product(*needed) if needed else ():
            used: Counter[str] = Counter()
            for item, n in zip(chosen, needed.values(), strict=True):
                used[item] += n
            recipes.append(
                Recipe(_plain(result["item"]), int(result.get("count", 1)), tuple(sorted(used.items())))
            )
    return RecipeBook(recipes)


def _slots(recipe: Mapping[str, Any]) -> list[dict[str, str]]:
    """The places of a recipe that take a certain thing or one of a group."""
    if "key" in recipe:
        found = [recipe["key"][sign] for row in recipe["pattern"] for sign in row if sign != " "]
    else:
        found = list(recipe["ingredients"])
    return [slot for slot in found if isinstance(slot, dict)]


def _choices(slot: Mapping[str, str], items: set[str]) -> tuple[str, ...]:
    if "item" in slot:
        return (_plain(slot["item"]),)
    endings, names = _TAGS[_plain(slot["tag"])]
    return tuple(sorted(item for item in items if item in names or (endings and item.endswith(endings))))


def _plain(name: str) -> str:
    """A name without the game's own."""
    return name.rpartition(":")[2]
