"""A game in a Java process as an environment: what is the same whatever the game is."""

from __future__ import annotations

import contextlib
import threading
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from purpose_agent.environment import Environment
from purpose_agent.environments.game_text import tidy
from purpose_agent.environments.java_server import GameRefusedError
from purpose_agent.errors import EnvironmentFailure, UsageError
from purpose_agent.types import Action, State


class UnknownCommandError(Exception):
    """A game does not know a command; nothing has happened."""


class Seen(Protocol):
    """What a game says after a start or a step."""

    @property
    def success(self) -> bool:
        """Whether the task is achieved."""
        ...


TaskT = TypeVar("TaskT")
SeenT = TypeVar("SeenT", bound=Seen)
AnswerT = TypeVar("AnswerT", bound=Seen, covariant=True)


class Server(Protocol[AnswerT]):
    """The Java process of a game; its ``close`` ends it."""

    close: Any

    @property
    def usable(self) -> bool:
        """Whether calls can succeed."""
        ...

    def step(self, command: str) -> AnswerT:
        """Carry out a command."""
        ...

    def task_description(self) -> str:
        """The task of the present episode, in words."""
        ...

    def gold_path(self) -> list[str]:
        """A solution of an episode that was started with one."""
        ...


ServerT = TypeVar("ServerT", bound=Server[Any])


@dataclass
class Episode(Generic[TaskT]):
    """What is being played: how to get there again, and where it stands."""

    task: TaskT
    description: str
    commands: list[str]
    position: tuple[Any, ...]


