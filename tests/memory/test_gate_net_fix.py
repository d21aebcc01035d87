"""The sequential test on paired probes: what it may never do, and what it must be able to do."""

from __future__ import annotations

import math
import random
from itertools import product

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from purpose_agent.errors import UsageError
from purpose_agent.memory.gate.net_fix_design import NetFixDesign, Tally
from purpose_agent.memory.gate.net_fix_plan import chance_of_accepting, plan_of
from purpose_agent.memory.gate.net_fix_sequential import Decision, NetFixTest

FIX, REGRESSION, SAME = (False, True), (True, False), (True, True)
PAIRS = st.lists(st.sampled_from([FIX, FIX, REGRESSION, SAME, (False, False)]), max_size=40)
DESIGNS = st.builds(
    NetFixDesign,
    alpha=st.sampled_from([0.2, 0.05, 0.01]),
    budget=st.integers(0, 4),
    max_pairs=st.integers(1, 24),
    fix_rate=st.sampled_from([0.25, 0.5]),
    power=st.sampled_from([0.5, 0.9]),
)
DEFAULT = NetFixDesign(0.05)


def played(design: NetFixDesign, pairs: list[tuple[bool, bool]]) -> NetFixTest:
    """As many of the pairs as the test asks for."""
    test = NetFixTest(design)
    for pair in pairs:
        if test.judge().decision is not Decision.CONTINUE:
            break
        test = test.after(*pair)
    return test


def accepted(design: NetFixDesign, fix: float, regression: float, replications: int, seed: int) -> float:
    drawn = random.Random(seed)
    count = 0
    for _ in range(replications):
        row = drawn.choices(
            [FIX, REGRESSION, SAME], [fix, regression, 1 - fix - regression], k=design.max_pairs
        )
        count += played(design, row).judge().decision is Decision.ACCEPT
    return count / replications


def accepting_share(design: NetFixDesign, heads: float) -> float:
    """The exact chance of acceptance when all pairs are discordant, by playing every sequence of them."""
    total = 0.0
    alive = {Tally(): 1.0}
    while alive:
        reached: dict[Tally, float] = {}
        for tally, chance in alive.items():
            decision = NetFixTest(design, tally).judge().decision
            total += chance * (decision is Decision.ACCEPT)
            if decision is Decision.CONTINUE:
                for pair, p in ((FIX, heads), (REGRESSION, 1 - heads)):
                    after = tally.after(*pair)
                    reached[after] = reached.get(after, 0.0) + chance * p
        alive = reached
    return total


@settings(deadline=None, max_examples=60)
@given(DESIGNS, st.sampled_from([0.5, 0.4, 0.1]))
def test_an_edit_without_effect_is_accepted_with_chance_alpha_at_most(
    design: NetFixDesign, heads: float
) -> None:
    assert accepting_share(design, heads) <= design.alpha + 1e-12
    assert accepting_share(design, 0.5) <= plan_of(design).type_one + 1e-12


@pytest.mark.parametrize(("fix", "regression"), [(0.05, 0.05), (0.01, 0.01), (0.05, 0.25)])
def test_edits_that_do_nothing_or_harm_are_accepted_less_often_than_alpha(
    fix: float, regression: float
) -> None:
    assert accepted(DEFAULT, fix, regression, 2000, seed=1) <= DEFAULT.alpha


def test_an_edit_without_effect_in_a_noisy_world_is_accepted_about_as_often_as_alpha_allows() -> None:
    rate = accepted(DEFAULT, 0.15, 0.15, 3000, seed=2)
    assert rate <= DEFAULT.alpha + 3 * math.sqrt(0.05 * 0.95 / 3000)
    assert chance_of_accepting(plan_of(DEFAULT), 0.15, 0.15) <= DEFAULT.alpha


def test_the_effect_looked_for_is_found_with_the_power_asked_for() -> None:
    plan = plan_of(DEFAULT)
    assert plan.power >= DEFAULT.power
    assert accepted(DEFAULT, 0.25, 0.05, 2000, seed=3) == pytest.approx(plan.power, abs=0.02)


def test_larger_effects_are_found_more_often() -> None:
    chances = [chance_of_accepting(plan_of(DEFAULT), fix, 0.05) for fix in (0.05, 0.15, 0.25, 0.35, 0.5, 0.9)]
    assert chances == sorted(chances)
    assert chances[-1] > 0.99


@settings(deadline=None, max_examples=60)
@given(DESIGNS)
def test_the_e_value_is_a_fair_game_that_begins_at_one_at_most(design: NetFixDesign) -> None:
    plan = plan_of(design)
    assert plan.e_value(Tally()) <= 1.0 + 1e-12
    for f, r in product(range(design.max_pairs + 1), range(design.budget + 1)):
        here = Tally(f + r, f, r)
        fixed, broke = plan.e_value(here.after(*FIX)), plan.e_value(here.after(*REGRESSION))
        assert fixed >= broke
        if not plan.accepts(here) and plan.e_value(here) > 0:
            assert plan.e_value(here) == pytest.approx((fixed + broke) / 2)


