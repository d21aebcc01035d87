"""The command line in this process, in an empty folder of its own."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from purpose_agent.cli import main


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        return json.loads(self.out)


Command = Callable[..., Ended]


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs a command line given as words; the working folder is empty and holds the default store."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(Path(__file__).parent)  # `odd_worlds`
    for name in ("PURPOSE_AGENT_STORE", "PURPOSE_AGENT_DEBUG", "OPENAI_API_KEY", "HF_TOKEN", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)

    def run(*words: str) -> Ended:
        capsys.readouterr()
        code = main(words)
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        return Ended(code, said.out, said.err)

    return run


@pytest.fixture
def played(command: Command) -> str:
    """The id of a run that ended with a treasure."""
    ended = command("run", "--env", "fakes.worlds:GridTreasure", "--model", "mock", "--seed", "1", "--json")
    assert ended.code == 0, ended.err
    return ended.data["episodes"][0]["run_id"]