class JavaWorld(Environment, Generic[TaskT, SeenT, ServerT]):
    """One game, one Java process, one episode at a time.

    The process starts at the first `reset` and serves all episodes until `close`. Calls may come from several threads
    and wait for each other. Questions about other episodes are answered by the same process; the running one is then
    replayed before its next step.
    """

    exclusive = True
    """One object plays one episode at a time."""

    title: str
    """What people call the game."""

    def __init__(self) -> None:
        self._next_seed = 0
        self._lock = threading.RLock()
        self._server: ServerT | None = None
        self._episode: Episode[TaskT] | None = None
        self._moved = False  # whether the game was used for something else since the episode's last step

    # -- what a game gives ------------------------------------------------------------------------------------------

    @property
    @abstractmethod
    def _general_purpose(self) -> str:
        """The task in words before there is an episode."""

    @abstractmethod
    def _new_server(self) -> ServerT: ...

    @abstractmethod
    def _task(self, seed: int | None, options: Mapping[str, Any] | None) -> TaskT:
        """The task that ``reset(seed, options)`` asks for."""

    @abstractmethod
    def _load(self, server: ServerT, task: TaskT, *, gold: bool) -> SeenT:
        """Set the game to the start of a task."""

    @abstractmethod
    def _refused(self, task: TaskT, error: GameRefusedError) -> UsageError:
        """Why the game cannot make a task, and what to do."""

    @abstractmethod
    def _options_of(self, state: State) -> dict[str, Any]:
        """The options for `reset` that a state tells."""

    @abstractmethod
    def _try(self, seen: SeenT, command: str) -> SeenT | None:
        """Carry out a command after ``seen``; None when the game does not know it there."""

    @abstractmethod
    def _observe(self, episode: Episode[TaskT], seen: SeenT) -> State:
        """The state that an observation makes, remembered as where the episode stands."""

    @abstractmethod
    def _position(self, state: State) -> tuple[Any, ...]:
        """What tells the states of an episode apart."""

    # -- what all offer ---------------------------------------------------------------------------------------------

    @property
    def purpose(self) -> str:
        """The task in words: of the running episode, before the first `reset` of the game in general."""
        with self._lock:
            return self._episode.description if self._episode else self._general_purpose

    def purpose_for(self, seed: int | None = None, options: Mapping[str, Any] | None = None) -> str:
        """The task in words of the episode that ``reset(seed, options)`` would start; a running one goes on."""
        with self._lock:
            self._begin(self._task(seed, options))
            self._moved = True
            return tidy(self._running().task_description())

    def is_terminal(self, state: State) -> bool:
        """Whether the task is achieved or has failed."""
        return bool(state.data.get("success") or state.data.get("failure"))

    def restore(
        self,
        state: State,
        actions: Sequence[Action],
        seed: int | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> State:
        """Bring the game back to where a run was left: reset, give the same commands again, and compare.

        Args:
            state: where the run was left.
            actions: all that were executed; those the game never saw are passed over.
            seed: as it was given to `reset`; without one that of ``state`` is used.
            options: as they were given to `reset`.

        Raises:
            EnvironmentFailure: the result is not ``state``.
        """
        with self._lock:
            asked = self._options_of(state) | dict(options or {})
            if seed is not None and seed != asked.get("seed"):
                asked.pop("seed", None)
            now = self._start(self._task(seed, asked))
            for action in actions:
                with contextlib.suppress(UsageError):
                    now = self.execute(action, now)
            if now.fingerprint != state.fingerprint:
                raise EnvironmentFailure(
                    f"replaying {len(actions)} actions led to {now.describe()!r:.200} instead of "
                    f"{state.describe()!r:.200}; the game or its parameters have changed: start anew"
                )
            return now

    def gold_path(self, seed: int | None = None, options: Mapping[str, Any] | None = None) -> list[str]:
        """Commands that solve the episode ``reset(seed, options)`` would start; a running one goes on.

        The library's own solution, which need not be the shortest, without its commands that the game does not know.

        Raises:
            EnvironmentFailure: the library's solution does not solve it.
        """
        with self._lock:
            task = self._task(seed, options)
            self._begin(task, gold=True)
            self._moved = True
            commands: list[str] = []
            proposed = self._running().gold_path()
            seen = self._begin(task)
            for command in proposed:
                after = None if seen.success else self._try(seen, command)
                if after is not None:
                    seen = after
                    commands.append(command)
            if not seen.success:
                raise EnvironmentFailure(f"the library's own solution does not solve {task}")
            return commands

    def close(self) -> None:
        """End the Java process. A later `reset` starts a new one."""
        with self._lock:
            server, self._server, self._episode = self._server, None, None
            if server is not None:
                server.close()

    # -- the running episode ----------------------------------------------------------------------------------------

    def _running(self) -> ServerT:
        """The Java process, started when there is none; one that a parent process started is left to it."""
        if self._server is None or not self._server.usable:
            self._moved = True
            self._server = self._new_server()
        return self._server

    def _begin(self, task: TaskT, *, gold: bool = False) -> SeenT:
        """Set the game to the start of a task."""
        try:
            return self._load(self._running(), task, gold=gold)
        except GameRefusedError as error:
            raise self._refused(task, error) from error

    def _start(self, task: TaskT) -> State:
        self._episode = None
        seen = self._begin(task)
        self._episode = Episode(task, tidy(self._running().task_description()), [], ())
        self._moved = False
        return self._observe(self._episode, seen)

    def _current(self, state: State) -> Episode[TaskT]:
        """The running episode, when ``state`` is where it stands."""
        if self._episode is None:
            raise EnvironmentFailure("no episode is running; call reset or restore first")
        if self._server is None or not self._server.usable:
            raise EnvironmentFailure(f"the Java process of {self.title} is gone; call reset or restore first")
        if self._position(state) != self._episode.position:
            raise EnvironmentFailure(
                f"the game does not stand at the state {state.describe()!r:.200}; "
                "continue from the last state it returned, or call reset or restore"
            )
        return self._episode

    def _ready(self, episode: Episode[TaskT]) -> None:
        """Bring the game to where the episode stands, if it was used for something else."""
        if not self._moved:
            return
        self._begin(episode.task)
        for command in episode.commands:
            self._send(command)
        self._moved = False

    def _step(self, episode: Episode[TaskT], command: str) -> State:
        """The state after a command.

        Raises:
            UnknownCommandError: the game does not know it; nothing has happened.
        """
        self._moved = True  # holds when the call is interrupted
        seen = self._send(command)
        if not self._knew(seen):
            self._moved = False
            raise UnknownCommandError(command)
        episode.commands.append(command)
        state = self._observe(episode, seen)
        self._moved = False
        return state

    def _knew(self, seen: SeenT) -> bool:
        """Whether the game understood the last command."""
        return True

    def _send(self, command: str) -> SeenT:
        try:
            return self._running().step(command)
        except GameRefusedError as error:
            self._episode = None
            raise EnvironmentFailure(f"{self.title} broke on {command!r}: {error}") from error
