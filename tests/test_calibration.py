"""Raw scores become chances: monotone, within their interval, honest about how little was seen."""

from __future__ import annotations

import math
import random
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from purpose_agent.calibration import (
    MIN_EPISODES,
    Calibration,
    Calibrations,
    Observation,
    Skill,
    fit,
    score_interval,
)
from purpose_agent.errors import UsageError

unit = st.floats(0, 1)
episodes = st.lists(st.tuples(st.lists(unit, min_size=1, max_size=6), st.booleans()), max_size=40)
GRID = [k / 200 for k in range(201)]


def observations(given_episodes: list[tuple[list[float], bool]]) -> list[Observation]:
    return [
        Observation(f"episode {k}", raw, success)
        for k, (raws, success) in enumerate(given_episodes)
        for raw in raws
    ]


def outcomes(raw: float, failures: int, successes: int) -> list[tuple[list[float], bool]]:
    return [([raw], False)] * failures + [([raw], True)] * successes


def a_critic_that_knows(n: int, seed: int = 0) -> list[Observation]:
    """Episodes of five states; the chance of success is the square of the raw score."""
    rng = random.Random(seed)
    made: list[tuple[list[float], bool]] = []
    for _ in range(n):
        raw = rng.random()
        made.append(([raw] * 5, rng.random() < raw**2))
    return observations(made)


# -- the map ---------------------------------------------------------------------------------------------------
def test_blocks_stand_at_their_centres_and_the_map_is_linear_between_them() -> None:
    rows = observations(
        [*outcomes(0.2, 9, 1), *outcomes(0.4, 3, 2), *outcomes(0.6, 8, 2), *outcomes(0.9, 2, 8)]
    )
    found = fit(rows, prior_episodes=0)
    centre = (5 * 0.4 + 10 * 0.6) / 15  # .4 and .6 violate the order, and are one block
    assert found.x == pytest.approx((0.0, 0.2, centre, 0.9, 1.0))
    assert found.y == pytest.approx((0.1 * 10 / 11, 0.1, 4 / 15, 0.8, 9 / 11))
    assert found.effective == pytest.approx((0, 10, 15, 10, 0))
    assert found.chance((0.2 + centre) / 2) == pytest.approx((0.1 + 4 / 15) / 2)
    assert (found.n_episodes, found.n_successes) == (35, 13)


def test_an_episode_counts_one_however_long_it_is() -> None:
    short = [([0.3], False)] * 6 + [([0.3], True)] * 6 + [([0.8], True)] * 2
    long = [([0.3] * 50, False)] * 6 + [([0.3], True)] * 6 + [([0.8] * 7, True)] * 2
    assert fit(observations(long)).y == pytest.approx(fit(observations(short)).y)
    assert fit(observations(long)).effective == pytest.approx(fit(observations(short)).effective)


def test_a_block_of_one_episode_is_neither_zero_nor_one() -> None:
    found = fit(observations([*outcomes(0.1, 1, 0), *outcomes(0.5, 5, 5), *outcomes(0.9, 0, 1)]))
    assert found.chance(0.1) == pytest.approx((0 + 2 * 0.5) / 3)
    assert found.chance(0.9) == pytest.approx((1 + 2 * 0.5) / 3)


def test_shrinking_never_puts_blocks_out_of_order() -> None:
    rows = observations([*outcomes(0.2, 70, 0), *outcomes(0.5, 40, 60), *outcomes(0.9, 0, 1)])
    found = fit(rows, prior_episodes=5)  # the last episode alone would fall below .6
    assert found.trusted
    assert all(a < b for a, b in pairwise(found.y))


def test_there_is_no_plateau_even_where_the_critic_is_useless() -> None:
    found = fit(observations([*outcomes(0.8, 10, 0), *outcomes(0.2, 0, 10)]))
    chances = [found.chance(raw) for raw in GRID]
    assert all(a < b for a, b in pairwise(chances))
    assert chances[0] > 0.4
    assert chances[-1] < 0.6


def test_it_finds_the_truth() -> None:
    found = fit(a_critic_that_knows(4000))
    for raw in (0.1, 0.3, 0.5, 0.7, 0.9):
        assert found.chance(raw) == pytest.approx(raw**2, abs=0.06)


def test_the_interval_covers() -> None:
    hits = 0
    for seed in range(60):
        found = fit(a_critic_that_knows(120, seed))
        for raw in (0.3, 0.5, 0.7):
            low, high = found.interval(raw, 0.9)
            hits += low <= raw**2 <= high
    assert hits / 180 >= 0.9


