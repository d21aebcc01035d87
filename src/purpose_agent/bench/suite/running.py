"""One command from nothing to a report card: play what is left, write everything as it comes, say what came out."""

from __future__ import annotations

import contextlib
import datetime
import shlex
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console

from purpose_agent.bench.folder import SETTINGS, claim_folder
from purpose_agent.bench.line_file import LineFile
from purpose_agent.bench.machine import this_machine
from purpose_agent.bench.played_time import PlayedTime, played_seconds
from purpose_agent.bench.preparing import make_ready, only_one
from purpose_agent.bench.report.learned import what_ours_learned
from purpose_agent.bench.report.learners import learner_reports
from purpose_agent.bench.report.output import (
    REPORT_HTML,
    REPORT_JSON,
    print_report,
    read_report,
    write_report,
)
from purpose_agent.bench.report.report import SuiteReport, WorldReport
from purpose_agent.bench.report.summary import arm_summaries, curves, differences, leakage, retention, verdict
from purpose_agent.bench.suite.catalogue import OWN, find_suite
from purpose_agent.bench.suite.guard import LeakError
from purpose_agent.bench.suite.notes import notes_on
from purpose_agent.bench.suite.plan import Plan
from purpose_agent.bench.suite.player import SCRIPTED, Player
from purpose_agent.bench.suite.progress import SuiteProgress
from purpose_agent.bench.suite.rows import ANCHOR, ROWS, TEST, TRAIN, SuiteRow, of_kind
from purpose_agent.bench.suite.settings import SuiteSettings, World
from purpose_agent.bench.suite.studying import Shelf, find_memory
from purpose_agent.bench.suite.tasks import check_world
from purpose_agent.bench.suite.watch import Watch
from purpose_agent.bench.suite.worker import Hello
from purpose_agent.bench.termination import terminated_as_interrupted
from purpose_agent.bench.workers import useful_workers, worked
from purpose_agent.errors import UsageError


@dataclass(frozen=True)
class Session:
    """How a suite is run, as against what it measures.

    Attributes:
        out: the folder for everything.
        jobs: worker processes, each with worlds and a model of its own; 1 works in this process.
        minutes: after these, stop as Ctrl-C would, in this process when the running episode is over; None for as long
            as it takes.
    """

    out: str | Path
    jobs: int = 2
    minutes: float | None = None


def run_suite(settings: SuiteSettings, session: Session, console: Console | None = None) -> SuiteReport:
    """Play, or continue, a suite and write its report.

    Args:
        settings: what is measured.
        session: how.
        console: where progress and results are printed.

    Returns:
        The report; ``complete`` is False when the minutes were over or it was interrupted by Ctrl-C.

    Raises:
        UsageError: a setting cannot be meant, or the folder holds a suite with other settings; nothing was started.
        MissingDependencyError: a world or the model needs an extra.
        LeakError: a held-out task reached a memory; no report is written.
        NothingMeasuredError: nothing works in a world; no report is written.
        PurposeAgentError: a world, the model or a store failed; what was done is kept.
    """
    console = console or Console()
    _check_session(session)
    if settings.memory:
        find_memory(settings.memory)
    for world in settings.worlds:
        check_world(world, settings.arms)
    if settings.model != SCRIPTED:
        make_ready(settings.model)
    Plan(settings)  # refuses what cannot be planned, before anything is made
    folder = claim_folder(session.out, settings, "suite")
    with only_one(folder, "suite"):
        try:
            return _continued(settings, session, folder, console)
        except LeakError:
            for name in (REPORT_HTML, REPORT_JSON):  # of an earlier session
                (folder / name).unlink(missing_ok=True)
            raise


def _continued(settings: SuiteSettings, session: Session, folder: Path, console: Console) -> SuiteReport:
    deadline = None if session.minutes is None else time.monotonic() + 60 * session.minutes
    before = read_report(folder)
    played = PlayedTime(folder, before.wall_seconds if before is not None else 0.0)
    rows = LineFile(folder / ROWS, SuiteRow)
    plan = Plan(settings, rows.lines)
    played_before = len(rows.lines)
    interrupted = False
    complaints: list[str] = []
    try:
        with terminated_as_interrupted():
            _play(plan, settings, session, rows, played, console, deadline, complaints)
    except KeyboardInterrupt:
        interrupted = True
    new = len(rows.lines) > played_before
    date = datetime.date.today().isoformat() if new or before is None else before.date
    machine = this_machine() if new or before is None else before.machine
    report = make_report(rows.lines, settings, folder, complete=plan.finished, seconds=played.seconds)
    report = msgspec.structs.replace(
        report,
        date=date,
        machine=machine,
        command=command_of(settings, session),
        notes=[*report.notes, *dict.fromkeys(complaints)],
    )
    missing = write_report(report, folder)
    print_report(report, console)
    for line in missing:
        console.print(line, markup=False)
    console.print(f"Report: {folder / REPORT_HTML}", markup=False, highlight=False, soft_wrap=True)
    if not report.complete:
        why = "Interrupted" if interrupted else "The time is up"
        again = shlex.join(["purpose-agent", "bench", "--resume", "--out", str(session.out)])
        console.print(f"{why}; what was done is kept. Continue with: {again}", markup=False, soft_wrap=True)
    return report


