"""Environments by specification: ``NAME``, ``NAME:key=value,key=value``, or ``module:factory`` for one of your own.

Importing this package loads no environment; each is loaded when it is made, and needs its extra only then.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import inspect
import re
import sys
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from purpose_agent.errors import MissingDependencyError, PurposeAgentError, UsageError, describe_error
from purpose_agent.registry import environment_registry

if TYPE_CHECKING:
    from pathlib import Path

    from purpose_agent.environment import Environment

__all__ = ["EnvironmentInfo", "fetch_data", "list_environments", "parse_settings", "resolve_environment"]


@dataclass(frozen=True)
class EnvironmentInfo:
    """One environment that can be named.

    Attributes:
        name: the first part of its specification.
        description: what it is.
        extra: the extra of this package that installs what it needs; empty when it needs none.
        installed: whether what it needs is there.
        parameters: what may be set in a specification, with an explanation each.
        plugin: where it comes from, for one that another package brings; empty for our own.
        fetched: whether what it needs is data that `fetch_data` fetches.
    """

    name: str
    description: str = ""
    extra: str = ""
    installed: bool = True
    parameters: dict[str, str] = field(default_factory=dict[str, str])
    plugin: str = ""
    fetched: bool = False


def resolve_environment(spec: str) -> Environment:
    """Make the environment that a specification names.

    Args:
        spec: ``NAME`` or ``NAME:key=value,key=value`` for a registered one, such as
            ``textworld:game=twc,fold=dev,numLocations=1``; ``module:factory`` or ``module:factory:key=value`` for a
            class, a function or an object in a module that can be imported (the current folder counts).

    Raises:
        UsageError: the specification cannot be read, or names nothing, or a setting is wrong.
        MissingDependencyError: what it needs is not installed.
    """
    given: Any = spec
    if not isinstance(given, str) or not spec.strip():
        raise UsageError(
            f"an environment specification is text such as 'textworld:preset=twc', got {given!r}; known: {_known()}"
        )
    name, _, rest = spec.strip().partition(":")
    if name in environment_registry:
        settings = parse_settings(rest, spec)
        return _checked(_guarded(lambda: environment_registry.create(name, **settings), spec), spec)
    target, _, text = rest.partition(":")
    if not target or "=" in target:
        import difflib

        near = difflib.get_close_matches(name, environment_registry.names(), n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise UsageError(
            f"{name!r} in {spec!r} is not a known environment; {hint}Known: {_known()}; "
            "for one of your own write module:factory"
        )
    return _checked(
        _make(
            find_object(name, target, spec, f"a known environment ({_known()})"),
            parse_settings(text, spec),
            spec,
        ),
        spec,
    )


def parse_settings(text: str, spec: str = "") -> dict[str, Any]:
    """The settings in ``key=value,key=value``: whole numbers, numbers, true and false, and text.

    Args:
        text: may be empty.
        spec: the whole specification, for the error.

    Raises:
        UsageError: a part is not ``key=value``, or a key comes twice.
    """
    settings: dict[str, Any] = {}
    for part in text.split(",") if text.strip() else ():
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or not key.isidentifier():
            raise UsageError(f"{part!r} in {spec or text!r} is not key=value; separate settings by commas")
        if key in settings:
            raise UsageError(f"{key!r} is given twice in {spec or text!r}; give it once")
        settings[key] = _parse_value(value)
    return settings


def list_environments() -> list[EnvironmentInfo]:
    """All environments that can be named, sorted; plugins are listed without being loaded."""
    return [_describe(row) for row in environment_registry.list()]


def fetch_data(name: str) -> Path:
    """Fetch the data of an environment, if it was not fetched yet; where it is.

    Raises:
        UsageError: there is no such environment, or it needs no data.
        PurposeAgentError: it cannot be fetched.
    """
    rows = {row["name"]: row["fetch"] for row in environment_registry.list() if row.get("fetch")}
    if name not in rows:
        raise UsageError(
            f"{name!r} has no data to fetch; environments with data: {', '.join(rows) or 'none'}"
        )
    return _function(rows[name])()


def _function(path: str) -> Callable[..., Any]:
    """A function of ours, loaded when it is needed: ``module:function``."""
    module, _, function = path.partition(":")
    return getattr(importlib.import_module(module), function)


def _describe(row: dict[str, Any]) -> EnvironmentInfo:
    needs: str = row.get("needs", "")
    ready: str = row.get("ready", "")
    explain: str = row.get("explain", "")
    return EnvironmentInfo(
        name=row["name"],
        description=str(row.get("description", "")),
        extra=str(row.get("extra", "")),
        installed=_function(ready)() if ready else not needs or importlib.util.find_spec(needs) is not None,
        parameters=_function(explain)() if explain else {},
        plugin=str(row.get("plugin", "")),
        fetched="fetch" in row,
    )


def _known() -> str:
    return ", ".join(environment_registry.names()) or "none"


def _parse_value(value: str) -> int | float | bool | str:
    if value.lower() in ("true", "false"):
        return value.lower() == "true"
    if re.fullmatch(r"[+-]?[0-9]+", value):
        return int(value)
    if re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", value):
        return float(value)
    return value


def find_object(module: str, target: str, spec: str, known: str = "") -> Any:
    """What ``target`` names in a module of the user's; the current folder counts.

    Args:
        module: its name.
        target: a name in it, with dots for names in names.
        spec: the whole specification, for the error.
        known: what the module could have been instead, for the error.

    Raises:
        UsageError: the module cannot be imported, or has no such name.
    """
    try:
        with _current_folder_importable():
            found = importlib.import_module(module)
    except Exception as error:  # a user's module may fail in any way
        raise UsageError(
            f"{module!r} in {spec!r} is {f'neither {known} nor' if known else 'not'} a module that can be "
            f"imported: {describe_error(error)}"
        ) from error
    for part in target.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            raise UsageError(
                f"{target!r} in {spec!r} is not in the module {module!r}; check its spelling"
            ) from None
    return found


@contextlib.contextmanager
def _current_folder_importable() -> Generator[None]:
    if "" in sys.path:
        yield
        return
    sys.path.insert(0, "")
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):
            sys.path.remove("")


def _make(factory: Any, settings: dict[str, Any], spec: str) -> Any:
    """Call a user's factory; an object that is an environment already is taken as it is."""
    if not isinstance(factory, type) and hasattr(factory, "execute"):
        if settings:
            raise UsageError(f"{spec!r} names an object, which takes no settings; name a function or a class")
        return factory
    if not callable(factory):
        raise UsageError(
            f"{spec!r} names {factory!r:.80}, which is neither a function, a class nor an environment"
        )
    _check_arguments(factory, settings, spec)
    return _guarded(lambda: factory(**settings), spec)


