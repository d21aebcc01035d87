"""TextCraft as an environment: things are crafted from other things, after the recipes of a game."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from purpose_agent.environment import Environment
from purpose_agent.environments.checks import (
    asked_seed,
    check_admissible,
    check_at_least_one,
    check_flag,
    check_known,
)
from purpose_agent.environments.textcraft_data import data_path
from purpose_agent.environments.textcraft_recipes import Inventory, amount
from purpose_agent.environments.textcraft_tasks import (
    FOLDS,
    RECIPES,
    CraftingTask,
    Library,
    open_library,
)
from purpose_agent.errors import EnvironmentFailure, UsageError
from purpose_agent.numeric import is_whole
from purpose_agent.types import Action, State, Verdict

_GENERAL_PURPOSE = "Craft the items that the task names from what you have."


class TextCraftEnvironment(Environment):
    """A task of TextCraft (Prasad et al. 2024); the data is fetched once, see `textcraft_data`.

    An action's name is a whole command, which crafts once: ``craft 4 stick using 2 oak planks``; there are no params.
    What is crafted uses up what it is made of, and nothing can be had but by crafting, so a task can become impossible.
    An object holds no episode: all that a method needs is in the state, and several runs may share one.

    ``State.data`` holds ``observation``, ``inventory`` and ``targets`` (numbers by name), ``task`` (in words),
    ``recipes`` (commands; not where they are hidden), ``score`` (see `CraftingTask.score`; not with ``hide_score``
    while the episode goes on), ``success``, ``failure`` (nothing can be crafted any more), ``admissible_actions``
    (sorted; none when the episode is over), ``fold`` and ``seed``. ``State.summary`` is the observation with the
    inventory, and before the first step the task and the recipes as well.

    Args:
        fold: ``train``, ``dev`` or ``test``; see `textcraft_tasks.FOLDS`.
        max_crafts: only tasks whose solution has so many crafts at most, where one may make many of a thing.
        max_steps: where an episode ends on its own; tasks whose solution is longer are left out.
        recipes: ``shown`` or ``hidden``.
        hide_score: whether the score is told only when the episode is over.
        data: where the data is; by default where the environment variable says, or where it was fetched to.

    Raises:
        UsageError: a value is not possible, or there is no task with it.
        MissingDependencyError: the data is not there.
    """

    def __init__(
        self,
        *,
        fold: str = "train",
        max_crafts: int = 3,
        max_steps: int = 10,
        recipes: str = "shown",
        hide_score: bool = False,
        data: str | Path | None = None,
    ) -> None:
        self.fold = check_known("fold", fold, FOLDS)
        self.max_crafts = check_at_least_one("max_crafts", max_crafts)
        self.max_steps = check_at_least_one("max_steps", max_steps)
        self.recipes = check_known("recipes", recipes, RECIPES)
        self._hide_score = check_flag("hide_score", hide_score)
        self._data = data
        self._path = data_path(data)
        self._next_seed = 0
        self._purpose = _GENERAL_PURPOSE

    @property
    def spec(self) -> str:
        """The specification that makes this environment again."""
        settings = {
            "fold": self.fold,
            "max_crafts": self.max_crafts,
            "max_steps": self.max_steps,
            "recipes": self.recipes,
            "hide_score": str(self._hide_score).lower(),
            **({"data": self._data} if self._data else {}),
        }
        return "textcraft:" + ",".join(f"{name}={value}" for name, value in settings.items())

    @property
    def seeds(self) -> range:
        """The seeds of the fold."""
        return self.seeds_of(self.fold)

    def seeds_of(self, fold: str) -> range:
        """The seeds of any fold: the places of its tasks with these settings."""
        return range(len(self._tasks(check_known("fold", fold, FOLDS))))

    @property
    def purpose(self) -> str:
        """The task in words: of the episode that was started last, before the first `reset` in general."""
        return self._purpose

    def purpose_for(self, seed: int | None = None, options: Mapping[str, Any] | None = None) -> str:
        """The task in words of the episode that ``reset(seed, options)`` would start."""
        return self._find(*self._asked(seed, options)).purpose

    def gold_path(self, seed: int | None = None, options: Mapping[str, Any] | None = None) -> list[str]:
        """Commands that solve the episode ``reset(seed, options)`` would start; they need not be the fewest."""
        return list(self._find(*self._asked(seed, options)).gold)

    def reset(self, seed: int | None = None, options: Mapping[str, Any] | None = None) -> State:
        """Start an episode; same seed and options, same episode.

        Args:
            seed: a place among the tasks of the fold, from 0; see `seeds_of`. Without one, each in turn.
            options: ``fold`` and ``seed``, for this episode.

        Raises:
            UsageError: the seed or an option is not possible.
        """
        fold, number = self._asked(seed, options)
        task = self._find(fold, number)
        if seed is None and "seed" not in (options or {}):
            self._next_seed = number + 1
        self._purpose = task.purpose
        return self._state(task, fold, number, task.inventory, "")

    def execute(self, action: Action, current_state: State) -> State:
        """Craft once.

        Raises:
            UsageError: the command is not admissible; nothing has happened.
            EnvironmentFailure: the state is none of this world's.
        """
        task, fold, number, inventory = self._read(current_state)
        if action.params:
            raise UsageError(f"{action.describe()} has params; the whole command is the action's name")
        check_admissible(action.name, self.admissible_actions(current_state))
        recipe = self._library.recipes.by_command.get(action.name)
        if recipe is None or not recipe.possible(inventory):
            raise EnvironmentFailure(
                f"{action.name!r} is listed as admissible and is not possible: the state is forged"
            )
        after = recipe.apply(inventory)
        return self._state(task, fold, number, after, f"You crafted {amount(recipe.product, recipe.count)}.")

    def is_terminal(self, state: State) -> bool:
        """Whether the task is achieved, or nothing can be crafted any more."""
        return bool(state.data.get("success") or state.data.get("failure"))

    def admissible_actions(self, state: State) -> list[str]:
        """What can be crafted in a state, sorted; nothing when the episode is over."""
        return list(state.data.get("admissible_actions", ()))

    def verdict(self, state: State) -> Verdict | None:
        """Ground truth: the share of the targets that are crafted; None for a state of no task."""
        data = state.data
        if "success" not in data or "targets" not in data:
            return None
        if "score" not in data:
            return Verdict(None, False, "not finished; the score is hidden")
        if data["success"]:
            return Verdict(1.0, True, "all items are crafted")
        if data["failure"]:
            return Verdict(data["score"], False, "nothing can be crafted any more")
        return Verdict(data["score"], False, f"{data['score']:.0%} of the items are crafted")

    # -- tasks ------------------------------------------------------------------------------------------------------

    @cached_property
    def _library(self) -> Library:
        return open_library(self._path)

    def _tasks(self, fold: str) -> tuple[CraftingTask, ...]:
        found = self._library.tasks(fold, self.max_crafts, self.max_steps)
        if not found:
            raise UsageError(
                f"no task of the fold {fold} has a solution of at most max_crafts={self.max_crafts} crafts and "
                f"max_steps={self.max_steps} commands; raise them"
            )
        return found

    def _asked(self, seed: int | None, options: Mapping[str, Any] | None) -> tuple[str, int]:
        """The fold and the seed that a call of `reset` asks for."""
        rest = dict(options or {})
        fold, other = check_known("fold", rest.pop("fold", self.fold), FOLDS), rest.pop("seed", None)
        if rest:
            raise UsageError(f"{next(iter(rest))!r} is not an option of an episode; there are fold, seed")
        return fold, asked_seed(seed, other, self._next_seed % len(self._tasks(fold)))

    def _find(self, fold: str, seed: Any) -> CraftingTask:
        tasks = self._tasks(fold)
        if not is_whole(seed) or not 0 <= seed < len(tasks):
            raise UsageError(
                f"seed={seed!r} is not a seed; the fold {fold} has the seeds 0 to {len(tasks) - 1} with "
                f"max_crafts={self.max_crafts} and max_steps={self.max_steps}"
            )
        return tasks[seed]

    # -- states -----------------------------------------------------------------------------------------------------

    def _state(self, task: CraftingTask, fold: str, seed: int, inventory: Inventory, event: str) -> State:
        """What is to be seen after an event, or at first when there was none."""
        score = task.score(inventory)
        possible = [recipe.command for recipe in self._library.recipes.possible(inventory)]
        over = score == 1.0 or not possible
        data: dict[str, Any] = {
            "observation": event or "You look at what you have.",
            "inventory": dict(inventory),
            "targets": dict(task.targets),
            "task": task.purpose,
            "success": score == 1.0,
            "failure": over and score < 1.0,
            "admissible_actions": [] if over else possible,
            "fold": fold,
            "seed": seed,
        }
        if over or not self._hide_score:
            data["score"] = score
        lines = [event] if event else [f"Task: {task.purpose}"]
        if self.recipes == "shown":
            data["recipes"] = list(self._library.told(task))
            if not event:
                lines += ["Crafting commands:", *data["recipes"]]
        lines += ["You have:", *(amount(item, n) for item, n in inventory.items())]
        return State(data, "\n".join(lines))

    def _read(self, state: State) -> tuple[CraftingTask, str, int, dict[str, int]]:
        """The task and the inventory of a state."""
        data: Mapping[str, Any] = state.data
        try:
            fold, seed = check_known("fold", data["fold"], FOLDS), data["seed"]
            inventory = {str(item): n for item, n in data["inventory"].items()}
            if not all(is_whole(n) and n > 0 for n in inventory.values()):
                raise UsageError(f"inventory={data['inventory']!r:.200} does not hold whole numbers above 0")
            return self._find(fold, seed), fold, seed, inventory
        except (KeyError, AttributeError, UsageError) as error:
            raise EnvironmentFailure(
                f"the state {state.describe()!r:.200} is none of {self.spec} ({error}); call reset first"
            ) from None
