"""The Java side of ScienceWorld behind a typed face."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol, cast

from purpose_agent.environments.java import FAST_START
from purpose_agent.environments.java_server import GameRefusedError, JavaServer
from purpose_agent.errors import EnvironmentFailure

_PIECE = 100
"""How many texts are fetched at once. An answer above 8 kB takes two packets, and the second waits 40 ms."""

ARTICLES = frozenset({"a", "an", "the"})
"""Words that the library passes over."""

UNKNOWN = "No known action matches that input."
"""What the library says to a command that it does not understand; nothing has happened then."""

AMBIGUOUS = "Ambiguous request"
"""How the library's question begins when a command has several meanings; the answer is a number."""


@dataclass(frozen=True)
class Observation:
    """What the library says after a load or a step.

    Attributes:
        observation: the answer to the last command.
        look: the description of the room.
        inventory: what is carried, as text.
        score: 0 to 1; -1 when the task has failed.
        over: whether the episode is over.
    """

    observation: str
    look: str
    inventory: str
    score: float
    over: bool

    @property
    def success(self) -> bool:
        """Whether the task is achieved."""
        return self.over and round(100 * self.score) >= 100

    @property
    def failure(self) -> bool:
        """Whether it can no longer be."""
        return self.over and not self.success


class _Interface(Protocol):
    """The methods of the library's Java object that are used."""

    def load(self, task: str, variation: int, simplification: str, gold: bool, /) -> str: ...
    def step(self, command: str, /) -> str: ...
    def getTaskNames(self) -> Iterable[str]: ...
    def getTaskMaxVariations(self, task: str, /) -> int: ...
    def getVariationsTrain(self) -> Iterable[int]: ...
    def getVariationsDev(self) -> Iterable[int]: ...
    def getVariationsTest(self) -> Iterable[int]: ...
    def getPossibleSimplifications(self) -> str: ...
    def getValidActionObjectCombinations(self) -> Any: ...
    def getGoldActionSequence(self) -> Iterable[str]: ...
    def getTaskDescription(self) -> str: ...
    def getScore(self) -> float: ...
    def getCompleted(self) -> bool: ...
    def freeActionLook(self) -> str: ...
    def freeActionInventory(self) -> str: ...
    def agentInterface(self) -> Any: ...
    def agent(self) -> Any: ...


