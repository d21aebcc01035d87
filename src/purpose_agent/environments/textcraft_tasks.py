"""The tasks of TextCraft: what is to be crafted from what, in three folds, each with a solution."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from purpose_agent.environments.textcraft_data import FETCH_COMMAND, read
from purpose_agent.environments.textcraft_recipes import Inventory, RecipeBook, amount, read_recipes
from purpose_agent.errors import UsageError

FOLDS = {
    "train": "four of five of the package's tasks for training",
    "dev": "the fifth that is left",
    "test": "the package's tasks for validation",
}
_DEV_EVERY = 5

RECIPES = {
    "shown": "the commands that lead to the goal are told, with others that are possible at first",
    "hidden": "no recipe is told, and which commands are possible is listed all the same",
}


@dataclass(frozen=True)
class CraftingTask:
    """One task.

    Attributes:
        name: where it is in the data, such as ``train 17``.
        targets: what is to be crafted, with how many of each.
        inventory: what there is at first; none of the targets.
        crafts: how many crafts the package's own solution has, in which one may make many of a thing.
        gold: that solution as commands, each of which crafts once.
    """

    name: str
    targets: Inventory
    inventory: Inventory
    crafts: int
    gold: tuple[str, ...]

    @property
    def purpose(self) -> str:
        """The task in words."""
        wanted = ", ".join(amount(item, n) for item, n in self.targets.items())
        return f"Craft the following items from what you have: {wanted}."

    def score(self, inventory: Inventory) -> float:
        """The share of the targets that are there, each of them counting by itself, 0 to 1."""
        return sum(min(1.0, inventory.get(item, 0) / n) for item, n in self.targets.items()) / len(
            self.targets
        )


@dataclass(frozen=True)
class Library:
    """All recipes, and the tasks whose solution solves them.

    Attributes:
        recipes: of the game.
        folds: tasks by fold, in the order of the data.
    """

    recipes: RecipeBook
    folds: Mapping[str, tuple[CraftingTask, ...]]
    _told: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])

    def told(self, task: CraftingTask) -> tuple[str, ...]:
        """The commands that a task is given with, sorted; see `RecipeBook.relevant`."""
        if task.name not in self._told:  # a search of all recipes, and asked for at each step
            found = self.recipes.relevant(task.targets, task.inventory)
            self._told[task.name] = tuple(recipe.command for recipe in found)
        return self._told[task.name]

    def tasks(self, fold: str, max_crafts: int, max_steps: int) -> tuple[CraftingTask, ...]:
        """Those of a fold with so short a solution; a task's place among them is its seed.

        Args:
            fold: one of `FOLDS`.
            max_crafts: of the package's own solution; see `CraftingTask.crafts`.
            max_steps: most commands of the solution.
        """
        return tuple(t for t in self.folds[fold] if t.crafts <= max_crafts and len(t.gold) <= max_steps)


@lru_cache(maxsize=4)
def open_library(path: Path) -> Library:
    """The recipes and tasks in a place, read once in a process; see `textcraft_data.read`.

    Raises:
        UsageError: there is no such data in it.
    """
    raw = read(path)
    try:
        book = read_recipes(raw.recipes)
        train = [_task(f"train {row}", found["misc"], book) for row, found in enumerate(raw.train)]
        val = [_task(f"val {row}", found["misc"], book) for row, found in enumerate(raw.val)]
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise UsageError(
            f"{str(path)!r} holds a task or recipe that cannot be read ({error!r}); get the data with: {FETCH_COMMAND}"
        ) from None
    folds = {
        "train": [task for row, task in enumerate(train) if (row + 1) % _DEV_EVERY],
        "dev": train[_DEV_EVERY - 1 :: _DEV_EVERY],
        "test": val,
    }
    return Library(book, {fold: tuple(t for t in tasks if t is not None) for fold, tasks in folds.items()})


def explain_parameters() -> dict[str, str]:
    """What may be written in a specification, name by name, for people."""
    return {
        "fold": "; ".join(f"{name}: {text}" for name, text in FOLDS.items()) + " (default train)",
        "max_crafts": "only tasks whose solution has so many crafts at most, 1 to 13 (default 3)",
        "max_steps": "where an episode ends on its own, and tasks that need more are left out (default 10)",
        "recipes": "; ".join(f"{name}: {text}" for name, text in RECIPES.items()) + " (default shown)",
        "hide_score": "whether the score is told only when the episode is over (default false)",
        "data": "a wheel of platoon-textcraft or a folder with its content, instead of what was fetched",
    }


def _task(name: str, misc: Mapping[str, Any], book: RecipeBook) -> CraftingTask | None:
    """A task with its solution; None when the solution does not solve it, or it is solved from the start."""
    targets = {str(item): int(n) for item, n in misc["target_items"].items()}
    inventory = {str(item): int(n) for item, n in sorted(misc["initial_inventory"].items()) if n > 0}
    gold = _solution(misc["gold_trajectory"], book)
    now: Inventory = inventory
    for command in gold or ():
        recipe = book.by_command[command]
        if not recipe.possible(now):
            return None
        now = recipe.apply(now)
    task = CraftingTask(name, targets, inventory, len(misc["gold_trajectory"]), gold or ())
    solvable = bool(targets) and task.score(now) == 1.0 and not any(item in inventory for item in targets)
    return task if solvable else None


def _solution(crafts: list[Any], book: RecipeBook) -> tuple[str, ...] | None:
    """The commands of a solution in which one craft may make many of a thing; None when a recipe is unknown."""
    commands: list[str] = []
    for craft in crafts:
        made, used = craft["result_count"], craft["ingredients"]
        for recipe in book.making(craft["target"][0]):
            times, rest = divmod(made, recipe.count)
            if not rest and {item: n * times for item, n in recipe.ingredients} == used:
                commands += [recipe.command] * times
                break
        else:
            return None
    return tuple(commands)
