"""Plays report cards of a second's length."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console

from purpose_agent.bench.line_file import LineFile
from purpose_agent.bench.report.report import SuiteReport
from purpose_agent.bench.suite.rows import ROWS, SuiteRow
from purpose_agent.bench.suite.running import Session, run_suite
from purpose_agent.bench.suite.settings import SuiteSettings

QUICK: dict[str, Any] = {"orders": 1, "episodes": 8, "tasks": 5, "anchors": 1}
BALLS = "fakes.ball_world:BallWorld"


def quiet() -> Console:
    return Console(file=io.StringIO(), width=200)


def play(settings: SuiteSettings, out: Path, jobs: int = 1, minutes: float | None = None) -> SuiteReport:
    return run_suite(settings, Session(out, jobs, minutes), quiet())


def rows_in(folder: Path) -> list[SuiteRow]:
    return LineFile(folder / ROWS, SuiteRow, repair=False).lines


def timeless(rows: Iterable[SuiteRow]) -> list[SuiteRow]:
    """Rows without what is another in every run: times, and ids of runs and items; only how many there were stays."""
    return sorted(
        (
            msgspec.structs.replace(
                row, seconds=0.0, run_id="", shown=["item"] * len(row.shown), cited=["item"] * len(row.cited)
            )
            for row in rows
        ),
        key=str,
    )
