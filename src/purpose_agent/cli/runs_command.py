"""``purpose-agent runs``: what was played, newest first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from purpose_agent.cli.options import JsonOption, StoreOption

if TYPE_CHECKING:
    from purpose_agent.store.base import RunInfo


def runs(
    limit: Annotated[
        int,
        typer.Option("--limit", "-n", min=1, max=10**9, metavar="N", help="At most this many; the newest."),
    ] = 20,
    unfinished: Annotated[
        bool, typer.Option("--unfinished", help="Only those that were killed or interrupted, or still go on.")
    ] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the runs in a store, newest first.

    \b
    Examples:
      purpose-agent runs
      purpose-agent runs --unfinished
      purpose-agent runs --limit 1000 --json | jq 'map(.success) | add'
    """
    from purpose_agent.cli.plain_text import print_json

    found = _found(store, limit, unfinished)
    if as_json:
        print_json([_data(run) for run in found])
    elif found:
        _show(found)


def _found(store: str | None, limit: int, unfinished: bool) -> list[RunInfo]:
    from purpose_agent.cli.finding_runs import is_unfinished
    from purpose_agent.cli.screen import notes
    from purpose_agent.cli.store_place import is_default, open_for_reading, store_path

    if is_default(store) and not store_path(store).exists():
        notes().line("no runs yet: there is no store in this folder; `purpose-agent run` makes one")
        return []
    opened = open_for_reading(store)
    try:
        found = opened.runs(None if unfinished else limit)
    finally:
        opened.close()
    if unfinished:
        found = [run for run in found if is_unfinished(run)][:limit]
    if not found:
        notes().line("no unfinished runs" if unfinished else "no runs yet")
    return found


def _data(run: RunInfo) -> dict[str, Any]:
    import msgspec

    from purpose_agent.cli.moments import iso_time

    return {**msgspec.to_builtins(run), "created": iso_time(run.created_at)}


def _show(found: list[RunInfo]) -> None:
    from purpose_agent.cli.moments import local_time
    from purpose_agent.cli.plain_text import number, one_line
    from purpose_agent.cli.screen import Screen

    rows = [
        (
            one_line(run.run_id),
            local_time(run.created_at),
            _mark(run),
            number(run.final_phi),
            str(run.steps),
            run.stop_reason or "unfinished",
            one_line(run.model),
            one_line(run.environment),
        )
        for run in found
    ]
    Screen().table(["run", "when", "", ">Φ", ">steps", "end", "model", "environment"], rows)


def _mark(run: RunInfo) -> str:
    from purpose_agent.types import StopReason

    if run.success is None or run.stop_reason == StopReason.INTERRUPTED:
        return ""
    return "✓" if run.success else "✗"
