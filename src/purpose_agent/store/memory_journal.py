"""The journal in memory: bytes in lists, so that an append costs an encoding and no more."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from purpose_agent.events import Event
from purpose_agent.store.base import RunInfo
from purpose_agent.store.packing import Milestone, advance, unknown_run, unpack, with_progress
from purpose_agent.store.run_rows import PositionTakenError, gap_error


class MemoryJournal:
    """Behaves like the tables of `purpose_agent.store.run_rows` and keeps nothing."""

    def __init__(self) -> None:
        self._payloads: dict[str, list[bytes]] = {}
        self._infos: dict[str, RunInfo] = {}
        self._contested: set[str] = set()
        self._lock = threading.Lock()

    def write(
        self, run_id: str, seq: int, payloads: Sequence[bytes], milestones: Sequence[Milestone]
    ) -> None:
        """Append to a run; see `RunWriter.write`."""
        with self._lock:
            end = len(self._payloads.get(run_id, ()))
            if run_id in self._contested or seq < end:
                self._contested.add(run_id)
                raise PositionTakenError(run_id, seq)
            if seq > end:
                raise gap_error(run_id, seq, end)
            if run_id not in self._payloads:
                self._payloads[run_id] = []
                self._infos[run_id] = unknown_run(run_id)
            self._payloads[run_id].extend(payloads)
            if milestones:
                self._infos[run_id] = advance(self._infos[run_id], milestones)

    def events(self, run_id: str) -> list[Event]:
        """All events of a run in order."""
        with self._lock:
            self._contested.discard(run_id)
            payloads = list(self._payloads.get(run_id, ()))
        return unpack(run_id, payloads)

    def count(self, run_id: str) -> int:
        """How many events a run has."""
        return len(self._payloads.get(run_id, ()))

    def runs(self, limit: int | None) -> list[RunInfo]:
        """One line a run, newest first."""
        with self._lock:
            ids = list(reversed(self._payloads))[: None if limit is None else max(0, limit)]
            lines = [(self._infos[i], self._payloads[i][:]) for i in ids]
        return [
            info if info.stop_reason else with_progress(info, reversed(payloads)) for info, payloads in lines
        ]
