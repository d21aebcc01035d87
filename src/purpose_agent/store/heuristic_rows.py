"""The library's tables: definitions that never change, statistics by arithmetic, a log of every change of status."""

from __future__ import annotations

import sqlite3
import time

import msgspec

from purpose_agent.errors import StoreCorruptError, StoreError
from purpose_agent.store.checks import fraction, text
from purpose_agent.store.counters import changed
from purpose_agent.types import Evidence, Heuristic, HeuristicStatus, MemoryTier, Trust


class _Definition(msgspec.Struct, frozen=True):
    pattern: str
    strategy: str
    steps: list[str]
    tier: str
    source_trajectory_id: str
    evidence: list[tuple[str, tuple[int, ...]]]
    source: str
    tainted: bool
    version: int
    parents: list[str]
    trust: str = ""
    evidence_trust: list[str] = []  # beside ``evidence``, as far as it goes


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Definition)
_step_decoder: msgspec.msgpack.Decoder[tuple[int, ...]] = msgspec.msgpack.Decoder(tuple[int, ...])


def add(connection: sqlite3.Connection, *, heuristic: Heuristic, reason: str) -> bool:
    """See `Store.add_heuristic`."""
    id, status = text(heuristic.id), _status(heuristic.status)
    made = connection.execute(
        "INSERT INTO heuristics (id, definition, status, q_value, times_used, times_succeeded, withheld) "
        "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
        (
            id,
            _encode(heuristic),
            status,
            fraction("q_value", heuristic.q_value),
            heuristic.times_used,
            heuristic.times_succeeded,
            heuristic.withheld,
        ),
    )
    if made.rowcount:
        _log(connection, id, status, reason)
    return bool(made.rowcount)


def listed(connection: sqlite3.Connection, *, retired: bool) -> list[Heuristic]:
    """See `Store.heuristics`."""
    rows = connection.execute(
        "SELECT id, definition, status, q_value, times_used, times_succeeded, withheld FROM heuristics "
        "WHERE ? OR status <> 'retired' ORDER BY number",
        (retired,),
    ).fetchall()
    heuristics = {str(row[0]): _decode(*row) for row in rows}
    more = connection.execute(
        "SELECT heuristic, episode, steps, trust FROM heuristic_evidence ORDER BY number"
    ).fetchall()
    for id, episode, steps, trust in more:
        evidence = Evidence(episode, _step_decoder.decode(steps), _trust(trust))
        if id in heuristics and evidence not in heuristics[id].evidence:
            heuristics[id].evidence.append(evidence)
    return list(heuristics.values())


def set_status(connection: sqlite3.Connection, *, id: str, status: HeuristicStatus, reason: str) -> bool:
    """See `Store.set_status`."""
    row = connection.execute("SELECT status FROM heuristics WHERE id = ?", (id,)).fetchone()
    if row is None:
        return False
    new = _status(status)
    if row[0] != new:
        connection.execute("UPDATE heuristics SET status = ? WHERE id = ?", (new, id))
        _log(connection, id, new, reason)
    return True


def credit(connection: sqlite3.Connection, *, id: str, succeeded: bool, alpha: float) -> bool:
    """See `Store.credit_heuristic`."""
    outcome = 1 if succeeded else 0
    done = connection.execute(
        "UPDATE heuristics SET times_used = times_used + 1, times_succeeded = times_succeeded + ?, "
        "q_value = min(1.0, max(0.0, q_value + ? * (? - q_value))) WHERE id = ?",
        (outcome, fraction("alpha", alpha), float(outcome), id),
    )
    if done.rowcount:
        changed(connection)
    return bool(done.rowcount)


def add_evidence(connection: sqlite3.Connection, *, id: str, evidence: Evidence) -> bool:
    """See `Store.add_evidence`."""
    if connection.execute("SELECT 1 FROM heuristics WHERE id = ?", (id,)).fetchone() is None:
        return False
    made = connection.execute(
        "INSERT INTO heuristic_evidence (heuristic, episode, steps, trust) VALUES (?, ?, ?, ?) "
        "ON CONFLICT DO NOTHING",
        (
            id,
            text(evidence.episode_id),
            _encoder.encode([int(step) for step in evidence.steps]),
            evidence.trust or "",
        ),
    )
    if made.rowcount:
        changed(connection)
    return True


def history(connection: sqlite3.Connection, *, id: str) -> list[tuple[float, str, str]]:
    """See `Store.history`."""
    return connection.execute(
        "SELECT at, status, reason FROM heuristic_changes WHERE heuristic = ? ORDER BY number", (id,)
    ).fetchall()


def _log(connection: sqlite3.Connection, id: str, status: str, reason: str) -> None:
    connection.execute(
        "INSERT INTO heuristic_changes (heuristic, at, status, reason) VALUES (?, ?, ?, ?)",
        (id, time.time(), status, text(reason)),
    )
    changed(connection)


def _status(status: str) -> str:
    try:
        return HeuristicStatus(status).value
    except ValueError as e:
        raise StoreError(
            f"a heuristic's status must be one of {[s.value for s in HeuristicStatus]}: {e}"
        ) from e


def _encode(heuristic: Heuristic) -> bytes:
    try:
        return _encoder.encode(
            _Definition(
                pattern=text(heuristic.pattern),
                strategy=text(heuristic.strategy),
                steps=[text(step) for step in heuristic.steps],
                tier=MemoryTier(heuristic.tier).value,
                source_trajectory_id=text(heuristic.source_trajectory_id),
                evidence=[(text(e.episode_id), tuple(int(s) for s in e.steps)) for e in heuristic.evidence],
                source=text(heuristic.source),
                tainted=bool(heuristic.tainted),
                version=int(heuristic.version),
                parents=[text(parent) for parent in heuristic.parents],
                trust=heuristic.trust or "",
                evidence_trust=[e.trust or "" for e in heuristic.evidence],
            )
        )
    except (TypeError, ValueError, AttributeError, OverflowError) as e:
        raise StoreError(f"heuristic {heuristic.id!r} cannot be stored: {e}") from e


def _decode(
    id: str, definition: bytes, status: str, q_value: float, used: int, succeeded: int, withheld: int
) -> Heuristic:
    try:
        known = _decoder.decode(definition)
        return Heuristic(
            pattern=known.pattern,
            strategy=known.strategy,
            steps=known.steps,
            tier=MemoryTier(known.tier),
            source_trajectory_id=known.source_trajectory_id,
            q_value=q_value,
            times_used=used,
            times_succeeded=succeeded,
            id=id,
            status=HeuristicStatus(status),
            evidence=_evidence(known),
            source=known.source,
            tainted=known.tainted,
            version=known.version,
            parents=known.parents,
            withheld=withheld,
            trust=_trust(known.trust),
        )
    except (msgspec.MsgspecError, ValueError) as e:
        raise StoreCorruptError(
            f"heuristic {id!r} cannot be read ({e}); it is damaged or from a newer version"
        ) from e


def _trust(name: str) -> Trust | None:
    return Trust(name) if name else None


def _evidence(known: _Definition) -> list[Evidence]:
    trusts = known.evidence_trust + [""] * len(known.evidence)
    return [
        Evidence(id, steps, _trust(trust)) for (id, steps), trust in zip(known.evidence, trusts, strict=False)
    ]
