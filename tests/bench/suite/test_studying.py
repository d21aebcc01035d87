"""Memories that study read what ours played, each episode once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench.suite.playing import BALLS, QUICK
from fakes.ball_world import BallWorld
from fakes.episodes import episode, keep
from purpose_agent.bench.controls.expert import ExpertBackend
from purpose_agent.bench.suite.arms import LEARNERS
from purpose_agent.bench.suite.catalogue import make_settings
from purpose_agent.bench.suite.player import Player
from purpose_agent.bench.suite.rows import STUDY, TRAIN, Job
from purpose_agent.bench.suite.settings import SuiteSettings
from purpose_agent.bench.suite.studying import Shelf, Studied, make_system, study, whole_episodes
from purpose_agent.errors import UsageError
from purpose_agent.llm_backend.mock import MockLLMBackend
from purpose_agent.other_memory import KNOWN


@pytest.fixture
def shelf(smoke: Callable[..., SuiteSettings], tmp_path: Path) -> Shelf:
    """Ours played three episodes, of which the first failed."""
    shelf = Shelf(tmp_path, smoke())
    with shelf.opened("machines", "ours", 0) as store:
        for n in range(3):
            keep(store, episode((f"press {n}", "on", 10.0), success=n > 0, id=f"e{n}"))
    return shelf


def known(shelf: Shelf, name: str) -> bytes:
    with shelf.opened("machines", name, 0) as store:
        kept = store.artefact(KNOWN + name)
        assert kept is not None
        return kept[0]


@pytest.mark.parametrize("name", ["raw_steps", "raw_episodes", "placebo"])
def test_a_study_that_is_begun_again_counts_no_episode_twice(shelf: Shelf, name: str) -> None:
    job = Job(STUDY, "machines", name)
    assert asyncio.run(study(shelf, job, LEARNERS[name], None)) == Studied(succeeded=True, read=3)
    before = known(shelf, name)
    asyncio.run(study(shelf, job, LEARNERS[name], None))
    assert known(shelf, name) == before


@pytest.mark.parametrize(("index", "learned"), [(1, True), (0, False), (7, False)])
def test_a_learner_that_asks_a_model_reads_its_episode_if_there_is_one(
    shelf: Shelf, index: int, learned: bool
) -> None:
    """Tasks that could not be made leave fewer episodes than the stream has places."""
    job = Job(STUDY, "machines", "expel", index=index)
    assert asyncio.run(study(shelf, job, LEARNERS["expel"], MockLLMBackend())).succeeded == learned


def test_an_episode_that_broke_off_is_not_studied_and_shifts_none(shelf: Shelf) -> None:
    with shelf.opened("machines", "ours", 0) as store:
        for n, reason in enumerate(("environment_error", "terminal")):
            broke = episode(("press 9", "on", 10.0), success=n > 0, id=f"late-{n}", stop_reason=reason)
            keep(store, broke)
        assert [e.id for e in whole_episodes(store)] == ["e0", "e1", "e2", "late-1"]
        store.flush()
    job = Job(STUDY, "machines", "expel", index=3)
    assert asyncio.run(study(shelf, job, LEARNERS["expel"], MockLLMBackend())).succeeded
    assert (
        asyncio.run(study(shelf, Job(STUDY, "machines", "raw_steps"), LEARNERS["raw_steps"], None)).read == 4
    )


def test_a_learner_that_asks_a_model_needs_one(shelf: Shelf) -> None:
    with pytest.raises(UsageError, match="--model"):
        make_system(shelf, "machines", LEARNERS["ace"], 0, None)
    with pytest.raises(UsageError, match="does not study"):
        make_system(shelf, "machines", LEARNERS["ours"], 0, None)


def test_the_unrelated_world_is_the_next_one(shelf: Shelf) -> None:
    assert shelf.other_world("machines") is None
    worlds = tuple(make_settings("textworld").worlds)
    other = Shelf(shelf.out, make_settings("textworld"))
    assert other.other_world(worlds[0].name) == worlds[1].name
    assert other.other_world(worlds[-1].name) == worlds[0].name


# -- the expert's stream ---------------------------------------------------------------------------------------
@pytest.fixture
def player(tmp_path: Path) -> Iterator[Player]:
    settings = make_settings(
        None, "random", env=BALLS, arms=("random", "oracle"), **{**QUICK, "max_steps": 4}
    )
    player = Player(settings, tmp_path)
    yield player
    player.close()


def test_an_expert_solves_what_can_be_made_and_begins_each_task_afresh(
    player: Player, monkeypatch: pytest.MonkeyPatch
) -> None:
    (world,) = player._worlds
    jobs = [
        Job(TRAIN, world, "oracle", index=2 * n + 1, fold="train", seed=n + 4) for n in range(4)
    ]  # watched
    assert all(player.play(job).success for job in jobs[:2])
    monkeypatch.setattr(BallWorld, "gold_path", lambda *_: ["what is never offered"])
    player.play(jobs[2])
    monkeypatch.setattr(BallWorld, "gold_path", refuse)
    player.play(jobs[3])
    (expert,) = (model for model in player._models.values() if isinstance(model, ExpertBackend))
    assert expert.path == []


def refuse(*_: object) -> list[str]:
    raise UsageError("no solution is known")
