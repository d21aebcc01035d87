"""Playing pairs until the test has decided."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import Any

import pytest

from fakes.episodes import lesson
from purpose_agent.errors import ModelUnavailableError, UsageError
from purpose_agent.memory.gate.net_fix_sequential import Decision
from purpose_agent.memory.gate.probe_plan import ProbeTask
from purpose_agent.memory.gate.probing import GateReport, probe

TASKS = [ProbeTask(n, None, "Take the coin.", "a house", n % 2 == 0) for n in range(96)]


class Player:
    """Solves what a rule says; remembers what it was asked."""

    def __init__(self, rule: Callable[[ProbeTask, bool], Any]) -> None:
        self.rule = rule
        self.asked: list[tuple[int | None, bool]] = []

    async def __call__(self, task: ProbeTask, shown: bool) -> Any:
        self.asked.append((task.seed, shown))
        outcome = self.rule(task, shown)
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome


def probed(
    rule: Callable[[ProbeTask, bool], Any], tasks: list[ProbeTask] = TASKS, **settings: Any
) -> GateReport:
    return asyncio.run(probe(lesson(), tasks, Player(rule), **{"alpha": 0.05, **settings}))


def helps(task: ProbeTask, shown: bool) -> bool:
    return task.solved or shown


def harms(task: ProbeTask, shown: bool) -> bool:
    return task.solved and not shown


def test_an_item_that_fixes_every_failed_task_is_accepted() -> None:
    report = probed(helps)
    assert report.decision is Decision.ACCEPT
    assert report.to_text() == "probed on 12 pairs: 6 fixes, 0 regressions, e = 20 >= 20"
    assert (report.episodes, report.dropped) == (24, 0)


def test_an_item_that_breaks_what_was_solved_is_rejected() -> None:
    report = probed(harms, budget=1)
    assert report.decision is Decision.REJECT
    assert report.to_text() == (
        "probed on 3 pairs: 0 fixes, 2 regressions, e = 0 < 20; reject: 2 regressed, over the budget of 1"
    )


def test_an_item_that_changes_nothing_is_rejected_after_few_episodes() -> None:
    report = probed(lambda task, shown: task.solved)
    assert report.decision is Decision.REJECT
    assert report.episodes < len(TASKS)


def test_both_arms_of_a_pair_are_played_in_an_order_that_the_seed_decides() -> None:
    players = [Player(helps) for _ in range(3)]
    for player, seed in zip(players, (0, 0, 1), strict=True):
        asyncio.run(probe(lesson(), TASKS, player, alpha=0.05, seed=seed))
    first = players[0].asked
    assert first == players[1].asked != players[2].asked
    pairs = list(zip(first[::2], first[1::2], strict=True))
    assert all(a[0] == b[0] and a[1] is not b[1] for a, b in pairs)
    assert {a[1] for a, _ in pairs} == {True, False}


@pytest.mark.parametrize("outage", [None, ModelUnavailableError("down")])
def test_a_pair_that_an_outage_spoils_is_dropped(outage: object) -> None:
    report = probed(lambda task, shown: outage if task.seed == 1 else helps(task, shown))
    assert report.decision is Decision.ACCEPT
    assert (report.pairs, report.fixes, report.dropped, report.episodes) == (13, 6, 1, 27)


def test_too_many_outages_decide_nothing() -> None:
    report = probed(lambda task, shown: None, max_drops=3)
    assert report.decision is Decision.UNDECIDED
    assert report.to_text() == (
        "probed on 0 pairs: 0 fixes, 0 regressions, e = 0.982 < 20; undecided: outages spoilt 4 pairs of 96"
    )
    assert report.episodes == 4


def test_tasks_that_run_out_for_outages_decide_nothing() -> None:
    rule = lambda task, shown: None if task.seed in (1, 3) else helps(task, shown)  # noqa: E731
    report = probed(rule, TASKS[:12], least_power=0.0)
    assert report.decision is Decision.UNDECIDED
    assert report.dropped == 2


@pytest.mark.parametrize("n", [0, 3, 9])
def test_nothing_is_played_when_the_tasks_are_too_few_to_find_anything(n: int) -> None:
    player = Player(helps)
    report = asyncio.run(probe(lesson(), TASKS[:n], player, alpha=0.05))
    assert report.decision is Decision.UNDECIDED
    assert player.asked == []
    assert report.e_value <= 1.0


def test_an_error_that_is_no_outage_is_passed_on() -> None:
    with pytest.raises(ZeroDivisionError):
        probed(lambda task, shown: ZeroDivisionError())


def test_cancellation_is_passed_on() -> None:
    with pytest.raises(asyncio.CancelledError):
        probed(lambda task, shown: asyncio.CancelledError())


def test_an_outcome_that_is_no_outcome_is_refused() -> None:
    with pytest.raises(UsageError, match="play must return True, False or None, got 1"):
        probed(lambda task, shown: 1)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("alpha", 0.0),
        ("alpha", math.nan),
        ("budget", -1),
        ("max_pairs", 0),
        ("max_drops", -1),
        ("least_power", math.nan),
    ],
)
def test_numbers_out_of_range_are_refused_before_anything_is_played(name: str, value: float) -> None:
    player = Player(helps)
    with pytest.raises(UsageError, match=f"{name} must be .* got {value!r}"):
        asyncio.run(probe(lesson(), TASKS, player, **{"alpha": 0.05, name: value}))  # type: ignore[arg-type]
    assert player.asked == []
