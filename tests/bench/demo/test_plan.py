"""Which episodes of a demo are played, by whom, in which order."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fakes.bench_rows import row
from purpose_agent.bench.demo.plan import Plan
from purpose_agent.bench.demo.rows import Job, Row
from purpose_agent.bench.stream import Task

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
