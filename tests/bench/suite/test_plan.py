"""The plan: everything once, streams in their order, nobody reads what is not there yet."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest

from purpose_agent.bench.suite.arms import ARMS, LEARNERS, OURS, STUDIES, chosen, learners_of
from purpose_agent.bench.suite.plan import Plan, planned, stream_of
from purpose_agent.bench.suite.rows import ANCHOR, STUDY, TEST, TRAIN, Job, SuiteRow
from purpose_agent.bench.suite.settings import SuiteSettings, World
from purpose_agent.errors import UsageError

PARK = "purpose_agent.bench.simulator.machine_park:MachinePark"
ALL = tuple(ARMS)


def settings_of(*arms: str, worlds: int = 2, episodes: int = 8, **more: Any) -> SuiteSettings:
    made = tuple(World(name=f"park-{n}", spec=PARK, max_steps=2, episodes=episodes) for n in range(worlds))
    fields: dict[str, Any] = {
        "suite": "own",
        "worlds": made,
        "model": "scripted",
        "orders": 2,
        "tasks": 6,
        "anchors": 1,
    }
    return SuiteSettings(arms=arms, **{**fields, **more})


def worked(plan: Plan, workers: int = 3, seed: int = 0) -> list[tuple[int, Job]]:
    """Who does what when, if jobs take times that nobody can foresee; each job as it was finished."""
    dice = random.Random(seed)
    busy: dict[int, Job] = {}
    finished: list[tuple[int, Job]] = []
    while not plan.finished:
        for worker in range(workers):
            if worker not in busy and (job := plan.take(worker)) is not None:
                check_ready(plan, job, [done for _, done in finished])
                busy[worker] = job
        assert busy, "nobody has anything to do, and not everything is done"
        worker = dice.choice(sorted(busy))
        job = busy.pop(worker)
        plan.done(SuiteRow(job=job))
        finished.append((worker, job))
    assert all(plan.take(worker) is None for worker in range(workers))
    return finished


def check_ready(plan: Plan, job: Job, done: list[Job]) -> None:
    """Whatever the job reads is finished."""
    needed: list[Job] = []
    if job.kind == TEST and ARMS[job.arm].learner:
        learner = LEARNERS[ARMS[job.arm].learner]
        needed = [j for j in plan.jobs if j.kind != TEST and j.arm == learner.name and j.order == job.order]
        needed = [j for j in needed if learner.mixed or j.world == job.world]
    elif job.kind == STUDY:
        everywhere = LEARNERS[job.arm].unrelated
        needed = [
            j
            for j in plan.jobs
            if j.kind in (TRAIN, ANCHOR)
            and j.arm == OURS
            and j.order == job.order
            and (everywhere or j.world == job.world)
        ]
    missing = set(needed) - set(done)
    assert not missing, f"{job} was begun before {sorted(missing, key=str)[:2]}"


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_every_job_is_done_once_and_after_what_it_needs(workers: int) -> None:
    plan = Plan(settings_of(*ALL))
    done = Counter(job for _, job in worked(plan, workers, seed=workers))
    assert set(done) == set(plan.jobs)
    assert set(done.values()) == {1}
    assert len(plan.jobs) == len(set(plan.jobs))


def test_a_stream_is_done_in_its_order_by_one_worker() -> None:
    plan = Plan(settings_of(*ALL))
    finished = worked(plan, 4)
    for stream in {stream_of(job) for job in plan.jobs if job.kind != TEST}:
        mine = [(worker, job) for worker, job in finished if job.kind != TEST and stream_of(job) == stream]
        assert len({worker for worker, _ in mine}) == 1
        assert [job for _, job in mine] == [j for j in plan.jobs if j.kind != TEST and stream_of(j) == stream]


def test_what_was_done_before_is_not_done_again() -> None:
    settings = settings_of("random", "no_memory", "raw_episodes", "placebo", "ours", "mixed")
    whole = [job for _, job in worked(Plan(settings), 2)]
    for cut in (0, 1, 17, len(whole) - 1, len(whole)):
        again = Plan(settings, [SuiteRow(job=job) for job in whole[:cut]])
        assert again.finished == (cut == len(whole))
        assert Counter(job for _, job in worked_from(again, whole[:cut])) == Counter(whole[cut:])


def worked_from(plan: Plan, before: list[Job]) -> list[tuple[int, Job]]:
    finished: list[tuple[int, Job]] = []
    while (job := plan.take(0)) is not None:
        check_ready(plan, job, [*before, *(done for _, done in finished)])
        plan.done(SuiteRow(job=job))
        finished.append((0, job))
    assert plan.finished
    return finished


def test_rows_of_jobs_that_are_not_planned_do_not_finish_a_plan() -> None:
    settings = settings_of("no_memory", "ours")
    strange = [SuiteRow(job=Job(TEST, "elsewhere", "ours", index=n)) for n in range(10_000)]
    plan = Plan(settings, strange)
    assert not plan.finished
    assert len(worked_from(plan, [])) == len(plan.jobs)


@pytest.mark.parametrize("world", [PARK, "fakes.ball_world:BallWorld"])
def test_no_task_is_both_learned_from_and_held_out(world: str) -> None:
    worlds = (World(name="w", spec=world, max_steps=2, episodes=50),)
    settings = SuiteSettings(
        suite="own", worlds=worlds, model="random", arms=("ours", "mixed", "oracle"), anchors=9
    )
    jobs = list(planned(settings))
    learned = {(job.fold, job.seed) for job in jobs if job.kind in (TRAIN, ANCHOR)}
    held = {(job.fold, job.seed) for job in jobs if job.kind == TEST}
    assert learned
    assert held
    assert {fold for fold, _ in learned} == {"train"}
    assert {fold for fold, _ in held} == {"dev"}
    if world == PARK:  # it knows no folds: its tasks are numbers
        assert not {seed for _, seed in learned} & {seed for _, seed in held}


def test_orders_learn_from_other_tasks_and_are_tested_on_the_same() -> None:
    jobs = list(planned(settings_of("ours", orders=3, episodes=100, worlds=1)))
    taught = [{job.seed for job in jobs if job.kind == TRAIN and job.order == order} for order in range(3)]
    assert [len(seeds) for seeds in taught] == [100, 100, 100]
    assert len(set.union(*taught)) == 300
    tested = [{job.seed for job in jobs if job.kind == TEST and job.order == order} for order in range(3)]
    assert tested[0] == tested[1] == tested[2]


def test_arms_that_ask_a_model_play_fewer_tasks_and_the_same_ones() -> None:
    jobs = list(
        planned(settings_of("random", "no_memory", "ours", "memory_only", tasks=9, model_tasks=4, worlds=1))
    )
    tasks = {
        arm: {j.seed for j in jobs if j.kind == TEST and j.arm == arm}
        for arm in ("random", "no_memory", "ours")
    }
    assert {arm: len(seeds) for arm, seeds in tasks.items()} == {"random": 9, "no_memory": 4, "ours": 4}
    assert tasks["no_memory"] == tasks["ours"] < tasks["random"]


def test_where_no_model_decides_all_arms_play_all_tasks() -> None:
    jobs = list(planned(settings_of("no_memory", "ours", tasks=9, model_tasks=4, worlds=1, model="random")))
    assert {job.index for job in jobs if job.kind == TEST and job.arm == "ours"} == set(range(9))


def test_arms_that_learn_nothing_are_played_once_for_all_orders_and_all_as_often_as_was_wished() -> None:
    jobs = list(planned(settings_of("no_memory", "ours", repeats=3, orders=2, worlds=1, tasks=2)))
    plays = Counter((job.arm, job.order, job.index) for job in jobs if job.kind == TEST)
    assert plays == {
        **{("no_memory", 0, i): 3 for i in range(2)},
        **{("ours", order, i): 3 for order in range(2) for i in range(2)},
    }


def test_one_memory_for_all_worlds_learns_from_them_in_turns() -> None:
    jobs = [job for job in planned(settings_of("mixed", "memory_only", episodes=3)) if job.arm == "mixed"]
    taught = [(job.world, job.index) for job in jobs if job.kind == TRAIN and job.order == 0]
    assert taught == [
        ("park-0", 0),
        ("park-1", 0),
        ("park-0", 1),
        ("park-1", 1),
        ("park-0", 2),
        ("park-1", 2),
    ]


@pytest.mark.parametrize("episodes", [1, 2, 3, 7, 8, 50, 100])
def test_anchors_are_looked_at_after_each_quarter_of_a_stream(episodes: int) -> None:
    jobs = [j for j in planned(settings_of("ours", worlds=1, orders=1, episodes=episodes)) if j.kind != TEST]
    taught = 0
    looks: list[tuple[int, int]] = []
    for job in jobs:
        taught += job.kind == TRAIN
        if job.kind == ANCHOR:
            looks.append((job.repeat, taught))
    wanted = sorted({-(-quarter * episodes // 4): quarter for quarter in (1, 2, 3, 4)}.items())
    assert looks == [(quarter, after) for after, quarter in wanted]


def test_anchors_are_tasks_that_were_learned_from_before_the_first_look() -> None:
    jobs = [
        j for j in planned(settings_of("ours", worlds=1, orders=1, episodes=8, anchors=99)) if j.kind != TEST
    ]
    first = [job.kind for job in jobs].index(ANCHOR)
    looked = {job.seed for job in jobs if job.kind == ANCHOR}
    assert looked == {job.seed for job in jobs[:first]}


def test_the_learners_that_arms_need_come_with_what_they_study() -> None:
    assert [learner.name for learner in learners_of(["raw_steps", "no_memory"])] == [OURS, "raw_steps"]
    assert learners_of(["random", "no_memory"]) == ()
    assert all(LEARNERS[arm.learner] for arm in ARMS.values() if arm.learner)
    assert [name for name, learner in LEARNERS.items() if learner.how == STUDIES and learner.unrelated] == [
        "placebo"
    ]


def test_arms_are_put_into_the_order_of_the_tables() -> None:
    assert chosen(["ours", "random", "ours"]) == ("random", "ours")
    with pytest.raises(UsageError, match=r"nosuch.*no_memory"):
        chosen(["ours", "nosuch"])
    with pytest.raises(UsageError, match="at least two"):
        chosen(["ours", "ours"])
