"""How far a report card is, and how long the rest may take: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from purpose_agent.bench.suite.arms import ARMS
from purpose_agent.bench.suite.rows import TEST, Job, SuiteRow

LINE_EVERY_SECONDS = 30.0
"""Between two plain lines."""

_LEAST_KNOWN = 3
"""Finished jobs before the rest is estimated."""

Cost = tuple[str, ...]
"""What jobs of like cost have in common."""


class SuiteProgress:
    """Counts jobs, and shows them.

    Args:
        console: where to write.
        jobs: all of them.
        done: those that were finished before.
        workers: that share the rest.
    """

    def __init__(self, console: Console, jobs: Sequence[Job], done: Iterable[SuiteRow], workers: int) -> None:
        self._console = console
        self._workers = workers
        self._left = dict.fromkeys(jobs)
        self._total = len(jobs)
        self._seconds: dict[Cost, list[float]] = {}
        self._said = time.monotonic()
        for row in done:
            self._take(row)
        self._bar: Progress | None = None
        if console.is_terminal:
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(bar_width=24),
                MofNCompleteColumn(),
                TextColumn("{task.fields[note]}"),
                TimeElapsedColumn(),
                console=console,
            )
            self._task = self._bar.add_task("jobs", total=self._total, completed=self._finished, note="")
            self._bar.start()

    @property
    def _finished(self) -> int:
        return self._total - len(self._left)

    def advance(self, row: SuiteRow) -> None:
        """A job ended."""
        self._take(row)
        if self._bar is not None:
            self._bar.update(self._task, completed=self._finished, note=self._note(row))
        elif time.monotonic() - self._said >= LINE_EVERY_SECONDS or not self._left:
            self._said = time.monotonic()
            self._console.print(
                f"{self._finished} of {self._total} jobs done ({self._note(row)})",
                soft_wrap=True, highlight=False, markup=False,
            )  # fmt: skip

    def close(self) -> None:
        """No more jobs will come."""
        if self._bar is not None:
            self._bar.stop()

    def _take(self, row: SuiteRow) -> None:
        self._left.pop(row.job, None)
        for cost in _costs(row.job):
            self._seconds.setdefault(cost, []).append(row.seconds)

    def _note(self, row: SuiteRow) -> str:
        return f"{row.job.world} · {row.job.arm}{self._rest()}"

    def _rest(self) -> str:
        """How long the rest may take, by what like jobs took; empty while that cannot be told."""
        if self._finished < _LEAST_KNOWN or not self._left:
            return ""
        total = 0.0
        for job in self._left:
            known = next((self._seconds[cost] for cost in _costs(job) if cost in self._seconds), [0.0])
            recent = known[-20:]
            total += sum(recent) / len(recent)
        seconds = total / self._workers
        return f", about {seconds / 60:.0f} min left" if seconds >= 60 else f", about {seconds:.0f} s left"


def _costs(job: Job) -> tuple[Cost, ...]:
    """Ever larger classes of jobs that cost about the same."""
    asks = str(ARMS[job.arm].asks_model) if job.kind == TEST else ""
    return (job.kind, job.arm, job.world), (job.kind, job.arm), (job.kind, asks), ()
