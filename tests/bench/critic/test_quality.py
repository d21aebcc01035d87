"""A critic is judged by what it knows of the state, not of the time, and every number has an honest interval."""

from __future__ import annotations

import math
import random
from itertools import product

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from purpose_agent.bench.critic.quality import (
    CriticQuality,
    Estimate,
    ScoredState,
    abstention,
    auroc,
    auroc_within_steps,
    brier,
    ece,
    ece_debiased,
    quality,
    rank_correlation,
)
from purpose_agent.errors import UsageError

scores = st.lists(st.tuples(st.integers(-5, 5), st.booleans()), max_size=30)
phis = st.one_of(st.none(), st.sampled_from([0.0, 1.0, 2.5, 5.0, 7.5, 10.0]), st.floats(0, 10))
states = st.tuples(phis, st.sampled_from([0.0, 0.25, 0.5, 1.0]))
worlds = st.lists(
    st.tuples(st.integers(0, 3), st.booleans(), st.lists(states, min_size=1, max_size=5)), max_size=8
).map(
    lambda episodes: [
        ScoredState(f"task {task}", f"episode {number}", step, phi, success, dense)
        for number, (task, success, steps) in enumerate(episodes)
        for step, (phi, dense) in enumerate(steps)
    ]
)


def episode(
    name: str, success: bool, phi: list[float | None], dense: list[float] | None = None
) -> list[ScoredState]:
    """A task of its own with one attempt."""
    progress = dense if dense is not None else [k / len(phi) for k in range(len(phi))]
    return [
        ScoredState(name, name, step, score, success, true)
        for step, (score, true) in enumerate(zip(phi, progress, strict=True))
    ]


def simulated(tasks: int, seed: int = 0, calibrated: bool = False) -> list[ScoredState]:
    """Successes are shorter; Φ rises with time and, a little, with success."""
    rng = random.Random(seed)
    rows: list[ScoredState] = []
    for task in range(tasks):
        chance = rng.choice((0.15, 0.35, 0.55, 0.75, 0.95))
        success = rng.random() < chance
        length = rng.randint(5, 20) if success else 25
        for step in range(length):
            said = (
                10 * chance if calibrated else min(10.0, max(0.0, 3 + success + step / 8 + rng.gauss(0, 1)))
            )
            rows.append(ScoredState(f"task {task}", "0", step, said, success, step / length))
    return rows


def value(estimate: Estimate | None) -> float:
    assert estimate is not None
    return estimate.value


# -- AUROC -----------------------------------------------------------------------------------------------------
def test_auroc_by_hand() -> None:
    assert auroc([1, 2, 3, 4], [False, True, False, True]) == 0.75
    assert auroc([1, 1], [False, True]) == 0.5
    assert auroc([0.1, 0.9], [True, False]) == 0.0
    assert auroc([1, 2], [True, True]) is None
    assert auroc([], []) is None


@given(scores)
def test_auroc_agrees_with_brute_force(rows: list[tuple[int, bool]]) -> None:
    above, below = [s for s, label in rows if label], [s for s, label in rows if not label]
    assume(above and below)
    wins = sum((a > b) + (a == b) / 2 for a, b in product(above, below))
    assert auroc(*_columns(rows)) == pytest.approx(wins / (len(above) * len(below)))


@given(scores)
def test_auroc_knows_only_the_order(rows: list[tuple[int, bool]]) -> None:
    assume(len({label for _, label in rows}) == 2)
    plain = auroc(*_columns(rows))
    assert plain is not None
    assert auroc(*_columns([(math.exp(s) - 3, label) for s, label in rows])) == plain
    assert auroc(*_columns([(-s, label) for s, label in rows])) == pytest.approx(1 - plain)


def _columns(rows: list[tuple[float, bool]] | list[tuple[int, bool]]) -> tuple[list[float], list[bool]]:
    return [score for score, _ in rows], [label for _, label in rows]


def test_within_steps_by_hand() -> None:
    rows = [
        *episode("a", True, [6.0, 3.0]),
        *episode("b", False, [5.0, 4.0, 9.0]),  # step 0 won, step 1 lost, step 2 has no rival
        *episode("c", False, [6.0, None]),  # step 0 tied
    ]
    found = auroc_within_steps(rows)
    assert value(found) == pytest.approx((1 + 0.5 + 0) / 3)
    assert found is not None
    assert found.n == 3
    assert auroc_within_steps(rows[:2]) is None


@given(worlds)
def test_within_steps_agrees_with_brute_force(rows: list[ScoredState]) -> None:
    duels = [
        (a.phi > b.phi) + (a.phi == b.phi) / 2
        for a, b in product(rows, rows)
        if a.success and not b.success and a.step == b.step and a.phi is not None and b.phi is not None
    ]
    found = auroc_within_steps(rows, resamples=20)
    if duels:
        assert value(found) == pytest.approx(sum(duels) / len(duels))
    else:
        assert found is None


