"""McNemar's exact test, the yardstick of the gate."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from purpose_agent.errors import UsageError
from purpose_agent.memory.gate import fixed_size
from purpose_agent.memory.gate.fixed_size import critical_fixes, fixed_size_pairs, fixed_size_power
from purpose_agent.memory.gate.net_fix_design import NetFixDesign


def tail(n: int, least: int) -> float:
    return sum(math.comb(n, k) for k in range(least, n + 1)) / 2**n


@given(st.integers(0, 80), st.sampled_from([0.2, 0.05, 0.001]))
def test_the_critical_number_is_the_smallest_that_keeps_the_level(n: int, alpha: float) -> None:
    critical = critical_fixes(n, alpha)
    assert tail(n, critical) <= alpha
    assert tail(n, critical - 1) > alpha


def test_few_discordant_pairs_prove_nothing() -> None:
    assert [critical_fixes(n, 0.05) for n in (0, 4, 5, 6)] == [1, 5, 5, 6]


def test_the_number_of_pairs_is_the_smallest_with_the_power() -> None:
    design = NetFixDesign(0.05)
    pairs = fixed_size_pairs(design)
    assert pairs == 64
    assert fixed_size_power(design, pairs) >= 0.9 > fixed_size_power(design, pairs - 1)


def test_an_effect_too_small_to_be_found_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fixed_size, "MOST_PAIRS", 20)
    with pytest.raises(UsageError, match=r"more than 20 pairs are needed .* look for a larger effect"):
        fixed_size_pairs(NetFixDesign(0.05, fix_rate=0.06))
