"""What a critic's report leaves behind: critic.json, critic.html, and the tables on the console."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from purpose_agent.bench.charts import BLUE, DARK, GREY, ORANGE, svg
from purpose_agent.bench.critic.curve import ALL, CriticPoint
from purpose_agent.bench.critic.quality import CriticQuality, Estimate
from purpose_agent.bench.critic.report import CriticReport
from purpose_agent.bench.critic.standing import COMBINED, EVIDENCE, EXPERIENCE
from purpose_agent.bench.critic.text import tables
from purpose_agent.bench.html_page import document, escape, figures, table
from purpose_agent.bench.report_files import replace_file
from purpose_agent.bench.text_table import TextTable
from purpose_agent.errors import MissingDependencyError
from purpose_agent.freeze import plain_copy

CRITIC_JSON, CRITIC_HTML = "critic.json", "critic.html"

_LINES = {
    (EXPERIENCE, ALL): ("-", "o", BLUE, "experience"),
    (EXPERIENCE, "sample"): (":", "s", GREY, "experience, on the model's states"),
    (EVIDENCE, "sample"): ("--", "^", ORANGE, "evidence (model)"),
    (COMBINED, "sample"): ("-.", "D", DARK, "combined"),
}
"""Line style, marker, colour and label of each curve."""

_CHARTS: tuple[tuple[str, str, Callable[[CriticQuality], Estimate | None], float, str], ...] = (
    ("auroc", "AUROC at equal step numbers", lambda q: q.auroc_within_steps, 0.5, "grey: chance"),
    ("ranks", "rank correlation within episodes", lambda q: q.rank_correlation, 0.0, "grey: chance"),
    ("ece", "calibration error (ECE)", lambda q: q.ece, 0.08, "grey: the goal, at most .08"),
    ("brier", "Brier score", lambda q: q.brier, 0.25, "grey: a constant Φ of 5"),
)
"""Name, axis label, measure, reference line and what that is."""


def as_json(report: CriticReport) -> Any:
    """The report as plain data; an interval without an end has None there."""
    return msgspec.json.decode(msgspec.json.encode(plain_copy(msgspec.to_builtins(report))))


def write_report(report: CriticReport, out: Path) -> list[str]:
    """Write all files of a report; returns what could not be made, in words."""
    text = msgspec.json.format(msgspec.json.encode(as_json(report)), indent=2).decode() + "\n"
    replace_file(out / CRITIC_JSON, text)
    missing: list[str] = []
    try:
        charts = quality_charts(report.points)
    except MissingDependencyError as error:
        charts, missing = [], [f"no charts: {error}"]
    replace_file(out / CRITIC_HTML, render(report, charts))
    return missing


def quality_charts(points: Sequence[CriticPoint]) -> list[tuple[str, str]]:
    """Quality over the number of verified episodes, one chart for each measure, with captions.

    Raises:
        MissingDependencyError: matplotlib is not installed.
    """
    charts: list[tuple[str, str]] = []
    for name, label, measure, reference, caption in _CHARTS:
        if any(measure(point.quality) is not None for point in points):
            drawn = svg(name, _drawing(points, label, measure, reference))
            charts.append((drawn, f"{label} over train episodes, 95 % intervals by task; {caption}."))
    return charts


def _drawing(
    points: Sequence[CriticPoint],
    label: str,
    measure: Callable[[CriticQuality], Estimate | None],
    reference: float,
) -> Callable[[Any], None]:
    def draw(axes: Any) -> None:
        axes.axhline(reference, color=GREY, linewidth=1)
        for (critic, states), (style, marker, colour, name) in _LINES.items():
            found = [
                (point.n, estimate)
                for point in points
                if (point.critic, point.states) == (critic, states)
                and (estimate := measure(point.quality)) is not None
            ]
            if found:
                n = [x for x, _ in found]
                axes.fill_between(
                    n, [e.low for _, e in found], [e.high for _, e in found], color=colour, alpha=0.12
                )
                axes.plot(
                    n,
                    [e.value for _, e in found],
                    style,
                    marker=marker,
                    color=colour,
                    linewidth=2,
                    label=name,
                )
        axes.set(xlabel="verified train episodes", ylabel=label)
        axes.legend(loc="best", fontsize=10)

    return draw


def render(report: CriticReport, charts: Sequence[tuple[str, str]]) -> str:
    """The report as one HTML page that needs nothing else."""
    s = report.settings
    title = f"How good is the critic? {s.env}, model {s.model}"
    body = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="verdict">{escape(headline(report))}</p>',
        *(f'<p class="note">{escape(note)}</p>' for note in report.notes),
        figures(charts),
        *(_section(found) for found in tables(report)),
        "<h2>How it was made</h2>",
        table(("what", "value"), _making(report)),
    ]
    return document(title, body)


def headline(report: CriticReport) -> str:
    """The result in a sentence."""
    point = next((p for p in report.last if p.states == ALL), None)
    if point is None:
        return "Nothing was measured yet."
    within, ranks = point.quality.auroc_within_steps, point.quality.rank_correlation
    parts = [f"After {point.n} verified episodes ({point.successes} of them solved) the experience critic"]
    parts.append(
        "tells nothing yet."
        if within is None or ranks is None
        else f"ranks successes above failures at equal steps with AUROC {within.value:.2f} "
        f"[{within.low:.2f}, {within.high:.2f}] and follows true progress with a rank correlation of "
        f"{ranks.value:.2f} [{ranks.low:.2f}, {ranks.high:.2f}]."
    )
    if report.gain is not None and report.gain.share is not None:
        parts.append(f"A learner gets {100 * report.gain.share.value:.0f} % of what the visible score gives.")
    if not report.complete:
        parts.append("This is a partial report.")
    return " ".join(parts)


def _section(found: TextTable) -> str:
    note = f'<p class="note">{escape(found.note)}</p>' if found.note else ""
    return f"<h2>{escape(found.title)}</h2>{table(found.head, found.rows)}{note}"


def _making(report: CriticReport) -> list[tuple[str, str]]:
    settings: dict[str, Any] = msgspec.to_builtins(report.settings) | {
        "at": ", ".join(map(str, report.settings.at))
    }
    rows = [(name.replace("_", " "), str(value)) for name, value in settings.items()]
    parts = ", ".join(f"{part} {seconds:.0f} s" for part, seconds in report.seconds.items())
    rows += [
        ("machine", report.machine.describe()),
        ("wall time of this session", parts),
        ("measure it again", report.command),
    ]
    return rows


def print_report(report: CriticReport, console: Console) -> None:
    """The headline, the notes and the tables, for a terminal or a log."""
    for found in tables(report):
        console.print(found.title, style="bold", markup=False, highlight=False)
        shown = Table(box=None, pad_edge=False)
        for number, name in enumerate(found.head):
            shown.add_column(Text(name), justify="right" if number else "left")
        for row in found.rows:
            shown.add_row(*map(Text, row))
        console.print(shown)
        if found.note:
            console.print(found.note, style="dim", markup=False, highlight=False)
        console.print()
    for note in report.notes:
        console.print(f"note: {note}", markup=False, highlight=False, soft_wrap=True)
    console.print(headline(report), style="bold", markup=False, highlight=False, soft_wrap=True)