@given(episodes, st.floats(0, 5))
def test_the_map_is_monotone_and_within_its_interval(
    given_episodes: list[tuple[list[float], bool]], prior: float
) -> None:
    found = fit(observations(given_episodes), prior_episodes=prior)
    raws = sorted({*GRID, *found.x, *(raw for raws, _ in given_episodes for raw in raws)})
    chances = [found.chance(raw) for raw in raws]
    assert all(a <= b for a, b in pairwise(chances))
    for raw, chance in zip(raws, chances, strict=True):
        low, high = found.interval(raw)
        assert 0 <= low <= chance <= high <= 1
        assert 0 <= found.confidence(raw) <= 1


@given(episodes, st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(
    given_episodes: list[tuple[list[float], bool]], rng: random.Random
) -> None:
    rows = observations(given_episodes)
    expected = fit(rows)
    rng.shuffle(rows)
    assert fit(iter(rows)) == expected


@given(episodes)
def test_it_is_stored_and_read_back(given_episodes: list[tuple[list[float], bool]]) -> None:
    found = fit(observations(given_episodes))
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(found), type=Calibration) == found


# -- what was not seen -----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "rows",
    [[], outcomes(0.5, 4, 5), outcomes(0.5, 50, 0), outcomes(0.5, 0, 50)],
    ids=["none", "few", "failures only", "successes only"],
)
def test_without_evidence_the_map_is_the_identity_and_says_so(rows: list[tuple[list[float], bool]]) -> None:
    found = fit(observations(rows))
    assert not found.trusted
    assert found.n_episodes == len(rows)
    assert [found.chance(raw) for raw in GRID] == GRID
    assert found.interval(0.3) == (0.0, 1.0)
    assert found.confidence(0.3) == 0.0


def test_confidence_falls_to_nothing_where_nothing_was_seen() -> None:
    found = fit(observations([*outcomes(0.4, 40, 10), *outcomes(0.6, 10, 40)]))
    assert found.confidence(0.5) > 0.7
    assert (
        found.confidence(0.5) > found.confidence(0.2) > found.confidence(0.01) > found.confidence(0.0) == 0.0
    )
    assert found.confidence(1.0) == 0.0


def test_confidence_grows_with_episodes_not_with_states() -> None:
    few, many = a_critic_that_knows(40), a_critic_that_knows(400)
    longer = [row for row in few for _ in range(10)]
    assert fit(many).confidence(0.5) > fit(few).confidence(0.5) + 0.1
    assert fit(longer).confidence(0.5) == pytest.approx(fit(few).confidence(0.5))


def test_a_wider_level_gives_a_wider_interval() -> None:
    found = fit(a_critic_that_knows(50))
    low, high = found.interval(0.5, 0.5)
    lower, higher = found.interval(0.5, 0.99)
    assert lower < low < high < higher


# -- bad input -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("raw", [math.nan, math.inf, -math.inf, -0.01, 1.01, None, "0.5", True])
def test_a_bad_raw_score_is_named(raw: float) -> None:
    for ask in (Calibration().chance, Calibration().interval, Calibration().confidence):
        with pytest.raises(UsageError, match="raw must be a number in"):
            ask(raw)
    with pytest.raises(UsageError, match="got " + repr(raw).replace(".", r"\.")):
        fit([Observation("a", raw, True)])


def test_other_bad_input_is_named() -> None:
    with pytest.raises(UsageError, match="episode 'a' has rows of both outcomes"):
        fit([Observation("a", 0.1, True), Observation("a", 0.2, False)])
    with pytest.raises(UsageError, match="success must be True or False, got None"):
        fit([Observation("a", 0.1, None)])  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"prior_episodes .* got nan"):
        fit([], prior_episodes=math.nan)
    with pytest.raises(UsageError, match=r"min_episodes .* got 2.5"):
        fit([], min_episodes=2.5)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"confidence must be .* got 1\.0"):
        Calibration().interval(0.5, 1.0)
    with pytest.raises(UsageError, match=r"n must be .* got -1"):
        score_interval(0.5, -1, 0.9)


