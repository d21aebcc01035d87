"""What stops a suite from outside: the clock, and whoever ends the process."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.suite.playing import QUICK, play, rows_in
from purpose_agent.bench import workers
from purpose_agent.bench.suite import running
from purpose_agent.bench.suite.catalogue import make_settings
from purpose_agent.bench.suite.plan import Plan
from purpose_agent.bench.suite.rows import SuiteRow
from purpose_agent.bench.suite.settings import SuiteSettings


def settings(world: str) -> SuiteSettings:
    given = {**QUICK, "anchors": 0, "max_steps": 2}
    return make_settings(
        None, "random", env=f"fakes.suite_worlds:{world}", arms=("random", "memory_only"), **given
    )


@pytest.mark.parametrize(
    ("wanted", "jobs", "started"), [(500, 3, 3), (500, 1000, 64), (2, 1000, 2), (4, 1, 1)]
)
def test_no_more_processes_are_started_than_there_is_work_for(wanted: int, jobs: int, started: int) -> None:
    assert workers.useful_workers(wanted, jobs) == started


def test_a_plan_counts_what_is_left() -> None:
    plan = Plan(settings("Buttons"))
    job = plan.take(0)
    assert job is not None
    assert plan.left == len(plan.jobs)
    plan.done(SuiteRow(job=job))
    assert plan.left == len(plan.jobs) - 1


@pytest.mark.slow
def test_what_hangs_is_ended_when_the_time_is_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "GRACE_SECONDS", 1.0)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))  # of the workers
    report = play(settings("Hanging"), tmp_path, jobs=2, minutes=0.25)
    assert not report.complete
    assert (tmp_path / "report.json").exists()
    assert len([row for row in rows_in(tmp_path) if row.job.kind == "train"]) == 2


@pytest.mark.parametrize("ignored", [False, True])
def test_who_is_terminated_ends_as_by_ctrl_c(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ignored: bool
) -> None:
    original, before = running.SuiteProgress.advance, signal.getsignal(signal.SIGINT)

    def advance(self: Any, row: SuiteRow) -> None:
        original(self, row)
        if row.job.index == 3:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(running.SuiteProgress, "advance", advance)
    if ignored:  # as in the background of a shell
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        report = play(settings("Buttons"), tmp_path)
    finally:
        signal.signal(signal.SIGINT, before)
    assert not report.complete
    assert len(rows_in(tmp_path)) == 4
    assert (tmp_path / "report.html").exists()
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
