"""Several episodes: a line for each, and on a terminal a bar with the time that is left."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING

from purpose_agent.cli.episode_report import REASONS
from purpose_agent.cli.plain_text import count_of, number, one_line, phi_bar
from purpose_agent.cli.screen import Screen, notes
from purpose_agent.cli.watching import Watch
from purpose_agent.events import Event, StepStarted

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from purpose_agent.result import TaskResult


class EpisodesProgress:
    """Shows episodes one after another; a context manager.

    Args:
        screen: where the lines go; the bar goes there too, or to a terminal on standard error.
        total: how many episodes there will be.
    """

    def __init__(self, screen: Screen, total: int) -> None:
        self._screen = screen
        self._total = total
        self._done = 0
        self._closed = False
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> EpisodesProgress:
        where = self._screen if self._screen.live or not sys.stderr.isatty() else notes()
        if where.live:
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
            )
            self._bar = Progress(*columns, console=where.console, transient=True)
            self._task = self._bar.add_task("starting", total=self._total)
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Take the bar away; the lines stay."""
        if self._bar is not None:
            self._bar.stop()

    def next_run(self, seed: int) -> Watch:
        """A listener for the next episode."""
        self.describe(f"seed {seed}")
        watch = _BarWatch(self, seed)
        watch.closed = self._closed
        return watch

    def describe(self, what: str) -> None:
        """Say beside the bar what goes on."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, description=what)

    def show(self, result: TaskResult, watch: Watch) -> None:
        """The line of an episode that was played."""
        seconds = 0.0 if watch.finished is None else watch.finished.seconds
        text = REASONS.get(result.stop_reason, result.stop_reason)
        if result.error and not result.success:
            text += f": {one_line(result.error, 200)}"
        self._line(
            watch,
            f"seed {result.trajectory.seed}",
            result.success,
            f"{phi_bar(result.final_phi)} {number(result.final_phi):>4}  "
            f"{count_of(result.total_steps, 'step'):>8}  {seconds:>6.1f} s  {result.run_id}  {text}",
        )

    def show_impossible(self, seed: int, error: str) -> None:
        """The line of an episode that the environment would not begin."""
        self._line(None, f"seed {seed}", False, one_line(error, 300))

    def _line(self, watch: Watch | None, name: str, success: bool, text: str) -> None:
        self._done += 1
        mark = ("✓", "green") if success else ("✗", "red")
        if not self._closed:
            try:
                self._screen.line(f"{self._done:>4}/{self._total}  {name:<9} ", mark, f"  {text}", cut=True)
            except (OSError, ValueError):  # nobody reads any more
                self._closed = True
        if watch is not None:
            watch.closed = self._closed
        if self._bar is not None and self._task is not None:
            self._bar.advance(self._task)


class _BarWatch(Watch):
    """Says beside the bar which step it is."""

    def __init__(self, progress: EpisodesProgress, seed: int) -> None:
        super().__init__()
        self._progress = progress
        self._seed = seed

    def show(self, event: Event) -> None:
        if isinstance(event, StepStarted):
            self._progress.describe(f"seed {self._seed}, step {event.step}")
