"""What a demo is asked to do, and the guard against mixing two of them in one folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from purpose_agent.errors import StoreError, StoreReadOnlyError, UsageError

SETTINGS = "settings.json"
"""The file that says what a folder holds."""

PRACTICE = ("model", "random")
"""Who may decide in training what the value memory leaves open."""


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


def claim_folder(out: str | Path, settings: msgspec.Struct, what: str = "demo") -> Path:
    """Make the folder of a demo or a suite, or find the one that the same settings made.

    Args:
        out: the folder.
        settings: everything that decides the results.
        what: is played, for people.

    Raises:
        UsageError: the folder holds something with other settings, or is no folder.
        StoreError: it cannot be written, or its settings cannot be read.
    """
    folder = Path(out)
    if not str(out).strip():
        raise UsageError("out is empty; name a folder")
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{str(folder)!r} is a file; name a folder")
    path = folder / SETTINGS
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.write_bytes(msgspec.json.format(msgspec.json.encode(settings), indent=2) + b"\n")
            return folder
        kept = msgspec.json.decode(path.read_bytes(), type=type(settings))
    except OSError as e:
        raise StoreReadOnlyError(
            f"{str(folder)!r} cannot be written: {e.strerror or e}; choose another folder"
        ) from e
    except msgspec.DecodeError as e:
        raise StoreError(f"{str(path)!r} cannot be read: {e}; choose another folder") from e
    if kept != settings:
        changed = ", ".join(
            f"{name} {getattr(kept, name)!r:.100} → {getattr(settings, name)!r:.100}"
            for name in settings.__struct_fields__
            if getattr(kept, name) != getattr(settings, name)
        )
        raise UsageError(
            f"{str(folder)!r} holds a {what} with other settings ({changed}); choose another folder, "
            "or the same settings to continue it"
        )
    return folder
