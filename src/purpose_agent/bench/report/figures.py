"""Which charts a report card shows, and what is said below them."""

from __future__ import annotations

from purpose_agent.bench.report.charts import ForestRow, curves_chart, drawable, forest_chart
from purpose_agent.bench.report.report import Difference, SuiteReport, WorldReport
from purpose_agent.bench.report.tables import (
    all_labels,
    difference_label,
    labels_of,
    name_text,
    points_text,
    share_text,
    shown,
)


def overall_figures(report: SuiteReport) -> list[tuple[str, str]]:
    """What memory adds in each world, and all questions over all worlds; nothing beyond one world.

    Returns pairs of SVG text and caption.

    Raises:
        MissingDependencyError: matplotlib is not installed.
    """
    if len(report.worlds) < 2:
        return []
    charts: list[tuple[str, str]] = []
    if _asked(report):
        caption = "What memory adds, by world: both arms played the same tasks."
        charts.append((headline_chart(report, "headline"), caption))
    if any(shown(d.success) for d in report.overall):
        labels = all_labels(report)
        rows = [_row(difference_label(d, labels), d, d is report.overall[0]) for d in report.overall]
        drawn = forest_chart("overall", rows, "difference, points", signed=True, reference=0.0)
        charts.append((drawn, "Over all worlds. Right of 0 the first of the two is better."))
    return charts


def headline_chart(report: SuiteReport, name: str) -> str:
    """What memory adds in each world and over all; empty before a task was played.

    Raises:
        MissingDependencyError: matplotlib is not installed.
    """
    rows = [_row(f"{title}, n={d.success.n}", d, whole) for whole, title, d in _asked(report)]
    if not rows:
        return ""
    return forest_chart(name, rows, "what memory adds, points", signed=True, reference=0.0)


def _asked(report: SuiteReport) -> list[tuple[bool, str, Difference]]:
    """The first question, by world and over all; only where tasks were played."""
    found = [(False, world.name, world.differences[0]) for world in report.worlds if world.differences]
    if report.overall and len(report.worlds) > 1:
        found.append((True, "all worlds", report.overall[0]))
    return [row for row in found if shown(row[2].success)]


def world_figures(place: int, world: WorldReport) -> list[tuple[str, str]]:
    """Learning curves, arms and differences of the world at that place of the report.

    Returns pairs of SVG text and caption.

    Raises:
        MissingDependencyError: matplotlib is not installed.
    """
    found: list[tuple[str, str]] = []
    if any(map(drawable, world.curves)):
        found.append(_learning(place, world))
    if any(shown(arm.success) for arm in world.arms):
        found.append(_arms(place, world))
    if any(shown(d.success) for d in world.differences):
        found.append(_differences(place, world))
    return found


def _learning(place: int, world: WorldReport) -> tuple[str, str]:
    first = world.curves[0]
    panels = [(name_text(curve.label), curve) for curve in world.curves]
    drawn = curves_chart(f"curves{place}", panels, first if len(panels) > 1 else None)
    spread = f" and their range over {first.orders} orders" if first.orders > 1 else ""
    return drawn, f"Training streams, in percent: moving means{spread}."


def _arms(place: int, world: WorldReport) -> tuple[str, str]:
    compared = world.differences[0] if world.differences else None
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
    caption, line = "Held-out tasks, memory frozen; 95 % intervals.", None
    for arm in world.arms:
        if compared is not None and arm.name == compared.second and shown(arm.success):
            line = arm.success.value
            caption += f" Dashed: {name_text(arm.label)}."
    axis = "success and score on held-out tasks"
    return forest_chart(f"arms{place}", rows, axis, reference=line), caption


def _differences(place: int, world: WorldReport) -> tuple[str, str]:
    labels = labels_of(world.arms)
    rows = [_row(difference_label(d, labels), d, d is world.differences[0]) for d in world.differences]
    drawn = forest_chart(f"differences{place}", rows, "difference, points", signed=True, reference=0.0)
    return drawn, "The same tasks, paired. Right of 0 the first of the two is better."


def _row(label: str, d: Difference, strong: bool) -> ForestRow:
    return ForestRow(label, points_text(d.success), d.success, d.score, strong)


def learning_chart(report: SuiteReport) -> str:
    """The first learner of each world; empty before there is a line to draw.

    Raises:
        MissingDependencyError: matplotlib is not installed.
    """
    panels = [(name_text(world.name), world.curves[0]) for world in report.worlds if world.curves]
    return curves_chart("learning", panels) if any(drawable(curve) for _, curve in panels) else ""
