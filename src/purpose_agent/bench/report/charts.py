"""The charts of a report card, told apart by marker, line style and luminance as well as by colour.

They are drawn as wide as a phone's screen, at the size of text, and every label has a line of its own, so that they
need no shrinking there. Needs matplotlib (extra ``report``), which is imported when the first chart is drawn.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Any, NamedTuple

from purpose_agent.bench.charts import BLUE, DARK, GREY, ORANGE, figure_svg
from purpose_agent.bench.number_text import percent
from purpose_agent.bench.report.report import Curve, Estimate
from purpose_agent.bench.report.tables import name_text, shown

_WIDTH, _LEFT, _RIGHT, _TEXT, _LINE = 360.0, 10.0, 16.0, 11.5, 14.5
"""Of a chart in points: its width, its margins, the size of its text and the distance of lines of text."""

_LABEL_EMS, _STRONG_EMS = 20.0, 17.5
"""Room for a row's label beside its numbers, in sizes of its letters; bold ones are wider."""

_TALL, _PLOT, _TITLE, _GAP, _TICKS = 150.0, 84.0, 18.0, 12.0, 32.0
"""Of a panel of learning curves in points: its height where it is alone, or has others below it; that of its title,
the room below, and that for the numbers at its left."""


class ForestRow(NamedTuple):
    """One line of a forest plot.

    Attributes:
        label: what was measured.
        numbers: it in words, short.
        success: the estimate to draw.
        score: of the mean final score, drawn smaller below it.
        strong: whether it is the one to look at.
    """

    label: str
    numbers: str
    success: Estimate
    score: Estimate
    strong: bool = False


def curves_chart(name: str, panels: Sequence[tuple[str, Curve]], reference: Curve | None = None) -> str:
    """Learning curves, one panel below the other: success with its range over orders, score, and habits.

    Args:
        name: of the chart, once in a page.
        panels: titles and curves; those of less than two episodes are left out.
        reference: a curve to show in every panel but its own.

    Raises:
        MissingDependencyError: matplotlib is not installed.
    """
    panels = [(title, curve) for title, curve in panels if drawable(curve)]
    longest = max((len(curve.success) for _, curve in panels), default=1)
    plot = _TALL if len(panels) < 2 else _PLOT
    step = _TITLE + plot + _GAP
    height = step * len(panels) + (90 if reference else 76)

    def draw(figure: Any) -> None:
        for place, (title, curve) in enumerate(panels):
            axes = _axes(figure, _TICKS, height - step * place - _TITLE - plot, plot, height)
            _curve(axes, curve, reference if reference is not curve else None)
            _heading(axes, fitted(title, 19), f"last {curve.window}: {percent(curve.success[-1])}", plot)
            last = place == len(panels) - 1
            axes.set(xlim=(0.5, longest + 0.5), ylim=(min(-0.04, *curve.score), 1.04), yticks=[0, 0.5, 1])
            axes.set_yticklabels(["0", "50", "100"])
            axes.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
            axes.tick_params(labelbottom=last, labelsize=_TEXT - 0.5)
            if last:
                axes.set_xlabel("training episode, each a new task", fontsize=_TEXT)
                _legend(figure, axes)

    return figure_svg(name, draw, (_WIDTH / 72, height / 72))


def drawable(curve: Curve) -> bool:
    """Whether it has enough episodes for a line."""
    return len(curve.success) > 1


def _curve(axes: Any, curve: Curve, reference: Curve | None) -> None:
    episodes = range(1, len(curve.success) + 1)
    axes.fill_between(
        episodes, curve.low, curve.high, color=BLUE, alpha=0.2, linewidth=0, label="range over orders"
    )
    axes.plot(episodes, curve.habit_share, ":", color=ORANGE, linewidth=2, label="steps by habit")
    if reference is not None:
        others = range(1, len(reference.success) + 1)
        axes.plot(others, reference.success, "--", color=GREY, linewidth=1.3, label="success, first panel")
    if curve.score != curve.success:
        axes.plot(episodes, curve.score, "-.", color=DARK, linewidth=1.5, label="final score")
    axes.plot(episodes, curve.success, "-", color=BLUE, linewidth=2.5, label="success, moving mean")


