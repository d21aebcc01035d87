"""The Java side of TextWorldExpress behind a typed face; nothing else here knows py4j."""

from __future__ import annotations

import importlib
import os
import weakref
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol, cast

import msgspec

from purpose_agent.environments.java import JavaProcess
from purpose_agent.errors import EnvironmentFailure, MissingDependencyError

CALL_SECONDS = 120
"""How long one call may take before the game counts as gone."""


class Observation(msgspec.Struct, frozen=True):
    """What the library says after a reset or a step.

    Attributes:
        observation: the answer to the last command.
        look: the description of the room.
        inventory: what is carried, as text.
        commands: what may be done now; may hold duplicates, in no order.
        score: -1 to 1.
        success: whether the task is achieved.
        failure: whether it can no longer be.
    """

    observation: str
    look: str
    inventory: str
    commands: list[str] = msgspec.field(name="validActions")
    score: float
    success: bool = msgspec.field(name="tasksuccess")
    failure: bool = msgspec.field(name="taskfailure")


class GameRefusedError(Exception):
    """The library refused a request and lives on; the message is its own."""


class _Interface(Protocol):
    """The methods of the library's Java object that are used."""

    def load(self, game: str, parameters: str, /) -> str | None: ...
    def getGameNames(self) -> Iterable[str]: ...
    def generateNewGameJSON(self, seed: int, fold: str, gold: bool, /) -> str: ...
    def stepJSON(self, command: str, /) -> str: ...
    def getTaskDescription(self) -> str: ...
    def getGoldActionSequence(self) -> Iterable[str]: ...


class TextWorldServer:
    """One Java process that plays one game at a time.

    The package's own Python class is not used: it opens a port without a password and a second one for callbacks,
    wants ``java`` on ``PATH``, and leaves the text of an error where an observation belongs.

    Raises:
        MissingDependencyError: the package or Java is not installed.
        EnvironmentFailure: Java does not start.
    """

    def __init__(self) -> None:
        try:
            folder = Path(importlib.import_module("textworld_express.constants").JAR_PATH).parent
            py4j: Any = importlib.import_module("py4j.java_gateway")
            self._errors: Any = importlib.import_module("py4j.protocol")
        except ImportError as error:
            raise MissingDependencyError("textworld_express", "textworld") from error
        self.process = JavaProcess([Path(py4j.find_jar_path()), folder / "textworld-express.jar"], folder)
        gateway = _connect(py4j, self.process)
        self.close = weakref.finalize(self, _close, gateway, self.process)
        """End Java; also called when this object is collected and when Python exits."""
        made = self._call(lambda: gateway.jvm.textworldexpress.runtime.PythonInterface())
        self._interface = cast(_Interface, made)

    @property
    def usable(self) -> bool:
        """Whether calls can succeed: not closed, alive, and started by this process, not by its parent."""
        return self.close.alive and self.process.alive and self.process.owner == os.getpid()

    def game_names(self) -> list[str]:
        """The games the library has."""
        return list(self._call(self._interface.getGameNames))

    def load(self, game: str, parameters: str) -> None:
        """Choose the game and its parameters.

        Raises:
            GameRefusedError: the library does not accept them.
        """
        refusal = self._call(self._interface.load, game, parameters)
        if refusal:
            raise GameRefusedError(" ".join(str(refusal).split()))

    def new_game(self, seed: int, fold: str, *, gold: bool = False) -> Observation:
        """Start an episode; ``seed`` is the library's own number."""
        return self._decode(self._call(self._interface.generateNewGameJSON, seed, fold, gold))

    def step(self, command: str) -> Observation:
        """Carry out a command."""
        return self._decode(self._call(self._interface.stepJSON, command))

    def task_description(self) -> str:
        """The task of the present episode, in words."""
        return str(self._call(self._interface.getTaskDescription))

    def gold_path(self) -> list[str]:
        """A solution of an episode that was started with ``gold=True``."""
        return list(self._call(self._interface.getGoldActionSequence))

    def _decode(self, text: str) -> Observation:
        try:
            return msgspec.json.decode(text, type=Observation)
        except msgspec.DecodeError as error:
            raise EnvironmentFailure(f"TextWorldExpress answered {text!r:.200}: {error}") from error

    def _call(self, function: Any, *arguments: object) -> Any:
        try:
            return function(*arguments)
        except self._errors.Py4JJavaError as error:
            lines = str(error).splitlines()
            raise GameRefusedError(lines[1].lstrip(": ") if len(lines) > 1 else str(error)) from error
        except (self._errors.Py4JError, OSError) as error:
            self.close()
            raise EnvironmentFailure(
                f"the Java process of TextWorldExpress is gone ({error}); reset starts a new one. "
                f"Its last words: {self.process.last_words or 'none'}"
            ) from error


def _connect(py4j: Any, process: JavaProcess) -> Any:
    """A py4j gateway on the process; no connection is made before the first call."""

    class OnceClient(py4j.GatewayClient):
        """Sends a command once. The original sends a lost one again, and prints a traceback."""

        def send_command(self, command: str, retry: bool = True, binary: bool = False) -> str:
            connection = self._get_connection()
            try:
                answer = connection.send_command(command)
            except BaseException:  # an interrupted connection still holds the answer nobody read
                connection.close(reset=True)
                raise
            self._give_back_connection(connection)
            return answer

    parameters = py4j.GatewayParameters(
        address="127.0.0.1",
        port=process.port,
        auth_token=process.token,
        read_timeout=CALL_SECONDS,
        enable_memory_management=False,
    )
    gateway = py4j.JavaGateway(gateway_parameters=parameters)
    gateway.set_gateway_client(OnceClient(gateway_parameters=parameters))
    return gateway


def _close(gateway: Any, process: JavaProcess) -> None:
    if os.getpid() != process.owner:
        return
    try:
        gateway.close()
    finally:
        process.stop()
