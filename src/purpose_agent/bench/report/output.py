"""What a report card leaves behind: report.json, report.html, two charts, and the tables on the console."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from purpose_agent.bench.report.comparison import compare_worlds, differing
from purpose_agent.bench.report.figures import headline_chart, learning_chart, overall_figures, world_figures
from purpose_agent.bench.report.page import render
from purpose_agent.bench.report.report import SuiteReport
from purpose_agent.bench.report.tables import (
    arms_table,
    differences_table,
    labels_of,
    name_text,
    overall_table,
    sentence_text,
)
from purpose_agent.bench.report_files import CURVE_SVG, REPORT_HTML, REPORT_JSON, replace_file
from purpose_agent.bench.text_table import TextTable
from purpose_agent.errors import MissingDependencyError
from purpose_agent.freeze import plain_copy
from purpose_agent.terminal_text import printable

FOREST_SVG = "forest.svg"
_LEFT_OUT = ("question", "won : lost")
"""Columns that a terminal has no room for."""

_DECLARATION = '<?xml version="1.0" encoding="utf-8"?>\n'


def write_report(report: SuiteReport, out: Path) -> list[str]:
    """Write all files of a report; returns what could not be made, in words."""
    data = msgspec.json.format(msgspec.json.encode(as_json(report)), indent=2)
    replace_file(out / REPORT_JSON, data.decode() + "\n")
    missing: list[str] = []
    overall: list[tuple[str, str]] = []
    worlds: list[list[tuple[str, str]]] = [[] for _ in report.worlds]
    try:
        overall = overall_figures(report)
        worlds = [world_figures(place, world) for place, world in enumerate(report.worlds)]
        for name, drawn in (
            (CURVE_SVG, learning_chart(report)),
            (FOREST_SVG, headline_chart(report, "forest")),
        ):
            if drawn:
                replace_file(out / name, _DECLARATION + drawn)
    except MissingDependencyError as error:
        missing = [f"no charts: {error}"]
    replace_file(out / REPORT_HTML, render(report, overall, worlds))
    return missing


def as_json(report: SuiteReport) -> Any:
    """The report as plain data; text that UTF-8 cannot hold is escaped."""
    return plain_copy(msgspec.to_builtins(report))


def read_report(folder: Path) -> SuiteReport | None:
    """The report that an earlier session left; None when there is none that can be read."""
    try:
        return msgspec.json.decode((folder / REPORT_JSON).read_bytes(), type=SuiteReport)
    except (OSError, msgspec.DecodeError):
        return None


def print_report(report: SuiteReport, console: Console) -> None:
    """The verdict and the tables, for a terminal or a log."""
    _say(console, sentence_text(report.verdict), "bold")
    _print_table(console, overall_table(report), _LEFT_OUT)
    for world in report.worlds:
        verdict = f": {sentence_text(world.verdict)}" if len(report.worlds) > 1 else ""
        _say(console, f"\n{name_text(world.name)}{verdict}", "bold")
        _print_table(console, arms_table(world))
        _print_table(console, differences_table(world.differences, labels_of(world.arms)), _LEFT_OUT)
    for note in report.notes:
        _say(console, f"note: {sentence_text(note)}")


def print_comparison(first: SuiteReport, second: SuiteReport, console: Console) -> None:
    """Two report cards side by side: each arm that both have, and what else differs between them."""
    _say(console, f"first:  {sentence_text(first.verdict)}", "bold")
    _say(console, f"second: {sentence_text(second.verdict)}", "bold")
    others = {world.name: world for world in second.worlds}
    for world in first.worlds:
        if world.name in others:
            _say(console, f"\n{name_text(world.name)}", "bold")
            _print_table(console, compare_worlds(world, others[world.name]))
    head = ("what differs", "first", "second")
    _print_table(console, TextTable("", head, list(differing(first, second))))


def _say(console: Console, text: str, style: str = "") -> None:
    console.print(printable(text), style=style, markup=False, highlight=False, soft_wrap=True)


def _print_table(console: Console, found: TextTable, skip: Sequence[str] = ()) -> None:
    if not found.rows:
        return
    kept = [place for place, name in enumerate(found.head) if name not in skip]
    lines = Table(box=None, pad_edge=False)
    for number, place in enumerate(kept):
        lines.add_column(Text(found.head[place]), justify="right" if number else "left")
    for row in found.rows:
        lines.add_row(*(Text(printable(row[place])) for place in kept))
    console.print(lines)
