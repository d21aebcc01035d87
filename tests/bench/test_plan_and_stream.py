"""Which tasks are played, by whom, in which order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.bench_rows import row
from fakes.worlds import GridTreasure
from purpose_agent.bench.plan import Plan
from purpose_agent.bench.rows import Job, Row, RowFile
from purpose_agent.bench.settings import DemoSettings, claim_folder, make_settings
from purpose_agent.bench.stream import Task, check_disjoint, purpose_of, tasks_of
from purpose_agent.errors import StoreError, UsageError


class FoldedWorld(GridTreasure):
    fold = "train"
    seeds = range(1000)


# -- streams ---------------------------------------------------------------------------------------------------
@given(st.integers(0, 10**6), st.integers(1, 400), st.integers(1, 400), st.booleans())
def test_streams_never_meet(seed: int, episodes: int, tasks: int, folded: bool) -> None:
    world = FoldedWorld() if folded else GridTreasure()
    training, held_out = tasks_of(world, "train", episodes, seed), tasks_of(world, "dev", tasks, seed)
    check_disjoint(training, held_out)
    assert len({t.key for t in training}) == episodes
    assert len({t.key for t in held_out}) == tasks
    if not folded:  # nothing but the seed tells the tasks of such a world apart
        assert not {t.seed for t in training} & {t.seed for t in held_out}


def test_a_world_with_folds_is_asked_for_them() -> None:
    task = tasks_of(FoldedWorld(), "dev", 3, 0)[2]
    assert task == Task("dev", 2, {"fold": "dev"})
    assert tasks_of(GridTreasure(), "dev", 1, 0)[0].options is None


def test_folds_may_differ_in_size() -> None:
    class Uneven(FoldedWorld):
        def seeds_of(self, fold: str) -> range:
            return range({"train": 300, "dev": 70}[fold])

    assert max(t.seed for t in tasks_of(Uneven(), "train", 300, 1)) == 299
    assert {t.seed for t in tasks_of(Uneven(), "dev", 70, 1)} == set(range(70))
    with pytest.raises(UsageError, match="the dev fold holds 70 tasks"):
        tasks_of(Uneven(), "dev", 71, 0)


def test_the_test_fold_is_out_of_reach() -> None:
    with pytest.raises(UsageError, match="test fold"):
        tasks_of(FoldedWorld(), "test", 1, 0)
    with pytest.raises(UsageError, match="test fold"):
        check_disjoint([], [Task("test", 3)])


def test_the_guard_names_what_is_shared() -> None:
    with pytest.raises(UsageError, match=r"\('train', 4\)"):
        check_disjoint([Task("train", 4)], [Task("train", 4)])


def test_a_fold_has_only_so_many_tasks() -> None:
    with pytest.raises(UsageError, match="holds 1000 tasks"):
        tasks_of(FoldedWorld(), "dev", 1001, 0)


def test_a_world_must_say_what_it_is_about() -> None:
    assert purpose_of(GridTreasure(), Task("train", 0)) == GridTreasure().purpose
    with pytest.raises(UsageError, match="purpose"):
        purpose_of(object(), Task("train", 0))


# -- the plan --------------------------------------------------------------------------------------------------
TRAINING, HELD_OUT = [Task("train", i) for i in range(4)], [Task("dev", i) for i in range(3)]


def finished(job: Job) -> Row:
    return row(job.arm, job.index, True)


def test_one_worker_trains_while_the_others_do_without_memory() -> None:
    plan = Plan(TRAINING, HELD_OUT)
    first, second, third = plan.take(0), plan.take(1), plan.take(1)
    assert first == Job("training", 0, "train", 0)
    assert second is not None
    assert third is not None
    assert {second.arm, third.arm} == {"random", "no_memory"}


def test_nothing_reads_the_memory_before_training_is_over() -> None:
    plan = Plan(TRAINING, HELD_OUT)
    training = [plan.take(0) for _ in range(4)]
    others = [job for _ in range(20) if (job := plan.take(1)) is not None]
    assert {job.arm for job in others} == {"random", "no_memory"}
    for job in training[:3]:
        assert job is not None
        plan.done(finished(job))
        assert plan.take(1) is None
    assert training[3] is not None
    plan.done(finished(training[3]))
    job = plan.take(1)
    assert job is not None
    assert job.arm in ("memory", "memory_only")


@given(st.integers(1, 4), st.randoms(use_true_random=False))
def test_every_episode_is_played_once_whatever_the_timing(workers: int, dice: Any) -> None:
    plan = Plan(TRAINING, HELD_OUT)
    running: dict[int, Job] = {}
    played: list[Job] = []
    while not plan.finished:
        for worker in range(workers):
            if worker not in running and (job := plan.take(worker)) is not None:
                running[worker] = job
        assert running, "nobody plays, and it is not finished"
        worker = dice.choice(sorted(running))
        played.append(running.pop(worker))
        plan.done(finished(played[-1]))
    assert len(played) == len(set(played)) == len(plan.jobs) == 4 + 4 * 3
    assert [job.index for job in played if job.arm == "training"] == [0, 1, 2, 3]


def test_what_was_done_is_left_out() -> None:
    whole = Plan(TRAINING, HELD_OUT)
    rest = Plan(TRAINING, HELD_OUT, [finished(job) for job in whole.jobs if job.arm != "memory"])
    taken = [job for _ in range(9) if (job := rest.take(1)) is not None]
    assert [job.arm for job in taken] == ["memory"] * 3
    assert Plan(TRAINING, HELD_OUT, [finished(job) for job in whole.jobs]).finished


# -- files -----------------------------------------------------------------------------------------------------
def test_rows_are_read_back(tmp_path: Path) -> None:
    file = RowFile(tmp_path / "rows.jsonl")
    file.add(row("memory", 1, True, uncached_by_step=[(1, 10)]))
    file.add(row("memory", 0, False))
    again = RowFile(tmp_path / "rows.jsonl")
    assert again.rows == file.rows
    assert [r.index for r in again.of("memory")] == [0, 1]


@given(st.integers(1, 300))
def test_a_line_that_was_cut_by_a_kill_is_played_again(cut: int) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.jsonl"
        file = RowFile(path)
        for i in range(3):
            file.add(row("random", i, True))
        data = path.read_bytes()
        path.write_bytes(data[: max(0, len(data) - cut)])
        again = RowFile(path)
        again.add(row("random", 9, True))
        kept = RowFile(path).rows
        assert kept == [*file.rows[: len(kept) - 1], row("random", 9, True)]


def test_a_broken_line_in_the_middle_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"arm": 3}\n')
    with pytest.raises(StoreError, match="line 1"):
        RowFile(path)


# -- settings --------------------------------------------------------------------------------------------------
def test_a_preset_names_a_game_and_anything_else_a_world() -> None:
    assert make_settings("twc", "local", 1, 1, 25, 0).world == "textworld:preset=twc,max_steps=25"
    assert make_settings("my:World", "local", 1, 1, 25, 0).world == "my:World"


@pytest.mark.parametrize(
    "wrong", [{"episodes": 0}, {"tasks": -1}, {"max_steps": 0}, {"seed": -1}, {"tasks": 2.5}]
)
def test_numbers_that_cannot_be_meant_are_refused(wrong: dict[str, Any]) -> None:
    given_values: dict[str, Any] = {"episodes": 1, "tasks": 1, "max_steps": 1, "seed": 0} | wrong
    with pytest.raises(UsageError, match=next(iter(wrong))):
        make_settings("twc", "local", **given_values)


def test_a_folder_belongs_to_its_settings(tmp_path: Path) -> None:
    one = DemoSettings(world="w:W", model="local", episodes=4, tasks=3, max_steps=25, seed=0)
    other = DemoSettings(world="w:W", model="local", episodes=5, tasks=3, max_steps=25, seed=1)
    assert claim_folder(tmp_path / "a" / "b", one) == claim_folder(tmp_path / "a" / "b", one)
    with pytest.raises(UsageError, match="episodes 4 → 5, seed 0 → 1"):
        claim_folder(tmp_path / "a" / "b", other)


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("")
    with pytest.raises(UsageError, match="is a file"):
        claim_folder(tmp_path / "x", make_settings("twc", "local", 1, 1, 25, 0))
