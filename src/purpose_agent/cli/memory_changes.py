"""``purpose-agent memory retire|restore|trust|rollback``: take lessons out of use, and take that back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from purpose_agent.cli.options import JsonOption, StoreOption

if TYPE_CHECKING:
    from purpose_agent.memory.provenance.taken_back import Rollback
    from purpose_agent.types import Heuristic

_Items = Annotated[list[str], typer.Argument(metavar="ID...", help="The items' ids, or how they begin.")]
_DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]


def retire(
    items: _Items,
    reason: Annotated[str, typer.Option("--reason", help="Why; `memory show` tells it.")] = "by hand",
    dry_run: _DryRun = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take lessons out of use. `memory restore` brings them back.

    \b
    Examples:
      purpose-agent memory retire 4be1
      purpose-agent memory retire 4be1 77c0 --reason "these doors are gone"
    """
    from purpose_agent.cli.store_place import open_for_reading

    opened = open_for_reading(store)
    try:
        library, found = _found(opened, items)
        done = [h for h in found if h.id in library]
        if not dry_run:
            done = [h for h in done if library.retire(h.id, reason)]
    finally:
        opened.close()
    _tell("retired", found, done, as_json, dry_run=dry_run, otherwise="is retired already")


def restore(
    items: Annotated[
        list[str] | None, typer.Argument(metavar="[ID...]", help="The items' ids, or how they begin.")
    ] = None,
    rollback: Annotated[
        str | None, typer.Option("--rollback", metavar="ID", help="Undo this rollback instead.")
    ] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bring retired lessons back, on trial; or undo a rollback, as far as lessons go.

    \b
    Examples:
      purpose-agent memory restore 4be1
      purpose-agent memory restore --rollback r1a2b3c
    """
    from purpose_agent.cli.store_place import open_for_reading
    from purpose_agent.errors import UsageError

    if bool(items) == (rollback is not None):
        raise UsageError("give the ids of items, or --rollback ID; not both")
    opened = open_for_reading(store)
    try:
        if rollback is not None:
            from purpose_agent.memory.provenance.rollback import undo_rollback

            _tell_undone(undo_rollback(opened, rollback), as_json)
            return
        library, found = _found(opened, items or [])
        done = [h for h in found if library.restore(h.id, "restored by hand")]
    finally:
        opened.close()
    _tell("restored", found, done, as_json, otherwise="is not retired")


def trust(
    items: _Items,
    reason: Annotated[
        str, typer.Option("--reason", help="Why; `memory show` tells it.")
    ] = "a person vouched for it",
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let lessons out of quarantine, on trial, because you vouch for them. They stay marked as tainted.

    \b
    Examples:
      purpose-agent memory trust 4be1
      purpose-agent memory trust 4be1 --reason "read and tried"
    """
    from purpose_agent.cli.store_place import open_for_reading

    opened = open_for_reading(store)
    try:
        library, found = _found(opened, items)
        done = [h for h in found if library.verified(h.id, reason)]
    finally:
        opened.close()
    _tell("trusted", found, done, as_json, otherwise="is not in quarantine")


def rollback(
    source: Annotated[
        str,
        typer.Option(
            "--source",
            metavar="SOURCE",
            help="An item's or a run's id, a trust label (such as environment or import), a distiller's name, "
            "import:NAME, or an environment.",
        ),
    ],
    dry_run: _DryRun = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take back everything that came from a source: its lessons, what was made of them, and its episodes.

    \b
    Examples:
      purpose-agent memory rollback --source import:pack --dry-run
      purpose-agent memory rollback --source 5f0a1c2b3d4e

    Lessons are retired, episodes leave the experience replay and the values are learned anew without them; the journals
    of the runs stay. `memory restore --rollback ID` brings the lessons back.
    """
    from purpose_agent.cli.plain_text import print_json
    from purpose_agent.cli.store_place import open_for_reading
    from purpose_agent.memory.provenance.rollback import plan_rollback, roll_back

    opened = open_for_reading(store)
    try:
        done = plan_rollback(opened, source) if dry_run else roll_back(opened, source)
        texts = {h.id: h for h in opened.heuristics(retired=True)}
        left = opened.episode_count() - (
            sum(opened.episode(id) is not None for id in done.episodes) if dry_run else 0
        )
    finally:
        opened.close()
    if as_json:
        print_json({**_rollback_data(done), "dry_run": dry_run, "episodes_left": left})
    else:
        _show_rollback(done, texts, left, dry_run)


def _found(store: Any, items: Sequence[str]) -> tuple[Any, list[Heuristic]]:
    """The library, and the items that are meant; an error before anything is done where one is not there."""
    from purpose_agent.cli.finding_items import find_item
    from purpose_agent.memory.library import Library

    library = Library(store)
    return library, list({(h := find_item(library, item)).id: h for item in items}.values())


def _tell(
    what: str,
    asked: Sequence[Heuristic],
    done: Sequence[Heuristic],
    as_json: bool,
    *,
    otherwise: str,
    dry_run: bool = False,
) -> None:
    """What was changed, and what was not."""
    from purpose_agent.cli.memory_text import lesson_text
    from purpose_agent.cli.plain_text import one_line, print_json
    from purpose_agent.cli.screen import Screen

    ids = {h.id for h in done}
    others = [h for h in asked if h.id not in ids]
    if as_json:
        print_json({what: sorted(ids), "unchanged": [h.id for h in others], "dry_run": dry_run})
        return
    screen = Screen()
    for item in done:
        would = "would be " if dry_run else ""
        screen.line(f"{would}{what}  {one_line(item.id)}  {one_line(lesson_text(item), 200)}")
    for item in others:
        screen.line(f"unchanged  {one_line(item.id)}  {otherwise}")


def _rollback_data(done: Rollback) -> dict[str, Any]:
    import msgspec

    return {**msgspec.to_builtins(done), "items": list(done.items)}


def _tell_undone(undone: Rollback, as_json: bool) -> None:
    from purpose_agent.cli.plain_text import count_of, one_line, print_json
    from purpose_agent.cli.screen import Screen

    if as_json:
        print_json(_rollback_data(undone))
        return
    lessons = count_of(len(undone.items), "lesson")
    Screen().line(
        f"restored {lessons} that came from {one_line(undone.source)}; episodes stay out of the replay"
    )


def _show_rollback(done: Rollback, texts: dict[str, Heuristic], left: int, dry_run: bool) -> None:
    from purpose_agent.cli.memory_text import lesson_text
    from purpose_agent.cli.plain_text import count_of, one_line
    from purpose_agent.cli.screen import Screen

    screen = Screen()
    screen.line(f"source {one_line(done.source)}: {done.kind}")
    for title, ids in (
        ("lessons retired", list(done.items)),
        ("earlier versions that come back", done.reinstated),
        ("lessons that stay, with less evidence", done.weakened),
    ):
        screen.line(f"{title}: {len(ids)}")
        for id in ids:
            screen.line(f"  {one_line(id)}  {one_line(lesson_text(texts[id]), 200)}")
    screen.line(f"episodes that teach nothing any more: {len(done.episodes)}")
    for id in done.episodes[:20]:
        screen.line(f"  {one_line(id)}")
    if len(done.episodes) > 20:
        screen.line(f"  and {len(done.episodes) - 20} more (--json lists them)")
    if done.episodes:
        screen.line(
            f"the values are learned anew from the {count_of(left, 'episode')} left, at their next use"
        )
    if dry_run:
        screen.line("nothing was done (--dry-run)")
    elif done.items:
        screen.line(f"to bring the lessons back: purpose-agent memory restore --rollback {done.id}")
