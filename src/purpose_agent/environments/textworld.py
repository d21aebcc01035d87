"""TextWorldExpress as an environment: eight text games, thousands of tasks, ground truth for every state."""

from __future__ import annotations

import difflib
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from purpose_agent.environment import Environment
from purpose_agent.environments.textworld_games import (
    GAMES,
    PRESETS,
    SEEDS_PER_FOLD,
    Task,
    check_fold,
    find_game,
    make_task,
)
from purpose_agent.environments.textworld_server import GameRefusedError, Observation, TextWorldServer
from purpose_agent.errors import EnvironmentFailure, UsageError
from purpose_agent.numeric import is_whole
from purpose_agent.types import Action, State, Verdict

_ATTEMPTS = 10
"""How many seeds in turn are tried before the parameters are to blame."""


@dataclass
class _Episode:
    """What is being played: how to get there again, and where it stands."""

    task: Task
    description: str
    commands: list[str]
    position: tuple[Any, ...]


class TextWorldEnvironment(Environment):
    """A game of TextWorldExpress (extra ``textworld``; no Java needs to be installed).

    A command is an action's name; there are no params. ``State.data`` holds, and all methods about a state use
    nothing else: ``observation``, ``look`` (the room), ``inventory`` (list), ``task`` (in words), ``score``
    (-1 to 1, the game's own), ``success``, ``failure``, ``admissible_actions`` (sorted; none when the episode is
    over), ``fold`` and ``seed``. ``State.summary`` is the observation, and before the first step the task as well.

    The Java process starts at the first `reset` and serves all episodes until `close`. Calls may come from several
    threads and wait for each other.

    Args:
        game: one of `textworld_games.GAMES`.
        fold: ``train``, ``dev`` or ``test``, 1,000 seeds each.
        max_steps: where an episode ends on its own.
        parameters: of the game, such as ``numLocations=3``; see `textworld_games.GAMES`.

    Raises:
        UsageError: an unknown game, fold or parameter, or a value out of range.
    """

    def __init__(
        self, game: str, *, fold: str = "train", max_steps: int = 25, **parameters: int | bool
    ) -> None:
        found = find_game(game)
        if not is_whole(max_steps) or max_steps < 1:
            raise UsageError(f"max_steps={max_steps!r} must be a whole number above 0")
        self.max_steps = max_steps
        self._base = Task(found.name, found.check(parameters), check_fold(fold), 0)
        self._next_seed = 0
        self._lock = threading.RLock()
        self._server: TextWorldServer | None = None
        self._loaded: tuple[str, str] | None = None
        self._episode: _Episode | None = None
        self._moved = False  # whether the game was used for something else since the episode's last step

    exclusive = True
    """One object plays one episode at a time."""

    @classmethod
    def from_preset(cls, preset: str, **settings: Any) -> TextWorldEnvironment:
        """One of `textworld_games.PRESETS`; ``settings`` win over its parameters.

        Raises:
            UsageError: there is no such preset, or as for the class.
        """
        if preset not in PRESETS:
            raise UsageError(f"preset={preset!r} is not known; choose one of {', '.join(PRESETS)}")
        game, parameters = PRESETS[preset]
        return cls(game, **(dict[str, Any](parameters) | settings))

    @property
    def spec(self) -> str:
        """The specification that makes this environment again."""
        settings = {"game": self.game, "fold": self.fold, "max_steps": self.max_steps, **self.parameters}
        return "textworld:" + ",".join(f"{name}={value}" for name, value in settings.items())

    @property
    def game(self) -> str:
        """The game's name."""
        return self._base.game

    @property
    def fold(self) -> str:
        """The fold that `reset` uses unless its options name another."""
        return self._base.fold

    @property
    def parameters(self) -> dict[str, int]:
        """All parameters of the game with their values."""
        return dict(self._base.parameters)

    @property
    def seeds(self) -> range:
        """The seeds of each fold."""
        return range(SEEDS_PER_FOLD)

    @property
    def purpose(self) -> str:
        """The task in words: of the running episode, before the first `reset` of the game in general."""
        with self._lock:
            return self._episode.description if self._episode else GAMES[self.game].purpose

    def purpose_for(self, seed: int | None = None, options: Mapping[str, Any] | None = None) -> str:
        """The task in words of the episode that ``reset(seed, options)`` would start; a running one goes on."""
        with self._lock:
            self._begin(self._task(seed, options))
            self._moved = True
            return _tidy(self._running().task_description())

    def reset(self, seed: int | None = None, options: Mapping[str, Any] | None = None) -> State:
        """Start an episode; same seed and options, same episode.

        Args:
            seed: 0 to 999 within the fold (the library's own numbers are train 0, dev 10000, test 20000 and up).
                Without one, 0, 1, 2 and so on in turn, passing over those that make no game.
            options: ``fold``, ``seed``, ``game`` and parameters of the game, for this episode.

        Raises:
            UsageError: the seed or an option is not possible, or the game cannot be made with it.
            MissingDependencyError: the extra is not installed.
            EnvironmentFailure: Java does not start or is gone.
        """
        with self._lock:
            if seed is not None or "seed" in (options or {}):
                return self._start(self._task(seed, options))
            return self._start_next(options)

    def execute(self, action: Action, current_state: State) -> State:
        """Carry out a command that is admissible in ``current_state``.

        Raises:
            UsageError: the command is not admissible; the game did not see it.
            EnvironmentFailure: no episode is running, another state is current, or Java is gone.
        """
        with self._lock:
            episode = self._current(current_state)
            if action.params:
                raise UsageError(f"{action.describe()} has params; the whole command is the action's name")
            _check_admissible(action.name, self.admissible_actions(current_state))
            if self._moved:
                self._replay(episode)
            return self._step(episode, action.name)

    def admissible_actions(self, state: State) -> list[str]:
        """The commands that may be given in a state, sorted; none when the episode is over."""
        return list(state.data.get("admissible_actions", ()))

    def verdict(self, state: State) -> Verdict | None:
        """Ground truth: the game's score, a negative one counting 0; None for a state that is not of this game."""
        data = state.data
        if "score" not in data:
            return None
        score = min(1.0, max(0.0, float(data["score"])))
        if data["success"]:
            return Verdict(score, True, "the game says the task is achieved")
        if data["failure"]:
            return Verdict(score, False, "the game says the task has failed")
        return Verdict(score, False, f"the game's score is {data['score']:g} of 1")

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
            asked = dict(options or {})
            for key in ("fold", "seed") if seed is None else ("fold",):
                if key in state.data:
                    asked.setdefault(key, state.data[key])
            now = self._start(self._task(seed, asked))
            for action in actions:
                if action.name in self.admissible_actions(now):
                    now = self.execute(action, now)
            if now.fingerprint != state.fingerprint:
                raise EnvironmentFailure(
                    f"replaying {len(actions)} actions led to {now.describe()!r:.200} instead of "
                    f"{state.describe()!r:.200}; the game or its parameters have changed: start anew"
                )
            return now

    def gold_path(self, seed: int | None = None, options: Mapping[str, Any] | None = None) -> list[str]:
        """Commands that solve the episode ``reset(seed, options)`` would start; a running one goes on.

        The library's own solution, which need not be the shortest, without its commands that are not admissible.

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
                if not seen.success and command in seen.commands:
                    seen = self._send(command)
                    commands.append(command)
            if not seen.success:
                raise EnvironmentFailure(f"the library's own solution does not solve {task}")
            return commands

    def close(self) -> None:
        """End the Java process. A later `reset` starts a new one."""
        with self._lock:
            server, self._server, self._episode, self._loaded = self._server, None, None, None
            if server is not None:
                server.close()

    def _task(self, seed: int | None, options: Mapping[str, Any] | None) -> Task:
        return make_task(self._base, seed, options, self._next_seed)

    def _running(self) -> TextWorldServer:
        """The Java process, started when there is none; one that a parent process started is left to it."""
        if self._server is None or not self._server.usable:
            self._loaded = None
            self._moved = True
            self._server = TextWorldServer()
        return self._server

    def _begin(self, task: Task, *, gold: bool = False) -> Observation:
        """Set the game to the start of a task."""
        server = self._running()
        wanted = (task.game, task.parameter_text)
        try:
            if self._loaded != wanted:
                self._loaded = None
                server.load(*wanted)
                self._loaded = wanted
            return server.new_game(task.library_seed, task.fold, gold=gold)
        except GameRefusedError as error:
            raise UsageError(
                f"TextWorldExpress cannot make {task.game} with {task.parameter_text or 'no parameters'}, "
                f"fold={task.fold}, seed={task.seed}: {error} Choose other parameters or another seed."
            ) from error

    def _start(self, task: Task) -> State:
        self._episode = None
        seen = self._begin(task)
        description = _tidy(self._running().task_description())
        self._episode = _Episode(task, description, [], ())
        self._moved = False
        return self._observe(self._episode, seen)

    def _start_next(self, options: Mapping[str, Any] | None) -> State:
        """Start the next episode in turn. Few seeds make no game, so a row of them means that none does."""
        for attempt in range(_ATTEMPTS):
            task = self._task(None, options)
            self._next_seed = (self._next_seed + 1) % SEEDS_PER_FOLD
            try:
                return self._start(task)
            except UsageError:
                if attempt == _ATTEMPTS - 1:
                    raise
        raise AssertionError("unreachable")

    def _current(self, state: State) -> _Episode:
        """The running episode, when ``state`` is where it stands."""
        if self._episode is None:
            raise EnvironmentFailure("no episode is running; call reset or restore first")
        if self._server is None or not self._server.usable:
            raise EnvironmentFailure(
                "the Java process of TextWorldExpress is gone; call reset or restore first"
            )
        if _position(state) != self._episode.position:
            raise EnvironmentFailure(
                f"the game does not stand at the state {state.describe()!r:.200}; "
                "continue from the last state it returned, or call reset or restore"
            )
        return self._episode

    def _replay(self, episode: _Episode) -> None:
        self._begin(episode.task)
        for command in episode.commands:
            self._send(command)
        self._moved = False

    def _step(self, episode: _Episode, command: str) -> State:
        self._moved = True  # holds when the call is interrupted
        seen = self._send(command)
        episode.commands.append(command)
        state = self._observe(episode, seen)
        self._moved = False
        return state

    def _send(self, command: str) -> Observation:
        try:
            return self._running().step(command)
        except GameRefusedError as error:
            self._episode = None
            raise EnvironmentFailure(f"TextWorldExpress broke on {command!r}: {error}") from error

    def _observe(self, episode: _Episode, seen: Observation) -> State:
        """The state that an observation makes, remembered as where the episode stands."""
        over = seen.success or seen.failure
        carried = _carried(seen.inventory)
        data: dict[str, Any] = {
            "observation": _tidy(seen.observation),
            "look": _tidy(seen.look),
            "inventory": carried,
            "task": episode.description,
            "score": seen.score,
            "success": seen.success,
            "failure": seen.failure,
            "admissible_actions": [] if over else sorted(set(seen.commands)),
            "fold": episode.task.fold,
            "seed": episode.task.seed,
        }
        lines = [data["observation"]]
        if not episode.commands:
            lines.insert(0, f"Task: {episode.description}")
            lines += [f"You carry {', '.join(carried)}."] if carried else []
        state = State(data, "\n".join(lines))
        episode.position = _position(state)
        return state


def _check_admissible(command: str, admissible: list[str]) -> None:
    if command in admissible:
        return
    if not admissible:
        raise UsageError(f"{command!r} is not possible: the episode is over")
    near = difflib.get_close_matches(command, admissible, n=3, cutoff=0.3)
    hint = f"did you mean {', '.join(map(repr, near))}?" if near else f"for instance {admissible[0]!r} is"
    raise UsageError(f"{command!r} is not admissible here; {hint} ({len(admissible)} commands are)")


def _position(state: State) -> tuple[Any, ...]:
    """What tells the states of an episode apart."""
    data = state.data
    plain = tuple(data.get(key) for key in ("fold", "seed", "observation", "look", "score"))
    return (*plain, *data.get("inventory", ()))


def _tidy(text: str) -> str:
    """The text without empty lines and repeated blanks."""
    lines = (" ".join(line.split()) for line in text.splitlines())
    return "\n".join(line for line in lines if line)


def _carried(inventory: str) -> list[str]:
    """The things in an inventory text, whose first line is its title."""
    things = _tidy(inventory).split("\n")[1:]
    return [thing for thing in things if thing != "Your inventory is currently empty."]
