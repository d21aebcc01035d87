"""What docs/research.md names exists, and the two statements that it derives hold."""

from __future__ import annotations

import re
from math import exp, log
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from purpose_agent.memory.credit.item_credit import ItemCredit
from purpose_agent.memory.credit.martingale import RATES, Martingale, cost
from purpose_agent.store.base import Trial

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "purpose_agent"
PAGE = (ROOT / "docs" / "research.md").read_text()
RULES, REFERENCES = PAGE.split("## References\n")
KEY = re.compile(r"\[([A-Z]\w+\d\d)\]")


# -- the page ----------------------------------------------------------------------------------------------
def test_every_test_that_it_names_exists() -> None:
    sources = [*(ROOT / "tests").rglob("*.py"), *(PACKAGE / "conformance").glob("*.py")]
    known = {name for path in sources for name in re.findall(r"def (test_\w+)\(", path.read_text())}
    named = set(re.findall(r"`(test_\w+)`", PAGE))
    assert len(named) > 100
    assert not named - known


def test_every_file_that_it_names_exists() -> None:
    named = set(re.findall(r"`([\w/]+\.py)`", PAGE))
    assert len(named) > 30
    assert not [path for path in sorted(named) if not ((PACKAGE / path).is_file() or (ROOT / path).is_file())]


def test_every_row_tells_rule_source_change_and_what_shows_it() -> None:
    tables = re.findall(r"^\| rule \| source \|.*\n\|[-|]+\n((?:\|.*\n)+)", RULES, re.MULTILINE)
    assert len(tables) == RULES.count("| rule | source |")
    for row in "".join(tables).splitlines():
        cells = [cell.strip() for cell in row.strip("|").split(" | ")]
        assert len(cells) == 4, row
        assert all(cells), row


def test_every_source_is_in_the_references_and_every_reference_is_used() -> None:
    listed = re.findall(r"^- \[(\w+)\]", REFERENCES, re.MULTILINE)
    assert len(listed) == len(set(listed))
    assert listed == sorted(listed, key=str.casefold)
    assert set(KEY.findall(RULES)) == set(listed)


def test_its_fractions_are_in_the_results() -> None:
    results = (ROOT / "docs" / "results" / "README.md").read_text()
    assert not [n for n in re.findall(r"\d+/300", PAGE) if n not in results]


# -- the mathematics ---------------------------------------------------------------------------------------
@given(st.sampled_from(RATES), st.floats(0.05, 1), st.floats(-1, 1))
def test_a_step_of_the_supermartingale_pays_for_itself(rate: float, bound: float, share: float) -> None:
    x = share * bound
    assert exp(rate * x - cost(rate, bound) * x * x) <= 1 + rate * x + 1e-12


@pytest.mark.parametrize("rate", RATES)
def test_no_smaller_cost_would_do(rate: float) -> None:
    assert exp(-rate * 0.5 - 0.999 * cost(rate, 0.5) * 0.25) > 1 - rate * 0.5


@given(st.floats(0.01, 0.99), st.floats(0.01, 0.99), st.floats(0, 1), st.floats(0, 1), st.floats(0.1, 1))
def test_the_score_has_the_effect_as_its_mean_whatever_was_expected(
    e: float, m: float, shown: float, withheld: float, informedness: float
) -> None:
    """The mean over everything that may happen in a trial, outcomes judged by somebody who errs alike in both arms."""
    misled = (1 - informedness) / 2  # chance of a success being said where there was none
    mean = weight = 0.0
    for z, p in ((True, shown), (False, withheld)):
        said = misled + informedness * p
        for outcome, chance in ((1.0, said), (0.0, 1 - said)):
            credit = ItemCredit()
            credit.add(Trial("item", "episode", "", z, e, outcome, m, informedness))
            mean += (e if z else 1 - e) * chance * credit.sums.total
            weight = credit.weight
    assert mean == pytest.approx(weight * (shown - withheld), abs=1e-12)


@given(st.lists(st.tuples(st.floats(-1, 1), st.floats(0.25, 1)), min_size=1, max_size=50))
def test_the_bound_is_where_the_mixture_reaches_its_level(steps: list[tuple[float, float]]) -> None:
    sums = Martingale()
    for share, bound in steps:
        sums.add(share * bound, bound)
    at_the_bound = Martingale(sums.deviation(0.025), sums.costs)
    assert at_the_bound.log_wealth() == pytest.approx(log(1 / 0.025), abs=1e-6)
