"""How long all sessions in a folder took together, kept as it passes, so that it outlives whoever is killed."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

from purpose_agent.bench.report_files import replace_file

SECONDS = "seconds.txt"


class PlayedTime:
    """Counts from its making on, after what earlier sessions took.

    Args:
        folder: of the results.
        reported: seconds that the last report tells; they count where nothing was kept.
    """

    def __init__(self, folder: Path, reported: float = 0.0) -> None:
        self._path = folder / SECONDS
        self._before = max(played_seconds(folder), reported)
        self._started = time.monotonic()
        self.seconds = self._before
        """Until the last result."""

    def keep(self) -> None:
        """A result has come. Where the time cannot be written, it is lost with this session, and nothing else is."""
        self.seconds = self._before + time.monotonic() - self._started
        with contextlib.suppress(OSError):
            replace_file(self._path, f"{self.seconds}\n")


def played_seconds(folder: Path) -> float:
    """What was kept in a folder; 0 where nothing readable was."""
    try:
        return max(0.0, float((folder / SECONDS).read_text("utf-8")))
    except (OSError, ValueError):
        return 0.0
