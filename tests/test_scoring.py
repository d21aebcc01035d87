"""Φ in the loop: who tells it, what is journalled of it, and what episodes teach about it."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fakes.critics import FakeCritic, hang
from fakes.people import Person, scored
from fakes.scripted import ACTIONS, CRITIC, act, counter, judged, prompts, scripted
from purpose_agent import (
    AsyncOrchestrator,
    Limits,
    Orchestrator,
    SimpleEnvironment,
    State,
    StopReason,
    Verdict,
)
from purpose_agent.critics import Reading
from purpose_agent.events import Executed, Failed, Scored, decode_event, encode_event
from purpose_agent.hitl import HITLOrchestrator
from purpose_agent.journal import trajectory_of
from purpose_agent.store import open_store


def reaches(goal: int) -> Any:
    """A checker that knows whether the goal is reached, and nothing about progress."""
    return lambda state: Verdict(None, state.data["n"] >= goal, f"n is {state.data['n']}")


def events_of(orch: Orchestrator, run_id: str, kind: type[Any]) -> list[Any]:
    return [e for e in orch.store.events(run_id) if isinstance(e, kind)]


def phis(result: Any) -> list[float]:
    return [s.score.phi_after for s in result.trajectory.steps]


def with_critics(orch: Orchestrator, *critics: FakeCritic, alone: bool = False) -> Orchestrator:
    own = () if alone else orch.purpose_fn.critics
    orch.purpose_fn.critics = (*own, *critics)
    return orch


# -- nobody can talk to Φ ----------------------------------------------------------------------------------

BASELINE: list[Any] = []


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.text(max_size=80), st.text(max_size=80))
def test_rewriting_thoughts_and_predictions_changes_no_score(thought: str, prediction: str) -> None:
    def play(thought: str, prediction: str) -> list[Any]:
        reply = {**act("inc"), "thought": thought, "expected_delta": prediction}
        with with_critics(
            Orchestrator(scripted(reply), counter(), ACTIONS, distillers=()), FakeCritic()
        ) as orch:
            result = orch.run_task("count", max_steps=4)
            return [s.score for s in result.trajectory.steps]

    if not BASELINE:
        BASELINE.extend(play("", ""))
    assert play(thought, prediction) == BASELINE


def test_critics_learn_commands_and_nothing_else_of_an_action() -> None:
    critic = FakeCritic()
    reply = {**act("inc", by=1), "thought": "SECRET", "expected_delta": "SECRET", "cited": ["SECRET"]}
    orch = with_critics(Orchestrator(scripted(reply, act("DONE")), counter(), ACTIONS), critic)
    orch.run_task("count", max_steps=3)
    assert [command for _, _, command, _ in critic.told] == [None, 'inc({"by": 1})']
    assert "SECRET" not in repr(critic.told)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.sampled_from(["inc", "double", "zero"]), min_size=1, max_size=8))
def test_deltas_telescope_and_loops_earn_nothing(names: list[str]) -> None:
    def move(action: Any, state: State) -> State:
        n = state.data["n"]
        return State({"n": {"inc": n + 1, "double": n * 2, "zero": 0}[action.name] % 8})

    llm = scripted(*[act(name) for name in names])
    world = SimpleEnvironment(move, State({"n": 0}))
    with Orchestrator(llm, world, dict.fromkeys(["inc", "double", "zero"], ""), distillers=()) as orch:
        steps = orch.run_task("count", max_steps=len(names), early_stop_phi=99).trajectory.steps
    scores = [s.score for s in steps if s.score is not None]
    assert sum(s.delta for s in scores) == pytest.approx(scores[-1].phi_after - scores[0].phi_before)
    by_state: dict[str, set[float]] = {}
    for step in steps:
        assert step.score is not None
        by_state.setdefault(step.state_after.fingerprint, set()).add(step.score.phi_after)
    assert all(len(found) == 1 for found in by_state.values()), "one score per state"


def test_one_score_per_purpose_state_and_critic_also_in_a_store_that_was_closed(tmp_path: Path) -> None:
    for expected in (4, 0):
        llm = scripted()
        with Orchestrator(llm, counter(), ACTIONS, store=tmp_path / "s.sqlite") as orch:
            assert phis(orch.run_task("count", max_steps=3)) == [1, 2, 3]
            orch.run_task("count", max_steps=3)
        assert len(prompts(llm, CRITIC)) == expected


# -- checkers ----------------------------------------------------------------------------------------------


def test_a_checkers_success_counts_like_an_environments() -> None:
    orch = Orchestrator(scripted(), counter(), ACTIONS, checkers=reaches(2))
    result = orch.run_task("count", max_steps=5, early_stop_phi=9)
    assert (result.stop_reason, result.total_steps, result.success) == (StopReason.EARLY_STOP, 2, True)
    assert result.verdict == Verdict(None, True, "n is 2")
    assert phis(result) == [1, 10], "the critic tells what the checker leaves open"
    told = [e.verdict.success for e in events_of(orch, result.run_id, Executed)]
    assert told == [False, True]
    assert [e.by for e in events_of(orch, result.run_id, Scored)] == ["evidence", "checker"]
    assert trajectory_of(orch.store.events(result.run_id)).verdict == result.verdict
    (kept,) = orch.store.episodes()
    assert kept.success


def test_a_success_that_a_checker_denies_does_not_stop_a_run() -> None:
    orch = Orchestrator(scripted(), counter(), ACTIONS, checkers=[reaches(99), lambda s: None])
    result = orch.run_task("count", max_steps=12, early_stop_phi=9)
    assert (result.stop_reason, result.success, result.final_phi) == (StopReason.MAX_STEPS, False, 10)


def test_a_checker_that_fails_is_journalled_and_costs_nothing_else() -> None:
    def broken(state: State) -> Verdict:
        raise RuntimeError(f"n={state.data['n']}")

    orch = Orchestrator(scripted(), counter(), ACTIONS, checkers=broken)
    result = orch.run_task("count", max_steps=2)
    assert phis(result) == [1, 2]
    failed = events_of(orch, result.run_id, Failed)
    assert [(e.part, e.step) for e in failed] == [("checker", 0), ("checker", 0), ("checker", 1)]
    assert "broken: RuntimeError: n=0" in failed[0].error


def test_an_async_checker_is_awaited_in_every_front() -> None:
    async def later(state: State) -> Verdict:
        await asyncio.sleep(0)
        return Verdict(state.data["n"] / 10, False)

    orch = Orchestrator(scripted(), counter(), ACTIONS, checkers=later)
    assert phis(orch.run_task("count", max_steps=2)) == [1, 2]
    result = asyncio.run(AsyncOrchestrator(orch).run_task(purpose="count", max_steps=2))
    assert phis(result) == [1, 2]


def test_a_person_outranks_a_checker_and_the_journal_says_so(tmp_path: Path) -> None:
    store = open_store(tmp_path / "s.sqlite")
    orch = Orchestrator(scripted(), counter(), ACTIONS, checkers=lambda s: Verdict(0.1, False), store=store)
    hitl = HITLOrchestrator(orch, Person(scored(8, "I looked")), review_scores=True)
    result = hitl.run_task("count", max_steps=1)
    assert (result.final_phi, result.success, result.verdict) == (8, True, Verdict(0.8, True, "I looked"))
    read = trajectory_of(store.events(result.run_id))
    assert (read.verdict, read.succeeded, read.steps[0].verdict) == (result.verdict, True, result.verdict)
    again = orch.run_task("count", max_steps=1)
    assert (again.final_phi, again.success) == (8, True), "a verdict from then on"
    store.close()


def test_a_person_tells_what_the_environment_leaves_open() -> None:
    class Denies(SimpleEnvironment):
        def verdict(self, state: State) -> Verdict:
            return Verdict(None, False, "not yet")

    world = Denies(lambda a, s: State({"n": s.data["n"] + 1}), State({"n": 0}))
    hitl = HITLOrchestrator(Orchestrator(scripted(), world, ACTIONS), Person(scored(9.5)), review_scores=True)
    result = hitl.run_task("count", max_steps=2)
    assert phis(result) == [9.5, 2]
    assert not result.success


def test_where_success_is_verified_critics_alone_do_not_end_a_run() -> None:
    sure = FakeCritic("sure", lambda s: Reading(1.0, 1.0))
    with with_critics(Orchestrator(scripted(), Lottery(), ACTIONS), sure, alone=True) as orch:
        result = orch.run_task("win", max_steps=5, seed=0)
        assert phis(result)[0] == 10
        assert (result.stop_reason, result.total_steps) == (StopReason.TERMINAL, 2)
    with with_critics(Orchestrator(scripted(), counter(), ACTIONS), sure, alone=True) as orch:
        assert orch.run_task("count", max_steps=5).total_steps == 1


# -- critics that misbehave --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("read", "error"),
    [
        (lambda s: KeyError("x"), "KeyError"),
        (lambda s: "10 of 10", "must give a Reading"),
        (hang, "no answer within"),
    ],
)
def test_a_broken_critic_costs_its_opinion_and_nothing_else(read: Any, error: str) -> None:
    orch = with_critics(
        Orchestrator(scripted(), counter(), ACTIONS), FakeCritic("broken", read, at_once=False)
    )
    orch.purpose_fn.seconds_per_score = 0.01
    result = orch.run_task("count", max_steps=3)
    assert phis(result) == [1, 2, 3]
    failed = events_of(orch, result.run_id, Failed)
    assert failed
    assert all(e.part == "critic" and error in e.error for e in failed)


def test_a_critic_that_never_answers_does_not_outlast_the_runs_own_limit() -> None:
    slow = FakeCritic("slow", hang, at_once=False)
    orch = with_critics(
        Orchestrator(scripted(), counter(), ACTIONS, limits=Limits(seconds=0.3)), slow, alone=True
    )
    assert orch.run_task("count").stop_reason == StopReason.LIMIT_SECONDS


def test_with_no_critic_at_all_a_run_still_ends_in_a_result() -> None:
    result = with_critics(Orchestrator(scripted(), counter(), ACTIONS), alone=True).run_task(
        "count", max_steps=2
    )
    assert (result.total_steps, result.final_phi, result.success) == (2, 0, False)


# -- the journal -------------------------------------------------------------------------------------------


def test_the_journal_says_what_each_critic_read() -> None:
    orch = with_critics(
        Orchestrator(scripted(), counter(), ACTIONS), FakeCritic("other", lambda s: Reading(0.5, 1.0))
    )
    result = orch.run_task("count", max_steps=2)
    found = events_of(orch, result.run_id, Scored)
    assert [e.readings for e in found] == [{"evidence": 0.1, "other": 0.5}, {"evidence": 0.2, "other": 0.5}]
    assert {e.by for e in found} == {"evidence+other"}


def test_old_journals_can_be_read() -> None:
    old = {
        "type": "scored",
        "step": 1,
        "by": "critic",
        "score": {"phi_before": 0.0, "phi_after": 1.0, "delta": 1.0},
    }
    event = decode_event(msgspec.msgpack.encode(old))
    assert isinstance(event, Scored)
    assert (event.readings, event.verdict) == ({}, None)
    assert decode_event(encode_event(event)) == event


def test_resuming_replays_what_critics_were_told_and_asks_nobody(tmp_path: Path) -> None:
    def world(patience: int) -> SimpleEnvironment:
        def execute(action: Any, state: State) -> State:
            if state.data["n"] == patience:
                raise KeyboardInterrupt
            return State({"n": state.data["n"] + 1})

        return SimpleEnvironment(execute, State({"n": 0}))

    asked: list[int] = []

    def checker(state: State) -> Verdict:
        asked.append(state.data["n"])
        return Verdict(None, False)

    def make(patience: int, llm: Any, critic: FakeCritic) -> Orchestrator:
        orch = Orchestrator(llm, world(patience), ACTIONS, store=tmp_path / "s.sqlite", checkers=checker)
        return with_critics(orch, critic)

    first, second = FakeCritic(), FakeCritic()
    with make(3, scripted(), first) as orch:
        with pytest.raises(KeyboardInterrupt):
            orch.run_task("count", max_steps=5)
        (info,) = orch.store.runs()
    asked.clear()
    llm = scripted()
    with make(99, llm, second) as orch:
        result = orch.resume(info.run_id)
    assert phis(result) == [1, 2, 3, 4, 5]
    assert [command for _, _, command, _ in second.told] == [None, *["inc"] * 5]
    assert asked == [4, 5]
    assert len(prompts(llm, CRITIC)) <= 3, "only states that were not scored before"
    assert [s.verdict.success for s in result.trajectory.steps if s.verdict] == [False] * 5


# -- learning ----------------------------------------------------------------------------------------------


class Lottery(SimpleEnvironment):
    """Two steps; a number in the state says how it ends, and only the end says so."""

    def __init__(self) -> None:
        super().__init__(self._move, State({"n": 0}), lambda s: s.data["n"] >= 2)

    def reset(self, seed: int | None = None) -> State:
        return State({"n": 0, "ticket": random.Random(seed).randrange(10), "seed": seed})

    def _move(self, action: Any, state: State) -> State:
        return State({**state.data, "n": state.data["n"] + 1})

    def verdict(self, state: State) -> Verdict | None:
        return Verdict(None, state.data["ticket"] >= 5) if state.data["n"] >= 2 else None


def clairvoyant() -> FakeCritic:
    return FakeCritic("seer", lambda s: Reading(0.4 + 0.01 * s.data["ticket"], 0.9))


def lottery(store: Any, **options: Any) -> Orchestrator:
    llm = scripted(critic=lambda m: judged(5, "n"))
    return with_critics(
        Orchestrator(llm, Lottery(), ACTIONS, store=store, distillers=(), seed=0, **options), clairvoyant()
    )


def test_calibration_arrives_with_verdicts_and_makes_phi_a_chance(tmp_path: Path) -> None:
    with lottery(tmp_path / "s.sqlite") as orch:
        first = orch.run_task("win", max_steps=5).trajectory.steps[0].score
        assert first is not None
        assert 4 < first.phi_after < 5.1, "uncalibrated: what the critics say"
        for _ in range(60):
            orch.run_task("win", max_steps=5)
    with lottery(tmp_path / "s.sqlite") as orch:
        for seed in range(100, 120):
            result = orch.run_task("win", max_steps=5, seed=seed, learning=False)
            score = result.trajectory.steps[0].score
            assert score is not None
            assert (score.phi_after > 5) == result.success
            assert score.confidence > 0.3


def test_a_running_run_keeps_the_calibration_it_began_with() -> None:
    with lottery(None) as orch:
        following = orch.purpose_fn.follow("win")
        state = State({"n": 0, "ticket": 9}).snapshot()

        def now() -> Any:
            following.arrive(state, None)
            return asyncio.run(following.judge()).phi

        before = now()
        for _ in range(30):
            orch.run_task("win", max_steps=5)
        assert now() == before
        following = orch.purpose_fn.follow("win")
        assert now() > before + 2


def test_a_frozen_run_changes_no_calibration(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite"
    with lottery(path) as orch:
        for _ in range(20):
            orch.run_task("win", max_steps=5)

    def tables() -> dict[str, list[Any]]:
        with sqlite3.connect(path) as db:
            return {
                n: db.execute(f"select * from {n}").fetchall() for n in ("artefacts", "scores", "episodes")
            }

    before = tables()
    with lottery(path, learning=False) as orch:
        for _ in range(20):
            orch.run_task("win another", max_steps=5)
    assert tables() == before
    assert any(name == "calibration" for name, *_ in before["artefacts"])
