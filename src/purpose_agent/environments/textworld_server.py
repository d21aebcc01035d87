"""The Java side of TextWorldExpress behind a typed face."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, cast

import msgspec

from purpose_agent.environments.java_server import GameRefusedError, JavaServer
from purpose_agent.errors import EnvironmentFailure


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


class _Interface(Protocol):
    """The methods of the library's Java object that are used."""

    def load(self, game: str, parameters: str, /) -> str | None: ...
    def getGameNames(self) -> Iterable[str]: ...
    def generateNewGameJSON(self, seed: int, fold: str, gold: bool, /) -> str: ...
    def stepJSON(self, command: str, /) -> str: ...
    def getTaskDescription(self) -> str: ...
    def getGoldActionSequence(self) -> Iterable[str]: ...


class TextWorldServer(JavaServer):
    """One Java process that plays one game at a time.

    The package's own Python class also leaves the text of an error where an observation belongs.

    Raises:
        MissingDependencyError: the package or Java is not installed.
        EnvironmentFailure: Java does not start.
    """

    title = "TextWorldExpress"
    package = "textworld_express"
    extra = "textworld"

    def __init__(self) -> None:
        super().__init__()
        made = self.call(lambda: self.jvm.textworldexpress.runtime.PythonInterface())
        self._interface = cast(_Interface, made)
        self._loaded: tuple[str, str] | None = None

    def game_names(self) -> list[str]:
        """The games the library has."""
        return list(self.call(self._interface.getGameNames))

    def load(self, game: str, parameters: str) -> None:
        """Choose the game and its parameters; nothing is done where they are chosen already.

        Raises:
            GameRefusedError: the library does not accept them.
        """
        if self._loaded == (game, parameters):
            return
        self._loaded = None
        refusal = self.call(self._interface.load, game, parameters)
        if refusal:
            raise GameRefusedError(" ".join(str(refusal).split()))
        self._loaded = game, parameters

    def new_game(self, seed: int, fold: str, *, gold: bool = False) -> Observation:
        """Start an episode; ``seed`` is the library's own number."""
        return self._decode(self.call(self._interface.generateNewGameJSON, seed, fold, gold))

    def step(self, command: str) -> Observation:
        """Carry out a command."""
        return self._decode(self.call(self._interface.stepJSON, command))

    def task_description(self) -> str:
        """The task of the present episode, in words."""
        return str(self.call(self._interface.getTaskDescription))

    def gold_path(self) -> list[str]:
        """A solution of an episode that was started with ``gold=True``."""
        return list(self.call(self._interface.getGoldActionSequence))

    def _decode(self, text: str) -> Observation:
        try:
            return msgspec.json.decode(text, type=Observation)
        except msgspec.DecodeError as error:
            raise EnvironmentFailure(f"TextWorldExpress answered {text!r:.200}: {error}") from error
