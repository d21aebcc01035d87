"""The report card as one HTML file that needs no network and runs no script.

Everything that a world, a model or a user wrote is cut to a line and escaped on its way in.
"""

from __future__ import annotations

from collections.abc import Sequence

from purpose_agent.bench.html_page import document, escape, figures, table
from purpose_agent.bench.report.report import SuiteReport, WorldReport
from purpose_agent.bench.report.tables import (
    advice_table,
    arms_table,
    costs_table,
    differences_table,
    items_table,
    labels_of,
    leakage_sentence,
    learners_table,
    learning_table,
    making_table,
    memory_sentence,
    name_text,
    overall_table,
    retention_table,
    sentence_text,
)
from purpose_agent.bench.text_table import TextTable

_ITEMS = 6
"""So many items are shown at once."""

_CSS = """\
.scroll { overflow-x: auto; } .charts { align-items: start; margin: 1.5rem 0; }
.charts { grid-template-columns: repeat(auto-fit, minmax(min(100%, 22.5rem), 1fr)); } figure { max-width: 32rem; }
section { border-top: 2px solid #1b1b1b; margin-top: 2.5rem; } h3, summary { font-size: 1rem; font-weight: 700; }
h3, details { margin: 1.8rem 0 .4rem; } summary { cursor: pointer; } a { color: #0b5394; }
section .verdict { font-size: 1.05rem; } .contents { padding-left: 1.2rem; } .note { font-size: .9rem; }
table { font-size: .9rem; font-variant-numeric: tabular-nums; } td { vertical-align: top; white-space: nowrap; }
th { vertical-align: bottom; } td:first-child, th:first-child { min-width: 10rem; padding-left: 0; }
td:first-child, .text td:nth-child(2) { white-space: normal; }
.text td:nth-child(2), .text th:nth-child(2) { text-align: left; overflow-wrap: anywhere; min-width: 9rem; }
@media (max-width: 60rem) {
  table, tbody, tr { display: block; } thead { display: none; } tr { padding: .5rem 0; }
  td { display: inline-block; padding: .1rem 0; margin-right: 1.1rem; text-align: left; }
  td:first-child, .text td:nth-child(2) { display: block; } td:first-child { font-weight: 600; }
  td[data-label]::before { content: attr(data-label) " "; color: #4a4a4a; }
  td:empty, .text td:nth-child(2)::before { display: none; }
}
@media print {
  .scroll { overflow: visible; } figure, tr { break-inside: avoid; } h2, h3, summary { break-after: avoid; }
  details::details-content { content-visibility: visible; height: auto; }
}
"""


def render(
    report: SuiteReport, overall: Sequence[tuple[str, str]], worlds: Sequence[Sequence[tuple[str, str]]]
) -> str:
    """The page.

    Args:
        report: what it shows.
        overall: charts over all worlds, pairs of SVG text (taken as it is) and caption.
        worlds: charts of each world, in the report's order.
    """
    subject = report.worlds[0].name if len(report.worlds) == 1 else report.settings.suite
    title = f"Report card: {name_text(subject)}, model {name_text(report.settings.model)}"
    body = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="verdict">{escape(sentence_text(report.verdict))}</p>',
        _standing(report),
        _contents(report.worlds),
        figures(overall),
        _table(overall_table(report), "h2", "text"),
        *(_world(report, place, worlds[place]) for place in range(len(report.worlds))),
        f"<section>{_notes(report)}{_table(making_table(report), 'h2', 'text')}</section>",
    ]
    return document(title, body, _CSS)


def _standing(report: SuiteReport) -> str:
    state = "All episodes were played" if report.complete else "Not finished: more episodes are to come"
    text = (
        f"{state}. Held-out tasks of the {name_text(report.fold)} fold, the same for every arm; memory was learned on "
        f"other tasks and is frozen there. Intervals are of 95\N{NO-BREAK SPACE}%. {name_text(report.date)}."
    )
    return f'<p class="note">{escape(text)}</p>'


def _notes(report: SuiteReport) -> str:
    lines = "".join(f"<li>{escape(sentence_text(note))}</li>" for note in report.notes)
    return f"<h2>How it was measured</h2><ul>{lines}</ul>" if lines else ""


def _contents(worlds: Sequence[WorldReport]) -> str:
    lines = "".join(
        f'<li><a href="#world-{place}">{escape(name_text(world.name))}</a>: {escape(sentence_text(world.verdict))}</li>'
        for place, world in enumerate(worlds)
    )
    return f'<ul class="contents">{lines}</ul>' if len(worlds) > 1 else ""


def _world(report: SuiteReport, place: int, charts: Sequence[tuple[str, str]]) -> str:
    world = report.worlds[place]
    arms = arms_table(world)
    verdict = (
        f'<p class="verdict">{escape(sentence_text(world.verdict))}</p>' if len(report.worlds) > 1 else ""
    )
    parts = [
        f'<section id="world-{place}"><h2>{escape(name_text(world.name))}</h2>',
        verdict,
        f'<p class="note"><code>{escape(sentence_text(world.spec))}</code></p>',
        figures(charts),
        _table(arms) if arms.rows else "<p>No held-out task was played yet.</p>",
        _table(differences_table(world.differences, labels_of(world.arms)), style="text"),
        _folded(costs_table(world.arms), " open"),
        _table(learning_table(world)),
        _table(learners_table(world)),
        _table(retention_table(world), style="text"),
        _memory(world),
        f'<p class="note">{escape(leakage_sentence(world))}</p></section>',
    ]
    return "\n".join(part for part in parts if part)


def _memory(world: WorldReport) -> str:
    if world.memory is None:
        return ""
    items = items_table(world.memory.top)
    more = items.rows[_ITEMS:]
    parts = [
        f"<h3>What was learned</h3><p>{escape(memory_sentence(world.memory))}</p>",
        _table(items._replace(rows=items.rows[:_ITEMS])),
        _folded(items._replace(title=f"{len(more)} more of them", rows=more, note="")),
        _table(advice_table(world.memory)),
    ]
    return "".join(parts)


def _folded(found: TextTable, state: str = "") -> str:
    """A long table that the reader can fold; empty without rows."""
    if not found.rows:
        return ""
    return f"<details{state}><summary>{escape(found.title)}</summary>{_box(found)}</details>"


def _table(found: TextTable, heading: str = "h3", style: str = "") -> str:
    """A table in a box of its own, with its title and note; empty without rows."""
    if not found.rows:
        return ""
    return f"<{heading}>{escape(found.title)}</{heading}>{_box(found, style)}"


def _box(found: TextTable, style: str = "") -> str:
    note = f'<p class="note">{escape(found.note)}</p>' if found.note else ""
    return f'<div class="scroll {style}">{table(found.head, found.rows)}</div>{note}'
