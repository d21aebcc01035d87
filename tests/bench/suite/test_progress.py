"""How far a suite is, in words."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from purpose_agent.bench.suite.progress import SuiteProgress
from purpose_agent.bench.suite.rows import TEST, Job, SuiteRow


def test_progress_counts_what_was_done_before_and_says_what_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("purpose_agent.bench.suite.progress.LINE_EVERY_SECONDS", 0.0)
    jobs = [Job(TEST, "w", "ours", index=i, fold="dev", seed=i) for i in range(10)]
    rows = [SuiteRow(job=job, success=True, score=1.0, steps=2, seconds=30.0) for job in jobs]
    said = io.StringIO()
    view = SuiteProgress(Console(file=said, width=100), jobs, rows[:3], 2)
    view.advance(rows[3])
    view.close()
    assert said.getvalue().strip() == "4 of 10 jobs done (w · ours, about 2 min left)"
