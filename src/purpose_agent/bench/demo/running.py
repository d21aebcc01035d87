"""The main job for a stranger: learn one game from scratch, then prove on held-out tasks what memory is worth.

A stream of training tasks is played with learning on. Then the memory is frozen, and the same held-out tasks are
played with memory and model, with the model alone, with memory alone, and at random. Everything is written as it
comes; the same call continues what was interrupted and repeats no finished episode.
"""

from __future__ import annotations

import contextlib
import shlex
import time
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from purpose_agent.bench.demo.arms import MEMORY, TRAINING, Player
from purpose_agent.bench.demo.learned import what_was_learned
from purpose_agent.bench.demo.output import print_report, read_report, write_report
from purpose_agent.bench.demo.plan import Plan
from purpose_agent.bench.demo.progress import show_progress
from purpose_agent.bench.demo.report import (
    DemoReport,
    arm_results,
    compare,
    leakage,
    learning_curve,
    prompt_cost,
    task_outcomes,
    verdict,
)
from purpose_agent.bench.demo.rows import Row
from purpose_agent.bench.demo.settings import DemoSettings, make_settings
from purpose_agent.bench.demo.worker import Hello
from purpose_agent.bench.folder import claim_folder
from purpose_agent.bench.line_file import LineFile
from purpose_agent.bench.machine import this_machine
from purpose_agent.bench.played_time import PlayedTime
from purpose_agent.bench.preparing import make_ready, only_one
from purpose_agent.bench.report_files import REPORT_HTML
from purpose_agent.bench.stream import DEV, TRAIN, check_disjoint, tasks_of
from purpose_agent.bench.workers import worked
from purpose_agent.environments import resolve_environment
from purpose_agent.errors import UsageError

ROWS = "episodes.jsonl"


def run_demo(
    game: str = "mapreader",
    model: str = "local",
    episodes: int = 32,
    tasks: int = 16,
    out: str | Path = "runs/demo",
    jobs: int = 2,
    seed: int = 0,
    *,
    max_steps: int = 25,
    practice: str = "model",
    minutes: float | None = None,
    console: Console | None = None,
) -> DemoReport:
    """Play, or continue, a demo and write its report.

    Args:
        game: a preset of TextWorldExpress such as ``mapreader`` or ``twc``, or any environment's specification.
        model: a model specification; ``random`` needs none.
        episodes: training episodes.
        tasks: held-out tasks that every arm plays.
        out: the folder for everything: ``episodes.jsonl``, the stores, ``report.html``, ``report.json``.
        jobs: worker processes, each with its own world and model; 1 works in this process.
        seed: of the streams and of the random policy.
        max_steps: bound on each episode.
        practice: who decides in training what the value memory leaves open: ``model`` or ``random``.
        minutes: after these, stop as Ctrl-C would; None for as long as it takes.
        console: where progress and results are printed.

    Returns:
        The report; ``complete`` is False when the minutes were over or it was interrupted by Ctrl-C.

    Raises:
        UsageError: an argument is wrong, or ``out`` holds a demo with other settings; nothing was started.
        MissingDependencyError: the world or the model needs an extra.
        PurposeAgentError: the world, the model or a store failed; what was done is kept.
    """
    started = time.monotonic()
    console = console or Console()
    settings = make_settings(game, model, episodes, tasks, max_steps, seed, practice)
    _check_running(jobs, minutes)
    training, held_out = _streams(settings)
    make_ready(model)
    folder = claim_folder(out, settings)
    before = read_report(folder)
    played = PlayedTime(folder, before.wall_seconds if before is not None else 0.0)
    rows = LineFile(folder / ROWS, Row)
    plan = Plan(training, held_out, rows.lines)
    deadline = None if minutes is None else started + 60 * minutes
    interrupted = False
    with only_one(folder, "demo"):
        try:
            _play(plan, settings, folder, jobs, rows, played, console, deadline)
        except KeyboardInterrupt:
            interrupted = True
        finally:
            command = _command(game, settings, out, jobs)
            report = make_report(rows.lines, settings, folder, plan.finished, played.seconds, command)
            missing = write_report(report, folder)
    print_report(report, console)
    for line in missing:
        console.print(line, markup=False)
    console.print(f"Report: {folder / REPORT_HTML}", markup=False, highlight=False, soft_wrap=True)
    if not report.complete:
        why = "Interrupted" if interrupted else "The time is up"
        console.print(f"{why}; what was done is kept. Continue with: {command}", markup=False, soft_wrap=True)
    return report


