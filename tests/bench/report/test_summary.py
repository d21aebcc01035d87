"""From rows to tables: what is counted once, what is compared, and what the verdict claims."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest

from purpose_agent.bench.play_rules import IMPOSSIBLE
from purpose_agent.bench.report.summary import (
    arm_summaries,
    cells,
    clusters,
    curves,
    differences,
    is_evidence,
    leakage,
    retention,
    verdict,
)
from purpose_agent.bench.suite.arms import ARMS, OURS, QUESTIONS
from purpose_agent.bench.suite.rows import ANCHOR, TEST, TRAIN, Job, SuiteRow, of_kind
from purpose_agent.bench.suite.settings import SuiteSettings, World


def settings_of(*arms: str, template: str = "task", **more: Any) -> SuiteSettings:
    world = World(name="w", spec="some:World", template=template)
    return SuiteSettings(suite="own", worlds=(world,), model="some", arms=arms, **more)


def row(arm: str, index: int, success: bool, kind: str = TEST, **more: Any) -> SuiteRow:
    of_job = {name: more.pop(name) for name in ("order", "repeat", "fold", "seed") if name in more}
    job = Job(
        kind, "w", arm, index=index, **{"fold": "dev" if kind == TEST else "train", "seed": index, **of_job}
    )
    return SuiteRow(job=job, **{"success": success, "score": float(success), "steps": 2, **more})


def attempts(arm: str, share: float, n: int = 40, order: int = 0) -> list[SuiteRow]:
    return [row(arm, i, i < share * n, order=order) for i in range(n)]


# -- the verdict -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("first", "second", "claim"),
    [
        (("ours", 0.9), ("no_memory", 0.2), "Memory helped: +70 points"),
        (("ours", 0.1), ("no_memory", 0.8), "Memory hurt: -70 points"),
        (("ours", 0.5), ("no_memory", 0.5), "No evidence that memory helped: +0 points"),
        (("memory_only", 0.9), ("random", 0.2), "Memory helped: +70 points"),
        (("no_memory", 0.9), ("random", 0.2), "They differ: +70 points"),
        (("placebo", 0.9), ("no_memory", 0.2), "They differ: +70 points"),
        (("oracle", 0.9), ("memory_only", 0.2), "They differ: +70 points"),
        (("ours", 0.5), ("expel", 0.5), "No evidence of a difference: +0 points"),
    ],
)
def test_the_verdict_claims_what_was_compared(first: Any, second: Any, claim: str) -> None:
    settings = settings_of(first[0], second[0])
    found = differences([*attempts(*first), *attempts(*second)], settings)
    said = verdict(found, complete=True, orders=2)
    assert said.startswith(claim)
    assert ARMS[first[0]].label in said
    assert verdict(found, complete=False, orders=2).endswith("Not finished: more is to come.")


def test_where_nobody_succeeds_the_verdict_tells_the_score() -> None:
    """ScienceWorld: partial progress is real where success is rare, and is not called success."""
    ours = [row("ours", i, False, score=0.2 + 0.01 * (i % 5)) for i in range(20)]
    none = [row("no_memory", i, False, score=0.0) for i in range(20)]
    said = verdict(differences([*ours, *none], settings_of("ours", "no_memory")), complete=True, orders=3)
    assert said.startswith("No evidence that memory helped: +0 points")
    assert "But the mean score rose: +22 points" in said


def test_scores_that_are_the_successes_are_not_told_as_something_else() -> None:
    rows = [*attempts("ours", 0.6, 12), *attempts("no_memory", 0.3, 12)]
    rows = [msgspec.structs.replace(r, score=float(r.success)) for r in rows]
    (found,) = differences(rows, settings_of("ours", "no_memory"))
    assert (found.score, found.score_p) == (found.success, found.success_p)
    assert "score" not in verdict([found], complete=True, orders=3)


def test_of_a_single_stream_the_verdict_says_so() -> None:
    found = differences(
        [*attempts("ours", 0.9), *attempts("no_memory", 0.2)], settings_of("ours", "no_memory")
    )
    assert "one training stream)" in verdict(found, complete=True, orders=1)
    assert "stream" not in verdict(found, complete=True, orders=3)


def test_arms_that_no_question_is_about_are_compared_all_the_same() -> None:
    rows = [*attempts("ours", 0.9), *attempts("raw_steps", 0.2)]
    (found,) = differences(rows, settings_of("raw_steps", "ours"))
    assert (found.first, found.second, found.question) == ("ours", "raw_steps", "how they differ")
    assert verdict([found], complete=True, orders=3).startswith("They differ: +70 points")


def test_arms_that_both_learn_are_compared_in_the_streams_that_both_have_played() -> None:
    rows = [row("ours", i, order == 0, order=order) for i in range(8) for order in (0, 1, 2)]
    rows += [row("expel", i, True, order=0) for i in range(8)]
    (found,) = differences(rows, settings_of("ours", "expel"))
    assert found.success.value == 0


def test_nothing_is_claimed_before_two_arms_played_one_task() -> None:
    rows = [row("ours", 0, True), row("no_memory", 1, False)]
    assert differences(rows, settings_of("ours", "no_memory")) == []
    assert verdict([], complete=False, orders=1).startswith("Nothing to compare yet")


def test_evidence_needs_the_interval_and_the_test() -> None:
    few = differences(
        [*attempts("ours", 1.0, 5), *attempts("no_memory", 0.0, 5)], settings_of("ours", "no_memory")
    )
    assert few[0].success.value == 1.0
    assert few[0].success_p > 0.05
    assert not is_evidence(few[0])


def test_every_question_is_about_arms_that_exist() -> None:
    assert all({first, second} <= set(ARMS) for first, second, _ in QUESTIONS)
    assert len({(first, second) for first, second, _ in QUESTIONS}) == len(QUESTIONS)


# -- tables ----------------------------------------------------------------------------------------------------
def test_the_order_of_rows_changes_no_number() -> None:
    dice = random.Random(0)
    rows = [
        row(arm, i, dice.random() < 0.5, order=order)
        for arm in ("ours", "no_memory")
        for i in range(20)
        for order in (0, 1)
    ]
    settings = settings_of("ours", "no_memory")
    shuffled = dice.sample(rows, len(rows))
    assert differences(rows, settings) == differences(shuffled, settings)
    a, b = arm_summaries(rows, settings), arm_summaries(shuffled, settings)
    assert [(arm.success, arm.score, arm.pass_k) for arm in a] == [
        (arm.success, arm.score, arm.pass_k) for arm in b
    ]


def test_repeats_make_pass_k_and_not_more_tasks() -> None:
    rows = [row("ours", i, repeat < 2, repeat=repeat) for i in range(4) for repeat in range(3)]
    (arm,) = arm_summaries(rows, settings_of("ours", "no_memory", repeats=3))
    assert arm.success.n == 4
    assert arm.plays == 12
    assert arm.success.value == pytest.approx(2 / 3)
    assert arm.pass_k == pytest.approx([2 / 3, 1 / 3, 0])


def test_won_is_what_was_solved_more_often_and_lost_what_less() -> None:
    rows = [row("ours", i, order < 2, order=order) for i in range(3) for order in range(3)]
    rows += [row("no_memory", 0, False), row("no_memory", 1, True), row("no_memory", 2, False)]
    (found,) = differences(rows, settings_of("ours", "no_memory"))
    assert (found.won, found.lost) == (2, 1)


def test_tasks_of_one_purpose_are_one_template_where_the_world_says_so() -> None:
    rows = [row("ours", i, True, purpose="same") for i in range(3)]
    for template, n in (("task", 3), ("purpose", 1)):
        (world,) = settings_of("ours", "no_memory", template=template).worlds
        assert len(set(clusters(rows, {"w": world}).values())) == n


def test_impossible_tasks_count_for_nobody() -> None:
    rows = [row("ours", 0, True), row("ours", 1, False, stop_reason=IMPOSSIBLE)]
    assert len(cells(of_kind(rows, TEST, "w"))) == 1


# -- learning and keeping --------------------------------------------------------------------------------------
def test_a_curve_follows_the_stream_and_spans_the_orders() -> None:
    rows = [row(OURS, i, i >= 5 * order, TRAIN, order=order) for order in (0, 1) for i in range(8)]
    (curve,) = curves(rows[::-1])
    assert curve.orders == 2
    assert curve.high == [1.0] * 8
    assert curve.low[:5] == [0.0] * 5
    assert curve.low[-1] == pytest.approx(3 / 8)
    assert curve.success == pytest.approx([(a + b) / 2 for a, b in zip(curve.low, curve.high, strict=True)])
    assert curve.tokens_first is None
    assert curve.steps_last == pytest.approx(2.0)


def looks(outcomes: dict[int, list[bool]], order: int = 0) -> list[SuiteRow]:
    return [
        row(OURS, index, success, ANCHOR, order=order, repeat=quarter)
        for quarter, results in outcomes.items()
        for index, success in enumerate(results)
    ]


def test_what_was_forgotten_is_counted_and_streams_are_compared() -> None:
    rows = looks({1: [True, False], 2: [True, True], 4: [True, False]}) + looks(
        {1: [False] * 2, 2: [False] * 2, 4: [True] * 2}, 1
    )
    (found,) = retention(rows, 50)
    assert found.at == [13, 25, 50]
    assert found.rates == pytest.approx([0.25, 0.5, 0.75])
    assert found.transfer.value == pytest.approx((-0.5 + 1.0) / 2)
    assert (found.lost, found.n, found.transfer.n) == (1, 4, 4)  # streams have anchors of their own


def test_one_stream_does_not_say_what_others_forget() -> None:
    (found,) = retention(looks({1: [True], 2: [False]}), 4)
    assert found.transfer.value == found.transfer.low == -1.0
    assert found.transfer.high > 0.0, "one task of one stream says little about others"


def test_one_look_is_no_retention_yet() -> None:
    (found,) = retention(looks({1: [True]}), 4)
    assert found.transfer.n == 0
    assert found.lost == 0


def test_what_training_and_test_share_is_counted() -> None:
    rows = [
        row(OURS, 0, True, TRAIN, first_state="a"),
        row("oracle", 1, True, TRAIN, first_state="b"),
        row("ours", 0, True, first_state="a", traced=2),
        row("no_memory", 0, True, first_state="a"),
        row("no_memory", 5, True, first_state="new"),
        row("no_memory", 6, True, first_state="b"),
        row("no_memory", 7, True, first_state="new"),
    ]
    found = leakage(rows, "w")
    assert (found.checked, found.shared_tasks, found.shared_first_states) == (2, 0, 2)
    assert (found.tasks, found.first_states) == (4, 3)
    assert leakage([*rows, row("ours", 0, True, fold="train")], "w").shared_tasks == 1
