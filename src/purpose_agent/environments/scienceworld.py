"""ScienceWorld as an environment: thirty tasks of elementary science, with the library's own splits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from purpose_agent.environments.checks import check_at_least_one, check_flag, check_known, meant
from purpose_agent.environments.game_text import carried, tidy
from purpose_agent.environments.java_server import GameRefusedError
from purpose_agent.environments.java_world import Episode, JavaWorld, UnknownCommandError
from purpose_agent.environments.scienceworld_actions import (
    LISTS,
    check_verbs,
    command_text,
    describe_commands,
    offered,
    with_verbs,
)
from purpose_agent.environments.scienceworld_server import UNKNOWN, Observation, ScienceWorldServer
from purpose_agent.environments.scienceworld_tasks import (
    FOLDS,
    PRESETS,
    Task,
    check_simplification,
    find_task,
    make_task,
)
from purpose_agent.errors import UsageError
from purpose_agent.types import Action, State, Verdict


class ScienceWorldEnvironment(JavaWorld[Task, Observation, ScienceWorldServer]):
    """A task of ScienceWorld (extra ``scienceworld``; no Java needs to be installed).

    A command is an action's name without params, such as ``move orange to green box``, or the first words of one with
    params, such as ``move`` with ``object`` and ``to``. `execute` takes every command that the game understands. When
    the game asks which of several things is meant, the answers are the commands ``0``, ``1`` and so on.

    ``State.data`` holds, and all methods about a state use nothing else: ``observation``, ``look`` (the room),
    ``inventory`` (list), ``task`` (in words), ``task_name``, ``score`` (0 to 1, the game's own, which may start
    above 0; not with ``hide_score`` while the episode goes on), ``success``, ``failure`` (a wrong ``focus on``),
    ``admissible_actions`` (sorted; none when the episode is over; not with ``actions=none``), ``fold`` and ``seed``.
    ``State.summary`` is the observation, in another room followed by its description, and before the first step the
    task and what is carried as well.

    Unlike the library left alone, the same seed and commands give the same episode in every process.

    Args:
        task: one of `scienceworld_tasks.TASKS`, by name or by number such as ``1-1``.
        fold: ``train``, ``dev`` or ``test``: the library's splits of the task's variations.
        simplification: ``none``, ``easy``, or names from `scienceworld_tasks.SIMPLIFICATIONS` joined by ``+``.
        actions: which commands are listed as admissible: ``short``, a choice from the library's list of valid
            commands (see `scienceworld_actions.offered`); ``plain``, about half of those; ``all`` of that list; or
            ``none``, which is several times as fast and leaves it to the actor to write commands, from the table in
            `actions`.
        verbs: ``all``, or commands such as ``focus on`` and ``pick up`` joined by ``+``: only these are listed, and the
            ways to other rooms. What is not listed can be executed all the same.
        hide_score: whether the score is told only when the episode is over.
        max_steps: where an episode ends on its own.

    Raises:
        UsageError: an unknown task, fold, simplification or list, or a value out of range.
    """

    title = ScienceWorldServer.title

    def __init__(
        self,
        task: str,
        *,
        fold: str = "train",
        simplification: str = "none",
        actions: str = "short",
        verbs: str = "all",
        hide_score: bool = False,
        max_steps: int = 100,
    ) -> None:
        super().__init__()
        found = find_task(task)
        self.max_steps = check_at_least_one("max_steps", max_steps)
        self._list = check_known("actions", actions, LISTS)
        self._verbs = check_verbs(verbs)
        self._hide_score = check_flag("hide_score", hide_score)
        self._room = ""  # the first line of the description of where the episode stands
        self._base = Task(
            found, check_known("fold", fold, FOLDS), 0, check_simplification(simplification, found)
        )

    @classmethod
    def from_preset(cls, preset: str, **settings: Any) -> ScienceWorldEnvironment:
        """One of `scienceworld_tasks.PRESETS`; ``settings`` win over its own.

        Raises:
            UsageError: there is no such preset, or as for the class.
        """
        return cls(**(dict[str, Any](PRESETS[check_known("preset", preset, PRESETS)]) | settings))

    @property
    def spec(self) -> str:
        """The specification that makes this environment again."""
        settings = {
            "task": self.task,
            "fold": self.fold,
            "simplification": self.simplification,
            "actions": self._list,
            "verbs": "+".join(self._verbs) or "all",
            "hide_score": str(self._hide_score).lower(),
            "max_steps": self.max_steps,
        }
        return "scienceworld:" + ",".join(f"{name}={value}" for name, value in settings.items())

    @property
    def task(self) -> str:
        """The task's name."""
        return self._base.science.name

    @property
    def fold(self) -> str:
        """The fold that `reset` uses unless its options name another."""
        return self._base.fold

    @property
    def simplification(self) -> str:
        """The simplifications that `reset` uses unless its options name others."""
        return self._base.simplification

    @property
    def seeds(self) -> range:
        """The seeds of the task in its fold."""
        return self.seeds_of(self.fold)

    def seeds_of(self, fold: str) -> range:
        """The seeds of the task in a fold."""
        return range(self._base.science.fold_size(fold))

    @property
    def actions(self) -> dict[str, str] | None:
        """The commands with their params, where none are listed as admissible."""
        return describe_commands() if self._list == "none" else None

    @property
    def admissible_actions(self) -> Callable[[State], list[str]] | None:
        """What tells the commands that may be given in a state; None with ``actions=none``."""
        return None if self._list == "none" else _admissible

    def reset(self, seed: int | None = None, options: Mapping[str, Any] | None = None) -> State:
        """Start an episode; same seed and options, same episode.

        Args:
            seed: from 0 within the fold's variations of the task; without one, 0, 1, 2 and so on in turn.
            options: ``task``, ``fold``, ``seed`` and ``simplification``, for this episode.

        Raises:
            UsageError: the seed or an option is not possible.
            MissingDependencyError: the extra is not installed.
            EnvironmentFailure: Java does not start or is gone.
        """
        with self._lock:
            task = self._task(seed, options)
            if seed is None and "seed" not in (options or {}):
                self._next_seed = task.seed + 1
            return self._start(task)

    def execute(self, action: Action, current_state: State) -> State:
        """Carry out a command.

        Raises:
            UsageError: the game does not understand the command, or the episode is over; nothing has happened.
            EnvironmentFailure: no episode is running, another state is current, or Java is gone.
        """
        with self._lock:
            episode = self._current(current_state)
            command = command_text(action.name, action.params)
            if self.is_terminal(current_state):
                raise UsageError(f"{command!r} is not possible: the episode is over")
            if command.casefold() == "reset task":
                raise UsageError("'reset task' would undo the episode; call reset instead")
            self._ready(episode)
            try:
                return self._step(episode, command)
            except UnknownCommandError:
                raise UsageError(_not_understood(command, _admissible(current_state))) from None

    def verdict(self, state: State) -> Verdict | None:
        """Ground truth: the game's score, 0 for a failure; None for a state that is not of this game."""
        data = state.data
        if "task_name" not in data:
            return None
        if data["success"]:
            return Verdict(1.0, True, "the game says the task is achieved")
        if data["failure"]:
            return Verdict(0.0, False, "the game says the task has failed")
        if "score" not in data:
            return Verdict(None, False, "not finished; the score is hidden")
        return Verdict(float(data["score"]), False, f"the game's score is {data['score']:g} of 1")

    # -- the game ---------------------------------------------------------------------------------------------------

    @property
    def _general_purpose(self) -> str:
        return f"Your task is to {self._base.science.purpose}."

    def _new_server(self) -> ScienceWorldServer:
        return ScienceWorldServer()

    def _task(self, seed: int | None, options: Mapping[str, Any] | None) -> Task:
        return make_task(self._base, seed, options, self._next_seed)

    def _load(self, server: ScienceWorldServer, task: Task, *, gold: bool) -> Observation:
        return server.load(task.science.name, task.variation, task.simplification_text, gold=gold)

    def _refused(self, task: Task, error: GameRefusedError) -> UsageError:
        return UsageError(
            f"ScienceWorld cannot make {task.science.name} with fold={task.fold}, seed={task.seed}, "
            f"simplification={task.simplification}: {error} Choose another seed or simplification."
        )

    def _options_of(self, state: State) -> dict[str, Any]:
        names = {"task_name": "task", "fold": "fold", "seed": "seed"}
        return {option: state.data[key] for key, option in names.items() if key in state.data}

    def _knew(self, seen: Observation) -> bool:
        return seen.observation != UNKNOWN

    def _try(self, seen: Observation, command: str) -> Observation | None:
        after = self._send(command)
        return after if self._knew(after) else None

    def _observe(self, episode: Episode[Task], seen: Observation) -> State:
        over = seen.success or seen.failure
        things = carried(seen.inventory)
        data: dict[str, Any] = {
            "observation": tidy(seen.observation),
            "look": tidy(seen.look),
            "inventory": things,
            "task": episode.description,
            "task_name": episode.task.science.name,
            "success": seen.success,
            "failure": seen.failure,
            "fold": episode.task.fold,
            "seed": episode.task.seed,
        }
        if over or not self._hide_score:
            data["score"] = min(1.0, max(0.0, round(seen.score, 4)))
        if self._list != "none":
            data["admissible_actions"] = [] if over else self._listed()
        lines = [data["observation"]]
        room = data["look"].partition("\n")[0]
        if episode.commands and room != self._room and data["look"] != data["observation"]:
            lines.append(data["look"])
        self._room = room
        if not episode.commands:
            lines.insert(0, f"Task: {episode.description}")
            lines += [f"You carry {', '.join(things)}."] if things else []
        state = State(data, "\n".join(lines))
        episode.position = self._position(state)
        return state

    def _listed(self) -> list[str]:
        server = self._running()
        return with_verbs(offered(server.commands(), server.names(), self._list), self._verbs)

    def _position(self, state: State) -> tuple[Any, ...]:
        data = state.data
        plain = tuple(data.get(key) for key in ("task_name", "fold", "seed", "observation", "look", "score"))
        return (*plain, *data.get("inventory", ()))


def _admissible(state: State) -> list[str]:
    """The commands that may be given in a state, sorted; none when the episode is over."""
    return list(state.data.get("admissible_actions", ()))


def _not_understood(command: str, listed: list[str]) -> str:
    hint = meant(command, listed) or "name things as the room's description does"
    return f"{command!r} is not a command that the game understands here; {hint}"
