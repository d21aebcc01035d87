"""The journal in a file: the tables ``runs`` and ``events``."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence

import msgspec

from purpose_agent.errors import StoreError
from purpose_agent.events import Event
from purpose_agent.store.base import RunInfo
from purpose_agent.store.packing import Milestone, advance, unknown_run, unpack, with_progress

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(RunInfo)
_MOST_KNOWN = 4096


class PositionTakenError(StoreError):
    """Another writer has filled a position of a run."""

    def __init__(self, run_id: str, seq: int) -> None:
        super().__init__(
            f"position {seq} of run {run_id!r} is taken: another process continues this run; nothing was written: "
            "read its events again before you go on with it"
        )
        self.run_id = run_id


class RunWriter:
    """Writes events at their positions. It runs in the writer's thread only, except for `reread`.

    It remembers where each run ends, so that the usual append is one insert. A run that another writer went on with
    is refused until somebody has read its events again: what was queued behind the refused append must not follow
    the other writer's events.
    """

    def __init__(self) -> None:
        self._ends: dict[str, tuple[int, int]] = {}
        self._contested: set[str] = set()

    def write(
        self,
        connection: sqlite3.Connection,
        *,
        run_id: str,
        seq: int,
        payloads: Sequence[bytes],
        milestones: Sequence[Milestone],
    ) -> None:
        """Append to a run.

        Raises:
            StoreError: the position is taken, or events before it are missing.
        """
        run, end = self._ends.get(run_id) or self._find(connection, run_id)
        if run_id in self._contested or seq < end:
            raise PositionTakenError(run_id, seq)
        if seq > end:
            raise gap_error(run_id, seq, end)
        try:
            connection.executemany(
                "INSERT INTO events VALUES (?, ?, ?)",
                [(run, seq + i, payload) for i, payload in enumerate(payloads)],
            )
        except sqlite3.IntegrityError as e:
            raise PositionTakenError(run_id, seq) from e
        if milestones:
            known = connection.execute("SELECT info FROM runs WHERE number = ?", (run,)).fetchone()[0]
            info = _encoder.encode(advance(_decoder.decode(known), milestones))
            connection.execute("UPDATE runs SET info = ? WHERE number = ?", (info, run))
        self._ends[run_id] = (run, seq + len(payloads))

    def rolled_back(self, error: BaseException | None) -> None:
        """What was assumed in the transaction is not so; with an error, it failed for good."""
        self._ends.clear()
        if isinstance(error, PositionTakenError):
            self._contested.add(error.run_id)

    def reread(self, run_id: str) -> None:
        """Somebody is about to read the run and will know its true end."""
        self._ends.pop(run_id, None)
        self._contested.discard(run_id)

    def _find(self, connection: sqlite3.Connection, run_id: str) -> tuple[int, int]:
        if len(self._ends) >= _MOST_KNOWN:
            self._ends.clear()
        row = connection.execute("SELECT number FROM runs WHERE id = ?", (run_id,)).fetchone()
        if row is None:
            info = _encoder.encode(unknown_run(run_id))
            made = connection.execute("INSERT INTO runs (id, info) VALUES (?, ?)", (run_id, info))
            return int(made.lastrowid or 0), 0
        return row[0], _end(connection, row[0])


def gap_error(run_id: str, seq: int, end: int) -> StoreError:
    """The error for a position beyond the end of a run."""
    return StoreError(
        f"position {seq} of run {run_id!r} leaves a gap: the next one is {end} (an append before this one failed)"
    )


def events(connection: sqlite3.Connection, *, run_id: str) -> list[Event]:
    """All events of a run in order."""
    rows = connection.execute(
        "SELECT payload FROM events WHERE run = (SELECT number FROM runs WHERE id = ?) ORDER BY seq",
        (run_id,),
    ).fetchall()
    return unpack(run_id, (row[0] for row in rows))


def count(connection: sqlite3.Connection, *, run_id: str) -> int:
    """How many events a run has."""
    row = connection.execute("SELECT number FROM runs WHERE id = ?", (run_id,)).fetchone()
    return 0 if row is None else _end(connection, row[0])


def runs(connection: sqlite3.Connection, *, limit: int | None) -> list[RunInfo]:
    """One line a run, newest first."""
    rows = connection.execute(
        "SELECT number, info FROM runs ORDER BY number DESC LIMIT ?",
        (-1 if limit is None else max(0, limit),),
    ).fetchall()
    lines: list[RunInfo] = []
    for number, blob in rows:
        info = _decoder.decode(blob)
        lines.append(info if info.stop_reason else with_progress(info, _newest_first(connection, number)))
    return lines


def _end(connection: sqlite3.Connection, run: int) -> int:
    last = connection.execute("SELECT max(seq) FROM events WHERE run = ?", (run,)).fetchone()[0]
    return 0 if last is None else int(last) + 1


def _newest_first(connection: sqlite3.Connection, run: int) -> Iterator[bytes]:
    cursor = connection.execute("SELECT payload FROM events WHERE run = ? ORDER BY seq DESC", (run,))
    try:
        for row in cursor:
            yield row[0]
    finally:
        cursor.close()
