"""``purpose-agent memory``: what was learned, and why it is believed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from purpose_agent.cli import memory_changes, memory_exchange, memory_probe
from purpose_agent.cli.options import JsonOption, StoreOption
from purpose_agent.types import MemoryTier

if TYPE_CHECKING:
    from purpose_agent.memory.library import Library
    from purpose_agent.types import Heuristic

app = typer.Typer(rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def memory(context: typer.Context) -> None:
    """See what was learned and why it is believed; take back, share and take over lessons.

    \b
    Examples:
      purpose-agent memory list          all lessons, and what the value memory advises
      purpose-agent memory show 4be1     one lesson, with its history
      purpose-agent memory probe --env textworld:preset=twc    does it help? past tasks with it and without
      purpose-agent memory rollback --source import:pack --dry-run
      purpose-agent memory export --skills skills/
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

    The uplift is the success rate with an item less the one without it, with a 95 % interval. A candidate is not shown
    yet, a canary is on trial, an active item has proved itself, a retired one is out of use, a quarantined one waits to
    be verified. A tainted item rests on what strangers may have written.
    """
    from purpose_agent.cli.plain_text import print_json
    from purpose_agent.cli.store_place import is_default, open_for_reading, store_path
    from purpose_agent.cli.value_knowledge import knowledge_of
    from purpose_agent.memory.exchange.item_record import item_record
    from purpose_agent.memory.library import Library

    if is_default(store) and not store_path(store).exists():
        from purpose_agent.cli.screen import notes

        notes().line("nothing learned yet: there is no store in this folder; `purpose-agent run` makes one")
        if as_json:
            print_json({"items": [], "value_memory": None})
        return
    opened = open_for_reading(store)
    try:
        library = Library(opened)
        items = _items(library, tier, all_items)
        records = [item_record(library, item) for item in items] if as_json else []
        knowledge = knowledge_of(opened)
    finally:
        opened.close()
    if as_json:
        print_json({"items": records, "value_memory": knowledge.data()})
        return
    from purpose_agent.cli.memory_text import show_advice, show_items
    from purpose_agent.cli.screen import Screen

    screen = Screen()
    show_items(screen, items)
    screen.line()
    show_advice(screen, knowledge)


def _items(library: Library, tier: MemoryTier | None, all_items: bool) -> list[Heuristic]:
    from purpose_agent.types import HeuristicStatus

    items = list(library)
    if all_items:
        known = {item.id for item in items}
        retired = [h for h in library.store.heuristics(retired=True) if h.status == HeuristicStatus.RETIRED]
        items += [item for h in retired if h.id not in known and (item := library.get(h.id)) is not None]
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
    from purpose_agent.cli.finding_items import find_item
    from purpose_agent.cli.memory_belief import belief, origin, standing_of
    from purpose_agent.cli.memory_text import show_item as show
    from purpose_agent.cli.moments import iso_time
    from purpose_agent.cli.plain_text import print_json
    from purpose_agent.cli.screen import Screen
    from purpose_agent.cli.store_place import open_for_reading
    from purpose_agent.memory.exchange.item_record import item_record
    from purpose_agent.memory.library import Library

    opened = open_for_reading(store)
    try:
        library = Library(opened)
        found = find_item(library, item)
        standing, record = standing_of(library, found), item_record(library, found)
    finally:
        opened.close()
    if as_json:
        for change in record["history"]:
            change["time"] = iso_time(change["time"])
        print_json({**record, "why": [*belief(found, standing), *origin(found, standing)]})
    else:
        show(Screen(), found, standing)


app.command("probe")(memory_probe.probe)
app.command("retire")(memory_changes.retire)
app.command("restore")(memory_changes.restore)
app.command("trust")(memory_changes.trust)
app.command("rollback")(memory_changes.rollback)
app.command("export")(memory_exchange.export)
app.command("import")(memory_exchange.import_items)