def forest_chart(
    name: str, rows: Sequence[ForestRow], xlabel: str, *, signed: bool = False, reference: float | None = None
) -> str:
    """Estimates with their intervals, one below the other, each under its label.

    Args:
        name: of the chart, once in a page.
        rows: what to draw; rows without a task are left out.
        xlabel: below the axis.
        signed: whether they are differences, around 0, instead of shares.
        reference: where to draw a line through all rows.

    Raises:
        MissingDependencyError: matplotlib is not installed.
    """
    rows = [row for row in rows if shown(row.success)]
    scores = any(shown(row.score) and row.score.value != row.success.value for row in rows)
    labels = [wrapped(row.label, _STRONG_EMS if row.strong else _LABEL_EMS, 2) for row in rows]
    heights = [_LINE * len(lines) + (29 if scores else 20) for lines in labels]
    height = sum(heights) + (62 if scores else 44)

    def draw(figure: Any) -> None:
        axes = _axes(figure, _LEFT, height - sum(heights), sum(heights), height)
        axes.set(xlim=_limits(rows, scores, signed), ylim=(sum(heights), 0), yticks=[])
        axes.spines["left"].set_visible(False)
        axes.xaxis.set_major_formatter(_points if signed else _percent)
        axes.locator_params(axis="x", nbins=5)
        axes.tick_params(labelsize=_TEXT - 0.5)
        if reference is not None:
            axes.axvline(reference, color=GREY, linewidth=1.4, linestyle="-" if signed else "--", zorder=1)
        top = 0.0
        for row, lines, tall in zip(rows, labels, heights, strict=True):
            _label(axes, row, lines, top)
            _mark(axes, row.success, top + _LINE * len(lines) + 8, BLUE, "D" if row.strong else "o", 2.4)
            if scores and shown(row.score):
                _mark(axes, row.score, top + _LINE * len(lines) + 16, DARK, "s", 1.0)
            top += tall
        axes.set_xlabel(xlabel, fontsize=_TEXT)
        if scores:
            axes.plot([], [], "o-", color=BLUE, linewidth=2.4, label="success")
            axes.plot(
                [], [], "s:", color=DARK, linewidth=1, markerfacecolor="white", markersize=5, label="score"
            )
            _legend(figure, axes)

    return figure_svg(name, draw, (_WIDTH / 72, height / 72))


def _label(axes: Any, row: ForestRow, lines: Sequence[str], top: float) -> None:
    weight = "bold" if row.strong else "normal"
    across = axes.get_yaxis_transform()
    style: dict[str, Any] = {
        "fontsize": _TEXT,
        "color": DARK,
        "transform": across,
        "parse_math": False,
        "fontweight": weight,
        "bbox": {"facecolor": "white", "edgecolor": "none", "pad": 0.5},
    }
    for number, line in enumerate(lines):
        axes.text(0, top + _LINE * (number + 1) - 2, line, **style)
    axes.text(1, top + _LINE - 2, row.numbers, ha="right", **style)


def _mark(axes: Any, e: Estimate, y: float, colour: str, marker: str, width: float) -> None:
    small = marker == "s"
    axes.plot([e.low, e.high], [y, y], ":" if small else "-", color=colour, linewidth=width)
    axes.plot([e.low, e.high], [y, y], "|", color=colour, markersize=5 if small else 8)
    axes.plot(
        [e.value], [y], marker, color=colour, markersize=5 if small else 7.5, mfc="white" if small else colour
    )


def _limits(rows: Sequence[ForestRow], scores: bool, signed: bool) -> tuple[float, float]:
    found = [row.success for row in rows] + [row.score for row in rows if scores and shown(row.score)]
    low, high = min(0.0, *(e.low for e in found)), max(0.0, *(e.high for e in found))
    if not signed:
        high = 1.0
    room = max(0.06 * (high - low), 0.02) if signed else 0.02
    return low - room, high + room


def _axes(figure: Any, left: float, bottom: float, plot: float, height: float) -> Any:
    box = (left / _WIDTH, bottom / height, (_WIDTH - left - _RIGHT) / _WIDTH, plot / height)
    return figure.add_axes(box)


def _heading(axes: Any, title: str, numbers: str, plot: float) -> None:
    y = 1 + 5 / plot
    style: dict[str, Any] = {
        "transform": axes.transAxes,
        "fontsize": _TEXT,
        "parse_math": False,
        "color": DARK,
    }
    axes.text(-(_TICKS - _LEFT) / (_WIDTH - _TICKS - _RIGHT), y, title, fontweight="bold", **style)
    axes.text(1, y, numbers, ha="right", **style)


def _legend(figure: Any, axes: Any) -> None:
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncols=2, fontsize=_TEXT - 0.5, borderaxespad=0.1)


def _points(value: float, _place: object = None) -> str:
    return f"{100 * value:+z.0f}" if round(100 * value) else "0"


def _percent(value: float, _place: object = None) -> str:
    return percent(value)


def fitted(text: str, ems: float) -> str:
    """The text as one line no wider than about so many times the size of its letters."""
    return wrapped(text, ems, 1)[0]


def wrapped(text: str, ems: float, lines: int) -> list[str]:
    """The text in at most so many lines, each about so wide at most; the last ends with ``…`` where some is left out.

    The width is estimated from above, since the reader's font is not known.
    """
    found: list[str] = [""]
    for word in _pieces(name_text(text), ems):
        joined = f"{found[-1]} {word}".strip()
        if _ems(joined) <= ems:
            found[-1] = joined
        else:
            found.append(word)
    if len(found) > lines:
        last = found[lines - 1]
        while last and _ems(last + "…") > ems:
            last = last[:-1]
        found[lines - 1 :] = [last.rstrip() + "…"]
    return found


def _pieces(text: str, ems: float) -> list[str]:
    """Its words, those that are too long for a line in parts."""
    pieces: list[str] = []
    for word in text.split():
        part = ""
        for character in word:
            if _ems(part + character) > ems:
                pieces.append(part)
                part = ""
            part += character
        pieces.append(part)
    return pieces


def _ems(text: str) -> float:
    return sum(map(_em, text))


def _em(character: str) -> float:
    if unicodedata.east_asian_width(character) in "WF" or character in "MWmw@%—…":
        return 1.05
    return (
        0.78 if character.isupper() or not character.isascii() else 0.3 if character in " il.,:;'|!" else 0.6
    )
