"""TextWorldExpress as an environment: eight text games, thousands of tasks, ground truth for every state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from purpose_agent.environments.checks import (
    check_admissible,
    check_at_least_one,
    check_flag,
    check_known,
)
from purpose_agent.environments.game_text import carried, tidy
from purpose_agent.environments.java_server import GameRefusedError
from purpose_agent.environments.java_world import Episode, JavaWorld
from purpose_agent.environments.textworld_games import (
    FIRST_SEED,
    GAMES,
    PRESETS,
    SEEDS_PER_FOLD,
    Task,
    find_game,
    make_task,
)
from purpose_agent.environments.textworld_server import Observation, TextWorldServer
from purpose_agent.errors import UsageError
from purpose_agent.types import Action, State, Verdict

_ATTEMPTS = 10
"""How many seeds in turn are tried before the parameters are to blame."""


class TextWorldEnvironment(JavaWorld[Task, Observation, TextWorldServer]):
    """A game of TextWorldExpress (extra ``textworld``; no Java needs to be installed).

    A command is an action's name; there are no params. ``State.data`` holds, and all methods about a state use
    nothing else: ``observation``, ``look`` (the room), ``inventory`` (list), ``task`` (in words), ``score``
    (-1 to 1, the game's own; not with ``hide_score`` while the episode goes on), ``success``, ``failure``,
    ``admissible_actions`` (sorted; none when the episode is over), ``fold`` and ``seed``. ``State.summary`` is the
    observation, and before the first step the task as well.

    Args:
        game: one of `textworld_games.GAMES`.
        fold: ``train``, ``dev`` or ``test``, 1,000 seeds each.
        max_steps: where an episode ends on its own.
        hide_score: whether the score is told only when the episode is over.
        parameters: of the game, such as ``numLocations=3``; see `textworld_games.GAMES`.

    Raises:
        UsageError: an unknown game, fold or parameter, or a value out of range.
    """

    title = TextWorldServer.title

    def __init__(
        self,
        game: str,
        *,
        fold: str = "train",
        max_steps: int = 25,
        hide_score: bool = False,
        **parameters: int | bool,
    ) -> None:
        super().__init__()
        found = find_game(game)
        self.max_steps = check_at_least_one("max_steps", max_steps)
        self._hide_score = check_flag("hide_score", hide_score)
        self._base = Task(found.name, found.check(parameters), check_known("fold", fold, FIRST_SEED), 0)

    @classmethod
    def from_preset(cls, preset: str, **settings: Any) -> TextWorldEnvironment:
        """One of `textworld_games.PRESETS`; ``settings`` win over its parameters.

        Raises:
            UsageError: there is no such preset, or as for the class.
        """
        game, parameters = PRESETS[check_known("preset", preset, PRESETS)]
        return cls(game, **(dict[str, Any](parameters) | settings))

    @property
    def spec(self) -> str:
        """The specification that makes this environment again."""
        settings = {
            "game": self.game,
            "fold": self.fold,
            "max_steps": self.max_steps,
            "hide_score": str(self._hide_score).lower(),
            **self.parameters,
        }
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
            check_admissible(action.name, self.admissible_actions(current_state))
            self._ready(episode)
            return self._step(episode, action.name)

    def admissible_actions(self, state: State) -> list[str]:
        """The commands that may be given in a state, sorted; none when the episode is over."""
        return list(state.data.get("admissible_actions", ()))

    def verdict(self, state: State) -> Verdict | None:
        """Ground truth: the game's score, a negative one counting 0; None for a state of no game."""
        data = state.data
        if "success" not in data:
            return None
        if "score" not in data:
            return Verdict(None, False, "not finished; the score is hidden")
        score = min(1.0, max(0.0, float(data["score"])))
        if data["success"]:
            return Verdict(score, True, "the game says the task is achieved")
        if data["failure"]:
            return Verdict(score, False, "the game says the task has failed")
        return Verdict(score, False, f"the game's score is {data['score']:g} of 1")

    # -- the game ---------------------------------------------------------------------------------------------------

    @property
    def _general_purpose(self) -> str:
        return GAMES[self.game].purpose

    def _new_server(self) -> TextWorldServer:
        return TextWorldServer()

    def _task(self, seed: int | None, options: Mapping[str, Any] | None) -> Task:
        return make_task(self._base, seed, options, self._next_seed)

    def _load(self, server: TextWorldServer, task: Task, *, gold: bool) -> Observation:
        server.load(task.game, task.parameter_text)
        return server.new_game(task.library_seed, task.fold, gold=gold)

    def _refused(self, task: Task, error: GameRefusedError) -> UsageError:
        return UsageError(
            f"TextWorldExpress cannot make {task.game} with {task.parameter_text or 'no parameters'}, "
            f"fold={task.fold}, seed={task.seed}: {error} Choose other parameters or another seed."
        )

    def _options_of(self, state: State) -> dict[str, Any]:
        return {key: state.data[key] for key in ("fold", "seed") if key in state.data}

    def _try(self, seen: Observation, command: str) -> Observation | None:
        return self._send(command) if command in seen.commands else None

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

    def _observe(self, episode: Episode[Task], seen: Observation) -> State:
        """The state that an observation makes, remembered as where the episode stands."""
        over = seen.success or seen.failure
        things = carried(seen.inventory)
        data: dict[str, Any] = {
            "observation": tidy(seen.observation),
            "look": tidy(seen.look),
            "inventory": things,
            "task": episode.description,
            "success": seen.success,
            "failure": seen.failure,
            "admissible_actions": [] if over else sorted(set(seen.commands)),
            "fold": episode.task.fold,
            "seed": episode.task.seed,
        }
        if over or not self._hide_score:
            data["score"] = seen.score
        lines = [data["observation"]]
        if not episode.commands:
            lines.insert(0, f"Task: {episode.description}")
            lines += [f"You carry {', '.join(things)}."] if things else []
        state = State(data, "\n".join(lines))
        episode.position = self._position(state)
        return state

    def _position(self, state: State) -> tuple[Any, ...]:
        data = state.data
        plain = tuple(data.get(key) for key in ("fold", "seed", "observation", "look", "score"))
        return (*plain, *data.get("inventory", ()))