@settings(deadline=None, max_examples=200)
@given(DESIGNS, PAIRS)
def test_no_accepted_edit_has_more_regressions_than_the_budget(
    design: NetFixDesign, pairs: list[tuple[bool, bool]]
) -> None:
    test = played(design, pairs)
    decision = test.judge().decision
    if test.tally.regressions > design.budget:
        assert decision is Decision.REJECT
    if decision is Decision.ACCEPT:
        assert test.tally.regressions <= design.budget
        assert test.tally.fixes > test.tally.regressions
        assert test.e_value >= 1 / design.alpha
    elif decision is not Decision.REJECT or test.tally.regressions <= design.budget:
        assert test.e_value < 1 / design.alpha


@settings(deadline=None, max_examples=60)
@given(DESIGNS, st.lists(st.sampled_from([SAME, (False, False)]), min_size=24, max_size=24))
def test_nothing_is_accepted_without_a_discordant_pair(
    design: NetFixDesign, pairs: list[tuple[bool, bool]]
) -> None:
    test = played(design, pairs)
    assert test.judge().decision in (Decision.REJECT, Decision.UNDECIDED)
    assert test.e_value <= 1.0 + 1e-12


@settings(deadline=None, max_examples=60)
@given(DESIGNS, PAIRS)
def test_a_test_ends_after_max_pairs_at_the_latest(
    design: NetFixDesign, pairs: list[tuple[bool, bool]]
) -> None:
    test = played(design, pairs + [SAME] * design.max_pairs)
    assert test.judge().decision is not Decision.CONTINUE
    assert test.tally.pairs <= design.max_pairs


def test_an_edit_that_changes_nothing_is_given_up_long_before_the_last_pair() -> None:
    test = played(DEFAULT, [SAME] * DEFAULT.max_pairs)
    assert test.judge().decision is Decision.REJECT
    assert "no sign of 25% fixes" in test.judge().reason
    assert test.tally.pairs <= DEFAULT.max_pairs / 4


def test_a_flawless_row_is_accepted_at_once() -> None:
    test = played(DEFAULT, [FIX] * 10)
    assert (test.judge().decision, test.tally) == (Decision.ACCEPT, Tally(6, 6, 0))


def test_one_regression_over_the_budget_rejects_whatever_was_fixed() -> None:
    design = NetFixDesign(0.05, budget=0)
    test = NetFixTest(design, Tally(5, 4, 0)).after(*REGRESSION)
    assert test.judge().decision is Decision.REJECT
    assert test.judge().reason == "1 regressed, over the budget of 0"
    assert test.e_value == 0.0


def test_it_stops_when_the_pairs_that_are_left_cannot_be_enough() -> None:
    design = NetFixDesign(0.05, max_pairs=8)
    assert NetFixTest(design, Tally(6, 4, 0)).judge().decision is Decision.CONTINUE
    judgement = NetFixTest(design, Tally(7, 3, 0)).judge()
    assert (judgement.decision, judgement.reason) == (
        Decision.REJECT,
        "pairs left: 1, too few to reach e >= 20",
    )
    assert NetFixTest(design, Tally(8, 4, 0)).judge().reason == "e < 20 after all 8 pairs"


def test_too_few_pairs_decide_nothing() -> None:
    assert NetFixTest(NetFixDesign(0.05, max_pairs=4)).judge().decision is Decision.UNDECIDED


@settings(deadline=None, max_examples=60)
@given(DESIGNS, PAIRS, st.integers(0, 40))
def test_a_test_can_be_stored_and_continued(
    design: NetFixDesign, pairs: list[tuple[bool, bool]], stop: int
) -> None:
    half = played(design, pairs[:stop])
    stored = msgspec.json.decode(msgspec.json.encode(half), type=NetFixTest)
    assert stored == half
    assert stored.judge() == half.judge()
    assert stored.e_value == half.e_value


def test_a_decided_test_takes_no_more_pairs() -> None:
    test = played(DEFAULT, [FIX] * 6)
    with pytest.raises(UsageError, match="decided: accept"):
        test.after(*FIX)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *product(
            ("alpha", "fix_rate", "regression_rate", "power"), (0.0, 1.0, -0.1, 1.5, math.nan, math.inf, True)
        ),
        *product(("budget",), (-1, 1.5, True)),
        *product(("max_pairs",), (0, -3, 2.0, 10**9)),
    ],
)
def test_values_out_of_range_are_refused_by_name(name: str, value: float) -> None:
    with pytest.raises(UsageError, match=f"^{name} must be .*got {value!r}"):
        NetFixDesign(**{"alpha": 0.05, name: value})  # type: ignore[arg-type]


def test_an_effect_that_breaks_more_than_it_fixes_is_refused() -> None:
    with pytest.raises(UsageError, match=r"fix_rate=0\.1 and regression_rate=0\.2"):
        NetFixDesign(0.05, fix_rate=0.1, regression_rate=0.2)


def test_a_tally_that_cannot_be_is_refused() -> None:
    with pytest.raises(UsageError, match="got -1"):
        Tally(3, -1, 0)
    with pytest.raises(UsageError, match="2 fixes and 2 regressions are more than 3 pairs"):
        Tally(3, 2, 2)


def test_an_outcome_that_is_not_known_is_refused() -> None:
    with pytest.raises(UsageError, match="shown must be True or False, got None"):
        NetFixTest(DEFAULT).after(True, None)  # type: ignore[arg-type]
