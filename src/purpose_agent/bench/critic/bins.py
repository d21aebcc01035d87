"""Calibration error over bins of equal width, the form most papers report; beside it, not instead of it.

Bins of equal weight (`quality.ece`) look closest where most scores are: where a critic says about the same of
many states, they split these by the last digit and find what still tells their outcomes apart. Bins of equal width ask
only whether states that score about alike succeed about as often as said. A critic can pass one and not the other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from purpose_agent.bench.critic.quality import RESAMPLES, Estimate, ScoredState
from purpose_agent.bench.statistics import CONFIDENCE
from purpose_agent.types import PHI_MAX

BINS = 10
"""Each a tenth of the scale wide."""


def ece_equal_width(
    rows: Sequence[ScoredState], *, resamples: int = RESAMPLES, seed: int = 0
) -> Estimate | None:
    """Expected calibration error (Guo et al. 2017, arXiv 1706.04599), every episode counting 1.

    Args:
        rows: of finished episodes.
        resamples: draws of the bootstrap over tasks.
        seed: of the draws.

    Returns:
        An estimate in [0, 1], ``n`` the episodes with a score; None when there is none.
    """
    import numpy as np

    said = [row for row in rows if row.phi is not None]
    if not said:
        return None
    states = Counter((row.task, row.episode) for row in said)
    names = {task: number for number, task in enumerate(sorted({row.task for row in said}))}
    gaps = np.zeros((len(names), BINS))
    weights = np.zeros(len(names))
    for row in said:
        assert row.phi is not None
        chance, share = row.phi / PHI_MAX, 1 / states[row.task, row.episode]
        gaps[names[row.task], min(BINS - 1, int(chance * BINS))] += share * (chance - row.success)
        weights[names[row.task]] += share
    even = np.full(len(names), 1 / len(names))
    draws = np.random.default_rng(seed).multinomial(len(names), even, size=resamples)
    found = np.abs(draws @ gaps).sum(axis=1) / (draws @ weights)
    value = float(np.abs(gaps.sum(axis=0)).sum() / weights.sum())
    if len(names) == 1:
        return Estimate(value, 0.0, 1.0, len(states))
    low, high = (float(end) for end in np.quantile(found, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2]))
    return Estimate(value, min(low, value), max(high, value), len(states))
