"""``purpose-agent show``: one run, step by step."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from purpose_agent.cli.options import JsonOption, StoreOption

if TYPE_CHECKING:
    from purpose_agent.cli.run_view import RunView
    from purpose_agent.events import Event


def show(
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="Its id, how the id begins, or `last` for the newest.")
    ] = "last",
    step: Annotated[
        int | None,
        typer.Option("--step", "-s", min=1, metavar="N", help="Only this step, with nothing left out."),
    ] = None,
    events: Annotated[
        bool, typer.Option("--events", help="The journal's raw events, one JSON object on each line.")
    ] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what happened in a run: actions, what they changed, scores, and how it ended.

    \b
    Examples:
      purpose-agent show last
      purpose-agent show 1f3c --step 4            everything about step 4
      purpose-agent show 1f3c --json | jq '.steps[].action.name'
      purpose-agent show 1f3c --events | grep refused

    Each step has a line: number, score Φ as a bar, change of Φ, who decided, and the action; below it stand the
    agent's thought, what changed, errors, refusals, and what a person decided.
    """
    from purpose_agent.cli.finding_runs import find_run
    from purpose_agent.cli.run_view import view_of
    from purpose_agent.cli.store_place import open_for_reading

    opened = open_for_reading(store)
    try:
        found = opened.events(find_run(opened, run))
    finally:
        opened.close()
    if events:
        _print_events(found, as_json)
        return
    view = view_of(found)
    if step is not None:
        _show_step(view, step, as_json)
    else:
        _show_run(view, as_json)


def _print_events(events: list[Event], as_json: bool) -> None:
    import msgspec

    from purpose_agent.cli.plain_text import json_text, print_json

    rows = [msgspec.to_builtins(event) for event in events]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        sys.stdout.write(json_text(row) + "\n")


def _show_step(view: RunView, number: int, as_json: bool) -> None:
    from purpose_agent.cli.plain_text import count_of, print_json
    from purpose_agent.cli.run_view import step_data
    from purpose_agent.cli.screen import Screen
    from purpose_agent.cli.show_text import show_step
    from purpose_agent.errors import UsageError

    if number > len(view.steps):
        raise UsageError(f"there is no step {number}; this run has {count_of(len(view.steps), 'step')}")
    step = view.steps[number - 1]
    if as_json:
        print_json(step_data(step))
    else:
        show_step(Screen(), step)


def _show_run(view: RunView, as_json: bool) -> None:
    from purpose_agent.cli.plain_text import print_json
    from purpose_agent.cli.run_view import run_data
    from purpose_agent.cli.screen import Screen
    from purpose_agent.cli.show_text import show_run

    if as_json:
        print_json(run_data(view))
    else:
        show_run(Screen(), view)
