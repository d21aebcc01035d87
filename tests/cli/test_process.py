"""The command as a process: pipes, encodings, Ctrl-C, and the time it takes to say hello."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).parents[1]
GIVEN = [os.path.abspath(p) for p in os.environ.get("PYTHONPATH", "").split(os.pathsep) if p]


def start(
    *words: str, folder: Path, stdout: Any = subprocess.PIPE, shell: str = "", **environ: str
) -> subprocess.Popen[bytes]:
    """The command as a process, begun by a line of shell if one is given."""
    paths = os.pathsep.join([str(TESTS), str(TESTS / "cli"), *GIVEN])
    around = ["sh", "-c", shell] if shell else []
    return subprocess.Popen(
        [*around, sys.executable, "-m", "purpose_agent", *words],
        stdout=stdout,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": paths, "PYTHONUTF8": "1", **environ},
    )


def finish(process: subprocess.Popen[bytes]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=60)
    return process.returncode, (out or b"").decode("utf-8"), err.decode("utf-8")


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


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no SIGINT to one process")
def test_ctrl_c_is_answered_while_the_environment_blocks_and_a_second_one_stops_at_once(tmp_path: Path):
    words = ("run", "--env", "odd_worlds:Stuck", "--model", "mock", "--purpose", "Find it", "--json")
    process = start(*words, folder=tmp_path)
    assert process.stderr is not None
    for awaited in (b"stuck", b"Ctrl-C again stops at once"):
        while awaited not in (line := process.stderr.readline()):
            assert line, "it ended early"
        process.send_signal(signal.SIGINT)
    code, out, err = finish(process)
    assert code == 130
    assert "Traceback" not in err
    data = json.loads(out)
    (episode,) = data["episodes"]
    assert data["interrupted"] is True
    assert (episode["stop_reason"], episode["success"], episode["seed"]) == ("interrupted", False, 0)
    assert f"go on: purpose-agent resume {episode['run_id']}" in err
    _, out, _ = finish(start("runs", "--unfinished", "--json", folder=tmp_path))
    assert [run["run_id"] for run in json.loads(out)] == [episode["run_id"]]


@pytest.mark.parametrize("episodes", ["1", "2"])
def test_json_is_all_there_is_whatever_the_environment_prints(tmp_path: Path, episodes: str):
    words = ("run", "--env", "odd_worlds:Chatty", "--model", "mock", "--max-steps", "2", "--json")
    code, out, err = finish(start(*words, "--episodes", episodes, folder=tmp_path))
    assert code in (0, 1)
    assert len(json.loads(out)["episodes"]) == int(episodes)
    for said in ("python says", "native code says so", "a child says so"):
        assert said in err


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        ["envs", "--json"],
        ["run", "--env", "fakes.worlds:GridTreasure", "--model", "mock", "--max-steps", "1"],
    ],
    ids=" ".join,
)
def test_standard_output_that_takes_nothing_is_an_error(tmp_path: Path, words: list[str], unbuffered: str):
    with open("/dev/full", "wb") as full:
        process = start(*words, folder=tmp_path, stdout=full, PYTHONUNBUFFERED=unbuffered)
        code, _, err = finish(process)
    assert code == 3
    assert err == "error: cannot write to standard output: No space left on device\n"


@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX shell")
def test_without_standard_output_nothing_is_begun(tmp_path: Path):
    words = ["run", "--env", "fakes.worlds:GridTreasure", "--model", "mock"]
    code, _, err = finish(start(*words, folder=tmp_path, shell='exec "$0" "$@" >&-'))
    assert (code, err) == (3, "error: cannot write to standard output: it is closed\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX shell")
def test_without_standard_error_json_is_still_all_there_is(tmp_path: Path):
    words = ["run", "--env", "odd_worlds:Chatty", "--model", "mock", "--max-steps", "2", "--json"]
    _, out, _ = finish(start(*words, folder=tmp_path, shell='exec "$0" "$@" 2>&-'))
    assert len(json.loads(out)["episodes"]) == 1


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
