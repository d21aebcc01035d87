"""What a report card leaves behind: report.json, report.html, two charts, and the tables on the console."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from purpose_agent.bench.critic_text import TextTable
from purpose_agent.bench.output import CURVE_SVG, REPORT_HTML, REPORT_JSON, replace_file
from purpose_agent.bench.suite.comparison import compare_worlds, differing
from purpose_agent.bench.suite.page import render
from purpose_agent.bench.suite.report import Difference, SuiteReport, WorldReport
from purpose_agent.bench.suite.tables import (
    arms_table,
    difference_label,
    differences_table,
    labels_of,
    name_text,
    points_text,
    sentence_text,
    share_text,
    shown,
)
from purpose_agent.errors import MissingDependencyError
from purpose_agent.freeze import plain_copy
from purpose_agent.terminal_text import printable

FOREST_SVG = "forest.svg"
_DECLARATION = '<?xml version="1.0" encoding="utf-8"?>\n'


def write_report(report: SuiteReport, out: Path) -> list[str]:
    """Write all files of a report; returns what could not be made, in words."""
    data = plain_copy(msgspec.to_builtins(report))  # text that UTF-8 cannot hold is escaped
    replace_file(out / REPORT_JSON, msgspec.json.format(msgspec.json.encode(data), indent=2).decode() + "\n")
    missing: list[str] = []
    overall: list[tuple[str, str]] = []
    worlds: list[list[tuple[str, str]]] = [[] for _ in report.worlds]
    try:
        overall = _overall_charts(report)
        worlds = [_world_charts(place, world) for place, world in enumerate(report.worlds)]
        _write_charts(report, out)
    except MissingDependencyError as error:
        missing = [f"no charts: {error}"]
    replace_file(out / REPORT_HTML, render(report, overall, worlds))
    return missing


def read_report(folder: Path) -> SuiteReport | None:
    """The report that an earlier session left; None when there is none that can be read."""
    try:
        return msgspec.json.decode((folder / REPORT_JSON).read_bytes(), type=SuiteReport)
    except (OSError, msgspec.DecodeError):
        return None


def _overall_charts(report: SuiteReport) -> list[tuple[str, str]]:
    """What memory adds in each world, and all questions over all worlds; nothing beyond one world."""
    from purpose_agent.bench.suite.charts import forest_chart

    if len(report.worlds) < 2:
        return []
    charts: list[tuple[str, str]] = []
    if _asked(report):
        charts.append(
            (_headline_chart(report, "headline"), "What memory adds: both arms played the same tasks.")
        )
    if any(shown(d.success) for d in report.overall):
        labels = _all_labels(report)
        rows = [_row(difference_label(d, labels), d, d is report.overall[0]) for d in report.overall]
        drawn = forest_chart("overall", rows, "difference, points", signed=True, reference=0.0)
        charts.append((drawn, "Over all worlds. Right of 0 the first of the two is better."))
    return charts


def _headline_chart(report: SuiteReport, name: str) -> str:
    from purpose_agent.bench.suite.charts import forest_chart

    rows = [_row(f"{title}, n={d.success.n}", d, place == "all") for place, title, d in _asked(report)]
    return forest_chart(name, rows, "what memory adds, points", signed=True, reference=0.0)


def _asked(report: SuiteReport) -> list[tuple[str, str, Difference]]:
    """The first question, by world and over all; only where tasks were played."""
    found = [("world", world.name, world.differences[0]) for world in report.worlds if world.differences]
    if report.overall and len(report.worlds) > 1:
        found.append(("all", "all worlds", report.overall[0]))
    return [row for row in found if shown(row[2].success)]


def _world_charts(place: int, world: WorldReport) -> list[tuple[str, str]]:
    """Learning curves, arms and differences, with captions."""
    from purpose_agent.bench.suite.charts import ForestRow, curves_chart, forest_chart

    charts: list[tuple[str, str]] = []
    if any(curve.success for curve in world.curves):
        first = world.curves[0]
        panels = [(name_text(curve.label), curve) for curve in world.curves]
        drawn = curves_chart(f"curves{place}", panels, first if len(panels) > 1 else None)
        charts.append(
            (drawn, f"Training streams, in percent: moving means and their range over {first.orders} orders.")
        )
    compared = world.differences[0] if world.differences else None
    by_name = {arm.name: arm for arm in world.arms}
    if any(shown(arm.success) for arm in world.arms):
        rows = [
            ForestRow(
                f"{name_text(arm.label)}, n={arm.success.n}",
                share_text(arm.success),
                arm.success,
                arm.score,
                compared is not None and arm.name == compared.first,
            )
            for arm in world.arms
        ]
        base = by_name.get(compared.second) if compared else None
        line = base.success.value if base and shown(base.success) else None
        caption = "Held-out tasks, memory frozen; 95 % intervals."
        if base and line is not None:
            caption += f" Dashed: {name_text(base.label)}."
        charts.append(
            (
                forest_chart(f"arms{place}", rows, "success and score on held-out tasks", reference=line),
                caption,
            )
        )
    if any(shown(d.success) for d in world.differences):
        labels = labels_of(world.arms)
        rows = [_row(difference_label(d, labels), d, d is compared) for d in world.differences]
        drawn = forest_chart(f"differences{place}", rows, "difference, points", signed=True, reference=0.0)
        charts.append((drawn, "The same tasks, paired. Right of 0 the first of the two is better."))
    return charts


def _row(label: str, d: Difference, strong: bool) -> Any:
    from purpose_agent.bench.suite.charts import ForestRow

    return ForestRow(label, points_text(d.success), d.success, d.score, strong)


def _write_charts(report: SuiteReport, out: Path) -> None:
    """The charts for other documents: the first learner of each world, and what memory adds."""
    from purpose_agent.bench.suite.charts import curves_chart

    learning = [(name_text(world.name), world.curves[0]) for world in report.worlds if world.curves]
    if any(curve.success for _, curve in learning):
        replace_file(out / CURVE_SVG, _DECLARATION + curves_chart("learning", learning))
    if _asked(report):
        replace_file(out / FOREST_SVG, _DECLARATION + _headline_chart(report, "forest"))


def _all_labels(report: SuiteReport) -> dict[str, str]:
    return {name: label for world in reversed(report.worlds) for name, label in labels_of(world.arms).items()}


def print_report(report: SuiteReport, console: Console) -> None:
    """The verdict and the tables, for a terminal or a log."""
    _say(console, sentence_text(report.verdict), "bold")
    overall = differences_table(report.overall, _all_labels(report))
    _print_table(console, overall._replace(title="over all worlds"), skip=("question", "won : lost"))
    for world in report.worlds:
        _say(console, f"\n{name_text(world.name)}: {sentence_text(world.verdict)}", "bold")
        _print_table(console, arms_table(world))
        found = differences_table(world.differences, labels_of(world.arms))
        _print_table(console, found._replace(title="difference"), skip=("question", "won : lost"))
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
    shown_table = Table(box=None, pad_edge=False)
    for number, place in enumerate(kept):
        shown_table.add_column(Text(found.head[place]), justify="right" if number else "left")
    for row in found.rows:
        shown_table.add_row(*(Text(printable(row[place])) for place in kept))
    console.print(shown_table)
