"""Two small tables: what was computed from episodes (artefacts), and the critics' scores."""

from __future__ import annotations

import sqlite3

from purpose_agent.store.base import ScoredState
from purpose_agent.store.counters import changed

HUMAN = "human"
"""The critic whose newest score counts, not its first."""

ScoreKey = tuple[str, str, str]
"""(fingerprint of the purpose, fingerprint of the state, critic)."""


def save_artefact(connection: sqlite3.Connection, *, name: str, payload: bytes, upto: int) -> bool:
    """See `Store.save_artefact`."""
    saved = connection.execute(
        "INSERT INTO artefacts VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE "
        "SET payload = excluded.payload, upto = excluded.upto WHERE excluded.upto >= upto",
        (name, payload, upto),
    )
    if saved.rowcount:
        changed(connection)
    return bool(saved.rowcount)


def artefact(connection: sqlite3.Connection, *, name: str) -> tuple[bytes, int] | None:
    """See `Store.artefact`."""
    return connection.execute("SELECT payload, upto FROM artefacts WHERE name = ?", (name,)).fetchone()


def save_score(connection: sqlite3.Connection, *, key: ScoreKey, score: ScoredState) -> None:
    """See `Store.cache_score`."""
    connection.execute(
        "INSERT INTO scores VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET phi = excluded.phi, "
        "confidence = excluded.confidence, evidence = excluded.evidence, reasoning = excluded.reasoning "
        "WHERE critic = ?",
        (*key, score.phi, score.confidence, score.evidence, score.reasoning, HUMAN),
    )


def score(connection: sqlite3.Connection, *, key: ScoreKey) -> ScoredState | None:
    """See `Store.cached_score`."""
    row = connection.execute(
        "SELECT phi, confidence, evidence, reasoning FROM scores "
        "WHERE purpose = ? AND fingerprint = ? AND critic = ?",
        key,
    ).fetchone()
    return None if row is None else ScoredState(*row)


def scores(connection: sqlite3.Connection, *, purpose: str, limit: int) -> list[tuple[str, str, ScoredState]]:
    """See `Store.known_scores`."""
    rows = connection.execute(
        "SELECT fingerprint, critic, phi, confidence, evidence, reasoning FROM scores WHERE purpose = ? LIMIT ?",
        (purpose, limit),
    )
    return [(fingerprint, critic, ScoredState(*rest)) for fingerprint, critic, *rest in rows]
