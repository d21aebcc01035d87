"""The report card as one HTML file that needs no network and runs no script.

Everything that a world, a model or a user wrote is cut to a line and escaped on its way in.
"""

from __future__ import annotations

from collections.abc import Sequence

from purpose_agent.bench.critic_text import TextTable
from purpose_agent.bench.page import document, escape, figures, table
from purpose_agent.bench.suite.report import SuiteReport, WorldReport
from purpose_agent.bench.suite.tables import (
    advice_table,
    arms_table,
    costs_table,
    differences_table,
    items_table,
    labels_of,
    leakage_sentence,
    learning_table,
    making_table,
    memory_sentence,
    name_text,
    retention_table,
    sentence_text,
)

_CSS = """\
.scroll { overflow-x: auto; } .charts { align-items: start; }
.charts { grid-template-columns: repeat(auto-fit, minmax(min(100%, 21rem), 1fr)); } figure { max-width: 32rem; }
section { border-top: 2px solid #1b1b1b; margin-top: 2.5rem; } h3 { font-size: 1rem; margin: 1.8rem 0 .4rem; }
section .verdict { font-size: 1.05rem; } .contents { padding-left: 1.2rem; } a { color: #0b5394; }
table { font-size: .9rem; font-variant-numeric: tabular-nums; } th { vertical-align: bottom; }
td { vertical-align: top; } td:first-child, th:first-child { min-width: 10rem; }
.text td:nth-child(2), .text th:nth-child(2) { text-align: left; } .note { font-size: .9rem; }
@media (max-width: 44rem) {
  tr { display: grid; grid-template-columns: 1fr 1fr; column-gap: 1.2rem; } td:empty { display: none; }
  td:first-child, .text td:nth-child(2) { grid-column: 1 / -1; } td[data-label]::before { text-align: left; }
}
@media print { .scroll { overflow: visible; } figure, tr, h2, h3 { break-inside: avoid; } h2, h3 { break-after: avoid; } }
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
    title = f"Report card: {name_text(report.settings.suite)}, model {name_text(report.settings.model)}"
    body = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="verdict">{escape(sentence_text(report.verdict))}</p>',
        _standing(report),
        "".join(f'<p class="note">{escape(sentence_text(note))}</p>' for note in report.notes),
        _contents(report.worlds),
        figures(overall),
        _overall(report),
        *(_world(place, world, worlds[place]) for place, world in enumerate(report.worlds)),
        f"<section>{_table(making_table(report), 'h2', 'text')}</section>",
    ]
    return document(title, body, _CSS)


def _standing(report: SuiteReport) -> str:
    state = "All episodes were played" if report.complete else "Not finished: more episodes are to come"
    text = (
        f"{state}. Held-out tasks of the {name_text(report.fold)} fold, the same for every arm; memory was learned on "
        f"other tasks and is frozen there. Intervals are of 95 %. {name_text(report.date)}."
    )
    return f'<p class="note">{escape(text)}</p>'


def _contents(worlds: Sequence[WorldReport]) -> str:
    lines = "".join(
        f'<li><a href="#world-{place}">{escape(name_text(world.name))}</a>: {escape(sentence_text(world.verdict))}</li>'
        for place, world in enumerate(worlds)
    )
    return f'<ul class="contents">{lines}</ul>' if len(worlds) > 1 else ""


def _overall(report: SuiteReport) -> str:
    labels: dict[str, str] = {}
    for world in reversed(report.worlds):
        labels |= labels_of(world.arms)
    found = differences_table(report.overall, labels)
    return _table(found._replace(title="Over all worlds, each weighing the same"), "h2", "text")


def _world(place: int, world: WorldReport, charts: Sequence[tuple[str, str]]) -> str:
    arms = arms_table(world)
    parts = [
        f'<section id="world-{place}"><h2>{escape(name_text(world.name))}</h2>',
        f'<p class="verdict">{escape(sentence_text(world.verdict))}</p>',
        f'<p class="note"><code>{escape(sentence_text(world.spec))}</code></p>',
        figures(charts),
        _table(arms) if arms.rows else "<p>No held-out task was played yet.</p>",
        _table(differences_table(world.differences, labels_of(world.arms)), style="text"),
        _table(costs_table(world.arms)),
        _table(learning_table(world)),
        _table(retention_table(world), style="text"),
        _memory(world),
        f'<p class="note">{escape(leakage_sentence(world))}</p></section>',
    ]
    return "\n".join(part for part in parts if part)


def _memory(world: WorldReport) -> str:
    if world.memory is None:
        return ""
    parts = [
        f"<h3>What was learned</h3><p>{escape(memory_sentence(world.memory))}</p>",
        _table(items_table(world.memory.top)),
        _table(advice_table(world.memory)),
    ]
    return "".join(parts)


def _table(found: TextTable, heading: str = "h3", style: str = "") -> str:
    """A table in a box of its own, with its title and note; empty without rows."""
    if not found.rows:
        return ""
    note = f'<p class="note">{escape(found.note)}</p>' if found.note else ""
    return (
        f"<{heading}>{escape(found.title)}</{heading}>"
        f'<div class="scroll {style}">{table(found.head, found.rows)}</div>{note}'
    )
