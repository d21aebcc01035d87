"""``purpose-agent memory``: what was learned, and why it is believed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from purpose_agent.cli.options import JsonOption, StoreOption
from purpose_agent.types import MemoryTier

if TYPE_CHECKING:
    from purpose_agent.cli.value_knowledge import ValueKnowledge
    from purpose_agent.memory.library import Library
    from purpose_agent.types import Heuristic

app = typer.Typer(rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def memory(context: typer.Context) -> None:
    """See what was learned, and why it is believed.

    \b
    Examples:
      purpose-agent memory list          all lessons, and what the value memory advises
      purpose-agent memory show 4be1     one lesson, with its history
    """
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command("list")
def list_items(
    tier: Annotated[
        MemoryTier | None,
        typer.Option("--tier", help="Only strategies, procedures, or tips about a tool."),
    ] = None,
    all_items: Annotated[bool, typer.Option("--all", help="Retired items too.")] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the lessons in a store, and what the value memory advises.

    \b
    Examples:
      purpose-agent memory list
      purpose-agent memory list --tier procedural
      purpose-agent memory list --all --json | jq '.items[] | select(.status == "retired")'

    Q is a running estimate of success when an item is shown, from 0 to 1. A candidate is not shown yet, a canary is
    on trial, an active item has proved itself, a retired one is out of use, a quarantined one waits for a trusted
    source.
    """
    from purpose_agent.cli.plain_text import print_json
    from purpose_agent.cli.store_place import is_default, open_for_reading, store_path
    from purpose_agent.cli.value_knowledge import knowledge_of
    from purpose_agent.memory.library import Library

    if is_default(store) and not store_path(store).exists():
        from purpose_agent.cli.screen import notes

        notes().line("nothing learned yet: there is no store in this folder; `purpose-agent run` makes one")
        if as_json:
            print_json({"items": [], "value_memory": None})
        return
    opened = open_for_reading(store)
    try:
        items = _items(Library(opened), tier, all_items)
        knowledge = knowledge_of(opened)
    finally:
        opened.close()
    if as_json:
        print_json({"items": [_data(item) for item in items], "value_memory": knowledge.data()})
    else:
        _show_list(items, knowledge)


def _items(library: Library, tier: MemoryTier | None, all_items: bool) -> list[Heuristic]:
    from purpose_agent.types import HeuristicStatus

    items = list(library)
    if all_items:
        known = {item.id for item in items}
        retired = [h for h in library.store.heuristics(retired=True) if h.status == HeuristicStatus.RETIRED]
        items += [h for h in retired if h.id not in known]
    return [item for item in items if tier is None or item.tier == tier]


@app.command("show")
def show_item(
    item: Annotated[str, typer.Argument(metavar="ID", help="The item's id, or how it begins.")],
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one lesson: what it says, where it came from, and why it is believed or not.

    \b
    Examples:
      purpose-agent memory show 4be1
      purpose-agent memory show 4be1 --json | jq .history
    """
    from purpose_agent.cli.memory_text import show_item as show
    from purpose_agent.cli.moments import iso_time
    from purpose_agent.cli.plain_text import print_json
    from purpose_agent.cli.screen import Screen
    from purpose_agent.cli.store_place import open_for_reading
    from purpose_agent.memory.library import Library

    opened = open_for_reading(store)
    try:
        library = Library(opened)
        found = _find(library, item)
        history = opened.history(found.id)
    finally:
        opened.close()
    if as_json:
        changes = [{"time": iso_time(t), "status": status, "reason": reason} for t, status, reason in history]
        print_json({**_data(found), "history": changes})
    else:
        show(Screen(), found, history)


def _find(library: Library, given: str) -> Heuristic:
    from purpose_agent.errors import UsageError

    exact = library.get(given)
    if exact is not None:
        return exact
    found = [h.id for h in library.store.heuristics(retired=True) if given and h.id.startswith(given)]
    if len(found) > 1:
        raise UsageError(
            f"{given!r} is the beginning of {len(found)} items ({', '.join(found[:4])}); write more of it"
        )
    match = library.get(found[0]) if found else None
    if match is None:
        raise UsageError(f"there is no memory item {given!r}; `purpose-agent memory list --all` lists them")
    return match


def _data(item: Heuristic) -> dict[str, Any]:
    import dataclasses

    import msgspec

    data: dict[str, Any] = msgspec.to_builtins(dataclasses.replace(item, uplift=None))
    data["uplift"] = None if item.uplift is None else str(item.uplift)
    data["empirical_success_rate"] = item.empirical_success_rate
    return data


def _show_list(items: list[Heuristic], knowledge: ValueKnowledge) -> None:
    from purpose_agent.cli.memory_text import lesson_text, show_advice
    from purpose_agent.cli.plain_text import one_line
    from purpose_agent.cli.screen import Screen

    screen = Screen()
    if items:
        rows = [
            (
                one_line(item.id),
                item.tier.value,
                item.status.value,
                f"{item.q_value:.2f}",
                str(item.times_used),
                str(item.times_succeeded),
                str(len({e.episode_id for e in item.evidence})),
                one_line(lesson_text(item)),
            )
            for item in items
        ]
        screen.table(["item", "tier", "status", ">Q", ">shown", ">good", ">from", "lesson"], rows)
    else:
        screen.line("no lessons")
    screen.line()
    show_advice(screen, knowledge)
