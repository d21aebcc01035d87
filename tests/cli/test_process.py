"""The command as a process: pipes, encodings, Ctrl-C, and the time it takes to say hello."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]


def start(*words: str, folder: Path, **environ: str) -> subprocess.Popen[bytes]:
    paths = os.pathsep.join([str(TESTS), str(TESTS / "cli")])
    return subprocess.Popen(
        [sys.executable, "-m", "purpose_agent", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": paths, "PYTHONUTF8": "1", **environ},
    )


def finish(process: subprocess.Popen[bytes]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=60)
    return process.returncode, out.decode("utf-8"), err.decode("utf-8")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no SIGINT to one process")
def test_ctrl_c_keeps_what_was_done_and_says_how_to_go_on(tmp_path: Path):
    words = (
        "run",
        "--env",
        "odd_worlds:SlowTreasure",
        "--model",
        "mock",
        "--store",
        "kept",
        "--max-steps",
        "25",
    )
    process = start(*words, "--seed", "3", "--purpose", "Find it", folder=tmp_path, PYTHONUNBUFFERED="1")
    assert process.stdout is not None
    seen = b""
    while b"  1  " not in seen:  # the first step is done
        seen += process.stdout.readline()
    process.send_signal(signal.SIGINT)
    code, _, err = finish(process)
    assert code == 130
    assert "Traceback" not in err
    command = err.strip().splitlines()[-1].removeprefix("go on: purpose-agent ").split()
    assert command[0] == "resume"
    code, out, err = finish(start(*command, "--json", folder=tmp_path))
    data = json.loads(out)
    assert code == (0 if data["result"]["success"] else 1), err
    assert data["resumed"] == 1
    assert [s["step"] for s in data["steps"]] == list(range(1, len(data["steps"]) + 1))


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path):
    words = ("run", "--env", "fakes.worlds:GridTreasure", "--model", "mock")
    process = start(*words, folder=tmp_path, PYTHONUNBUFFERED="1")
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    err = process.stderr.read()
    process.stderr.close()
    assert process.wait(60) in (0, 141)
    assert err == b""


def test_a_terminal_without_unicode_gets_ascii(tmp_path: Path):
    words = ("run", "--env", "fakes.worlds:GridTreasure", "--model", "mock", "--seed", "1")
    process = start(*words, folder=tmp_path, PYTHONUTF8="0", PYTHONIOENCODING="ascii")
    code, out, err = finish(process)
    assert (code, err) == (0, "")
    assert out.isascii()
    assert "+ achieved in" in out
    assert "##########" in out


def test_help_is_quick_because_nothing_heavy_is_loaded(tmp_path: Path):
    code = "import sys; from purpose_agent.cli import main; main(['--help']); print(sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True
    )
    loaded = done.stdout.splitlines()[-1]
    for heavy in (
        "rich.console",
        "numpy",
        "matplotlib",
        "xllamacpp",
        "textworld_express",
        "httpx2",
    ):
        assert f"'{heavy}'" not in loaded
