"""Φ along one run: who tells it, in which order, and what a critic that misbehaves can cost."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fakes.critics import FakeCritic, hang, of_n
from purpose_agent import MockLLMBackend, PurposeFunction, State, UsageError, Verdict
from purpose_agent.calibrating import Calibrated, CriticRecord
from purpose_agent.calibration import Skill
from purpose_agent.combination import Opinion
from purpose_agent.critics import IGNORANT, Reading
from purpose_agent.errors import ModelUnavailableError, StoreError
from purpose_agent.purpose_session import ASK_ANYWAY, PurposeSession, filled

YES, NO = Verdict(None, True), Verdict(None, False)


def state(n: int = 3) -> Any:
    return State({"n": n}).snapshot()


def judged(session: PurposeSession, at: Any = None, given: Verdict | None = None) -> Opinion:
    async def arrive() -> Opinion:
        session.arrive(at or state(), "go")
        await session.settle(given)
        return session.known() or await session.judge()

    return asyncio.run(arrive())


class Fixed:
    """A calibrator that has learned this."""

    def __init__(self, **skills: Skill) -> None:
        self.current = Calibrated({name: CriticRecord(skill=skill) for name, skill in skills.items()})


# -- authority ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "human", "checker", "phi", "by", "success"),
    [
        (Verdict(0.1, False), 9, Verdict(0.5, True), 1, "verdict", False),
        (None, 9, Verdict(0.5, False), 9, "human", True),
        (None, 4, Verdict(0.5, True), 4, "human", False),
        (None, None, Verdict(0.5, True), 5, "checker", True),
        (None, None, YES, 10, "checker", True),
        (None, None, None, 3, "fake", None),
        (NO, 9, YES, 9, "human", False),
        (NO, None, Verdict(0.6, True), 6, "checker", False),
        (NO, None, YES, 3, "fake", False),
        (NO, None, None, 3, "fake", False),
        (YES, 2, NO, 10, "verdict", True),
        (Verdict(0.2), None, YES, 2, "verdict", True),
        (Verdict(0.2), 9, NO, 2, "verdict", True),
        (None, None, NO, 3, "fake", False),
    ],
)
def test_what_one_authority_leaves_open_the_next_one_tells(
    given: Verdict | None,
    human: float | None,
    checker: Verdict | None,
    phi: float,
    by: str,
    success: bool | None,
) -> None:
    function = PurposeFunction(None, critics=[FakeCritic()], checkers=lambda s: checker)
    if human is not None:
        function.override(state(), "p", human)
    session = function.follow("p")
    opinion = judged(session, given=given)
    assert (opinion.phi, opinion.by) == (phi, by)
    assert (session.verdict.success if session.verdict else None) is success
    assert asyncio.run(function.ascore(state(), "p", given)) == opinion


def test_nobody_is_asked_about_what_is_told() -> None:
    asked: list[Any] = []
    critic = FakeCritic()
    session = PurposeFunction(None, critics=[critic], checkers=asked.append).follow("p")  # type: ignore[arg-type]
    judged(session, given=Verdict(0.4, False))
    assert not asked
    assert not critic.asked
    judged(session, given=NO)
    judged(session, given=NO)
    assert len(asked) == 1, "once about each state of a run"


def test_a_gap_is_filled_and_never_contradicted() -> None:
    assert filled(None, YES) is YES
    assert filled(Verdict(0.3, None, "a"), Verdict(0.9, True, "b")) == Verdict(0.3, True, "a; b")
    assert filled(NO, YES) == NO
    assert filled(NO, Verdict(0.9, True)) == Verdict(0.9, False)
    assert filled(YES, Verdict(0.2, False)) == Verdict(1.0, True)


def test_an_override_outranks_checkers_and_critics_and_yields_only_to_a_told_progress() -> None:
    function = PurposeFunction(None, critics=[FakeCritic()], checkers=lambda s: Verdict(0.1, False))
    session = function.follow("p")
    assert judged(session).phi == 1
    taught = session.override(8, "I looked")
    assert taught == session.known()
    assert taught is not None
    assert (taught.phi, taught.by, taught.reasoning) == (8, "human", "I looked")
    assert session.verdict == Verdict(0.8, True, "I looked")
    judged(session, given=Verdict(0.1))
    told = session.override(8)
    assert told is not None
    assert (told.phi, told.by) == (1, "verdict")
    judged(session, given=NO)
    open_score = session.override(8)
    assert open_score is not None
    assert (open_score.phi, session.verdict.success if session.verdict else None) == (8, False)


def test_a_checker_that_fails_costs_its_opinion() -> None:
    def broken(_state: State) -> Verdict:
        raise RuntimeError("no")

    session = PurposeFunction(None, critics=[FakeCritic()], checkers=[broken]).follow("p")
    assert judged(session).by == "fake"
    ((part, error),) = session.failures
    assert part == "checker"
    assert "broken: RuntimeError: no" in str(error)


def test_what_is_known_of_a_state_needs_no_checker() -> None:
    function = PurposeFunction(None, critics=[FakeCritic(at_once=False)], checkers=lambda s: YES)
    assert function.known(state(), "p") is None
    function.override(state(), "p", 6)
    known = function.known(state(), "p", NO)
    assert known is not None
    assert (known.phi, known.by) == (6, "human")


# -- critics -----------------------------------------------------------------------------------------------


def test_a_critic_is_told_states_and_commands_and_what_may_follow() -> None:
    critic = FakeCritic()
    session = PurposeFunction(None, critics=[critic]).follow("p")
    session.arrive(state(0), None, ["inc"])
    session.arrive(state(1), "inc", ["inc", "dec"])
    assert [(p, s.data["n"], c, a) for p, s, c, a in critic.told] == [
        ("p", 0, None, ("inc",)),
        ("p", 1, "inc", ("inc", "dec")),
    ]


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (lambda s: ModelUnavailableError("503"), "503"),
        (lambda s: KeyError("x"), "x"),
        (lambda s: 0.5, "must give a Reading"),
        (lambda s: Reading(7.0, 1.0), "must give a Reading"),
        (hang, "no answer within 0.01 s"),
    ],
)
@pytest.mark.parametrize("at_once", [False, True])
def test_a_critic_that_is_down_slow_or_talks_nonsense_costs_its_opinion(
    bad: Any, message: str, at_once: bool
) -> None:
    if at_once and bad is hang:
        at_once = False
    broken = FakeCritic("broken", bad, at_once=at_once)
    function = PurposeFunction(None, critics=[broken, FakeCritic()], seconds_per_score=0.01)
    session = function.follow("p")
    opinion = judged(session)
    assert (opinion.phi, opinion.by, opinion.readings) == (3, "fake", {"fake": 0.3})
    assert [part for part, _ in session.failures] == ["critic"]
    assert message in str(session.failures[0][1])


def test_a_failed_critic_is_asked_again_when_the_run_comes_back() -> None:
    answers: list[Any] = [ModelUnavailableError("503"), Reading(0.5, 1.0)]
    critic = FakeCritic(read=lambda s: answers.pop(0), at_once=False)
    session = PurposeFunction(None, critics=[critic]).follow("p")
    assert judged(session).phi is None
    assert asyncio.run(session.judge()).phi == 5


def test_a_critic_that_never_answers_is_given_up() -> None:
    slow = FakeCritic("slow", hang, at_once=False)
    session = PurposeFunction(None, critics=[slow, FakeCritic()], seconds_per_score=0.01).follow("p")
    for n in range(5):
        assert judged(session, state(n)).phi == n
    assert slow.asked == 2


def test_a_critic_that_cannot_begin_or_loses_the_thread_is_left_alone() -> None:
    class Unable(FakeCritic):
        def follow(self, purpose: str) -> Any:
            raise RuntimeError("no")

    class Lost(FakeCritic):
        def follow(self, purpose: str) -> Any:
            session = super().follow(purpose)
            session.arrive = None  # type: ignore[assignment, method-assign]
            return session

    session = PurposeFunction(None, critics=[Unable("a"), Lost("b"), FakeCritic()]).follow("p")
    for n in (2, 4):
        assert judged(session, state(n)).by == "fake"
    assert len(session.failures) == 2


def test_a_store_that_fails_is_not_a_critics_failure() -> None:
    session = PurposeFunction(None, critics=[FakeCritic(read=lambda s: StoreError("full"))]).follow("p")
    with pytest.raises(StoreError):
        judged(session)


def test_critics_that_ask_models_are_asked_at_once_together() -> None:
    waiting: list[asyncio.Event] = []

    async def both(_state: Any) -> Reading:
        waiting.append(asyncio.Event())
        if len(waiting) == 2:
            for event in waiting:
                event.set()
        await waiting[-1].wait() if len(waiting) == 2 else await waiting[0].wait()
        return Reading(0.5, 1.0)

    critics = [FakeCritic(name, both, at_once=False) for name in "ab"]
    assert judged(PurposeFunction(None, critics=critics, seconds_per_score=5).follow("p")).by == "a+b"


def test_reports_of_failures_reach_whoever_listens_later() -> None:
    session = PurposeFunction(None, critics=[FakeCritic(read=lambda s: KeyError("x"))]).follow("p")
    judged(session)
    heard: list[str] = []
    session.report_to(lambda part, error: heard.append(part))
    judged(session)
    assert heard == ["critic", "critic"]
    assert not session.failures


# -- economy -----------------------------------------------------------------------------------------------

USELESS = Skill(n=200, loss=60.0, base_loss=48.0, outcomes=200, successes=90)


def test_a_model_whose_word_is_worth_nothing_is_not_asked_but_now_and_then() -> None:
    model = FakeCritic("model", lambda s: Reading(1.0, 1.0), at_once=False)
    function = PurposeFunction(None, critics=[model, FakeCritic()], calibrator=Fixed(model=USELESS))  # type: ignore[arg-type]
    session = function.follow("p")
    states = [State({"n": n % 10, "i": n}).snapshot() for n in range(400)]
    shown = [s for s in states if int(s.fingerprint[:8], 16) % ASK_ANYWAY == 0]
    for one in states:
        judged(session, one)
    assert model.asked == len(shown) > 0
    assert len(shown) < 400 / ASK_ANYWAY * 2


def test_it_is_asked_where_nobody_else_has_an_opinion_and_while_it_is_untested() -> None:
    model = FakeCritic("model", lambda s: Reading(0.7, 1.0), at_once=False)
    ignorant = FakeCritic(read=lambda s: IGNORANT)
    for critics, calibrator in (([model, ignorant], Fixed(model=USELESS)), ([model, FakeCritic()], Fixed())):
        model.asked = 0
        session = PurposeFunction(None, critics=critics, calibrator=calibrator).follow("p")  # type: ignore[arg-type]
        for n in range(10):
            assert "model" in judged(session, state(n)).by
        assert model.asked == 10


# -- one state, outside of a run ---------------------------------------------------------------------------


def test_calibration_holds_for_a_whole_run() -> None:
    calibrator = Fixed()
    critics = [FakeCritic("a", lambda s: Reading(0.2, 1.0)), FakeCritic("b", lambda s: Reading(0.8, 1.0))]
    function = PurposeFunction(None, critics=critics, calibrator=calibrator)  # type: ignore[arg-type]
    running = function.follow("p")
    before = judged(running).phi
    good = Skill(n=200, loss=10.0, base_loss=48.0, outcomes=200, successes=90)
    calibrator.current = Fixed(a=good, b=USELESS).current
    assert judged(running).phi == before
    later = judged(function.follow("p")).phi
    assert later is not None
    assert before is not None
    assert later < before - 2


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PurposeFunction(None), "needs an llm or critics"),
        (lambda: PurposeFunction(None, critics=[FakeCritic(), FakeCritic()]), "different names"),
        (lambda: PurposeFunction(MockLLMBackend(), checkers="x"), "callable"),  # type: ignore[arg-type]
        (lambda: PurposeFunction(MockLLMBackend(), seconds_per_score=0), "positive number or None, got 0"),
    ],
)
def test_what_cannot_be_meant_is_refused(make: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make()


def test_a_state_can_be_scored_by_a_fake() -> None:
    assert of_n(state(4)).progress == 0.4
