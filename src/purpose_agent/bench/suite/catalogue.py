"""The suites that ship, and settings made of a user's wishes.

Presets are tuned on the train and dev folds; a test fold is opened by an explicit wish alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from purpose_agent.bench.play_rules import PRACTICE
from purpose_agent.bench.suite.arms import ARMS, OWN_MEMORY, chosen, learners_of
from purpose_agent.bench.suite.player import SCRIPTED
from purpose_agent.bench.suite.settings import SuiteSettings, World
from purpose_agent.errors import UsageError

MOST, MOST_SEED = 1_000_000, 2**63 - 1
"""Bounds on the numbers of a suite; what is larger is a slip, and a journal cannot hold it."""

OWN = "own"
"""Name of the suite that is a user's environment."""

MAIN_ARMS = (
    "random", "no_memory", "raw_steps", "raw_episodes", "placebo", "placebo_only",
    "memory_only", "ours", "oracle",
)  # fmt: skip
"""What is compared where nothing else is wished for."""


@dataclass(frozen=True)
class Suite:
    """Worlds that belong together.

    Attributes:
        name: to ask for it.
        description: in one line.
        worlds: that it consists of.
        arms: of its default comparison.
        model: its own one, for suites that bring it; "" for any.
        defaults: of its settings, where they are others than `SuiteSettings`'s.
    """

    name: str
    description: str
    worlds: tuple[World, ...]
    arms: tuple[str, ...] = MAIN_ARMS
    model: str = ""
    defaults: tuple[tuple[str, Any], ...] = ()


def _textworld(preset: str, max_steps: int = 25, *more: str, name: str = "") -> World:
    settings = ",".join((f"preset={preset}", f"max_steps={max_steps}", *more))
    return World(name=name or preset, spec=f"textworld:{settings}", max_steps=max_steps)


_GAMES = ("mapreader", "twc", "cookingworld")

_SCIENCE = (
    ("lifespan-longest-lived", 10),
    ("lifespan-longest-lived-then-shortest-lived", 10),
    ("find-living-thing", 15),
    ("find-animal", 15),
    ("find-plant", 15),
)

SUITES = {
    suite.name: suite
    for suite in (
        Suite(
            "textworld",
            "three text games, and a harder preset of each",
            (
                *(_textworld(game) for game in _GAMES),
                _textworld("mapreader", 50, "numLocations=15", name="mapreader-hard"),
                _textworld("twc", 50, "numLocations=3", name="twc-hard"),
                _textworld(
                    "cookingworld", 40, "numLocations=3", "numIngredients=2", name="cookingworld-hard"
                ),
            ),
            defaults=(("anchors", 20),),
        ),
        Suite(
            "textworld-hidden",
            "the three text games with only the final success told: Φ supplies the signal",
            tuple(_textworld(game, 25, "hide_score=true") for game in _GAMES),
            arms=("random", "no_critic", "memory_only"),
            defaults=(("model", "random"),),
        ),
        Suite(
            "scienceworld",
            "five short tasks of ScienceWorld, with the library's own splits",
            tuple(
                World(name=task, spec=f"scienceworld:preset={task}", max_steps=steps, episodes=60)
                for task, steps in _SCIENCE
            ),
            arms=("random", "raw_steps", "placebo_only", "memory_only"),
            defaults=(("tasks", 25), ("model", "random")),
        ),
        Suite(
            "textcraft",
            "crafting by recipes, at most three crafts; told which recipes lead there, or not",
            tuple(
                World(
                    name=f"recipes-{recipes}",
                    spec=f"textcraft:max_crafts=3,max_steps=10,recipes={recipes}",
                    max_steps=10,
                )
                for recipes in ("shown", "hidden")
            ),
        ),
        Suite(
            "machines",
            "machines whose buttons are known, and a reader that does what it is told: is the harness itself right?",
            (
                World(
                    name="machines",
                    spec="purpose_agent.bench.simulator.machine_park:MachinePark",
                    max_steps=2,
                ),
            ),
            arms=("no_memory", "raw_episodes", "placebo", "ours", "no_credit", "no_gate"),
            model=SCRIPTED,
        ),
        Suite(
            "smoke",
            "does everything still work? ten seconds",
            (
                World(
                    name="machines",
                    spec="purpose_agent.bench.simulator.machine_park:MachinePark",
                    max_steps=2,
                    episodes=40,
                ),
            ),
            arms=("no_memory", "raw_episodes", "placebo", "ours"),
            model=SCRIPTED,
            defaults=(("orders", 2), ("tasks", 20), ("anchors", 8)),
        ),
    )
}
"""All suites, by name."""


DEMO_ARMS = ("random", "no_memory", "memory_only", "ours")
"""What a demo compares."""


