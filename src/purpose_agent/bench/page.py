"""The report as one HTML file that needs no network and runs no script.

Everything that a world or a model wrote is escaped on its way in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape as escape_html

from purpose_agent.bench.learned import Lesson, Tendency
from purpose_agent.bench.report_card import ArmResult, DemoReport, p_text
from purpose_agent.bench.statistics import PairedDifference, Proportion
from purpose_agent.freeze import encodable

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")

_CSS = """\
:root { color-scheme: light; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0 auto; max-width: 72rem; padding: 1rem; color: #1b1b1b; background: #fff; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; line-height: 1.25; } h2 { font-size: 1.15rem; margin-top: 2rem; }
.verdict { font-size: 1.2rem; border-left: .4rem solid #0b5394; padding-left: .8rem; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 1rem; }
figure { margin: 0; } figcaption { color: #4a4a4a; font-size: .9rem; } svg { width: 100%; height: auto; }
table { border-collapse: collapse; width: 100%; }
td, th { text-align: right; padding: .3rem .5rem; overflow-wrap: normal; }
td:first-child, th:first-child { text-align: left; overflow-wrap: anywhere; } tr { border-bottom: 1px solid #ddd; }
code { background: #f2f2f2; padding: .1rem .3rem; } dt { font-weight: 600; } .note { color: #4a4a4a; }
@media (max-width: 44rem) {
  table, tbody, tr, td { display: block; } thead { display: none; } tr { padding: .5rem 0; }
  td { display: flex; justify-content: space-between; gap: 1rem; padding: .1rem 0; text-align: right; }
  td:first-child { font-weight: 600; } td[data-label]::before { content: attr(data-label); color: #4a4a4a; }
}
"""


def render(report: DemoReport, charts: Sequence[tuple[str, str]]) -> str:
    """The page.

    Args:
        report: what it shows.
        charts: pairs of SVG text (taken as it is) and caption.
    """
    s = report.settings
    title = f"purpose-agent demo: {s.model} in {s.world}"
    body = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="verdict">{escape(report.verdict)}</p>',
        "".join(f'<p class="note">{escape(note)}</p>' for note in report.notes),
        figures(charts),
        "<h2>Arms</h2>",
        _arms(report.arms),
        "<h2>Differences on the same tasks</h2>",
        _comparisons(report),
        "<h2>What a step costs</h2>",
        _prompt_cost(report),
        "<h2>What was learned</h2>",
        _learned(report),
        "<h2>How it was made</h2>",
        _making(report),
    ]
    return document(title, body)


def document(title: str, body: Iterable[str], style: str = "") -> str:
    """A page that needs nothing else.

    Args:
        title: of the page.
        body: parts in HTML; empty ones are left out.
        style: CSS of this page beyond that of all.
    """
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{escape(title)}</title><style>{_CSS}{style}</style></head><body>\n"
        + "\n".join(part for part in body if part)
        + "\n</body></html>\n"
    )


def figures(charts: Iterable[tuple[str, str]]) -> str:
    """Pairs of SVG text (taken as it is) and caption, side by side where there is room; empty without any."""
    shown = "".join(
        f"<figure>{svg}<figcaption>{escape(caption)}</figcaption></figure>" for svg, caption in charts
    )
    return f'<div class="charts">{shown}</div>' if shown else ""


def printable(text: str) -> str:
    """The text without what HTML, XML or UTF-8 cannot hold."""
    return _CONTROL.sub("�", encodable(text))


def escape(text: str) -> str:
    """The text as HTML."""
    return escape_html(printable(text))


def percent(value: float) -> str:
    """A share as a whole percentage."""
    return f"{100 * value:.0f} %"


def interval(result: Proportion) -> str:
    """A rate with its interval."""
    return f"{percent(result.rate)} [{100 * result.low:.0f}, {100 * result.high:.0f}]"


def difference_text(d: PairedDifference) -> str:
    """A difference with its interval, in points."""
    return f"{100 * d.difference:+.0f} [{100 * d.low:+.0f}, {100 * d.high:+.0f}]"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table that becomes a list of cards on a narrow screen; the cells are escaped."""
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    lines = "".join(
        "<tr>"
        + "".join(
            f"<td>{escape(cell)}</td>"
            if i == 0
            else f'<td data-label="{escape(head[i])}">{escape(cell)}</td>'
            for i, cell in enumerate(row)
        )
        + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{top}</tr></thead><tbody>{lines}</tbody></table>"


def _arms(arms: Sequence[ArmResult]) -> str:
    head = ("arm", "n", "solved", "rate [95 %]", "steps", "by habit")
    head += ("model calls", "tokens read", "read anew", "written")
    rows = [
        (
            arm.label,
            str(arm.result.n),
            str(arm.result.successes),
            interval(arm.result),
            f"{arm.steps:.1f}",
            percent(arm.habit_share),
            f"{arm.calls:.1f}",
            f"{arm.prompt_tokens:.0f}",
            f"{arm.uncached_tokens:.0f}",
            f"{arm.completion_tokens:.0f}",
        )
        for arm in arms
    ]
    note = (
        "Steps, calls and tokens are averages per task. Every arm plays by the same rule: nothing is repeated in the "
        "same state while something else is left to try."
    )
    return table(head, rows) + f'<p class="note">{note}</p>'


def _comparisons(report: DemoReport) -> str:
    labels = {arm.name: arm.label for arm in report.arms}
    rows = [
        (
            f"{labels.get(c.first, c.first)} − {labels.get(c.second, c.second)}",
            c.question,
            str(c.difference.n),
            difference_text(c.difference),
            f"{c.difference.only_first} : {c.difference.only_second}",
            f"p {p_text(c.difference.p)}",
        )
        for c in report.comparisons
        if c.difference.n
    ]
    head = ("arms", "question", "n", "points [95 %]", "solved by one only", "exact McNemar")
    return table(head, rows) if rows else "<p>No task was played by two arms yet.</p>"


def _prompt_cost(report: DemoReport) -> str:
    cost = report.prompt_cost
    if cost is None:
        return "<p>No model was asked.</p>"
    first, *later = cost.mean
    mean = sum(later) / len(later) if later else 0.0
    return (
        f"<p>The first step reads {first:.0f} prompt tokens, a later one {mean:.0f} on average. Over an episode this "
        f"changes by {cost.slope.slope:+.2f} ± {1.96 * cost.slope.error:.2f} tokens per step: the prompt only grows at "
        "its end, so what was read stays read.</p>"
    )


def _learned(report: DemoReport) -> str:
    learned = report.learned
    if not learned.episodes:
        return "<p>Nothing yet.</p>"
    parts = [
        f"<p>The value memory holds {learned.features} features of situation and action from {learned.episodes} "
        "episodes; <code>*</code> stands for any object.</p>"
    ]
    for title, tendencies in (("Do", learned.do), ("Avoid", learned.avoid)):
        if tendencies:
            parts.append(f"<h3>{title}</h3>{_tendencies(tendencies)}")
    if learned.lessons:
        parts.append(f"<h3>Lessons</h3><dl>{''.join(map(_lesson, learned.lessons))}</dl>")
    return "".join(parts)


def _tendencies(found: Sequence[Tendency]) -> str:
    rows = [(t.text, f"{t.weight:+.2f}", str(t.count)) for t in found]
    return table(("action", "value", "times taken"), rows)


def _lesson(lesson: Lesson) -> str:
    steps = "".join(f"<li>{escape(step)}</li>" for step in lesson.steps)
    return (
        f"<dt>{escape(lesson.pattern)}</dt><dd>{escape(lesson.strategy)}{f'<ol>{steps}</ol>' if steps else ''}"
        f'<span class="note">{escape(lesson.tier)}, from {lesson.episodes} episode(s), by {escape(lesson.source)}; '
        f"{escape(lesson.record)}</span></dd>"
    )


def _making(report: DemoReport) -> str:
    s, m = report.settings, report.machine
    rows = [
        ("environment", s.world),
        ("model", s.model),
        ("training episodes, held-out tasks", f"{s.episodes}, {s.tasks}"),
        ("steps at most", str(s.max_steps)),
        ("seed", str(s.seed)),
        ("tasks both learned from and tested on", str(report.leakage.shared_tasks)),
        ("tested first states that training had met", str(report.leakage.shared_first_states)),
        ("machine", m.describe()),
        ("load per core when it ended", f"{m.load:g}"),
        ("wall time", f"{report.wall_seconds / 60:.1f} minutes"),
        ("run it again", report.command),
    ]
    return table(("what", "value"), rows)
