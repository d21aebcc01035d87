"""What a demo is asked to do."""

from __future__ import annotations

from typing import Any

import msgspec

from purpose_agent.bench.play_rules import PRACTICE
from purpose_agent.errors import UsageError


class DemoSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that decides a demo's results.

    Attributes:
        world: specification of the environment.
        model: specification of the model.
        episodes: training episodes.
        tasks: held-out tasks that every arm plays.
        max_steps: bound on each episode.
        seed: of the streams of tasks and of the random policy.
        practice: who decides in training what the value memory leaves open: ``model``, or ``random``. A model that
            always prefers the same explores little.
    """

    world: str
    model: str
    episodes: int
    tasks: int
    max_steps: int
    seed: int
    practice: str = "model"


def make_settings(
    game: str, model: str, episodes: int, tasks: int, max_steps: int, seed: int, practice: str = "model"
) -> DemoSettings:
    """The checked settings.

    Args:
        game: a preset of TextWorldExpress such as ``mapreader``, or the specification of any environment.
        model: a model specification.
        episodes: see `DemoSettings`.
        tasks: see `DemoSettings`.
        max_steps: see `DemoSettings`.
        seed: see `DemoSettings`.
        practice: see `DemoSettings`.

    Raises:
        UsageError: a value cannot be meant.
    """
    for name, value, least in (
        ("episodes", episodes, 1),
        ("tasks", tasks, 1),
        ("max_steps", max_steps, 1),
        ("seed", seed, 0),
    ):
        given: Any = value
        if isinstance(given, bool) or not isinstance(given, int) or given < least:
            raise UsageError(f"{name} must be a whole number of at least {least}, got {value!r}")
    if practice not in PRACTICE:
        raise UsageError(f"practice must be one of {', '.join(PRACTICE)}, got {practice!r}")
    world = game if ":" in game else f"textworld:preset={game},max_steps={max_steps}"
    return DemoSettings(
        world=world,
        model=model,
        episodes=episodes,
        tasks=tasks,
        max_steps=max_steps,
        seed=seed,
        practice=practice,
    )