def test_a_clock_fools_pooled_auroc_but_not_the_one_within_steps() -> None:
    for sign in (1, -1):
        rows = [
            ScoredState(r.task, r.episode, r.step, 5 + sign * r.step / 10, r.success, r.dense)
            for r in simulated(60)
        ]
        found = quality(rows)
        assert abs(value(found.auroc_pooled) - 0.5) > 0.15
        assert found.auroc_within_steps == Estimate(0.5, 0.5, 0.5, 60)


def test_a_critic_that_knows_is_told_from_a_clock() -> None:
    found = auroc_within_steps(simulated(60))
    assert found is not None
    assert 0.5 < found.low < found.value < found.high < 1


# -- rank correlation ------------------------------------------------------------------------------------------
def test_rank_correlation_by_hand() -> None:
    rising = [0.0, 0.5, 1.0]
    assert value(rank_correlation(episode("a", True, [1.0, 2.0, 9.0], rising))) == pytest.approx(1)
    assert value(rank_correlation(episode("a", True, [9.0, 2.0, 1.0], rising))) == pytest.approx(-1)
    tied = episode("a", True, [1.0, 1.0, 2.0], rising)  # ranks 1.5, 1.5, 3 against 1, 2, 3
    assert value(rank_correlation(tied)) == pytest.approx(math.sqrt(3) / 2)


def test_a_constant_critic_counts_nothing_and_an_episode_without_progress_does_not_count() -> None:
    rising = [0.0, 0.5, 1.0]
    rows = [
        *episode("a", True, [1.0, 2.0, 3.0], rising),
        *episode("b", True, [4.0, 4.0, 4.0], rising),
        *episode("c", False, [1.0, 2.0, 3.0], [0.0, 0.0, 0.0]),
        *episode("d", False, [1.0, None, None], rising),
        *episode("e", False, [None, None, None], rising),
    ]
    found = rank_correlation(rows)
    assert found is not None
    assert (found.value, found.n) == (pytest.approx(0.5), 2)
    assert rank_correlation(rows[6:]) is None


# -- calibration -----------------------------------------------------------------------------------------------
def test_brier_and_abstention_count_episodes_not_states() -> None:
    rows = [
        *episode("a", True, [10.0, 5.0, None, None]),
        *episode("b", False, [2.0]),
        *episode("c", False, [None]),
    ]
    found = quality(rows)
    assert value(found.brier) == pytest.approx(((0 + 0.25) / 2 + 0.04) / 2)
    assert value(found.abstention) == pytest.approx((0.5 + 0 + 1) / 3)
    assert (found.tasks, found.episodes, found.states) == (3, 3, 6)
    assert found.brier is not None
    assert found.brier.n == 2


def test_ece_is_zero_when_every_score_comes_true_as_often_as_it_says() -> None:
    rows = [
        row
        for phi, successes in ((0.0, 0), (2.5, 1), (5.0, 2), (7.5, 3), (10.0, 4))
        for k in range(4)
        for row in episode(f"{phi} {k}", k < successes, [phi] * (1 + k))
    ]
    found = ece(rows)
    assert found is not None
    assert found.value == pytest.approx(0, abs=1e-12)
    assert found.high > 0.05
    assert value(ece_debiased(rows)) == 0


def test_ece_by_hand() -> None:
    rows = [
        row
        for k in range(10)
        for row in (*episode(f"low {k}", k < 2, [1.0]), *episode(f"high {k}", k < 5, [9.0, 9.0]))
    ]
    assert value(ece(rows)) == pytest.approx((0.1 + 0.4) / 2)
    variance = 0.2 * 0.8 / 9, 0.5 * 0.5 / 9
    expected = math.sqrt((0.1**2 - variance[0] + 0.4**2 - variance[1]) / 2)
    assert value(ece_debiased(rows)) == pytest.approx(expected)


def test_debiasing_takes_away_what_chance_alone_makes() -> None:
    plain, debiased = [], []
    for seed in range(30):
        rows = simulated(100, seed, calibrated=True)
        plain.append(value(ece(rows, resamples=1)))
        debiased.append(value(ece_debiased(rows, resamples=1)))
    assert sum(plain) / 30 > 0.05
    assert sum(debiased) / 30 < sum(plain) / 30 / 1.5


# -- intervals -------------------------------------------------------------------------------------------------
@given(worlds)
def test_every_interval_holds_its_value_within_what_is_possible(rows: list[ScoredState]) -> None:
    found = quality(rows, resamples=50)
    for name in CriticQuality.__struct_fields__[3:]:
        one = getattr(found, name)
        if one is not None:
            lowest = -1 if name == "rank_correlation" else 0
            assert lowest <= one.low <= one.value <= one.high <= 1, name
            assert 1 <= one.n <= found.episodes
            assert found.tasks > 1 or (one.low, one.high) == (lowest, 1)


