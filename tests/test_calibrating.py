"""How far a critic's word goes: learned from verified episodes, in their order, by any number of processes."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import msgspec
import pytest

from purpose_agent.calibrating import (
    ARTEFACT,
    MAX_READINGS,
    WINDOW,
    Calibrator,
    VerifiedEpisode,
    calibrate,
    family_of,
    informedness,
)
from purpose_agent.calibration import Calibration, Skill
from purpose_agent.events import (
    Executed,
    RunFinished,
    RunStarted,
    Scored,
    ScoreRecord,
    StateRecord,
    VerdictRecord,
)
from purpose_agent.store import open_store
from purpose_agent.store.base import EpisodeInfo, Store

APPLES = "collect three red apples in the garden"
DOORS = "walk through every door of a long house"


def add(
    store: Store,
    id: str,
    success: bool | None,
    readings: list[dict[str, float]],
    purpose: str = APPLES,
    transient: bool = False,
    verdict_by_person: bool | None = None,
) -> None:
    """Put an episode with these readings into a store."""
    verdict = None if success is None else VerdictRecord(None, success)
    state = StateRecord({"n": 0}, None, 0.0, "s")
    events: list[Any] = [
        RunStarted(
            id, purpose, purpose, state, None, 9, 9.0, "react", True, None, None, {}, "e", "m", [], 0.0
        )
    ]
    for step, read in enumerate(readings, 1):
        last = step == len(readings)
        events.append(Executed(step, None, None, verdict if last else None, last, 0.0, {}))
        person = VerdictRecord(0.5, verdict_by_person) if last and verdict_by_person is not None else None
        events.append(Scored(step, ScoreRecord(0, 1, 1), "evidence", read, person))
    events.append(RunFinished("terminal", bool(success), 1.0, len(readings), 0.0, {}))
    store.append(id, 0, events).result()
    store.add_episode(
        EpisodeInfo(id, 0, purpose, purpose, bool(success), transient, 0.0, len(readings), 0.5), purpose
    )


def fill(store: Store, count: int, start: int = 0, purpose: str = APPLES, shift: float = 0.0) -> None:
    """Episodes in which a good critic tells successes from failures and a bad one says anything."""
    dice = random.Random(start)
    for number in range(start, start + count):
        success = dice.random() < 0.5
        good = [{"good": 0.25 + 0.3 * success + shift, "bad": dice.random()} for _ in range(3)]
        add(store, f"{purpose[:3]}{number}", success, good, purpose)


def test_with_nothing_seen_every_word_is_taken_as_it_is() -> None:
    store = open_store(None)
    assert Calibrator(store).current.record("good", APPLES) == (Calibration(), Skill())
    store.close()


def test_verified_episodes_teach_what_a_word_is_worth() -> None:
    store = open_store(None)
    fill(store, 60)
    current = Calibrator(store).current
    calibration, skill = current.record("good", APPLES)
    assert calibration.trusted
    assert calibration.chance(0.25) < 0.15
    assert calibration.chance(0.55) > 0.85
    bad, bad_skill = current.record("bad", APPLES)
    assert abs(bad.chance(0.2) - bad.chance(0.8)) < 0.4
    assert skill.weight(0.25) > 0.7 > 0.2 > bad_skill.weight(0.25)
    store.close()


def test_a_reading_is_judged_by_the_calibration_of_earlier_episodes() -> None:
    store = open_store(None)
    fill(store, 10)
    skill = Calibrator(store).current.record("good", APPLES)[1]
    assert (skill.n, skill.outcomes) == (0, 10), "while a critic has no map it makes no predictions"
    store.close()


@pytest.mark.parametrize(
    "episode", [{"success": None}, {"success": False, "transient": True}, {"success": True, "readings": [{}]}]
)
def test_what_proves_nothing_teaches_nothing(episode: dict[str, Any]) -> None:
    store = open_store(None)
    for number in range(20):
        add(store, f"e{number}", **{"readings": [{"good": 0.5}], **episode})
    assert Calibrator(store).current.episodes == 0
    store.close()


def test_a_persons_verdict_counts_like_any_other() -> None:
    store = open_store(None)
    for number in range(5):
        add(store, f"e{number}", None, [{"good": 0.5}], verdict_by_person=number % 2 == 0)
    assert Calibrator(store).current.record("good", APPLES)[0].n_successes == 3
    store.close()


def test_a_young_family_uses_what_all_have_taught() -> None:
    store = open_store(None)
    fill(store, 40)
    fill(store, 40, purpose=DOORS, shift=0.2)
    current = Calibrator(store).current
    apples, doors = (current.record("good", p)[0] for p in (APPLES, DOORS))
    assert (apples.n_episodes, doors.n_episodes) == (40, 40)
    assert apples.chance(0.5) > 0.8 > 0.4 > doors.chance(0.45)
    assert current.record("good", "sing a song")[0].n_episodes == 80
    assert current.record("good", "collect two red apples in a garden")[0] == apples
    store.close()


def test_families_are_purposes_worded_alike() -> None:
    assert (
        family_of("collect two red apples", ["walk home", "apples collect red three"])
        == "apples collect red three"
    )
    assert family_of("sing", ["walk home"]) == ""
    assert family_of("", ["walk home", ""]) == ""


def test_the_same_episodes_give_the_same_calibration_in_however_many_sittings(tmp_path: Path) -> None:
    store = open_store(tmp_path / "s.sqlite")
    often = Calibrator(store)
    for start in range(0, 66, 11):
        fill(store, 11, start)
        often.catch_up()
        if start % 2:
            often.save()
            often = Calibrator(open_store(tmp_path / "s.sqlite"))
    often.save()
    other = Calibrator(open_store(tmp_path / "s.sqlite"))
    fresh = open_store(None)
    for start in range(0, 66, 11):
        fill(fresh, 11, start)
    assert often.current == other.current == Calibrator(fresh).current
    assert other.current.episodes >= 60


def test_another_version_is_learned_anew() -> None:
    store = open_store(None)
    fill(store, 20)
    wanted = Calibrator(store).current
    for payload in (b"", b"\xc1", msgspec.msgpack.encode({"version": 99})):
        store.save_artefact(ARTEFACT, payload, upto=10**6)
        assert Calibrator(store).current == wanted
    store.close()


def test_what_is_remembered_is_bounded() -> None:
    store = open_store(None)
    calibrator = Calibrator(store)
    for number in range(3):
        add(store, f"e{number}", True, [{"good": step / 99} for step in range(100)])
    calibrator.catch_up()
    folded = calibrator._caught_up()
    (row, *_) = folded.rows
    assert len(row.readings["good"]) == MAX_READINGS
    assert (row.readings["good"][0], row.readings["good"][-1]) == (0.0, 1.0)
    folded.rows[:] = [VerifiedEpisode(str(i), "f", True, {"good": (0.5,)}, {}) for i in range(WINDOW)]
    add(store, "last", True, [{"good": 0.5}])
    calibrator.catch_up()
    assert len(folded.rows) == WINDOW
    assert folded.rows[-1].id == "last"
    store.close()


def test_a_critic_that_came_later_is_judged_by_its_own_episodes() -> None:
    old = [VerifiedEpisode(f"o{i}", "f", i % 2 == 0, {"old": (0.5,)}, {"old": (0.5,)}) for i in range(20)]
    new = [
        VerifiedEpisode(
            f"n{i}", "f", i % 2 == 0, {"old": (0.5,), "new": (0.9 - 0.8 * (i % 2),)}, {"old": (0.5,)}
        )
        for i in range(20)
    ]
    found = calibrate(old + new)
    assert found.critics["old"].skill.n == 40
    assert found.critics["new"].calibrations.pooled.n_episodes == 20
    assert found.critics["new"].skill.n == 0


# -- what critics' outcomes are worth as outcomes ----------------------------------------------------------


def said(success: bool, *chances: float, n: int) -> list[VerifiedEpisode]:
    return [VerifiedEpisode(f"{success}{chances}{i}", "f", success, {}, {"c": chances}) for i in range(n)]


def test_informedness_is_sensitivity_plus_specificity_less_one() -> None:
    rows = (
        said(True, 0.1, 0.9, n=15)
        + said(True, 0.9, 0.1, n=5)
        + said(False, 0.8, n=2)
        + said(False, 0.2, n=18)
    )
    assert informedness(rows) == pytest.approx(15 / 20 - 2 / 20)


def test_informedness_is_unknown_until_both_ends_were_seen_often_enough() -> None:
    assert informedness([]) is None
    assert informedness(said(True, 0.9, n=500) + said(False, 0.1, n=9)) is None
    assert informedness(said(True, 0.9, n=10) + said(False, 0.1, n=10)) == 1.0


def test_a_critic_that_says_the_same_of_all_is_not_informed() -> None:
    assert informedness(said(True, 0.9, n=50) + said(False, 0.9, n=50)) == 0.0