class ScienceWorldServer(JavaServer):
    """One Java process that plays one episode at a time.

    Left alone, the library's episodes cannot be repeated. It keeps things in sets that are ordered by where Java
    happened to put them, so these get an order of their own here; and what moves by itself shares one source of random
    numbers with the list of valid commands, so that source is seeded before every command and every list.

    Raises:
        MissingDependencyError: the package or Java is not installed.
        EnvironmentFailure: Java does not start.
    """

    title = "ScienceWorld"
    package = "scienceworld"
    extra = "scienceworld"
    options = (
        *FAST_START,
        "-XX:+IgnoreUnrecognizedVMOptions",
        "-XX:+UnlockExperimentalVMOptions",
        "-XX:hashCode=2",
    )

    def __init__(self) -> None:
        super().__init__()
        self._interface = cast(
            _Interface, self.call(lambda: self.jvm.scienceworld.runtime.pythonapi.PythonInterface())
        )
        self._random: Any = self.call(lambda: getattr(getattr(self.jvm.scala.util, "Random$"), "MODULE$"))
        self._wrap: Any = self.call(lambda: self.jvm.scala.collection.JavaConversions)
        self._array: Any = self.call(lambda: self.jvm.scala.collection.mutable.WrappedArray)
        self._parsing: Any = self.call(lambda: self.jvm.scienceworld.input.InputParser)
        self._episode = ""
        self._steps = 0

    def task_names(self) -> list[str]:
        """The tasks the library has."""
        return list(self.call(self._interface.getTaskNames))

    def simplifications(self) -> list[str]:
        """The simplifications the library has."""
        return str(self.call(self._interface.getPossibleSimplifications)).split(", ")

    def folds(self) -> dict[str, list[int]]:
        """The variations of each fold of the task that is loaded."""
        game = self._interface
        lists = {
            "train": game.getVariationsTrain,
            "dev": game.getVariationsDev,
            "test": game.getVariationsTest,
        }
        return {fold: list(self.call(ask)) for fold, ask in lists.items()}

    def load(self, task: str, variation: int, simplification: str, *, gold: bool = False) -> Observation:
        """Start an episode.

        Its own ``reset`` is not used: it makes the solution anew once one was asked for.

        Raises:
            GameRefusedError: the library cannot make it.
        """
        refusal = self.call(self._interface.load, task, variation, simplification, gold)
        if refusal:
            raise GameRefusedError(" ".join(str(refusal).split()))
        self._episode, self._steps = f"{task} {variation}", 0
        return self.step("look around")  # costs no time, and the score is not known before

    def step(self, command: str) -> Observation:
        """Carry out a command."""
        self._seed("step")
        game = self._interface
        said = str(self.call(game.step, command))
        if said != UNKNOWN:
            self._steps += 1
        score, over = float(self.call(game.getScore)), bool(self.call(game.getCompleted))
        if score < 0:  # the library calls only an achieved task completed
            over = True
            self._complain()
        look, inventory = self.call(game.freeActionLook), self.call(game.freeActionInventory)
        return Observation(said, str(look), str(inventory), score, over)

    def commands(self) -> list[str]:
        """What may be done now, the library's own list, in no order.

        It costs several steps, and about a quarter of it is about things out of reach (in a closed cupboard, say),
        which the library then does not understand.
        """
        self._seed("list")
        valid = self.call(self._interface.getValidActionObjectCombinations)
        return self._texts(self.call(self._wrap.iterableAsScalaIterable, valid))

    def names(self) -> set[str]:
        """All names of all things within reach, as the library compares them with a command."""
        agent = self.call(self.call(self._interface.agent).get)
        interface = self.call(self.call(self._interface.agentInterface).get)
        room = self.call(self.call(interface.getAgentVisibleObjects, True)._2)
        parser = self.call(interface.inputParser)
        arrays = (
            self.call(parser.getAllReferents, room, True),
            self.call(self._parsing.getPossibleReferents, agent, room),
        )
        texts = (text for array in arrays for text in self._texts(self.call(self._array.make, array)))
        return {" ".join(word for word in text.split() if word not in ARTICLES) for text in texts}

    def task_description(self) -> str:
        """The task of the present episode, in words."""
        return str(self.call(self._interface.getTaskDescription))

    def gold_path(self) -> list[str]:
        """A solution of an episode that was loaded with ``gold=True``."""
        return list(self.call(self._interface.getGoldActionSequence))

    def _seed(self, purpose: str) -> None:
        text = f"{purpose} {self._steps} {self._episode}".encode()
        digest = int.from_bytes(hashlib.blake2b(text, digest_size=7).digest(), "big")
        self.call(self._random.setSeed, digest | 1 << 56)  # always a Java long

    def _texts(self, sequence: Any) -> list[str]:
        """A Scala sequence of texts, in few calls."""
        texts: list[str] = []
        for start in range(0, self.call(sequence.size), _PIECE):
            piece = self.call(sequence.slice, start, start + _PIECE)
            texts += str(self.call(piece.mkString, "\n")).split("\n")
        return texts

    def _complain(self) -> None:
        """Tell a failed task from a library that broke, which reports the same score.

        Raises:
            EnvironmentFailure: it broke.
        """
        agent = self.call(self.call(self._interface.agentInterface).get)
        if self.call(agent.isInErrorState):
            raise EnvironmentFailure(
                f"ScienceWorld failed in {self._episode}: {self.call(agent.getErrorStateMessage)}; "
                "reset starts the episode anew"
            )
