"""What a demo leaves behind: report.json, report.html, the learning curve, and the table on the console."""

from __future__ import annotations

from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from purpose_agent.bench.demo.page import difference_text, interval, render
from purpose_agent.bench.demo.report import DemoReport
from purpose_agent.bench.number_text import p_text, percent
from purpose_agent.bench.report_files import CURVE_SVG, REPORT_HTML, REPORT_JSON, replace_file
from purpose_agent.errors import MissingDependencyError
from purpose_agent.freeze import plain_copy


def write_report(report: DemoReport, out: Path) -> list[str]:
    """Write all files of a report; returns what could not be made, in words."""
    data = plain_copy(msgspec.to_builtins(report))  # text that UTF-8 cannot hold is escaped
    replace_file(out / REPORT_JSON, msgspec.json.format(msgspec.json.encode(data), indent=2).decode() + "\n")
    missing: list[str] = []
    try:
        charts = _charts(report)
    except MissingDependencyError as error:
        charts, missing = [], [f"no charts: {error}"]
    replace_file(out / REPORT_HTML, render(report, charts))
    if charts and report.learning_curve.solved:
        replace_file(out / CURVE_SVG, '<?xml version="1.0" encoding="utf-8"?>\n' + charts[0][0])
    return missing


def read_report(out: Path) -> DemoReport | None:
    """The report that an earlier session left; None when there is none that can be read."""
    try:
        return msgspec.json.decode((out / REPORT_JSON).read_bytes(), type=DemoReport)
    except (OSError, msgspec.DecodeError):
        return None


def _charts(report: DemoReport) -> list[tuple[str, str]]:
    """Charts with captions, the learning curve first."""
    from purpose_agent.bench.demo.charts import arms_chart, learning_chart, prompt_chart

    curve = report.learning_curve
    found: list[tuple[str, str]] = []
    if curve.solved:
        caption = (
            f"Learning: {sum(curve.solved)} of {len(curve.solved)} training tasks solved, each met once."
        )
        found.append((learning_chart(curve), caption))
    held_out = [arm for arm in report.arms if arm.name != "training"]
    if held_out:
        found.append(
            (arms_chart(held_out), "Held-out tasks, the same for every arm; nothing is learned from them.")
        )
    if report.prompt_cost is not None:
        caption = (
            "Prompt tokens that the model read anew at each step, without memory (it is asked at every step)."
        )
        found.append((prompt_chart(report.prompt_cost), caption))
    return found


def print_report(report: DemoReport, console: Console) -> None:
    """The verdict and the tables, for a terminal or a log."""
    console.print(report.verdict, style="bold", markup=False, highlight=False, soft_wrap=True)
    arms = Table("arm", box=None, pad_edge=False)
    for heading in ("n", "solved", "rate \\[95 %]", "by habit", "tokens read", "read anew"):
        arms.add_column(heading, justify="right")
    for arm in report.arms:
        r = arm.result
        arms.add_row(
            Text(arm.label),
            str(r.n),
            str(r.successes),
            Text(interval(r)),
            percent(arm.habit_share),
            f"{arm.prompt_tokens:.0f}",
            f"{arm.uncached_tokens:.0f}",
        )
    console.print(arms)
    labels = {arm.name: arm.label for arm in report.arms}
    differences = Table("difference on the same tasks", box=None, pad_edge=False)
    for heading in ("n", "points \\[95 %]", "exact p"):
        differences.add_column(heading, justify="right")
    for c in report.comparisons:
        d = c.difference
        if d.n:
            name = Text(f"{labels[c.first]} − {labels[c.second]}")
            differences.add_row(name, str(d.n), Text(difference_text(d)), p_text(d.p))
    if differences.row_count:
        console.print(differences)
    if report.prompt_cost is not None:
        slope = report.prompt_cost.slope
        console.print(
            f"Prompt tokens read anew change by {slope.slope:+.2f} ± {1.96 * slope.error:.2f} per step of an episode.",
            highlight=False,
        )
