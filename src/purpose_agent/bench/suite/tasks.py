"""Which tasks of a world are learned from, in which order, and which are held out."""

from __future__ import annotations

import contextlib
from collections.abc import Collection
from typing import Any

from purpose_agent.bench.stream import (
    TRAIN,
    NoPurposeError,
    Task,
    knows_folds,
    purpose_of,
    seeds_of,
    tasks_of,
)
from purpose_agent.bench.suite.settings import SuiteSettings, World
from purpose_agent.environment_host import takes
from purpose_agent.environments import resolve_environment
from purpose_agent.errors import UsageError

_STREAMS_APART = 1009
"""Streams between those of neighbouring seeds; a prime, since in a fold of 1,000 tasks the stream that is 1,000
further on is the same one."""


def training_stream(world: World, settings: SuiteSettings, order: int) -> list[Task]:
    """The tasks of one training stream; a world with fewer tasks than episodes begins again with the first.

    Neighbouring seeds have streams of their own, as far as a fold has room for them.

    Raises:
        UsageError: the world cannot be made.
    """
    environment = resolve_environment(world.spec)
    available = _available(environment, TRAIN, world.episodes)
    count = min(world.episodes, available)
    tasks = tasks_of(environment, TRAIN, count, _STREAMS_APART * settings.seed + order)
    return [tasks[i % len(tasks)] for i in range(world.episodes)]


def held_out(world: World, settings: SuiteSettings) -> list[Task]:
    """The tasks that every arm plays: as many as were asked for, or all that the fold holds.

    Raises:
        UsageError: the world cannot be made.
    """
    environment = resolve_environment(world.spec)
    count = min(settings.tasks, _available(environment, settings.fold, settings.tasks))
    return tasks_of(environment, settings.fold, count, settings.seed, final=settings.final)


def check_world(world: World, arms: Collection[str] = ()) -> None:
    """Refuse a world that the arms cannot play.

    Args:
        world: it.
        arms: their names.

    Raises:
        UsageError: it lacks an ability, or a bound cannot be meant.
    """
    environment = resolve_environment(world.spec)
    for ability, why in (("verdict", "be graded by"), ("reset", "start each task with")):
        if not callable(getattr(environment, ability, None)):
            raise UsageError(f"{world.spec!r} has no {ability}() for the arms to {why}")
    if takes(environment.reset, "seed") is False:
        raise UsageError(
            f"{world.spec!r} has a reset() that takes no seed, so its tasks cannot be told apart"
        )
    if knows_folds(environment) and takes(environment.reset, "options") is False:
        raise UsageError(
            f"{world.spec!r} has folds, but its reset() takes no options; it is told the fold by options={{'fold': …}}"
        )
    if "oracle" in arms and not callable(getattr(environment, "gold_path", None)):
        raise UsageError(
            f"{world.spec!r} has no gold_path() for the arm 'oracle' to follow; leave it out of --arms"
        )
    _check_purpose(environment, world)


def _check_purpose(environment: Any, world: World) -> None:
    """Refuse an environment that does not say what its tasks are about.

    Those that ship say it, and some take seconds to begin a task. A task that cannot be made is no reason: the others
    may be, and it is reported when it is played.
    """
    if type(environment).__module__.startswith("purpose_agent.environments."):
        return
    try:
        purpose_of(environment, tasks_of(environment, TRAIN, 1, 0)[0])
    except NoPurposeError as e:
        raise NoPurposeError(f"{world.spec!r}: {e}") from e
    except Exception:
        return
    finally:
        if callable(getattr(environment, "close", None)):
            with contextlib.suppress(Exception):
                environment.close()


def _available(environment: Any, fold: str, wanted: int) -> int:
    seeds = seeds_of(environment, fold)
    if seeds is not None and not seeds:
        raise UsageError(f"the {fold} fold of {type(environment).__name__} holds no tasks")
    return wanted if seeds is None else len(seeds)