@pytest.mark.parametrize(
    "fields",
    [
        {"x": (0.0, 1.0), "y": (0.0,), "effective": (1.0, 1.0)},
        {"x": (0.0, 0.0), "y": (0.0, 1.0), "effective": (1.0, 1.0)},
        {"x": (0.0, 1.0), "y": (0.5, 0.4), "effective": (1.0, 1.0)},
        {"x": (0.0, 1.0), "y": (0.0, 1.5), "effective": (1.0, 1.0)},
        {"x": (0.0, 1.0), "y": (0.0, math.nan), "effective": (1.0, 1.0)},
        {"x": (0.0, 1.0), "y": (0.0, 1.0), "effective": (1.0, -1.0)},
        {"n_episodes": 1, "n_successes": 2},
        {"version": 2},
    ],
)
def test_a_damaged_map_is_not_read(fields: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        Calibration(**fields)  # type: ignore[arg-type]
    with pytest.raises(msgspec.ValidationError):
        msgspec.msgpack.decode(msgspec.msgpack.encode(fields), type=Calibration)


# -- families --------------------------------------------------------------------------------------------------
def test_a_family_has_its_own_map_when_it_is_old_enough() -> None:
    old = observations([*outcomes(0.2, 10, 2), *outcomes(0.8, 2, 10)])
    young = observations([*outcomes(0.2, 0, 6), *outcomes(0.8, 6, 0)])
    lopsided = observations(outcomes(0.5, MIN_EPISODES, 4))
    found = Calibrations.refit({"old": old, "young": young, "lopsided": lopsided})
    assert found.for_family("old") == fit(old)
    for key in ("young", "lopsided", "never seen"):
        assert found.for_family(key) is found.pooled
    assert found.families["young"].n_episodes == 12
    assert found.pooled.n_episodes == 24 + 12 + MIN_EPISODES + 4  # equal episode ids are different episodes


def test_without_any_evidence_every_family_has_the_identity() -> None:
    for found in (Calibrations(), Calibrations.refit({}), Calibrations.refit({"a": []})):
        assert not found.for_family("a").trusted
        assert found.for_family("a").chance(0.25) == 0.25


def test_refitting_is_deterministic_and_stored() -> None:
    rows = {"b": a_critic_that_knows(30), "a": a_critic_that_knows(40, 1)}
    found = Calibrations.refit(rows)
    again = Calibrations.refit(dict(reversed(rows.items())))
    assert msgspec.msgpack.encode(found) == msgspec.msgpack.encode(again)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(found), type=Calibrations) == found
    with pytest.raises(msgspec.ValidationError, match="stored in form 9"):
        msgspec.msgpack.decode(msgspec.msgpack.encode({"version": 9}), type=Calibrations)


# -- skill -----------------------------------------------------------------------------------------------------
def play(skill: Skill, rounds: list[tuple[list[float], bool]]) -> Skill:
    for predictions, success in rounds:
        skill = skill.after(predictions, success)
    return skill


def test_predictions_are_compared_with_the_base_rate_of_before() -> None:
    skill = play(Skill(), [([0.5, 1.0], True), ([], True), ([0.25], False)])
    assert skill.loss == pytest.approx((0.25 + 0) / 2 + 0.0625)
    assert skill.base_loss == pytest.approx((1 / 2 - 1) ** 2 + (3 / 4) ** 2)
    assert (skill.n, skill.outcomes, skill.successes) == (2, 3, 2)
    assert skill.base_rate == pytest.approx(3 / 5)


def test_weight_starts_at_the_prior_and_ends_at_the_skill() -> None:
    assert Skill().weight() == 0.0
    assert Skill().weight(prior=0.4) == pytest.approx(0.4)
    rounds = [([0.8 if k % 2 else 0.2], bool(k % 2)) for k in range(4000)]
    assert play(Skill(), rounds[:4]).weight() < 0.4
    assert play(Skill(), rounds).weight() == pytest.approx(1 - 0.04 / 0.25, abs=0.01)
    assert play(Skill(), [([1 - p[0]], y) for p, y in rounds]).weight(prior=0.9) == 0.0


def test_repeating_the_base_rate_is_no_skill() -> None:
    skill = Skill()
    for k in range(200):
        skill = skill.after([skill.base_rate] * 3, k % 3 == 0)
    assert skill.weight() == pytest.approx(0.0, abs=1e-12)


@given(st.lists(st.tuples(st.lists(unit, max_size=4), st.booleans()), max_size=30), unit)
def test_weight_is_in_the_unit_interval_and_skill_is_stored(
    rounds: list[tuple[list[float], bool]], prior: float
) -> None:
    skill = play(Skill(), rounds)
    assert 0 <= skill.weight(prior) <= 1
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(skill), type=Skill) == skill


def test_bad_predictions_and_records_are_named() -> None:
    with pytest.raises(UsageError, match=r"prediction must be a number in .* got nan"):
        Skill().after([math.nan], True)
    with pytest.raises(UsageError, match="success must be True or False, got 1"):
        Skill().after([0.5], 1)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"prior must be .* got 2"):
        Skill().weight(prior=2)
    with pytest.raises(UsageError, match=r"prior_episodes .* got 0"):
        Skill().weight(prior_episodes=0)
    for fields in ({"loss": 1.0}, {"n": 1}, {"successes": 1}, {"version": 0}):
        with pytest.raises(UsageError):
            Skill(**fields)  # type: ignore[arg-type]
