"""A person in the loop: what is asked, what each answer does, and that nothing a person did is lost."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fakes.people import (
    ABORT,
    APPROVE,
    OVERRIDE,
    PAUSE,
    Person,
    failures,
    lesson,
    numbers,
    orchestrator,
    scored,
)
from fakes.scripted import ACTIONS, CRITIC, act, counter, prompts, scripted
from fakes.worlds import GridTreasure
from purpose_agent import (
    Action,
    Heuristic,
    MemoryTier,
    Orchestrator,
    PurposeScore,
    State,
    StopReason,
    TaskResult,
    UsageError,
    Verdict,
)
from purpose_agent.events import HumanDecided, Refused
from purpose_agent.hitl import (
    AutoApproveHandler,
    HITLOrchestrator,
    HumanInput,
    HumanInputHandler,
    InterruptType,
)
from purpose_agent.policies import Policy, Reject
from purpose_agent.types import HeuristicStatus

# -- what is asked -----------------------------------------------------------------------------------------


def test_each_prompt_has_its_context() -> None:
    person = Person()
    HITLOrchestrator(
        orchestrator(), person, approve_actions=True, review_scores=True, interrupt_every_n_steps=2
    ).run_task("count", max_steps=3)
    assert [kind for kind, _ in person.asked] == [
        APPROVE, OVERRIDE, APPROVE, OVERRIDE, PAUSE, APPROVE, OVERRIDE,
    ]  # fmt: skip
    assert person.asked[0][1] == {
        "action_name": "inc",
        "action_params": {},
        "thought": "I try inc",
        "expected_delta": "n changes",
        "step": 1,
    }
    review = person.asked[3][1]
    assert {k: review[k] for k in ("phi_before", "phi_after", "delta", "evidence", "confidence")} == {
        "phi_before": 1.0, "phi_after": 2.0, "delta": 1.0, "evidence": '"n": 2', "confidence": 0.9,
    }  # fmt: skip
    assert (review["state_before"].data, review["state_after"].data) == ({"n": 1}, {"n": 2})
    pause = person.asked[4][1]
    assert set(pause) == {"step", "state"}
    assert (pause["step"], pause["state"].data) == (2, {"n": 2})


def test_without_a_reason_to_ask_nobody_is_asked() -> None:
    person = Person()
    result = HITLOrchestrator(orchestrator(), person).run_task("count", max_steps=3)
    assert (person.asked, numbers(result)) == ([], [1, 2, 3])


def test_approving_everything_equals_a_plain_run() -> None:
    plain = orchestrator().run_task("count", early_stop_phi=4)
    hitl = HITLOrchestrator(orchestrator(), AutoApproveHandler(), True, True, interrupt_every_n_steps=1)
    approved = hitl.run_task("count", early_stop_phi=4)
    for result in (plain, approved):
        assert (result.stop_reason, numbers(result), result.final_phi) == ("early_stop", [1, 2, 3, 4], 4)
    assert [s.score for s in plain.trajectory.steps] == [s.score for s in approved.trajectory.steps]
    assert plain.usage == approved.usage


def test_the_orchestrator_itself_stays_as_it_was() -> None:
    orch = orchestrator()
    person = Person(ABORT)
    HITLOrchestrator(orch, person, approve_actions=True).run_task("count")
    assert numbers(orch.run_task("count", max_steps=2)) == [1, 2]
    assert len(person.asked) == 1


# -- actions -----------------------------------------------------------------------------------------------


def test_a_rejection_tells_the_actor_why() -> None:
    llm = scripted(act("inc"), act("look"))
    orch = orchestrator(llm)
    person = Person(HumanInput(APPROVE, approved=False, message="look before you leap"))
    result = HITLOrchestrator(orch, person, approve_actions=True).run_task("count", max_steps=1)
    assert [s.action.name for s in result.trajectory.steps] == ["look"]
    assert "look before you leap" not in prompts(llm)[0]
    assert "look before you leap" in prompts(llm)[1]
    refused = [e for e in orch.store.events(result.run_id) if isinstance(e, Refused)]
    assert [(e.reason, e.by) for e in refused] == [("look before you leap", "human")]


def test_a_rejected_reply_is_not_told_as_if_it_had_been_carried_out() -> None:
    llm = scripted(act("inc", by=7), act("look"))
    person = Person(HumanInput(APPROVE, approved=False, message="no"))
    HITLOrchestrator(orchestrator(llm), person, approve_actions=True).run_task("count", max_steps=2)
    assert prompts(llm)[-1].count('"by": 7') == 1


def test_a_rejected_choice_is_not_offered_again_in_that_step() -> None:
    llm = scripted(actor=lambda _messages: None)  # picks the first option
    person = Person(HumanInput(APPROVE, approved=False), HumanInput(APPROVE, approved=False))
    orch = Orchestrator(llm, GridTreasure(), seed=1, habits=False)
    HITLOrchestrator(orch, person, approve_actions=True).run_task("find", max_steps=1)
    proposed = [context["action_name"] for _, context in person.asked]
    assert len(set(proposed)) == 3


def test_an_edited_action_is_carried_out_and_marked() -> None:
    edit = HumanInput(InterruptType.EDIT_ACTION, edited_action=Action("double"))
    result = HITLOrchestrator(
        orchestrator(), Person(HumanInput(APPROVE), edit), approve_actions=True
    ).run_task("count", max_steps=3)
    assert [(s.action.name, s.source) for s in result.trajectory.steps] == [
        ("inc", "model"),
        ("double", "human"),
        ("inc", "model"),
    ]
    assert numbers(result) == [1, 2, 3]


def test_an_edit_that_is_not_offered_is_handed_back() -> None:
    bad = HumanInput(APPROVE, edited_action=Action("format_disk"))
    person = Person(bad, HumanInput(APPROVE, edited_action=Action("look")))
    result = HITLOrchestrator(orchestrator(), person, approve_actions=True).run_task("count", max_steps=1)
    assert [s.action.name for s in result.trajectory.steps] == ["look"]
    assert "format_disk" in person.notes[0]
    assert "inc, look, double" in person.notes[0]


def test_an_edit_that_is_never_offered_ends_the_run() -> None:
    class Stubborn(AutoApproveHandler):
        def request_input(self, interrupt_type: InterruptType, context: dict[str, Any]) -> HumanInput:
            return HumanInput(APPROVE, edited_action=Action("format_disk"))

    result = HITLOrchestrator(orchestrator(), Stubborn(), approve_actions=True).run_task("count")
    assert (result.stop_reason, result.total_steps) == (StopReason.ABORTED, 0)
    assert "format_disk" in str(result.error)


def test_a_rule_of_the_orchestrator_comes_before_the_person() -> None:
    class NoInc(Policy):
        def before_action(self, action: Action, step: int, state: State) -> Any:
            return Reject("never inc") if action.name == "inc" else None

    person = Person()
    orch = orchestrator(scripted(act("inc"), act("look")), policies=[NoInc()])
    HITLOrchestrator(orch, person, approve_actions=True).run_task("count", max_steps=1)
    assert [context["action_name"] for _, context in person.asked] == ["look"]


# -- abort -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("prompt", "steps", "phi"), [(APPROVE, 1, 1.0), (OVERRIDE, 2, 2.0), (PAUSE, 2, 2.0)])
def test_abort_is_honoured_at_every_prompt_and_keeps_what_was_done(
    prompt: InterruptType, steps: int, phi: float
) -> None:
    orch = orchestrator()
    person = Person(HumanInput(prompt), HumanInput(InterruptType.ABORT, message="enough"))
    if prompt == PAUSE:
        person = Person(HumanInput(InterruptType.ABORT, message="enough"))
    hitl = HITLOrchestrator(
        orch, person, prompt == APPROVE, prompt == OVERRIDE, interrupt_every_n_steps=2 * (prompt == PAUSE)
    )
    result = hitl.run_task("count")
    assert (result.stop_reason, result.total_steps, result.final_phi) == (StopReason.ABORTED, steps, phi)
    told = [e for e in orch.store.events(result.run_id) if isinstance(e, HumanDecided)]
    assert [(e.kind, e.message) for e in told] == [("abort", "enough")]


def test_not_going_on_at_a_pause_ends_the_run() -> None:
    person = Person(HumanInput(PAUSE, approved=False))
    result = HITLOrchestrator(orchestrator(), person, interrupt_every_n_steps=3).run_task("count")
    assert (result.stop_reason, result.total_steps) == (StopReason.ABORTED, 3)


# -- scores ------------------------------------------------------------------------------------------------


def test_an_override_teaches_the_state_for_good(tmp_path: Path) -> None:
    with orchestrator(persistence_dir=tmp_path) as orch:
        person = Person(HumanInput(OVERRIDE), scored(6.5, "I know better"))
        result = HITLOrchestrator(orch, person, review_scores=True).run_task("count", max_steps=3)
        phis = [s.score.phi_after for s in result.trajectory.steps if s.score]
        assert phis == [1, 6.5, 3]
        last = result.trajectory.steps[-1].score
        assert last is not None
        assert last.phi_before == 6.5
        again = orch.run_task("count", max_steps=2)
        assert again.final_phi == 6.5
        assert orch.run_task("count to ten", max_steps=2).final_phi == 2, "another purpose is another score"
    script = (
        "import sys; sys.path.insert(0, 'tests')\n"
        "from fakes.people import orchestrator\n"
        f"with orchestrator(persistence_dir={str(tmp_path)!r}) as orch:\n"
        "    print(orch.run_task('count', max_steps=2).final_phi)"
    )
    root = Path(__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["6.5"]


def test_an_override_can_end_the_run_early() -> None:
    result = HITLOrchestrator(orchestrator(), Person(scored(10)), review_scores=True).run_task("count")
    assert (result.stop_reason, result.total_steps, result.success) == (StopReason.EARLY_STOP, 1, True)


def test_a_verdict_outranks_a_person() -> None:
    class Verified(type(counter())):  # type: ignore[misc]
        def verdict(self, state: State) -> Verdict:
            return Verdict(0.3, success=False)

    orch = Orchestrator(scripted(), Verified(counter()._execute_fn, State({"n": 0})), ACTIONS)
    result = HITLOrchestrator(orch, Person(scored(10)), review_scores=True).run_task("count", max_steps=1)
    assert (result.final_phi, result.success) == (3, False)


def test_a_failing_critic_can_be_overridden() -> None:
    person = Person(scored(5))
    hitl = HITLOrchestrator(orchestrator(scripted(critic=lambda _m: "no json")), person, review_scores=True)
    assert hitl.run_task("count", max_steps=1).final_phi == 5


# -- lessons -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prompt", [APPROVE, OVERRIDE, PAUSE])
def test_a_lesson_is_kept_from_every_prompt(prompt: InterruptType, tmp_path: Path) -> None:
    with orchestrator(persistence_dir=tmp_path) as orch:
        person = Person(HumanInput(InterruptType.INJECT_HEURISTIC, injected_heuristic=lesson()))
        hitl = HITLOrchestrator(
            orch, person, prompt == APPROVE, prompt == OVERRIDE, interrupt_every_n_steps=1 * (prompt == PAUSE)
        )
        result = hitl.run_task("count", max_steps=2)
        assert numbers(result) == [1, 2], "and the run goes on"
    llm = scripted()
    with orchestrator(llm, persistence_dir=tmp_path) as orch:
        (kept,) = [h for h in orch.library if "janitor" in h.strategy]
        assert (kept.source, kept.status) == ("human", HeuristicStatus.ACTIVE)
        assert [e.episode_id for e in kept.evidence] == [result.run_id]
        orch.run_task("count", max_steps=1)
        assert "ask the janitor for the blue key" in prompts(llm)[0]


def test_a_lesson_comes_with_an_abort_or_a_rejection_too() -> None:
    orch = orchestrator(scripted(act("inc"), act("look")))
    person = Person(
        HumanInput(APPROVE, approved=False, message="no", injected_heuristic=lesson()),
        HumanInput(InterruptType.ABORT, injected_heuristic=lesson("the lift is stuck", "take the stairs")),
    )
    HITLOrchestrator(orch, person, approve_actions=True).run_task("count")
    assert sorted(h.strategy for h in orch.library) == ["ask the janitor for the blue key", "take the stairs"]


@pytest.mark.parametrize("tier", list(MemoryTier))
def test_a_lesson_injected_between_runs_reaches_the_next_one(tier: MemoryTier) -> None:
    llm = scripted()
    orch = orchestrator(llm)
    HITLOrchestrator(orch).inject_heuristic("inc", "hold on to the blue key", tier.value)
    orch.run_task("count", max_steps=2)
    assert "hold on to the blue key" in prompts(llm)[1]


def test_a_lesson_without_advice_or_tier_is_refused() -> None:
    hitl = HITLOrchestrator(orchestrator())
    with pytest.raises(UsageError, match="strategic, procedural, tool"):
        hitl.inject_heuristic("a", "b", "wisdom")
    with pytest.raises(UsageError, match="strategy"):
        hitl.inject_heuristic("a", " ")


def test_a_lesson_that_is_no_text_is_refused() -> None:
    hitl = HITLOrchestrator(Orchestrator(scripted(act("inc")), counter()), AutoApproveHandler())
    with pytest.raises(UsageError, match="are text, got 5"):
        hitl.inject_heuristic(5, 5)  # type: ignore[arg-type]


def test_a_lesson_told_twice_is_one_lesson_however_it_has_to_be_stored() -> None:
    hitl = HITLOrchestrator(Orchestrator(scripted(act("inc")), counter()), AutoApproveHandler())
    for _ in range(2):
        hitl.inject_heuristic("  a torn \ud800 letter ", "read it \udfff twice ")
    assert len(hitl.orchestrator.library) == 1


def test_a_lesson_that_was_there_already_becomes_the_persons() -> None:
    orch = orchestrator()
    (old,) = orch.library.add([lesson()], "distilled")
    orch.library.credit([old.id], succeeded=True)
    HITLOrchestrator(orch).inject_heuristic(old.pattern, old.strategy)
    (kept,) = orch.library
    assert (kept.source, kept.status, kept.parents) == ("human", HeuristicStatus.ACTIVE, [old.id])
    assert (kept.times_used, kept.times_succeeded) == (1, 1)
    HITLOrchestrator(orch).inject_heuristic(old.pattern, old.strategy)
    assert [h.id for h in orch.library] == [kept.id]


def test_a_full_library_keeps_the_persons_lessons() -> None:
    orch = orchestrator()
    orch.library.max_per_tier = 4
    words = ["apple", "bread", "chair", "drum"]
    orch.library.add([lesson(f"the {w} is near", f"paint every {w} green") for w in words], "distilled")
    HITLOrchestrator(orch).inject_heuristic("the vault is locked", "ask the janitor")
    orch.library.add([lesson("the umbrella is wet", "dry it at the stove")], "distilled")
    assert "ask the janitor" in [h.strategy for h in orch.library]
    assert len(orch.library) == 4


# -- handlers that misbehave -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (RuntimeError("the line went dead"), "the line went dead"),
        ("yes", "HumanInput"),
        (None, "HumanInput"),
        (True, "HumanInput"),
        (HumanInput("fly"), "approve_action"),  # type: ignore[arg-type]
        (HumanInput(APPROVE, edited_action="inc"), "Action"),  # type: ignore[arg-type]
        (HumanInput(APPROVE, edited_action=Action(7)), "str name"),  # type: ignore[arg-type]
        (HumanInput(InterruptType.EDIT_ACTION), "edited_action"),
        (HumanInput(InterruptType.INJECT_HEURISTIC), "injected_heuristic"),
        (HumanInput(APPROVE, injected_heuristic="be good"), "Heuristic"),  # type: ignore[arg-type]
        (HumanInput(APPROVE, injected_heuristic=Heuristic("p", "", [], MemoryTier.TOOL)), "strategy"),
        (scored(5), "override_score prompts only"),
    ],
)
def test_a_handler_that_fails_or_answers_nonsense_ends_the_run_with_the_reason(
    answer: Any, expected: str
) -> None:
    orch = orchestrator()
    result = HITLOrchestrator(orch, Person(HumanInput(APPROVE), answer), approve_actions=True).run_task(
        "count"
    )
    assert (result.stop_reason, numbers(result)) == (StopReason.ABORTED, [1])
    assert expected in str(result.error)
    assert expected in failures(orch, result)[0]
    assert orch.experience_replay.get(result.run_id) is not None


@pytest.mark.parametrize("phi", [11, -1, float("nan"), "8", True, None])
def test_an_impossible_score_ends_the_run_with_the_reason(phi: Any) -> None:
    orch = orchestrator()
    result = HITLOrchestrator(orch, Person(scored(1)), review_scores=True).run_task("count", max_steps=1)
    person = Person(HumanInput(OVERRIDE, override_score=PurposeScore(0, phi, 0)))
    result = HITLOrchestrator(orch, person, review_scores=True).run_task("count")
    assert (result.stop_reason, numbers(result), result.final_phi) == (StopReason.ABORTED, [1], 1)
    assert "[0, 10]" in str(result.error)


def test_an_async_handler_is_awaited() -> None:
    class Remote(HumanInputHandler):
        async def request_input(self, interrupt_type: InterruptType, context: dict[str, Any]) -> HumanInput:
            await asyncio.sleep(0)
            return HumanInput(interrupt_type, approved=context["step"] < 3)

    hitl = HITLOrchestrator(orchestrator(), Remote(), interrupt_every_n_steps=1)
    assert hitl.run_task("count").total_steps == 3


def test_it_works_inside_a_running_event_loop() -> None:
    async def notebook() -> TaskResult:
        person = Person(HumanInput(APPROVE), ABORT)
        return HITLOrchestrator(orchestrator(), person, approve_actions=True).run_task("count")

    assert numbers(asyncio.run(notebook())) == [1]


def test_bad_arguments_are_refused_before_anything_starts(tmp_path: Path) -> None:
    orch = orchestrator()
    (tmp_path / "file").write_text("")
    for make in (
        lambda: HITLOrchestrator("orch"),  # type: ignore[arg-type]
        lambda: HITLOrchestrator(orch, lambda *_: None),  # type: ignore[arg-type]
        lambda: HITLOrchestrator(orch, interrupt_every_n_steps=-1),
        lambda: HITLOrchestrator(orch, checkpoint_dir=" "),
        lambda: HITLOrchestrator(orch, checkpoint_dir=tmp_path / "file" / "x").run_task("count"),
        lambda: HITLOrchestrator(orch).run_task(""),
    ):
        with pytest.raises(UsageError):
            make()
    assert orch.store.runs() == []


def test_critic_sees_nothing_of_what_a_person_said() -> None:
    llm = scripted(act("inc"), act("look"))
    person = Person(HumanInput(APPROVE, approved=False, message="the secret reason"))
    HITLOrchestrator(orchestrator(llm), person, approve_actions=True).run_task("count", max_steps=2)
    assert "the secret reason" not in "".join(prompts(llm, CRITIC))
