"""From settings to a report."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from rich.console import Console

from purpose_agent.bench.machine import this_machine
from purpose_agent.bench.part_progress import PartProgress
from purpose_agent.bench.simulator.report import (
    SIMULATOR_JSON,
    ScenarioReport,
    SimulatorReport,
    print_scenario,
    write_report,
)
from purpose_agent.bench.simulator.scenario import Scenario
from purpose_agent.bench.simulator.settings import SimulatorSettings
from purpose_agent.errors import UsageError


def run_simulator(
    settings: SimulatorSettings, out: str | Path | None = None, *, console: Console | None = None
) -> SimulatorReport:
    """Simulate, print what came of it, and write it where that is wanted. Equal settings give equal numbers.

    Args:
        settings: what.
        out: the folder for ``simulator.json``; None writes nothing. Each finished scenario is written at once.
        console: where progress and results are printed.

    Returns:
        The report; ``complete`` is False when it was interrupted by Ctrl-C, and what was finished is in it.

    Raises:
        UsageError: the folder cannot be made or written.
    """
    console = console or Console()
    folder = None if out is None else _folder(out)
    machine = this_machine()
    done: list[ScenarioReport] = []
    report = SimulatorReport(settings, settings.command, machine, False, done)
    wanted = settings.chosen()
    for scenario in wanted:
        try:
            found = _simulate(scenario, settings, console)
        except KeyboardInterrupt:
            console.print("Interrupted; the scenario under way is left out.", markup=False, highlight=False)
            break
        done.append(found)
        print_scenario(found, console)
        report = SimulatorReport(settings, settings.command, machine, len(done) == len(wanted), done)
        if folder is not None:
            write_report(report, folder)
    if folder is not None and done:
        console.print(f"Report: {folder / SIMULATOR_JSON}", markup=False, highlight=False, soft_wrap=True)
    return report


def _simulate(scenario: Scenario, settings: SimulatorSettings, console: Console) -> ScenarioReport:
    jobs = scenario.jobs(settings.replications or scenario.replications, settings.seed)
    results: list[Any] = []
    started = time.monotonic()
    with PartProgress(console, scenario.name, len(jobs)) as progress:
        for job in jobs:
            results.append(job())
            progress.advance()
    found = scenario.findings(results)
    return ScenarioReport(
        name=scenario.name,
        title=scenario.title,
        jobs=len(jobs),
        seconds=round(time.monotonic() - started, 1),
        targets=found.targets,
        tables=found.tables,
        data=found.data,
        notes=found.notes,
    )


def _folder(out: str | Path) -> Path:
    folder = Path(out).expanduser()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--out {str(out)!r} cannot be a folder ({error}); choose another") from error
    return folder
