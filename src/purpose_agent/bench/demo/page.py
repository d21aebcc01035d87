"""The demo's report as one HTML file that needs no network and runs no script.

Everything that a world or a model wrote is escaped on its way in.
"""

from __future__ import annotations

from collections.abc import Sequence

from purpose_agent.bench.demo.learned import Lesson, Tendency
from purpose_agent.bench.demo.report import ArmResult, DemoReport
from purpose_agent.bench.html_page import document, escape, figures, table
from purpose_agent.bench.number_text import p_text, percent
from purpose_agent.bench.statistics import PairedDifference, Proportion


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


def interval(result: Proportion) -> str:
    """A rate with its interval."""
    return f"{percent(result.rate)} [{100 * result.low:.0f}, {100 * result.high:.0f}]"


def difference_text(d: PairedDifference) -> str:
    """A difference with its interval, in points."""
    return f"{100 * d.difference:+.0f} [{100 * d.low:+.0f}, {100 * d.high:+.0f}]"


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
