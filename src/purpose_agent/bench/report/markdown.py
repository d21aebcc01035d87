"""A report card as Markdown, for result pages, issues and messages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from purpose_agent.bench.report.report import SuiteReport
from purpose_agent.bench.report.tables import (
    arms_table,
    differences_table,
    labels_of,
    learners_table,
    learning_table,
    name_text,
    overall_table,
    retention_table,
    sentence_text,
)
from purpose_agent.bench.text_table import TextTable


def as_markdown(report: SuiteReport) -> str:
    """Verdicts and tables; texts of worlds are escaped."""
    return "\n".join(_lines(report)).strip() + "\n"


def _lines(report: SuiteReport) -> Iterator[str]:
    yield f"**{_escaped(sentence_text(report.verdict))}**"
    yield ""
    yield f"`{report.command.replace('`', '')}`"
    yield ""
    yield (
        f"{report.date}, {report.machine.describe()}, {report.wall_seconds / 60:.0f} minutes, "
        f"{report.fold} fold, {report.settings.orders} training streams a world."
    )
    yield from _table(overall_table(report), "All worlds")
    for world in report.worlds:
        yield ""
        yield f"### {_escaped(name_text(world.name))}"
        if len(report.worlds) > 1:
            yield ""
            yield _escaped(sentence_text(world.verdict))
        yield from _table(arms_table(world))
        yield from _table(differences_table(world.differences, labels_of(world.arms)))
        yield from _table(learning_table(world))
        yield from _table(learners_table(world), "What learning cost")
        if world.retention:
            yield from _table(retention_table(world))
    if report.notes:
        yield ""
        yield from (f"- {_escaped(sentence_text(note))}" for note in report.notes)


def _table(found: TextTable, title: str = "") -> Iterator[str]:
    if not found.rows:
        return
    yield ""
    if title:
        yield f"{title}:"
        yield ""
    yield _row(found.head)
    yield _row(["---", *["---:"] * (len(found.head) - 1)])
    yield from (_row(row) for row in found.rows)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(_escaped(cell) for cell in cells)} |"


def _escaped(text: str) -> str:
    """The text with whatever Markdown would take for its own."""
    return "".join(f"\\{c}" if c in r"\`*_|<>$" else c for c in text)
