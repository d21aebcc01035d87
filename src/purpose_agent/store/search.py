"""Which episodes speak of what a query speaks of: candidates from the index, then BM25 over the candidates.

The index (FTS5) is asked for the newest episodes of each term, a bounded number, so the cost hardly grows with the
store; a term that nearly all episodes share weighs nearly nothing and is never read to its end.
"""

from __future__ import annotations

import heapq
import math
import sqlite3
from collections import Counter

from purpose_agent.store.schema import has_fts5
from purpose_agent.store.terms import terms_of

_MOST_TERMS = 24
_MOST_PER_TERM = 250
_NEGLIGIBLE = 0.02
_FEWEST_CANDIDATES = 60
_K1, _B = 1.2, 0.4


def search(connection: sqlite3.Connection, query: str, limit: int) -> list[tuple[int, float]]:
    """(number, relevance) of the episodes that share a term with the query, best first, at most ``limit``.

    Relevance is BM25 as a share of what an episode of mean length gets that has every term of the query once,
    at most 1; a term that no episode has counts like one that a single episode has.
    """
    terms = list(dict.fromkeys(terms_of(query)))[:_MOST_TERMS]
    counters = dict(connection.execute("SELECT name, value FROM counters").fetchall())
    total = int(counters["episodes"])
    if not terms or total == 0 or limit <= 0:
        return []
    newest = int(connection.execute("SELECT max(number) FROM episodes").fetchone()[0] or 0)
    newest_with = {term: _newest_with(connection, term) for term in terms}
    weights = {term: _weight(numbers, total, newest) for term, numbers in newest_with.items()}
    heaviest = max((weights[term] for term, numbers in newest_with.items() if numbers), default=0.0)
    candidates: dict[int, float] = {}
    for term, numbers in newest_with.items():
        weight = weights[term]
        if weight >= _NEGLIGIBLE * heaviest:
            for number in numbers:
                candidates[number] = candidates.get(number, 0.0) + weight
    enough = max(2 * limit, _FEWEST_CANDIDATES)
    best = heapq.nlargest(enough, candidates.items(), key=lambda item: (item[1], item[0]))
    scored = _bm25(connection, [number for number, _ in best], weights, counters["words"] / total)
    return scored[:limit]


def _newest_with(connection: sqlite3.Connection, term: str) -> list[int]:
    if has_fts5():
        sql = "SELECT rowid FROM episode_index WHERE episode_index MATCH ? ORDER BY rowid DESC LIMIT ?"
        pattern = f'"{term}"'
    else:
        sql = "SELECT number FROM episode_terms WHERE ' ' || terms || ' ' LIKE ? ORDER BY number DESC LIMIT ?"
        pattern = f"% {term} %"
    return [row[0] for row in connection.execute(sql, (pattern, _MOST_PER_TERM)).fetchall()]


def _weight(numbers: list[int], total: int, newest: int) -> float:
    """The inverse document frequency; beyond the bound the frequency is that among the episodes looked at."""
    frequency = float(max(1, len(numbers)))
    if len(numbers) == _MOST_PER_TERM:
        frequency = min(float(total), len(numbers) * newest / (newest - numbers[-1] + 1))
    return math.log(1 + max(0.0, total - frequency + 0.5) / (frequency + 0.5))


def _bm25(
    connection: sqlite3.Connection, numbers: list[int], weights: dict[str, float], mean_length: float
) -> list[tuple[int, float]]:
    marks = ",".join("?" * len(numbers))
    rows: list[tuple[int, str]] = connection.execute(
        f"SELECT number, terms FROM episode_terms WHERE number IN ({marks})", numbers
    ).fetchall()
    everything = sum(weights.values())
    scored: list[tuple[float, int]] = []
    for number, text in rows:
        words = text.split()
        counts = Counter(words)
        damping = _K1 * (1 - _B + _B * len(words) / max(1.0, mean_length))
        score = 0.0
        for term, weight in weights.items():
            count = counts.get(term, 0)
            score += weight * count * (_K1 + 1) / (count + damping)
        scored.append((score / everything, number))
    scored.sort(reverse=True)
    return [(number, min(1.0, score)) for score, number in scored if score > 0]
