"""The engine's side of the environment contract.

Whatever a stranger's environment does, the engine sees snapshots and typed outcomes: sync or async alike, optional
abilities found by presence, exceptions as data, nothing shared with what was recorded.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeVar, cast

from purpose_agent import bridge
from purpose_agent.cancellation import ends_task
from purpose_agent.environment import Environment
from purpose_agent.errors import EnvironmentFailure, UsageError, describe_error
from purpose_agent.freeze import plain_copy
from purpose_agent.numeric import is_whole
from purpose_agent.types import Action, Snapshot, State, Trust, Verdict

T = TypeVar("T")

_log = logging.getLogger(__name__)


class Outcome(NamedTuple):
    """What came of an action.

    Attributes:
        state: snapshot after it; the one before when the action failed.
        error: what the environment raised or did wrong, None when all went well.
    """

    state: Snapshot
    error: str | None


class EnvironmentHost:
    """Calls one environment.

    Args:
        environment: any object with ``execute``; see `purpose_agent.environment`.
        in_thread: whether blocking methods run in worker threads, so that other runs go on meanwhile and a hanging
            call can be abandoned.

    Raises:
        UsageError: the object has no ``execute``.
    """

    def __init__(self, environment: Any, *, in_thread: bool = False) -> None:
        if not callable(getattr(environment, "execute", None)):
            raise UsageError(
                f"environment must have a method execute(action, current_state), got {type(environment).__name__}"
                f": {environment!r:.80}; subclass purpose_agent.Environment"
            )
        self.environment = environment
        self.in_thread = in_thread
        self._noted: set[str] = set()

    @property
    def name(self) -> str:
        """The environment's spec where it knows one, else its class."""
        return self._property("spec", lambda spec: str(spec or ""), "") or type(self.environment).__name__

    @property
    def exclusive(self) -> bool:
        """Whether one object can serve one run at a time only, because it holds the world's state itself."""
        return self._property("exclusive", bool, True)

    @property
    def actions(self) -> dict[str, str] | None:
        """The names and descriptions it offers, None where it offers none."""
        return self._property("actions", _as_descriptions, None)

    @property
    def lists_admissible(self) -> bool:
        """Whether it says in each state what may be done."""
        return self._ability("admissible_actions") is not None

    @property
    def verifies(self) -> bool:
        """Whether it offers verdicts."""
        return self._ability("verdict") is not None

    @property
    def can_replay(self) -> bool:
        """Whether it can be reset to a task that was played before."""
        reset = self._ability("reset")
        return reset is not None and bool(_accepted(reset, {"seed": None, "options": None}))

    @property
    def trust(self) -> Trust | None:
        """`Trust.ENVIRONMENT` where it says that strangers can write what is observed, None where it does not."""
        return Trust.ENVIRONMENT if self._property("untrusted", bool, True) else None

    @property
    def max_steps(self) -> int | None:
        """Where an episode ends on its own, None where it does not say."""
        return self._property(
            "max_steps", lambda bound: bound if is_whole(bound) and bound > 0 else None, None
        )

    def _property(self, name: str, read: Callable[[Any], T], careful: T) -> T:
        """What a property says, None where there is none; the careful answer where it raises, noted once in the log."""
        try:
            return read(getattr(self.environment, name, None))
        except Exception as e:
            self._note(name, e, careful)
            return careful

    def _note(self, name: str, error: Exception, careful: Any) -> None:
        if name not in self._noted:
            self._noted.add(name)
            kind = type(self.environment).__name__
            _log.warning("%s.%s: %s; it counts as %r", kind, name, describe_error(error), careful)

    def _ability(self, name: str) -> Callable[..., Any] | None:
        try:
            found = getattr(self.environment, name, None)
        except Exception as e:
            self._note(name, e, None)
            return None
        return found if callable(found) else None

    async def _call(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call one of its methods.

        Raises:
            EnvironmentFailure: it raised something that is no `Exception` and was not meant to end this run.
        """
        task = asyncio.current_task()
        try:
            if self.in_thread and not inspect.iscoroutinefunction(function):
                function = partial(_contained, function)
            return await bridge.call(function, *args, in_thread=self.in_thread, **kwargs)
        except Exception:
            raise
        except BaseException as e:
            if ends_task(e, task):
                raise
            raise _escaped(e) from e

    async def reset(self, seed: int | None, options: dict[str, Any] | None) -> Snapshot:
        """The first state of an episode.

        Raises:
            UsageError: options were given and its ``reset`` takes none.
            EnvironmentFailure: it raised, or did not return a state.
        """
        reset = self._ability("reset")
        if reset is None:
            return State(data={}).snapshot()
        kwargs = _accepted(reset, {"seed": seed, "options": options})
        if options and "options" not in kwargs:
            raise UsageError(f"{self.name}.reset() takes no options, but got options={options!r}")
        try:
            return _snapshot(await self._call(reset, **kwargs), "reset")
        except (UsageError, EnvironmentFailure):
            raise
        except Exception as e:
            raise EnvironmentFailure(f"the environment's reset failed: {describe_error(e)}") from e

    async def execute(self, action: Action, state: Snapshot) -> Outcome:
        """Carry out an action; the environment gets copies.

        Raises:
            EnvironmentFailure: the environment says that it is gone.
        """
        given = Action(
            action.name, plain_copy(action.params), action.thought, action.expected_delta, list(action.cited)
        )
        try:
            after = await self._call(self.environment.execute, given, state.thaw())
            return Outcome(_snapshot(after, "execute"), None)
        except EnvironmentFailure:
            raise
        except Exception as e:
            return Outcome(state, describe_error(e))

    async def verdict(self, state: Snapshot) -> Verdict | None:
        """Its verdict on a state, None where it has none. A verdict that is none is an error."""
        verdict = self._ability("verdict")
        if verdict is None:
            return None
        given = await self._guarded(verdict, state, what="verdict")
        if given is not None and not isinstance(given, Verdict):
            raise EnvironmentFailure(
                f"the environment's verdict must be a Verdict or None, got {type(given).__name__}: {given!r:.80}"
            )
        return given

    async def is_terminal(self, state: Snapshot) -> bool:
        """Whether the episode is over."""
        is_terminal = self._ability("is_terminal")
        if is_terminal is None or getattr(is_terminal, "__func__", None) is Environment.is_terminal:
            return False
        given = await self._guarded(is_terminal, state, what="is_terminal")
        try:
            return bool(given)
        except Exception as e:
            raise EnvironmentFailure(f"the environment's is_terminal: {describe_error(e)}") from e

    async def admissible(self, state: Snapshot) -> list[Action]:
        """What may be done now, without duplicates, in the environment's order; empty when nothing may."""
        listed = self._ability("admissible_actions")
        if listed is None:
            return []
        given = await self._guarded(listed, state, what="admissible_actions")
        try:
            return list({a.key: a for a in map(_as_action, given)}.values())
        except (TypeError, ValueError) as e:
            raise EnvironmentFailure(f"the environment's admissible_actions: {e}") from e
        except Exception as e:  # of a generator, or of an action's own making
            raise EnvironmentFailure(f"the environment's admissible_actions: {describe_error(e)}") from e

    async def restore(
        self, state: Snapshot, actions: Sequence[Action], seed: int | None, options: dict[str, Any] | None
    ) -> Snapshot:
        """Bring the world back to where a run was left; see `purpose_agent.environment`."""
        restore = self._ability("restore")
        if restore is None:
            return state
        kwargs = _accepted(restore, {"seed": seed, "options": options})
        try:
            restored = _snapshot(await self._call(restore, state.thaw(), list(actions), **kwargs), "restore")
        except EnvironmentFailure:
            raise
        except Exception as e:
            raise EnvironmentFailure(f"the environment cannot be restored: {describe_error(e)}") from e
        if restored.fingerprint != state.fingerprint:
            raise EnvironmentFailure(
                "the restored environment is in another state than the run was left in; "
                "start the task anew instead of resuming it"
            )
        return state

    async def close(self) -> None:
        """Free what the environment holds."""
        close = self._ability("close")
        if close is not None:
            await self._call(close)

    async def _guarded(self, function: Callable[..., Any], state: Snapshot, *, what: str) -> Any:
        try:
            return await self._call(function, state.thaw())
        except EnvironmentFailure:
            raise
        except Exception as e:
            raise EnvironmentFailure(f"the environment's {what} failed: {describe_error(e)}") from e


class ExclusiveUse:
    """Lets one run at a time use an environment that holds the world's state itself.

    Async-friendly and safe between threads and event loops; waiting does not block a loop.
    """

    def __init__(self, needed: bool) -> None:
        self._lock = threading.Lock() if needed else None

    async def __aenter__(self) -> None:
        if self._lock is None or self._lock.acquire(blocking=False):
            return
        # The lock may be held on another loop, so there is no event to await; a thread that waits for it could not be
        # cancelled and would keep it.
        while not self._lock.acquire(blocking=False):  # noqa: ASYNC110
            await asyncio.sleep(0.005)

    async def __aexit__(self, *_: object) -> None:
        if self._lock is not None:
            self._lock.release()


def _contained(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call a method in a worker thread: nothing that it raises there can be meant for the run's task, except Ctrl-C."""
    try:
        return function(*args, **kwargs)
    except (Exception, KeyboardInterrupt):
        raise
    except BaseException as e:
        raise _escaped(e) from e


def _escaped(error: BaseException) -> EnvironmentFailure:
    return EnvironmentFailure(f"the environment raised {describe_error(error)}")


def _snapshot(value: Any, what: str) -> Snapshot:
    if not isinstance(value, State):
        raise (
            EnvironmentFailure(
                f"the environment's {what} must return a State, got {type(value).__name__}: {value!r:.80}"
            )
            if what != "execute"
            else TypeError(f"execute must return a State, got {type(value).__name__}: {value!r:.80}")
        )
    return value.snapshot()


def _as_descriptions(actions: Any) -> dict[str, str] | None:
    if not isinstance(actions, dict):
        return None
    return {str(k): str(v) for k, v in cast(dict[Any, Any], actions).items()} or None


def _as_action(value: Any) -> Action:
    if isinstance(value, str):
        return Action(value)
    if isinstance(value, Action):
        return _checked(value)
    raise TypeError(f"each must be a str or an Action, got {type(value).__name__}: {value!r:.80}")


def _checked(action: Action) -> Action:
    """The action, with nothing where it says None.

    Raises:
        TypeError: its name, its params or what it cites are of a wrong type.
    """
    name, params, thought, expected, cited = cast(
        tuple[Any, ...], (action.name, action.params, action.thought, action.expected_delta, action.cited)
    )
    if not isinstance(name, str):
        raise TypeError(f"Action.name must be a str, got {action!r:.200}")
    if params is not None and not isinstance(params, dict):
        raise TypeError(f"Action.params must be a dict, got {action!r:.200}")
    if cited is not None and not isinstance(cited, (list, tuple)):
        raise TypeError(f"Action.cited must be a list of str, got {action!r:.200}")
    if None in (params, thought, expected, cited):
        return Action(name, dict(params or {}), thought or "", expected or "", list(cited or ()))  # pyright: ignore[reportUnknownArgumentType]
    return action


def _accepted(function: Callable[..., Any], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Those keyword arguments that the function takes."""
    return {name: value for name, value in kwargs.items() if takes(function, name)}


def takes(function: Callable[..., Any], name: str) -> bool | None:
    """Whether a function takes a keyword argument of that name; None where it does not say."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    named = any(p.name == name and p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY) for p in parameters)
    return named or any(p.kind is p.VAR_KEYWORD for p in parameters)
