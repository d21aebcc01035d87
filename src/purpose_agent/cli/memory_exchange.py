"""``purpose-agent memory export|import``: lessons for other stores and other tools, and from them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from purpose_agent.cli.options import JsonOption, StoreOption

if TYPE_CHECKING:
    from purpose_agent.memory.exchange.importing import Imported, Reading


def export(
    file: Annotated[
        str | None, typer.Argument(metavar="[FILE]", help="Where the lines go; - is standard output.")
    ] = None,
    skills: Annotated[
        str | None,
        typer.Option(
            "--skills", metavar="DIR", help="Write Agent Skills instead: a folder for each procedure."
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE if it is there.")] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Export all lessons as JSON lines with everything that is known of them, or procedures as Agent Skills.

    \b
    Examples:
      purpose-agent memory export lessons.jsonl
      purpose-agent memory export - | jq 'select(.uplift.low > 0)'
      purpose-agent memory export --skills skills/

    A skill is a procedure that is in use; what is quarantined or retired is exported as JSON lines only.
    """
    from purpose_agent.cli.plain_text import count_of, one_line, print_json
    from purpose_agent.cli.screen import notes
    from purpose_agent.cli.store_place import open_for_reading
    from purpose_agent.errors import UsageError
    from purpose_agent.memory.exchange.exporting import export_skills, item_lines
    from purpose_agent.memory.library import Library

    if (file is None) == (skills is None):
        raise UsageError("give a file (or -), or --skills DIR; not both")
    opened = open_for_reading(store)
    try:
        library = Library(opened)
        if skills is not None:
            made = export_skills(library, Path(skills))
            count, place = len(made), skills
            listed = {name: item.id for name, item in made.items()}
        else:
            lines = list(item_lines(library))
            count, place, listed = len(lines), file or "-", {}
            _write(lines, place, force)
    finally:
        opened.close()
    if as_json and place != "-":
        print_json({"exported": count, "to": place, **({"skills": listed} if skills is not None else {})})
        return
    what = count_of(count, "skill" if skills is not None else "lesson")
    notes().line(f"exported {what} to {one_line(place) if place != '-' else 'standard output'}")


def import_items(
    path: Annotated[
        str,
        typer.Argument(
            metavar="FILE|DIR|-", help="JSON lines, a skill's folder, a folder of those; - is standard input."
        ),
    ],
    name: Annotated[
        str | None, typer.Option("--name", help="What the import is remembered as. Default: the file's name.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be imported, and import nothing.")
    ] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Import lessons or Agent Skills. They are tainted, and quarantined until something or somebody verifies them.

    \b
    Examples:
      purpose-agent memory import lessons.jsonl
      purpose-agent memory import skills/ --name colleagues
      purpose-agent memory trust 4be1                       let one of them out of quarantine
      purpose-agent memory rollback --source import:colleagues

    Of a skill's folder only SKILL.md is read; scripts in it are neither read nor run. What a file says of the worth of
    its lessons does not count here.
    """
    from purpose_agent.cli.plain_text import print_json
    from purpose_agent.cli.store_place import open_for_writing
    from purpose_agent.memory.exchange.importing import import_name, read_lines, read_path, take_in

    called = import_name("stdin" if path == "-" else path, name)
    reading = read_lines(sys.stdin.buffer, called) if path == "-" else read_path(Path(path), called)
    if dry_run:
        done = None
    else:
        from purpose_agent.memory.library import Library
        from purpose_agent.orchestrator import MAX_PER_TIER

        opened = open_for_writing(store)
        try:
            done = take_in(Library(opened, MAX_PER_TIER), reading, called)
        finally:
            opened.close()
    if as_json:
        added = list(reading.items) if done is None else list(done.added)
        print_json(
            {
                "source": f"import:{called}",
                "imported": [h.id for h in added],
                "known": 0 if done is None else done.known,
                "crowded_out": 0 if done is None else done.crowded_out,
                "skipped": [{"what": what, "why": why} for what, why in reading.skipped],
                "dry_run": dry_run,
            }
        )
    else:
        _show(reading, done, called)


def _write(lines: list[str], place: str, force: bool) -> None:
    from purpose_agent.errors import UsageError

    text = "".join(f"{line}\n" for line in lines)
    if place == "-":
        sys.stdout.write(text)
        return
    try:
        with Path(place).open("w" if force else "x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError:
        raise UsageError(f"{place!r} is there already; add --force to replace it") from None
    except OSError as e:
        raise UsageError(f"{place!r} cannot be written: {e.strerror or e}") from e


def _show(reading: Reading, done: Imported | None, name: str) -> None:
    from purpose_agent.cli.memory_text import lesson_text
    from purpose_agent.cli.plain_text import count_of, one_line
    from purpose_agent.cli.screen import Screen

    screen = Screen()
    items = reading.items if done is None else done.added
    screen.line(
        f"{'would import' if done is None else 'imported'} {count_of(len(items), 'lesson')} into quarantine, "
        f"as import:{name}"
    )
    for item in items:
        screen.line(f"  {one_line(item.id)}  {item.tier.value}  {one_line(lesson_text(item), 200)}")
    if done is not None and done.known:
        screen.line(f"{count_of(done.known, 'lesson')} known already")
    if done is not None and done.crowded_out:
        screen.line(
            f"{count_of(done.crowded_out, 'lesson')} found no room: the quarantine of their tier is full"
        )
    for what, why in reading.skipped:
        screen.line(f"skipped {one_line(what, 100)}: {one_line(why, 300)}")
    if items and done is not None:
        screen.line("to let one out: purpose-agent memory trust ID")
