"""The games of TextWorldExpress: their parameters, ranges, purposes, folds and seeds, checked before anything starts.

The ranges are those that the library (1.1) really plays, which are narrower than it says in places: more than 48
rooms crash mapreader, and twc puts away at most four items.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from purpose_agent.environments.checks import asked_seed, check_known
from purpose_agent.errors import UsageError
from purpose_agent.numeric import is_whole

SEEDS_PER_FOLD = 1000
"""Every fold has the seeds 0 to 999."""

FIRST_SEED = {"train": 0, "dev": 10_000, "test": 20_000}
"""The library's own number of each fold's seed 0; seed 3 of dev is its 10003."""


@dataclass(frozen=True)
class Parameter:
    """One whole-number parameter of a game.

    Attributes:
        name: as the library spells it.
        minimum: the least value.
        maximum: the greatest value; a parameter from 0 to 1 is a switch and takes True and False too.
        default: the value when it is not given.
        description: what it does.
    """

    name: str
    minimum: int
    maximum: int
    default: int
    description: str

    def check(self, value: object) -> int:
        """The value as the library wants it.

        Raises:
            UsageError: it is not a whole number in the range.
        """
        switch = (self.minimum, self.maximum) == (0, 1)
        if isinstance(value, bool) and switch:
            return int(value)
        if not is_whole(value):
            raise UsageError(f"{self.name} must be a whole number, got {value!r}; {self.explain()}")
        if not self.minimum <= value <= self.maximum:
            raise UsageError(f"{self.name}={value!r} is out of range; {self.explain()}")
        return value

    def explain(self) -> str:
        """The parameter in one line."""
        return f"{self.name} is {self.minimum} to {self.maximum} (default {self.default}): {self.description}"


@dataclass(frozen=True)
class Game:
    """One game.

    Attributes:
        name: as the library spells it.
        description: what it is, in one line.
        purpose: the task in words, the same for every episode (mapreader names its rooms in each episode anew).
        parameters: what can be set.
    """

    name: str
    description: str
    purpose: str
    parameters: tuple[Parameter, ...] = ()

    def check(self, given: Mapping[str, object]) -> tuple[tuple[str, int], ...]:
        """All parameters with their values, the defaults where nothing is given.

        Raises:
            UsageError: an unknown name or an impossible value.
        """
        known = {p.name: p for p in self.parameters}
        for name in given:
            if name not in known:
                listed = "; ".join(p.explain() for p in self.parameters) or "it has none"
                raise UsageError(
                    f"{name!r} is not a parameter of the game {self.name!r}; its parameters: {listed}"
                )
        return tuple((p.name, p.check(given.get(p.name, p.default))) for p in self.parameters)


def _doors(default: int) -> Parameter:
    return Parameter("includeDoors", 0, 1, default, "whether there are doors that must be opened")


def _limit(default: int) -> Parameter:
    return Parameter("limitInventorySize", 0, 1, default, "whether only a few things can be carried")


def _locations(least: int, most: int) -> Parameter:
    return Parameter("numLocations", least, most, min(most, 15), "how many rooms there are")


def _distractors(default: int) -> Parameter:
    return Parameter("numDistractorItems", 0, 10, default, "how many things lie about that are not needed")


_GAMES = (
    Game(
        "cookingworld",
        "collect, prepare and cook the ingredients of a recipe, then eat the meal",
        "You are hungry! Let's cook a delicious meal. Check the cookbook in the kitchen for the recipe. "
        "Once done, enjoy your meal!",
        (
            _locations(1, 11),
            Parameter("numIngredients", 1, 5, 3, "how many ingredients the recipe has"),
            _distractors(10),
            _doors(1),
            _limit(1),
        ),
    ),
    Game(
        "twc",
        "TextWorld Common Sense: put things where they belong",
        "Your task is to pick up objects, then place them in their usual locations in the environment.",
        (
            _locations(1, 3),
            Parameter("numItemsToPutAway", 1, 4, 4, "how many things are to be put away"),
            _doors(0),
            _limit(0),
        ),
    ),
    Game(
        "coin",
        "find and take a coin",
        "Your task is to search the environment and find the coin. Once you find the coin, take it.",
        (_locations(1, 11), _distractors(0), _doors(1), _limit(1)),
    ),
    Game(
        "mapreader",
        "fetch a coin from a named room and bring it back, with a map",
        "Your task is to take the coin, and put it into the box. The first observation names their rooms. "
        "A map is provided, that you may find helpful.",
        (
            _locations(2, 48),
            Parameter("maxDistanceApart", 1, 8, 4, "how many rooms the coin may be away"),
            Parameter("maxDistractorItemsPerLocation", 0, 3, 3, "how many other things a room may hold"),
            _doors(0),
            _limit(0),
        ),
    ),
    Game(
        "arithmetic",
        "solve a calculation and put the item with that quantity into the box",
        "Your first task is to solve the math problem. Then, pick up the item with the same quantity as the math "
        "problem answer, and place it in the box.",
    ),
    Game(
        "sorting",
        "put things into the box in order of quantity",
        "Your task is to sort objects by quantity. First, place the object with the smallest quantity in the box. "
        "Then, place the objects with the next smallest quantity in the box, and repeat until all objects have been "
        "placed in the box.",
    ),
    Game(
        "simonsays",
        "do exactly what is asked",
        "Your task is to do exactly what Simon says.",
        (
            Parameter("gameLength", 1, 1000, 5, "how many actions are asked for"),
            Parameter("numDistractors", 0, 5, 3, "how many other actions are offered"),
            Parameter("memorization", 0, 1, 0, "whether all actions are shown once, at the start"),
            Parameter("verbose", 0, 1, 0, "whether a right action is praised (with memorization)"),
        ),
    ),
    Game(
        "peckingorder",
        "read and follow the instructions found in the room",
        "Your task is to read and follow the instructions book found in the environment. Repeat this until the game "
        "is completed.",
    ),
)

GAMES: dict[str, Game] = {game.name: game for game in _GAMES}
"""The games by name."""

PRESETS: dict[str, tuple[str, dict[str, int]]] = {
    "mapreader": ("mapreader", {"numLocations": 8}),
    "mapreader-hard": ("mapreader", {"numLocations": 15, "includeDoors": 1}),
    "twc": ("twc", {"numLocations": 1, "numItemsToPutAway": 2}),
    "twc-hard": ("twc", {"numLocations": 3, "numItemsToPutAway": 2}),
    "cookingworld": ("cookingworld", {"numLocations": 1, "numIngredients": 1}),
    "cookingworld-hard": ("cookingworld", {"numLocations": 3, "numIngredients": 2}),
    "coin": ("coin", {"numLocations": 7}),
}
"""Settings worth comparing on: a name, its game and parameters. The plain ones are the easier ones."""


def find_game(name: object) -> Game:
    """The game of that name.

    Raises:
        UsageError: there is none.
    """
    game = GAMES.get(name) if isinstance(name, str) else None
    if game is None:
        raise UsageError(f"{name!r} is not a game of TextWorldExpress; choose one of {', '.join(GAMES)}")
    return game


@dataclass(frozen=True)
class Task:
    """What determines an episode completely.

    Attributes:
        game: the game's name.
        parameters: all of them, in the table's order.
        fold: ``train``, ``dev`` or ``test``.
        seed: 0 to 999 within the fold.
    """

    game: str
    parameters: tuple[tuple[str, int], ...]
    fold: str
    seed: int

    @property
    def library_seed(self) -> int:
        """The library's own number for this seed of this fold."""
        return FIRST_SEED[self.fold] + self.seed

    @property
    def parameter_text(self) -> str:
        """The parameters as the library reads them."""
        return ",".join(f"{name}={value}" for name, value in self.parameters)


