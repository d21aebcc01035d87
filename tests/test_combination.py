"""Several critics make one Φ, by how well each has proved itself."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from purpose_agent.calibration import Calibration, Observation, Skill, fit
from purpose_agent.combination import PRIOR_SKILL, Said, Voice, checked_reading, combine
from purpose_agent.critics import Reading


def said(name: str, progress: float | None, confidence: float = 0.8, voice: Voice | None = None) -> Said:
    return Said(
        name, voice or Voice(), Reading(progress, confidence, f"{name}'s evidence", f"{name}'s reason")
    )


def overconfident() -> Calibration:
    """Of a critic whose every 0.9 is a chance of one in two, and every 0.1 of none."""
    rows = [Observation(str(i), 0.9 if i % 3 else 0.1, i % 3 == 1) for i in range(300)]
    return fit(rows)


def test_one_critic_that_was_never_calibrated_is_taken_at_its_word() -> None:
    opinion = combine([said("a", 0.57)], 0.3)
    assert opinion == (5.7, 0.8, "a's evidence", "a's reason", "a", {"a": 0.57})


def test_a_calibrated_word_is_a_chance_and_its_confidence_what_that_rests_on() -> None:
    calibration = overconfident()
    opinion = combine([said("a", 0.9, 0.8, Voice(calibration, 0.1, 300))], 0.3)
    assert opinion.phi == pytest.approx(5, abs=0.3)
    assert opinion.confidence == calibration.confidence(0.9)
    assert opinion.readings == {"a": 0.9}, "the journal holds what was said, not what was made of it"


def test_critics_count_by_skill_and_confidence() -> None:
    strong, weak = Voice(weight=0.6), Voice(weight=0.2)
    opinion = combine([said("a", 0.2, 0.5, strong), said("b", 0.8, 0.75, weak)], 0.3)
    assert opinion.phi == pytest.approx(10 * (0.3 * 0.2 + 0.15 * 0.8) / 0.45)
    assert opinion.confidence == pytest.approx((0.3 * 0.5 + 0.15 * 0.75) / 0.45)
    assert (opinion.by, opinion.evidence) == ("a+b", "a's evidence")
    assert opinion.reasoning == "a: a's reason; b: b's reason"


def test_an_opinion_below_the_bound_is_left_out() -> None:
    assert combine([said("a", 0.2), said("b", 0.8, 0.2)], 0.3)[::4] == (2.0, "a")
    opinion = combine([said("a", 0.2, 0.1), said("b", None, 0.9)], 0.3)
    assert (opinion.phi, opinion.confidence, opinion.by, opinion.readings) == (None, 0.1, "a", {})
    nowhere = Voice(Calibration((0.0, 1.0), (0.0, 1.0), (0.0, 0.0), 30, 15))
    unknown = combine([said("a", 0.5, 0.9, nowhere)], 0.3)
    assert unknown.phi is None, "calibrated, but nothing was seen there"
    assert unknown.readings == {"a": 0.5}, "so that it can be learned"


def test_nobody_has_no_opinion() -> None:
    assert combine([], 0.3)[:2] == (None, 0.0)


def test_a_critic_without_skill_speaks_when_it_is_alone_and_is_not_heard_beside_another() -> None:
    useless, good = Voice(weight=0.0, episodes=200), Voice(weight=0.5, episodes=200)
    assert combine([said("a", 0.5, 0.8, useless)], 0.3).phi == 5
    together = combine([said("a", 1.0, 0.8, useless), said("b", 0.2, 0.8, good)], 0.3)
    assert together.phi == pytest.approx(2, abs=0.2)


def test_a_voice_is_spent_only_after_it_was_tested() -> None:
    lost = Skill(n=200, loss=60, base_loss=48, outcomes=200, successes=90)
    assert Voice.of(Calibration(), lost).is_spent
    assert not Voice.of(Calibration(), Skill()).is_spent
    assert Voice.of(Calibration(), Skill()).weight == pytest.approx(PRIOR_SKILL)
    assert not Voice(weight=0.0, episodes=5).is_spent


words = st.builds(
    said,
    st.sampled_from(["a", "b"]),
    st.none() | st.floats(0, 1),
    st.floats(0, 1),
    st.builds(Voice, st.sampled_from([Calibration(), overconfident()]), st.floats(0, 1), st.integers(0, 99)),
)


@given(st.lists(words, max_size=3), st.sampled_from([0.0, 0.3, 1.0]))
def test_phi_lies_within_what_was_said(all_said: list[Any], bound: float) -> None:
    opinion = combine(all_said, bound)
    assert 0 <= opinion.confidence <= 1
    if opinion.phi is not None:
        chances = [
            s.voice.calibration.chance(s.reading.progress) for s in all_said if s.reading.progress is not None
        ]
        assert 10 * min(chances) - 1e-8 <= opinion.phi <= 10 * max(chances) + 1e-8


@pytest.mark.parametrize(
    "nonsense",
    [
        None,
        0.5,
        (0.5, 0.5, "", ""),
        Reading(1.5, 0.5),
        Reading(math.nan, 0.5),
        Reading(0.5, -1),
        Reading("x", 1),  # type: ignore[arg-type]
        Reading(True, 1),
    ],
)
def test_what_is_no_reading_is_refused_by_name(nonsense: Any) -> None:
    with pytest.raises(TypeError, match="the critic 'a' must give a Reading"):
        checked_reading(nonsense, "a")
