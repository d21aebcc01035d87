"""Progress of work in parts: a bar for each part on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

LINES = 5
"""Plain lines of one part."""


class PartProgress:
    """The progress of one part; a context manager.

    Args:
        console: where to write.
        label: of the part.
        total: how much there is to do.
        done: what an earlier session did.
    """

    def __init__(self, console: Console, label: str, total: int, done: int = 0) -> None:
        self._console = console
        self._label = label
        self._total = total
        self._done = self._before = done
        self._started = time.monotonic()
        self._bars: Progress | None = None
        if console.is_terminal:
            self._bars = Progress(
                TextColumn("{task.description}"),
                BarColumn(bar_width=24),
                MofNCompleteColumn(),
                TextColumn("{task.fields[note]}", markup=False),
                TimeElapsedColumn(),
                console=console,
            )
            self._bar = self._bars.add_task(label, total=total, completed=done, note="")

    def __enter__(self) -> PartProgress:
        if self._bars is not None:
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bars is not None:
            self._bars.stop()

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.monotonic() - self._started

    def advance(self, note: str = "") -> None:
        """One more is done."""
        self._done += 1
        left = self._left()
        if self._bars is not None:
            self._bars.update(self._bar, advance=1, note=note + (f" · {_span(left)} left" if left else ""))
        elif self._done == self._total or self._done % max(1, self._total // LINES) == 0:
            rest = f", about {_span(left)} left" if left else ""
            text = f"{self._label}: {self._done} of {self._total}{', ' + note if note else ''}"
            self._console.print(
                f"{text} ({_span(self.seconds)}{rest})", soft_wrap=True, highlight=False, markup=False
            )

    def _left(self) -> float:
        """Seconds; 0 when nothing can be told yet."""
        fresh = self._done - self._before
        return self.seconds / fresh * (self._total - self._done) if fresh >= LINES else 0.0


def _span(seconds: float) -> str:
    return f"{seconds / 60:.1f} min" if seconds >= 60 else f"{seconds:.0f} s"
