"""Progress of a demo: bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from purpose_agent.bench.demo.arms import ARMS
from purpose_agent.bench.demo.rows import Row

LINE_EVERY = 5
"""Episodes of an arm between two plain lines."""


class ProgressView(Protocol):
    """Shows what is done."""

    def advance(self, row: Row) -> None:
        """An episode ended."""
        ...

    def close(self) -> None:
        """No more episodes will come."""
        ...


def show_progress(console: Console, totals: dict[str, int], done: Sequence[Row], jobs: int) -> ProgressView:
    """The view that fits the console.

    Args:
        console: where to write.
        totals: episodes of each arm.
        done: those that were played before.
        jobs: played at once.
    """
    clock = _Clock(totals, done, jobs)
    return _Bars(console, clock) if console.is_terminal else _Lines(console, clock)


class _Clock:
    """Counts episodes and estimates the time that is left."""

    def __init__(self, totals: dict[str, int], done: Sequence[Row], jobs: int) -> None:
        self.totals = totals
        self.rows: dict[str, list[Row]] = {arm: [] for arm in totals}
        self._jobs = jobs
        self._started = time.monotonic()
        for row in done:
            self.take(row)

    def take(self, row: Row) -> None:
        self.rows[row.arm].append(row)

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self._started

    def solved(self, arm: str) -> int:
        return sum(row.success for row in self.rows[arm])

    @property
    def left(self) -> float | None:
        """Seconds; an arm that has not begun is taken to cost what a training episode does. None: cannot tell yet."""
        every = [row.seconds for rows in self.rows.values() for row in rows]
        if len(every) < 3:
            return None
        total = 0.0
        for arm, rows in self.rows.items():
            recent = [row.seconds for row in rows[-10:]] or ([] if ARMS[arm].uniform else every)
            total += (self.totals[arm] - len(rows)) * (sum(recent) / len(recent) if recent else 0.0)
        return total / self._jobs


class _Bars:
    def __init__(self, console: Console, clock: _Clock) -> None:
        self._clock = clock
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(),
            console=console,
        )
        self._bars: dict[str, TaskID] = {
            arm: self._progress.add_task(
                ARMS[arm].label, total=total, completed=len(clock.rows[arm]), note=self._note(arm)
            )
            for arm, total in clock.totals.items()
        }
        self._progress.start()

    def _note(self, arm: str) -> str:
        return f"{self._clock.solved(arm)} solved" if self._clock.rows[arm] else ""

    def advance(self, row: Row) -> None:
        self._clock.take(row)
        left = self._clock.left
        note = self._note(row.arm) + (f" · {_minutes(left)} left" if left is not None else "")
        self._progress.update(self._bars[row.arm], advance=1, note=note)
        for arm, bar in self._bars.items():
            if arm != row.arm:
                self._progress.update(bar, note=self._note(arm))

    def close(self) -> None:
        for arm, bar in self._bars.items():
            self._progress.update(bar, note=self._note(arm))
        self._progress.stop()


class _Lines:
    def __init__(self, console: Console, clock: _Clock) -> None:
        self._console = console
        self._clock = clock

    def advance(self, row: Row) -> None:
        self._clock.take(row)
        done, total = len(self._clock.rows[row.arm]), self._clock.totals[row.arm]
        if done % LINE_EVERY and done != total:
            return
        left = self._clock.left
        rest = f", about {_minutes(left)} left" if left else ""
        self._console.print(
            f"{ARMS[row.arm].label}: {done} of {total}, {self._clock.solved(row.arm)} solved "
            f"({_minutes(self._clock.elapsed)}{rest})",
            soft_wrap=True,
            highlight=False,
            markup=False,
        )

    def close(self) -> None:
        pass


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.1f} min" if seconds >= 60 else f"{seconds:.0f} s"