def _check_arguments(factory: Any, settings: dict[str, Any], spec: str) -> None:
    try:
        signature = inspect.signature(factory)
    except (TypeError, ValueError):  # none to be had: the call decides
        return
    try:
        signature.bind(**settings)
    except TypeError as error:
        raise UsageError(f"{spec!r}: the factory takes {signature}: {error}") from None


def _guarded(make: Callable[[], Any], spec: str) -> Any:
    try:
        return make()
    except PurposeAgentError:
        raise
    except Exception as error:  # a stranger's factory may fail in any way
        raise UsageError(f"{spec!r}: the factory failed: {describe_error(error)}") from error


def _checked(made: Any, spec: str) -> Environment:
    if isinstance(made, type) or not callable(getattr(made, "execute", None)):
        raise UsageError(
            f"{spec!r} made {made!r:.80}, which has no execute(action, state); return a purpose_agent.Environment"
        )
    return cast("Environment", made)


def _textworld(
    game: str | None = None,
    preset: str | None = None,
    fold: str = "train",
    max_steps: int = 25,
    hide_score: bool = False,
    **parameters: int | bool,
) -> Environment:
    """TextWorldExpress by the name of a game, with parameters, or by a preset."""
    from purpose_agent.environments import textworld, textworld_games

    if (game is None) == (preset is None):
        raise UsageError(
            f"textworld needs either game= ({', '.join(textworld_games.GAMES)}) or preset= "
            f"({', '.join(textworld_games.PRESETS)}), such as textworld:preset=twc; "
            f"got game={game!r} and preset={preset!r}{_also(parameters)}"
        )
    make = textworld.TextWorldEnvironment.from_preset if game is None else textworld.TextWorldEnvironment
    world = make(str(game or preset), fold=fold, max_steps=max_steps, hide_score=hide_score, **parameters)
    if importlib.util.find_spec("textworld_express") is None:
        raise MissingDependencyError("textworld_express", "textworld")
    return world


def _scienceworld(task: str | None = None, preset: str | None = None, **settings: Any) -> Environment:
    """ScienceWorld by the name of a task, or by a preset."""
    from purpose_agent.environments import scienceworld, scienceworld_tasks

    if (task is None) == (preset is None):
        raise UsageError(
            "scienceworld needs either task= (such as find-plant, or 1-1) or preset= "
            f"({', '.join(scienceworld_tasks.PRESETS)}), such as scienceworld:preset=find-plant; "
            f"got task={task!r} and preset={preset!r}{_also(settings)}"
        )
    environment = scienceworld.ScienceWorldEnvironment
    known = inspect.signature(environment).parameters
    for name in settings:
        if name not in known:
            listed = ", ".join(("preset", *known))
            raise UsageError(f"{name!r} is not a setting of scienceworld; there are {listed}")
    make = environment.from_preset if task is None else environment
    world = make(str(task or preset), **settings)
    if importlib.util.find_spec("scienceworld") is None:
        raise MissingDependencyError("scienceworld", "scienceworld")
    return world


def _textcraft(**settings: Any) -> Environment:
    """TextCraft, with what `textcraft_tasks.explain_parameters` says."""
    from purpose_agent.environments import textcraft

    known = inspect.signature(textcraft.TextCraftEnvironment).parameters
    for name in settings:
        if name not in known:
            raise UsageError(f"{name!r} is not a setting of textcraft; there are {', '.join(known)}")
    return textcraft.TextCraftEnvironment(**settings)


def _also(parameters: Mapping[str, object]) -> str:
    return "".join(f" and {name}={value!r}" for name, value in parameters.items())


environment_registry.register(
    "textworld",
    _textworld,
    description="TextWorldExpress: eight text games with ground truth, 1,000 tasks in each of three folds",
    extra="textworld",
    needs="textworld_express",
    explain="purpose_agent.environments.textworld_games:explain_parameters",
)
environment_registry.register(
    "scienceworld",
    _scienceworld,
    description="ScienceWorld: thirty tasks of elementary science with ground truth, 7,207 variations in three folds",
    extra="scienceworld",
    needs="scienceworld",
    explain="purpose_agent.environments.scienceworld_tasks:explain_parameters",
)
environment_registry.register(
    "textcraft",
    _textcraft,
    description="TextCraft: crafting after a game's recipes with ground truth, 1,091 tasks in three folds",
    ready="purpose_agent.environments.textcraft_data:is_there",
    fetch="purpose_agent.environments.textcraft_data:fetch",
    explain="purpose_agent.environments.textcraft_tasks:explain_parameters",
)