def _play(
    plan: Plan,
    settings: SuiteSettings,
    session: Session,
    rows: LineFile[SuiteRow],
    played: PlayedTime,
    console: Console,
    deadline: float | None,
    complaints: list[str],
) -> None:
    watch = Watch(rows.lines)
    if plan.finished:
        watch.end()
        return
    view = SuiteProgress(console, plan.jobs, rows.lines, useful_workers(session.jobs, plan.left))
    hello = Hello(settings, str(session.out))
    module = "purpose_agent.bench.suite.worker"
    try:
        finished = worked(
            plan,
            session.jobs,
            module,
            hello,
            SuiteRow,
            lambda: Player(settings, Path(session.out), complaints.append),
            [LeakError],
            deadline,
        )
        with contextlib.closing(finished) as done:
            for row in done:
                rows.add([row])
                played.keep()
                view.advance(row)
                watch.take(row)
        if plan.finished:
            watch.end()
    finally:
        view.close()


def make_report(
    rows: Sequence[SuiteRow], settings: SuiteSettings, folder: Path, *, complete: bool, seconds: float = 0.0
) -> SuiteReport:
    """The report on what was done so far.

    Raises:
        LeakError: a task was both learned from and tested on.
    """
    shelf = Shelf(folder, settings)
    worlds = [_world(rows, settings, world, shelf, complete) for world in settings.worlds]
    leaked = [world.name for world in worlds if world.leakage.shared_tasks]
    if leaked:
        raise LeakError(
            f"tasks of {', '.join(leaked)} were both learned from and tested on; no number of this run can be trusted"
        )
    overall = differences([row for row in rows if row.job.kind == TEST and row.counts], settings)
    return SuiteReport(
        verdict=verdict(overall, complete, settings.orders),
        complete=complete,
        fold=settings.fold,
        settings=settings,
        overall=overall,
        worlds=worlds,
        machine=this_machine(),
        date="",
        wall_seconds=round(seconds, 1),
        command="",
        notes=notes_on(rows, settings, worlds, complete=complete),
    )


def _world(
    rows: Sequence[SuiteRow], settings: SuiteSettings, world: World, shelf: Shelf, complete: bool
) -> WorldReport:
    tested = of_kind(rows, TEST, world.name)
    found = differences(tested, settings)
    return WorldReport(
        name=world.name,
        spec=world.spec,
        verdict=verdict(found, complete, settings.orders),
        curves=curves(of_kind(rows, TRAIN, world.name)),
        arms=arm_summaries(tested, settings),
        differences=found,
        retention=retention(of_kind(rows, ANCHOR, world.name), world.episodes),
        memory=what_ours_learned(shelf, world.name, tested),
        leakage=leakage(rows, world.name),
        learners=learner_reports(shelf, world.name, rows),
    )


def command_of(settings: SuiteSettings, session: Session) -> str:
    """The command that measures the same again."""
    words = ["purpose-agent", "bench"]
    usual = {field.name: field.default for field in msgspec.structs.fields(SuiteSettings)}
    if settings.suite == OWN:
        words += ["--env", settings.worlds[0].spec]
        worlds: tuple[World, ...] = ()
    else:
        suite = find_suite(settings.suite)
        words.append(settings.suite)
        usual |= {**dict(suite.defaults), "practice": "model"} if suite.model else dict(suite.defaults)
        worlds = suite.worlds
    if settings.model != SCRIPTED:
        words += ["--model", settings.model]
    words += ["--arms", ",".join(settings.arms)]
    if worlds and len(worlds) != len(settings.worlds):
        words += ["--worlds", ",".join(world.name for world in settings.worlds)]
    for name in (
        "orders",
        "tasks",
        "model_tasks",
        "repeats",
        "anchors",
        "rival_episodes",
        "seed",
        "practice",
        "memory",
    ):
        if getattr(settings, name) != usual[name]:
            words += [f"--{name.replace('_', '-')}", str(getattr(settings, name))]
    for name in ("episodes", "max_steps"):
        values = {getattr(world, name) for world in settings.worlds}
        usual_values = {getattr(w, name) for w in worlds if w.name in {v.name for v in settings.worlds}}
        if len(values) == 1 and values != usual_values:
            words += [f"--{name.replace('_', '-')}", str(values.pop())]
    if settings.final:
        words.append("--open-test-fold")
    words += ["--jobs", str(session.jobs), "--out", str(session.out)]
    return shlex.join(words)


def current_report(out: str | Path) -> SuiteReport:
    """The report in a folder, made anew where a suite is still being played or was killed.

    Raises:
        UsageError: there is no suite.
    """
    folder = Path(out)
    if not (folder / SETTINGS).exists():
        raise UsageError(f"there is no report in {str(out)!r}: no suite was begun there")
    settings = kept_settings(folder)
    kept = read_report(folder)
    if kept is not None and kept.complete:
        return kept
    rows = LineFile(folder / ROWS, SuiteRow, repair=False).lines
    complete = Plan(settings, rows).finished
    made = make_report(rows, settings, folder, complete=complete, seconds=played_seconds(folder))
    return msgspec.structs.replace(made, command=command_of(settings, Session(folder)))


def kept_settings(out: str | Path) -> SuiteSettings:
    """The settings of the suite in a folder.

    Raises:
        UsageError: there is none.
    """
    path = Path(out) / SETTINGS
    try:
        return msgspec.json.decode(path.read_bytes(), type=SuiteSettings)
    except (OSError, msgspec.DecodeError) as e:
        raise UsageError(
            f"{str(out)!r} holds no suite to continue ({e}); begin one with a suite's name"
        ) from e


def _check_session(session: Session) -> None:
    jobs: Any = session.jobs
    if isinstance(jobs, bool) or not isinstance(jobs, int) or jobs < 1:
        raise UsageError(f"jobs must be a whole number of at least 1, got {jobs!r}")
    if session.minutes is not None and not session.minutes > 0:
        raise UsageError(f"minutes must be a positive number, got {session.minutes!r}")
