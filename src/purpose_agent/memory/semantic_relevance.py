"""From the cosine of two vectors to a relevance on the scale of the lexical one, and both in one number.

Reciprocal rank fusion (Cormack et al. 2009) was measured first and lost (`benchmarks/retrieval_quality.py`): it says
which is first, not by how much, so that a small difference in value overrules any difference in relevance. And where
all tasks are phrased alike every cosine is high; so what a query has in common with everything is taken off, as
inverse document frequency does for words.
"""

from __future__ import annotations

COSINE_FLOOR = 0.25
"""Least cosine of what is relevant without a common word. On a small set (`benchmarks/retrieval_quality.py`) 83 % of
48 paraphrases reach it, and something does for 12 % of 24 unrelated queries."""

PRIOR = 1
"""So many vectors without any likeness to the query are counted beside those that are there: 20 did worse where
numbers tell tasks apart, and a small store needs no more, since what is found at all does not depend on it."""


AGREEMENT = 0.2
"""Weight of the lesser of two relevances: names and numbers are told apart by words only, other wordings by meaning."""


def usual_cosine(total: float, count: int) -> float:
    """What cosine a query has with anything: shrunk towards 0 while there is little to compare with.

    Args:
        total: sum of the cosines with all vectors.
        count: how many those are.
    """
    return max(0.0, total) / (count + PRIOR)


def semantic_relevance(cosine: float, usual: float, floor: float) -> float:
    """0 below `COSINE_FLOOR`; from there ``floor`` at least, and 1 for a cosine of 1.

    Args:
        cosine: of the query and what is judged.
        usual: the query's `usual_cosine`.
        floor: the least relevance of what is shown; so much is worth a cosine at its own floor.
    """
    if not cosine >= COSINE_FLOOR:  # NaN fails the comparison too
        return 0.0
    unusual = (cosine - usual) / (1.0 - usual) if usual < 1.0 else 0.0
    share = (unusual - COSINE_FLOOR) / (1.0 - COSINE_FLOOR)
    return floor + (1.0 - floor) * min(1.0, max(0.0, share))


def combined_relevance(by_words: float, by_meaning: float, floor: float) -> float:
    """The larger of both, a little less where the other one does not agree; in [0, 1].

    What reaches the floor by one of them reaches it; what does not is 0.
    """
    larger, lesser = max(by_words, by_meaning), min(by_words, by_meaning)
    return max(floor, (1.0 - AGREEMENT) * larger + AGREEMENT * lesser) if larger >= floor else 0.0
