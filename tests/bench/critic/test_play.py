"""What critics may see of an episode, who plays, and on which tasks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from fakes.ball_world import IMPOSSIBLE, SECRET, BallWorld
from purpose_agent.bench.critic.episodes import HELD_OUT, TRAINING, EpisodeFiles
from purpose_agent.bench.critic.evidence import sample
from purpose_agent.bench.critic.play import Company, play_held_out, play_training
from purpose_agent.bench.critic.policies import ExpertPolicy, LearnedPolicy, RandomPolicy
from purpose_agent.bench.critic.settings import CriticSettings, make_settings
from purpose_agent.bench.critic.stage import Stage
from purpose_agent.bench.critic.tasks import TaskSupply
from purpose_agent.bench.stream import Task
from purpose_agent.errors import EnvironmentFailure, UsageError
from purpose_agent.llm_backend.mock import MockLLMBackend
from purpose_agent.memory.values.memory import ValueMemory

WORLD = "fakes.ball_world:BallWorld"


def settings(**more: Any) -> CriticSettings:
    return make_settings(WORLD, **{"episodes": 12, "tasks": 4} | more)


@pytest.fixture
def stage() -> Iterator[Stage]:
    stage = Stage(BallWorld())
    yield stage
    stage.close()


def played(folder: Path | None, stage: Stage, llm: Any = None, **more: Any) -> EpisodeFiles:
    chosen = settings(**more)
    files, company = EpisodeFiles(folder), Company(stage, llm, chosen.seed)
    supply = TaskSupply(chosen, stage.world, folder and folder / "refused.jsonl")
    play_training(company, supply, chosen.episodes, files, lambda _: None)
    play_held_out(company, supply, files, lambda _: None)
    return files


# -- what is kept ----------------------------------------------------------------------------------------------
def test_what_critics_may_see_holds_no_score(stage: Stage, tmp_path: Path) -> None:
    files = played(tmp_path, stage)
    assert str(SECRET) in (tmp_path / "truth.jsonl").read_text()
    assert str(SECRET) not in (tmp_path / "episodes.jsonl").read_text()
    for episode in [*files.of(TRAINING), *files.of(HELD_OUT)]:
        assert episode.record.score is None
        assert all(step.score is None for step in episode.record.steps)
        assert all("score" not in episode.state(n).data for n in range(len(episode.states)))


def test_only_the_end_of_an_episode_tells_whether_it_succeeded(stage: Stage) -> None:
    for episode in played(None, stage).of(TRAINING):
        *before, last = episode.record.steps
        assert all(step.success is None for step in before)
        assert (last.success is True) == episode.success
        assert episode.open_states == range(len(episode.record.steps) + (not episode.ended))


def test_the_truth_is_the_environment_s_own_score(stage: Stage) -> None:
    files = played(None, stage)
    for key, dense in files.truth().items():
        episode = next(e for e in files.of(key[0]) if e.index == key[1])
        assert len(dense) == len(episode.states)
        assert (dense[-1] == 1.0) == episode.success


def test_episodes_read_back_as_they_were_written(stage: Stage, tmp_path: Path) -> None:
    files = played(tmp_path, stage)
    again = EpisodeFiles(tmp_path)
    for part in (TRAINING, HELD_OUT):
        assert again.of(part) == files.of(part)
    assert again.truth() == files.truth()


# -- who plays -------------------------------------------------------------------------------------------------
def test_policies_take_turns_and_every_held_out_task_is_played_by_all(stage: Stage) -> None:
    files = played(None, stage, MockLLMBackend())
    turns = [episode.policy for episode in files.of(TRAINING)]
    assert turns[:4] == ["random", "model", "learned", "expert"]
    assert turns == turns[:4] * 3
    by_task: dict[str, list[str]] = {}
    for episode in files.of(HELD_OUT):
        by_task.setdefault(episode.task, []).append(episode.policy)
    assert len(by_task) == 4
    assert all(policies == turns[:4] for policies in by_task.values())


def test_without_a_model_its_policy_is_left_out(stage: Stage) -> None:
    assert Company(stage, None, 0).policies == ["random", "learned", "expert"]


def test_an_expert_succeeds_and_one_that_strays_takes_longer(stage: Stage) -> None:
    task = Task("train", 5, {"fold": "train"})
    path = stage.world.gold_path(5, {"fold": "train"})
    straight = stage.play(task, ExpertPolicy(path, False, Random(0)), Random(0))
    assert straight.success
    assert straight.commands == path
    lengths = [
        len(stage.play(task, ExpertPolicy(path, True, Random(i)), Random(i)).commands) for i in range(20)
    ]
    assert max(lengths) > 2


def test_a_command_that_the_world_refuses_is_replaced(stage: Stage) -> None:
    course = stage.play(Task("train", 5), ExpertPolicy(["fly away"], False, Random(0)), Random(0))
    assert "fly away" not in course.commands
    assert course.arrivals[1].error is None


@pytest.mark.parametrize(
    ("progress", "first", "last"), [("visible", 0.0, 1.0), ("zero", 0.0, 1.0), ("hidden", None, None)]
)
def test_a_learner_is_told_of_progress_what_its_arm_allows(
    stage: Stage, progress: str, first: float | None, last: float | None
) -> None:
    policy = LearnedPolicy(ValueMemory(), True, Random(1), progress)
    ball, box = (w for w in stage.world.gold_path(5))
    policy.choose = ExpertPolicy([ball, box], False, Random(0)).choose  # type: ignore[method-assign]
    stage.play(Task("train", 5), policy, Random(0))
    record = policy.record()
    assert record.score == first
    assert record.steps[-1].score == last
    assert record.steps[0].score == {"visible": SECRET, "zero": 0.0, "hidden": None}[progress]


def test_the_same_seed_plays_the_same_episodes(stage: Stage) -> None:
    def courses(seed: int) -> list[Any]:
        files = played(None, stage, seed=seed)
        return [(e.policy, e.seed, e.record) for e in files.of(TRAINING) + files.of(HELD_OUT)]

    assert courses(0) == courses(0)
    assert courses(0) != courses(1)


# -- on which tasks ---------------------------------------------------------------------------------------------
def test_folds_do_not_meet_and_test_tasks_are_for_the_asking(stage: Stage) -> None:
    BallWorld.played.clear()
    played(None, stage)
    assert {fold for fold, _ in BallWorld.played} == {"train", "dev"}
    played(None, stage, fold="test")
    assert {fold for fold, _ in BallWorld.played} == {"train", "dev", "test"}


def test_a_task_that_cannot_be_made_is_passed_over_and_remembered(stage: Stage, tmp_path: Path) -> None:
    files = played(tmp_path, stage, tasks=5)
    assert len({episode.task for episode in files.of(HELD_OUT)}) == 5
    assert all(episode.seed != IMPOSSIBLE for episode in files.of(TRAINING) + files.of(HELD_OUT))
    again = TaskSupply(settings(), stage.world, tmp_path / "refused.jsonl")
    assert {task.seed for task in again.refused} == {IMPOSSIBLE}


def test_a_small_fold_is_played_whole_and_train_tasks_come_again() -> None:
    stage = Stage(BallWorld(size=3))
    supply = TaskSupply(make_settings(f"{WORLD}:size=3", tasks=60), stage.world, None)
    assert len(supply.held_out()) == 3
    assert supply.train(0) == supply.train(3)
    stage.close()


def test_a_world_without_folds_gets_ranges_of_seeds_that_never_meet() -> None:
    from fakes.worlds import GridTreasure

    supply = TaskSupply(make_settings("fakes.worlds:GridTreasure", tasks=4), GridTreasure(), None)
    assert not {task.seed for task in supply.held_out()} & {supply.train(i).seed for i in range(200)}


def test_a_world_that_makes_no_task_says_why() -> None:
    supply = TaskSupply(make_settings(f"{WORLD}:size=1"), BallWorld(size=1), None)
    supply.refuse(supply.train(0), UsageError("the dice are lost"))
    with pytest.raises(UsageError, match="the dice are lost"):
        next(supply.shuffled_train(0))


# -- worlds that will not do ------------------------------------------------------------------------------------
def test_a_world_must_judge_and_list_actions() -> None:
    from fakes.worlds import MutatingWorld

    with pytest.raises(UsageError, match="verdicts"):
        Stage(MutatingWorld())


def test_a_world_that_hides_its_score_cannot_grade() -> None:
    stage = Stage(BallWorld(telling=False))
    with pytest.raises(EnvironmentFailure, match="does not tell its score"):
        stage.play(Task("train", 5), RandomPolicy(Random(0)), Random(0))
    stage.close()


# -- the model's sample -----------------------------------------------------------------------------------------
def test_the_sample_is_bounded_and_takes_open_states_only(stage: Stage) -> None:
    files = played(None, stage)
    states = sample(files.of(TRAINING), files.of(HELD_OUT), 6, 0)
    graded = [s for s in states if s.episode.part == HELD_OUT]
    assert len(graded) == 6
    assert len(states) - len(graded) <= 6
    assert all(s.number in s.episode.open_states for s in states)
    assert len({s.where for s in states}) == len(states)
    assert sample(files.of(TRAINING), files.of(HELD_OUT), 0, 0) == []
