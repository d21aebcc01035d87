"""Trials, which say what was shown or withheld and how it ended, and the positions of tests. Rows never change."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from purpose_agent.errors import StoreError
from purpose_agent.store import heuristic_rows
from purpose_agent.store.base import Trial
from purpose_agent.store.checks import fraction, text
from purpose_agent.store.counters import changed

_COLUMNS = "heuristic, episode, family, shown, propensity, outcome, baseline, informedness"


def add(connection: sqlite3.Connection, *, trials: Sequence[Trial], alpha: float) -> list[str]:
    """See `Store.add_trials`."""
    rows = [_row(trial) for trial in trials]  # all are checked before the first is written
    counted: list[str] = []
    for row, trial in zip(rows, trials, strict=True):
        made = connection.execute(
            f"INSERT INTO trials ({_COLUMNS}) SELECT ?, ?, ?, ?, ?, ?, ?, ? "
            "WHERE EXISTS (SELECT 1 FROM heuristics WHERE id = ?) ON CONFLICT DO NOTHING",
            (*row, row[0]),
        )
        if made.rowcount:
            counted.append(str(row[0]))
            if trial.shown:
                heuristic_rows.credit(connection, id=str(row[0]), succeeded=trial.outcome >= 0.5, alpha=alpha)
            else:
                connection.execute("UPDATE heuristics SET withheld = withheld + 1 WHERE id = ?", (row[0],))
    if counted:
        changed(connection)
    return counted


def listed(connection: sqlite3.Connection, *, after: int, limit: int | None) -> list[Trial]:
    """See `Store.trials`."""
    rows = connection.execute(
        f"SELECT {_COLUMNS}, number FROM trials WHERE number > ? ORDER BY number LIMIT ?",
        (after, -1 if limit is None else max(0, limit)),
    ).fetchall()
    return [
        Trial(id, episode, family, bool(shown), propensity, outcome, baseline, informedness, number)
        for id, episode, family, shown, propensity, outcome, baseline, informedness, number in rows
    ]


def position(connection: sqlite3.Connection, *, id: str, test: str) -> int:
    """See `Store.test_position`."""
    wanted = "SELECT position FROM tests WHERE heuristic = ? AND test = ?"
    row = connection.execute(wanted, (id, test)).fetchone()
    if row is None:
        connection.execute("INSERT INTO tests (heuristic, test) VALUES (?, ?)", (id, test))
        row = connection.execute(wanted, (id, test)).fetchone()
    return int(row[0])


def _row(trial: Trial) -> tuple[str | float, ...]:
    propensity = fraction("propensity", trial.propensity)
    informedness = fraction("informedness", trial.informedness)
    if propensity in (0.0, 1.0):
        raise StoreError(f"a trial's propensity lies strictly between 0 and 1, got {trial.propensity!r}")
    if informedness == 0.0:
        raise StoreError("a trial's informedness must be above 0: such an outcome says nothing")
    return (
        text(trial.heuristic),
        text(trial.episode),
        text(trial.family),
        int(trial.shown),
        propensity,
        fraction("outcome", trial.outcome),
        fraction("baseline", trial.baseline),
        informedness,
    )