@given(worlds, st.randoms(use_true_random=False))
def test_equal_rows_in_any_order_give_equal_numbers(rows: list[ScoredState], rng: random.Random) -> None:
    expected = quality(rows, resamples=20, seed=3)
    rng.shuffle(rows)
    assert quality(rows, resamples=20, seed=3) == expected


def test_the_seed_moves_the_interval_and_nothing_else() -> None:
    rows = simulated(30)
    first, second = brier(rows, seed=1), brier(rows, seed=2)
    assert first is not None
    assert second is not None
    assert first.value == second.value
    assert (first.low, first.high) != (second.low, second.high)
    assert first.low == pytest.approx(second.low, abs=0.02)


def test_tasks_are_resampled_not_states() -> None:
    few = simulated(10)
    copies = [  # ten attempts that went alike teach no more than one
        ScoredState(r.task, str(k), r.step, r.phi, r.success, r.dense) for r in few for k in range(10)
    ]
    assert quality(copies).brier == _with_n(brier(few), 100)
    first, again = auroc_within_steps(few), auroc_within_steps(copies)
    assert first is not None
    assert again is not None
    assert (again.low, again.high) == pytest.approx((first.low, first.high))


def _with_n(estimate: Estimate | None, n: int) -> object:
    assert estimate is not None
    return Estimate(*(pytest.approx(x) for x in (estimate.value, estimate.low, estimate.high)), n)


def test_the_interval_agrees_with_resampling_by_hand() -> None:
    rows = simulated(25)
    tasks = sorted({row.task for row in rows})
    rng = random.Random(0)
    draws: list[float] = []
    for _ in range(200):
        drawn = [
            ScoredState(f"{k}", "0", r.step, r.phi, r.success, r.dense)
            for k, task in enumerate(rng.choices(tasks, k=len(tasks)))
            for r in rows
            if r.task == task
        ]
        draws.append(value(auroc_within_steps(drawn, resamples=1)))
    draws.sort()
    found = auroc_within_steps(rows)
    assert found is not None
    assert (draws[5], draws[-6]) == pytest.approx((found.low, found.high), abs=0.03)


# -- the bundle ------------------------------------------------------------------------------------------------
def test_the_bundle_holds_what_the_functions_say() -> None:
    rows = simulated(20)
    found = quality(rows, resamples=100, seed=1)
    for measure in (auroc_within_steps, rank_correlation, brier, ece, ece_debiased, abstention):
        assert getattr(found, measure.__name__) == measure(rows, resamples=100, seed=1)
    pooled = auroc([r.phi for r in rows if r.phi is not None], [r.success for r in rows])
    assert value(found.auroc_pooled) == pytest.approx(pooled)


def test_as_json_it_is_flat_and_says_none_where_nothing_is_defined() -> None:
    flat = quality([]).to_json()
    assert flat.pop("tasks") == flat.pop("episodes") == flat.pop("states") == 0
    assert set(flat.values()) == {None, 0}
    assert flat["brier"] is None
    flat = quality(simulated(20)).to_json()
    assert flat["abstention"] == flat["abstention_low"] == 0.0
    assert flat["brier_n"] == 20
    assert all(isinstance(number, (int, float)) for number in flat.values())


# -- bad input -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("row", "message"),
    [
        (ScoredState("t", "e", 0, math.nan, True, 0.5), "phi must be .* got nan in step 0 of episode 'e'"),
        (ScoredState("t", "e", 0, 10.5, True, 0.5), r"phi must be .* got 10\.5"),
        (ScoredState("t", "e", 0, 5.0, True, math.inf), "dense must be .* got inf"),
        (ScoredState("t", "e", -1, 5.0, True, 0.5), "step must be .* got -1"),
        (ScoredState("t", "e", 0, 5.0, None, 0.5), "success must be .* got None"),  # type: ignore[arg-type]
    ],
)
def test_a_bad_row_is_named(row: ScoredState, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        quality([row])


def test_rows_that_contradict_each_other_are_named() -> None:
    first = ScoredState("t", "e", 0, 5.0, True, 0.5)
    with pytest.raises(UsageError, match="episode 'e' of task 't' has two rows of step 0"):
        quality([first, first])
    with pytest.raises(UsageError, match="episode 'e' of task 't' has rows of both outcomes"):
        quality([first, ScoredState("t", "e", 1, 5.0, False, 0.5)])


def test_bad_arguments_are_named() -> None:
    with pytest.raises(UsageError, match=r"resamples .* got 0"):
        quality([], resamples=0)
    with pytest.raises(UsageError, match=r"seed .* got -1"):
        quality([], seed=-1)
    with pytest.raises(UsageError, match="got 1 and 2"):
        auroc([1.0], [True, False])
    with pytest.raises(UsageError, match="got nan"):
        auroc([math.nan], [True])
