"""An item's interval covers its effect at every look, whatever the propensities, the effects and the critic do."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from math import cos, sqrt

import pytest

from purpose_agent.memory.credit.pooling import Belief
from purpose_agent.memory.credit.stretch import Stretch
from purpose_agent.memory.credit.withholding import propensity
from purpose_agent.store.base import Trial

ITEMS, TRIALS = 60, 100
PRIOR = Belief(0.1, 0.04)

Interval = Callable[[Stretch], tuple[float, float]]
Chooser = Callable[[Stretch], float]


@dataclass(frozen=True)
class Setting:
    """Chance of success when the item is withheld, its effect by trial, the critic's error, the propensity."""

    base: float
    effect: Callable[[int], float]
    error: float
    choose: Chooser


def by_belief(known: Stretch) -> float:
    return propensity(PRIOR.given(known.likelihood), known.n)


def against_luck(known: Stretch) -> float:
    """Turns away from whatever side the sum has wandered to, to end its walks where they stand."""
    return 0.9 if known.sums.total < 0 else 0.1


SETTINGS = {
    "a helpful item": Setting(0.5, lambda n: 0.3, 0.0, by_belief),
    "a harmful item and a critic who errs": Setting(0.6, lambda n: -0.3, 0.15, by_belief),
    "nothing to find": Setting(0.5, lambda n: 0.0, 0.0, against_luck),
    "effects that swing": Setting(0.5, lambda n: 0.4 * cos(n / 10), 0.1, by_belief),
    "an effect that turns": Setting(0.4, lambda n: 0.4 if n < 50 else -0.3, 0.0, against_luck),
    "success is rare": Setting(0.02, lambda n: 0.05, 0.0, by_belief),
    "success is common, the critic a poor one": Setting(0.97, lambda n: -0.1, 0.35, against_luck),
}


def anytime(known: Stretch) -> tuple[float, float]:
    uplift = known.uplift()
    assert uplift is not None
    return uplift.low, uplift.high


def fixed_n(known: Stretch) -> tuple[float, float]:
    """The usual normal interval, which holds at one look that was fixed beforehand."""
    mean = known.sums.total / known.weight
    radius = 1.96 * sqrt(known.squares) / known.weight
    return mean - radius, mean + radius


def share_missed(setting: Setting, interval: Interval, seed: int) -> float:
    """Of items whose interval was wrong at any look."""
    return sum(_missed(setting, interval, random.Random(f"{seed} {n}")) for n in range(ITEMS)) / ITEMS


def _missed(setting: Setting, interval: Interval, dice: random.Random) -> bool:
    known, effects, baseline = Stretch(), 0.0, 0.5
    for n in range(TRIALS):
        e = setting.choose(known)
        shown = dice.random() < e
        success = dice.random() < setting.base + (setting.effect(n) if shown else 0.0)
        judged = success != (dice.random() < setting.error)
        informedness = 1.0 - 2.0 * setting.error
        known.add(Trial("item", str(n), "", shown, e, float(judged), baseline, informedness))
        effects += e * (1.0 - e) * informedness * setting.effect(n)
        baseline += 0.1 * (float(judged) - baseline)
        low, high = interval(known)
        if not low - 1e-9 <= effects / known.weight <= high + 1e-9:
            return True
    return False


@pytest.mark.parametrize("setting", SETTINGS.values(), ids=SETTINGS)
def test_the_interval_covers_the_effect_at_every_look(setting: Setting) -> None:
    assert share_missed(setting, anytime, seed=1) <= 0.05


@pytest.mark.parametrize("name", ["a helpful item", "nothing to find", "effects that swing"])
def test_the_check_would_notice_an_interval_that_holds_at_one_look_only(name: str) -> None:
    assert share_missed(SETTINGS[name], fixed_n, seed=1) > 0.15


def test_the_interval_gets_narrow() -> None:
    known, dice = Stretch(), random.Random(3)
    for n in range(2000):
        shown = dice.random() < 0.5
        known.add(Trial("item", str(n), "", shown, 0.5, float(dice.random() < (0.7 if shown else 0.4))))
    uplift = known.uplift()
    assert uplift is not None
    assert 0.0 < uplift.low < 0.3 < uplift.high < 0.5
