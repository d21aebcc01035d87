"""The e-values behind promotions and intervals, counted out over everything that may happen."""

from __future__ import annotations

from collections.abc import Callable
from math import exp, log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from purpose_agent.memory.credit.martingale import RATES, Martingale
from purpose_agent.memory.credit.stretch import Stretch
from purpose_agent.store.base import Trial

MANY = 40

steps = st.lists(st.tuples(st.floats(-1, 1), st.floats(0.05, 1)), min_size=1, max_size=MANY)


def summed(shares: list[tuple[float, float]]) -> Martingale:
    sums = Martingale()
    for share, bound in shares:
        sums.add(share * bound, bound)
    return sums


@given(steps, st.floats(1e-6, 0.5), st.floats(1.01, 100))
def test_to_be_surer_the_bound_must_be_wider(
    shares: list[tuple[float, float]], level: float, times: float
) -> None:
    sums = summed(shares)
    assert sums.deviation(level / times) > sums.deviation(level) > 0


@given(steps, st.floats(-30, 30))
def test_the_bound_is_about_the_noise_and_not_about_the_sum(
    shares: list[tuple[float, float]], total: float
) -> None:
    sums = summed(shares)
    assert Martingale(total, sums.costs).deviation(0.05) == sums.deviation(0.05)


@given(steps)
def test_directions_mirror_each_other(shares: list[tuple[float, float]]) -> None:
    mirrored = summed([(-share, bound) for share, bound in shares])
    assert summed(shares).log_wealth(-1) == pytest.approx(mirrored.log_wealth(), abs=1e-9)


def everything(choose: Callable[[Stretch], float], chance: float, n: int) -> list[tuple[float, list[float]]]:
    """All that may happen in ``n`` trials of an item that does nothing: (probability, log e-value after each)."""
    found = [(1.0, Stretch(), list[float]())]
    for number in range(n):
        longer: list[tuple[float, Stretch, list[float]]] = []
        for probability, known, path in found:
            e = choose(known)
            for shown, y in ((True, 1.0), (True, 0.0), (False, 1.0), (False, 0.0)):
                after = _copy(known)
                after.add(Trial("item", str(number), "", shown, e, y, 0.3))
                likely = (e if shown else 1 - e) * (chance if y else 1 - chance)
                longer.append((probability * likely, after, [*path, after.sums.log_wealth()]))
        found = longer
    return [(probability, path) for probability, _, path in found]


def _copy(known: Stretch) -> Stretch:
    sums = Martingale(known.sums.total, list(known.sums.costs))
    return Stretch(known.n, known.weight, known.spread, known.squares, sums)


CHOICES: dict[str, Callable[[Stretch], float]] = {
    "half": lambda known: 0.5,
    "after success": lambda known: 0.95 if known.sums.total > 0 else 0.2,
    "against success": lambda known: 0.05 if known.sums.total > 0 else 0.7,
}


@pytest.mark.parametrize("choose", CHOICES.values(), ids=CHOICES)
@pytest.mark.parametrize("chance", [0.1, 0.5, 0.9])
def test_without_an_effect_e_values_are_one_at_most_in_the_mean(
    choose: Callable[[Stretch], float], chance: float
) -> None:
    paths = everything(choose, chance, 5)
    assert sum(p for p, _ in paths) == pytest.approx(1.0)
    for moment in range(5):
        assert sum(p * exp(path[moment]) for p, path in paths) <= 1.0 + 1e-12


def test_without_an_effect_few_ever_look_proven() -> None:
    paths = everything(CHOICES["after success"], 0.5, 6)
    for level in (0.9, 0.8, 0.7):
        assert sum(p for p, path in paths if max(path) >= log(1 / level)) <= level


def test_a_bet_on_noise_that_is_said_to_be_smaller_than_it_is_would_be_noticed() -> None:
    wrong = sum(0.5 * exp(RATES[0] * x) for x in (-0.5, 0.5))  # nothing paid for the noise
    assert wrong > 1.0
