"""What a simulation leaves behind: simulator.json, and tables on the console."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from purpose_agent.bench.machine import Machine
from purpose_agent.bench.report_files import replace_file
from purpose_agent.bench.simulator.measures import Mean
from purpose_agent.bench.simulator.scenario import Target
from purpose_agent.bench.simulator.settings import SimulatorSettings
from purpose_agent.bench.text_table import TextTable
from purpose_agent.freeze import plain_copy

SIMULATOR_JSON = "simulator.json"


class ScenarioReport(msgspec.Struct, frozen=True):
    """What came of one scenario.

    Attributes:
        name: of the scenario.
        title: the same in a line.
        jobs: replications that were played.
        seconds: they took.
        targets: what must be reached.
        tables: for people.
        data: all numbers.
        notes: what a reader must know.
    """

    name: str
    title: str
    jobs: int
    seconds: float
    targets: list[Target]
    tables: list[TextTable]
    data: dict[str, Any]
    notes: tuple[str, ...]


class SimulatorReport(msgspec.Struct, frozen=True):
    """What came of a run.

    Attributes:
        settings: of the run.
        command: that makes the same numbers.
        machine: it ran on.
        complete: whether no scenario is missing.
        scenarios: those that were finished.
    """

    settings: SimulatorSettings
    command: str
    machine: Machine
    complete: bool
    scenarios: list[ScenarioReport]


def as_json(report: SimulatorReport) -> Any:
    """The report as plain data, rounded to four digits; what is not finite is None."""
    return _rounded(plain_copy(msgspec.to_builtins(report)))


def write_report(report: SimulatorReport, folder: Path) -> None:
    """Write ``simulator.json``."""
    text = msgspec.json.format(msgspec.json.encode(as_json(report)), indent=1).decode() + "\n"
    replace_file(folder / SIMULATOR_JSON, text)


def print_scenario(report: ScenarioReport, console: Console) -> None:
    """The targets, tables and notes of a scenario, for a terminal or a log."""
    console.print(
        f"{report.name}: {report.title}", style="bold", markup=False, highlight=False, soft_wrap=True
    )
    for table in (_targets(report), *report.tables):
        _print_table(table, console)
    for note in report.notes:
        console.print(f"note: {note}", markup=False, highlight=False, soft_wrap=True)
    console.print()


def _targets(report: ScenarioReport) -> TextTable:
    rows = [(t.name, t.wanted, _mean(t.value), "yes" if t.met else "no") for t in report.targets]
    return TextTable("What it must reach", ("", "wanted", "measured [95 %]", "reached"), rows)


def _mean(mean: Mean) -> str:
    if mean.value != mean.value:
        return "nothing to measure"
    return f"{mean.value:.3f} [{mean.low:.3f}, {mean.high:.3f}], n = {mean.n}"


def _print_table(table: TextTable, console: Console) -> None:
    console.print(table.title, markup=False, highlight=False)
    shown = Table(box=None, pad_edge=False)
    for number, name in enumerate(table.head):
        shown.add_column(Text(name), justify="right" if number else "left")
    for row in table.rows:
        shown.add_row(*map(Text, row))
    console.print(shown)
    if table.note:
        console.print(table.note, style="dim", markup=False, highlight=False)
    console.print()


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 4) if abs(value) < float("inf") else None  # NaN fails the comparison too
    if isinstance(value, dict):
        return {name: _rounded(part) for name, part in value.items()}  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, (list, tuple)):
        return [_rounded(part) for part in value]  # pyright: ignore[reportUnknownVariableType]
    return value