def check_seed(seed: object) -> int:
    """The seed within its fold.

    Raises:
        UsageError: it is not a whole number from 0 to 999.
    """
    if not is_whole(seed) or not 0 <= seed < SEEDS_PER_FOLD:
        raise UsageError(
            f"seed={seed!r} is not a seed; seeds are whole numbers from 0 to {SEEDS_PER_FOLD - 1} in each fold"
        )
    return seed


def make_task(base: Task, seed: int | None, options: Mapping[str, Any] | None, next_seed: int) -> Task:
    """The task that a call of ``reset`` asks for.

    Args:
        base: what holds where the options say nothing; its seed is ignored.
        seed: the seed within the fold, or None.
        options: ``game``, ``fold``, ``seed`` and the game's parameters.
        next_seed: the seed when neither names one.

    Raises:
        UsageError: an option is unknown or impossible, or the two seeds differ.
    """
    rest = dict(options or {})
    game = find_game(rest.pop("game", base.game))
    fold = check_known("fold", rest.pop("fold", base.fold), FIRST_SEED)
    asked = rest.pop("seed", None)
    inherited = dict(base.parameters) if game.name == base.game else {}
    chosen = check_seed(asked_seed(seed, asked, next_seed))
    return Task(game.name, game.check({**inherited, **rest}), fold, chosen)


def explain_parameters() -> dict[str, str]:
    """What may be written in a specification, name by name, for people."""
    explained = {
        "game": "; ".join(f"{game.name} ({game.description})" for game in _GAMES),
        "preset": "instead of game: "
        + "; ".join(
            f"{name} ({game} {', '.join(f'{k}={v}' for k, v in given.items())})"
            for name, (game, given) in PRESETS.items()
        ),
        "fold": f"{', '.join(FIRST_SEED)}; {SEEDS_PER_FOLD} seeds each (default train)",
        "hide_score": "whether the score is told only when the episode is over (default false)",
        "max_steps": "where an episode ends on its own (default 25)",
    }
    for game in _GAMES:
        for parameter in game.parameters:
            line = f"{game.name}: {parameter.minimum} to {parameter.maximum} (default {parameter.default})"
            before = explained.get(parameter.name)
            explained[parameter.name] = f"{before}; {line}" if before else f"{parameter.description}; {line}"
    return explained