def make_report(
    rows: Sequence[Row], settings: DemoSettings, folder: Path, complete: bool, seconds: float, command: str
) -> DemoReport:
    """The report on what was played so far."""
    comparisons = compare(rows)
    curve = learning_curve(rows)
    return DemoReport(
        verdict=verdict(comparisons[0], complete),
        complete=complete,
        settings=settings,
        learning_curve=curve,
        arms=arm_results(rows),
        comparisons=comparisons,
        prompt_cost=prompt_cost(rows),
        learned=what_was_learned(folder / TRAINING.store),
        leakage=leakage(rows),
        tasks=task_outcomes(rows),
        machine=this_machine(),
        wall_seconds=round(seconds, 1),
        command=command,
        notes=_notes(rows, settings, complete),
    )


def _notes(rows: Sequence[Row], settings: DemoSettings, complete: bool) -> list[str]:
    notes = [
        f"Learned from {sum(r.arm == TRAINING.name for r in rows)} tasks of the {TRAIN} fold, tested on "
        f"{sum(r.arm == MEMORY.name for r in rows)} tasks of the {DEV} fold that nothing was learned from; the test "
        "fold was not touched.",
        "Lessons were distilled by rules from verified episodes and by the value memory, not by a language model: a "
        "model this small writes none that are worth its minutes."
        if settings.model == "local"
        else "Lessons were distilled by rules from verified episodes and by the value memory, not by a language model.",
        "Steps decided by habit are steps where the value memory left one action; the model was not asked.",
    ]
    if settings.practice == "random" and settings.model != "random":
        notes.append(
            "In training, what the value memory left open was drawn at random instead of asking the model; the arms on "
            "held-out tasks ask it."
        )
    impossible = sorted({(r.fold, r.seed) for r in rows if not r.counts})
    if impossible:
        notes.append(
            f"{len(impossible)} tasks could not be made by the world and count for no arm: {impossible}."
        )
    if not complete:
        notes.append("This is a partial report: the demo was stopped before its end.")
    return notes


def _play(
    plan: Plan,
    settings: DemoSettings,
    folder: Path,
    jobs: int,
    rows: LineFile[Row],
    played: PlayedTime,
    console: Console,
    deadline: float | None,
) -> None:
    """Play what is left, and write each episode down as it ends."""
    totals = {job.arm: plan.total(job.arm) for job in plan.jobs}
    if plan.finished:
        return
    view = show_progress(console, totals, rows.lines, jobs)
    try:
        with contextlib.closing(_played(plan, settings, folder, jobs)) as episodes:
            for row in episodes:
                rows.add([row])
                played.keep()
                view.advance(row)
                if deadline is not None and time.monotonic() >= deadline:
                    return
    finally:
        view.close()


def _played(plan: Plan, settings: DemoSettings, out: Path, jobs: int) -> Generator[Row]:
    """The rows of all episodes that are left, as they come; see `worked`."""
    hello = Hello(settings, str(out))
    return worked(plan, jobs, "purpose_agent.bench.demo.worker", hello, Row, lambda: Player(settings, out))


def _streams(settings: DemoSettings) -> tuple[list[Any], list[Any]]:
    """The tasks to learn from and those held out; the world is made to be asked, and not started."""
    world = resolve_environment(settings.world)
    training = tasks_of(world, TRAIN, settings.episodes, settings.seed)
    held_out = tasks_of(world, DEV, settings.tasks, settings.seed)
    check_disjoint(training, held_out)
    return training, held_out


def _check_running(jobs: Any, minutes: Any) -> None:
    if isinstance(jobs, bool) or not isinstance(jobs, int) or jobs < 1:
        raise UsageError(f"jobs must be a whole number of at least 1, got {jobs!r}")
    number = isinstance(minutes, (int, float)) and not isinstance(minutes, bool)
    if minutes is not None and not (number and minutes > 0):
        raise UsageError(f"minutes must be a positive number or None, got {minutes!r}")


def _command(game: str, settings: DemoSettings, out: str | Path, jobs: int) -> str:
    words = ["purpose-agent", "demo", "--game", game, "--model", settings.model]
    words += ["--episodes", str(settings.episodes), "--tasks", str(settings.tasks)]
    words += ["--max-steps", str(settings.max_steps), "--seed", str(settings.seed)]
    if settings.practice != "model":
        words += ["--practice", settings.practice]
    words += ["--jobs", str(jobs), "--out", str(out)]
    return shlex.join(words)