def demo_settings(
    game: str, model: str, *, episodes: int, tasks: int, max_steps: int, seed: int, practice: str
) -> SuiteSettings:
    """One training stream of one game, and the four arms that tell what its memory is worth.

    Args:
        game: a preset of TextWorldExpress such as ``mapreader``, or the specification of any environment.
        model: a model specification; with ``random`` only memory and chance are compared.
        episodes: of the training stream.
        tasks: held-out tasks that every arm plays.
        max_steps: bound on each episode.
        seed: of the stream and of all draws.
        practice: see `SuiteSettings`.

    Raises:
        UsageError: a value cannot be meant.
    """
    return make_settings(
        None,
        model,
        env=game if ":" in game else _textworld(game, max_steps).spec,
        arms=[name for name in DEMO_ARMS if model != "random" or not ARMS[name].asks_model],
        orders=1,
        tasks=tasks,
        model_tasks=tasks,
        seed=seed,
        practice=practice,
        episodes=episodes,
        max_steps=max_steps,
    )


def find_suite(name: str) -> Suite:
    """The suite of that name.

    Raises:
        UsageError: there is none.
    """
    if name not in SUITES:
        raise UsageError(f"there is no suite {name!r}; `purpose-agent bench list` shows {', '.join(SUITES)}")
    return SUITES[name]


def make_settings(
    suite: str | None,
    model: str | None = None,
    *,
    env: str | None = None,
    worlds: Sequence[str] = (),
    arms: Sequence[str] = (),
    **wishes: Any,
) -> SuiteSettings:
    """The checked settings.

    Args:
        suite: name of a suite; None with ``env``.
        model: a model specification; default: the suite's own, else ``local``.
        env: a user's environment instead of a suite.
        worlds: only these of the suite's.
        arms: names; default: the suite's.
        wishes: other fields of `SuiteSettings`, and ``episodes`` and ``max_steps`` of every world.

    Raises:
        UsageError: a value cannot be meant.
    """
    if (suite is None) == (env is None):
        raise UsageError("name a suite (`purpose-agent bench list` shows them) or give --env, not both")
    if suite is None:
        assert env is not None
        world = World(name=_name_of(env), spec=env)
        without_expert = tuple(
            name for name in MAIN_ARMS if name != "oracle"
        )  # few worlds know their solutions
        found = Suite(OWN, "your own environment", (world,), without_expert)
    else:
        found = find_suite(suite)
    if found.model and model not in (None, found.model):
        raise UsageError(f"the suite {found.name!r} brings its own model {found.model!r}; give no other")
    of_world = {name: wishes.pop(name) for name in ("episodes", "max_steps") if name in wishes}
    fields: dict[str, Any] = {**dict(found.defaults), **wishes}
    default_model = fields.pop("model", "local")
    _check_numbers({**fields, **of_world})
    names = list(arms or found.arms)
    if bool(fields.get("memory")) != (OWN_MEMORY in names):
        if arms or not fields.get("memory"):
            raise UsageError(
                f"the arm {OWN_MEMORY!r} plays with the memory of --memory module:factory; give both"
            )
        names.append(OWN_MEMORY)
    practice = fields.get("practice", "model" if found.model else "random")
    if practice not in PRACTICE:
        raise UsageError(f"practice must be one of {', '.join(PRACTICE)}, got {practice!r}")
    decided: dict[str, Any] = {
        **fields,
        "suite": found.name,
        "worlds": _worlds(found, worlds, of_world),
        "model": found.model or model or default_model,
        "arms": chosen(names),
        "practice": practice,
    }
    return _consistent(SuiteSettings(**decided))


def _worlds(suite: Suite, wanted: Sequence[str], changes: dict[str, int]) -> tuple[World, ...]:
    names = [world.name for world in suite.worlds]
    for name in wanted:
        if name not in names:
            raise UsageError(f"the suite {suite.name!r} has no world {name!r}; it has {', '.join(names)}")
    kept = [world for world in suite.worlds if not wanted or world.name in wanted]
    return tuple(
        World(
            name=world.name,
            spec=world.spec,
            max_steps=changes.get("max_steps", world.max_steps),
            episodes=changes.get("episodes", world.episodes),
            template=world.template,
        )
        for world in kept
    )


def _consistent(settings: SuiteSettings) -> SuiteSettings:
    """The settings, if the arms can be played with them.

    Raises:
        UsageError: an arm needs a language model and there is none.
    """
    for learner in learners_of(settings.arms):
        if learner.asks_model and settings.model == "random":
            needing = ", ".join(name for name in settings.arms if ARMS[name].learner == learner.name)
            raise UsageError(f"{needing}: a language model distils here; give --model another than 'random'")
    return settings


def _check_numbers(given: dict[str, Any]) -> None:
    least = {
        "orders": 1, "tasks": 1, "model_tasks": 1, "repeats": 1, "anchors": 0, "rival_episodes": 1, "seed": 0,
        "episodes": 1, "max_steps": 1,
    }  # fmt: skip
    for name, value in given.items():
        if name in least and (isinstance(value, bool) or not isinstance(value, int) or value < least[name]):
            raise UsageError(f"{name} must be a whole number of at least {least[name]}, got {value!r}")
        most = MOST_SEED if name == "seed" else MOST
        if name in least and value > most:
            raise UsageError(f"{name} must be at most {most:,}, got {value!r:.40}")


def _name_of(env: str) -> str:
    preset = re.search(r"\bpreset=([\w-]+)", env)
    if preset:
        return preset[1]
    return re.sub(r"[^A-Za-z0-9]+", "-", env).strip("-")[:40] or OWN
