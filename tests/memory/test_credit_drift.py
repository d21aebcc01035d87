"""An item that begins to harm is questioned, and the trials that follow answer."""

from __future__ import annotations

import random

import pytest

from purpose_agent.memory.credit.item_credit import PATIENCE, ItemCredit
from purpose_agent.memory.credit.pooling import Belief
from purpose_agent.memory.credit.withholding import propensity
from purpose_agent.store.base import Trial

PRIOR = Belief(0.2, 0.04)


class Life:
    """One item, shown as often as is right for what is believed of it; the baseline follows the outcomes."""

    def __init__(self, seed: int) -> None:
        self.credit = ItemCredit()
        self.baseline = 0.5
        self.n = 0
        self._dice = random.Random(seed)

    def live(self, n: int, shown: float, withheld: float) -> int | None:
        """Live ``n`` trials with these chances of success; returns after how many it began anew."""
        epoch, begun = self.credit.epoch, None
        for number in range(1, n + 1):
            e = propensity(PRIOR.given(self.credit.likelihood), self.credit.n, self.credit.suspect)
            is_shown = self._dice.random() < e
            outcome = float(self._dice.random() < (shown if is_shown else withheld))
            self.credit.add(Trial("item", str(self.n), "", is_shown, e, outcome, self.baseline))
            self.baseline += 0.05 * (outcome - self.baseline)
            self.n += 1
            if begun is None and self.credit.epoch > epoch:
                begun = number
        return begun


@pytest.mark.parametrize("seed", range(5))
def test_what_begins_to_harm_is_found_out_soon(seed: int) -> None:
    life = Life(seed)
    assert life.live(400, shown=0.8, withheld=0.5) is None
    begun = life.live(200, shown=0.2, withheld=0.5)
    assert begun is not None
    likelihood = life.credit.likelihood
    assert likelihood is not None
    assert likelihood.mean < 0  # what it was before is not counted any more


def test_a_world_that_gets_harder_is_not_the_items_fault() -> None:
    begun = [Life(seed) for seed in range(20)]
    for life in begun:
        life.live(400, shown=0.9, withheld=0.5)
    wrongly = [life.live(300, shown=0.5, withheld=0.1) for life in begun]
    assert sum(moment is not None for moment in wrongly) <= 1


def test_a_question_makes_the_item_suspect_until_it_is_answered() -> None:
    life = Life(1)
    life.live(300, shown=0.95, withheld=0.4)
    assert not life.credit.suspect
    while not life.credit.suspect:
        life.live(1, shown=0.0, withheld=0.4)
    life.live(120, shown=0.95, withheld=0.4)
    assert not life.credit.suspect
    assert life.credit.epoch == 0


def test_a_question_that_nothing_answers_is_dropped() -> None:
    credit = ItemCredit()
    for n in range(60):  # helps, then fails eight times
        credit.add(Trial("item", str(n), "", n % 4 > 0, 0.75, float(n % 4 > 0 and n < 44), 0.5))
    assert credit.suspect
    for n in range(PATIENCE + 4):  # four outcomes that cancel each other
        credit.add(Trial("item", f"later {n}", "", n % 2 == 0, 0.5, float(n % 4 < 2), 0.5))
        if not credit.suspect:
            break
    assert not credit.suspect
    assert credit.epoch == 0


def test_what_is_not_believed_to_help_is_not_questioned() -> None:
    credit = ItemCredit()
    for n in range(200):
        credit.add(Trial("item", str(n), "", n % 2 == 0, 0.5, float(n % 2 == 1 or n < 20), 0.5))
        assert not credit.suspect
