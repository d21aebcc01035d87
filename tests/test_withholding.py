"""Memory under experiment: what chance withholds, what is recorded of it, and what an evaluation must not see."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fakes.episodes import lesson
from fakes.scripted import ACTIONS, act, count, prompts, scripted
from fakes.worlds import GridTreasure
from purpose_agent import Orchestrator, SimpleEnvironment, State, UsageError, Verdict
from purpose_agent.events import Executed, RunStarted
from purpose_agent.journal import trajectory_of
from purpose_agent.llm_backend.uniform import UniformBackend
from purpose_agent.types import Action, MemoryTier

PURPOSE = "Count to three."


class Counting(SimpleEnvironment):
    """Succeeds at three; tells the truth about it."""

    def __init__(self) -> None:
        super().__init__(count, State({"n": 0}))

    def verdict(self, state: State) -> Verdict:
        return Verdict(min(1.0, state.data["n"] / 3), state.data["n"] >= 3)


def orchestrator(**options: Any) -> Orchestrator:
    return Orchestrator(options.pop("llm", None) or scripted(), Counting(), ACTIONS, distillers=[], **options)


def strategic(word: str, **fields: Any) -> Any:
    return lesson(f"count to three {word}", f"use inc {word}", id=word, **fields)


def test_chance_decides_what_is_shown_and_the_journal_says_with_what_probability() -> None:
    orch = orchestrator(seed=0)
    orch.library.add([strategic("first")], "test")
    orch.sync_memory()
    sides: set[bool] = set()
    for _ in range(30):
        result = orch.run_task(PURPOSE, max_steps=3)
        started = orch.store.events(result.run_id)[0]
        assert isinstance(started, RunStarted)
        shown = "first" in started.shown
        assert started.propensities.keys() == {"first"}
        assert 0.02 <= started.propensities["first"] <= 0.98
        assert shown != ("first" in started.withheld)
        assert ("use inc first" in prompts(orch.actor.llm)[-1]) == shown  # type: ignore[arg-type]
        sides.add(shown)
    assert sides == {True, False}
    item = orch.library.get("first")
    assert item is not None
    assert item.uplift is not None
    assert item.shown + item.withheld == item.uplift.n == 30
    assert len(orch.store.trials()) == 30


def test_the_same_seeds_decide_alike_and_other_seeds_do_not() -> None:
    def coins(seed: int) -> list[tuple[str, ...]]:
        orch = orchestrator(seed=seed)
        orch.library.add([strategic("first"), strategic("second")], "test")
        orch.sync_memory()
        runs = [orch.run_task(PURPOSE, max_steps=3).run_id for _ in range(20)]
        return [tuple(orch.store.events(run)[0].shown) for run in runs]  # type: ignore[union-attr]

    assert coins(1) == coins(1)
    assert coins(1) != coins(2)


def test_without_withholding_or_learning_nothing_is_left_to_chance() -> None:
    for options in ({"withholding": False}, {"learning": False}):
        orch = orchestrator(seed=0, **options)
        orch.library.add([strategic("first")], "test")
        orch.sync_memory()
        for _ in range(10):
            started = orch.store.events(orch.run_task(PURPOSE, max_steps=3).run_id)[0]
            assert isinstance(started, RunStarted)
            assert started.shown == ["first"]
            assert not started.propensities
        assert orch.store.trials() == []


def test_a_persons_lesson_is_never_withheld() -> None:
    orch = orchestrator(seed=0)
    orch.library.add([strategic("first", source="human")], "test")
    orch.sync_memory()
    for _ in range(20):
        started = orch.store.events(orch.run_task(PURPOSE, max_steps=3).run_id)[0]
        assert started.shown == ["first"]  # type: ignore[union-attr]
    assert orch.library.get("first").shown == 20  # type: ignore[union-attr]


def test_a_tip_takes_part_only_once_its_action_was_taken() -> None:
    orch = orchestrator(seed=0, llm=scripted(act("inc")))
    tips = [lesson(name, f"{name} with care", tier=MemoryTier.TOOL, id=name) for name in ("inc", "double")]
    orch.library.add(tips, "test")
    orch.sync_memory()
    for _ in range(60):
        result = orch.run_task(PURPOSE, max_steps=3)
        events = orch.store.events(result.run_id)
        told = [id for e in events if isinstance(e, Executed) for id in (*e.shown, *e.withheld)]
        assert set(told) == {"inc"}
        assert trajectory_of(events).shown == result.trajectory.shown
        assert trajectory_of(events).withheld == result.trajectory.withheld
    inc, double = orch.library.get("inc"), orch.library.get("double")
    assert inc is not None
    assert double is not None
    assert inc.shown > 0
    assert inc.withheld > 0
    assert double.shown + double.withheld == 0


def test_what_nobody_read_is_not_credited() -> None:
    """Where habits decide every step, the model is not asked, and its prompt shows nothing to anybody."""
    orch = Orchestrator(UniformBackend(0), GridTreasure(3), seed=0, distillers=[])
    orch.library.add([lesson("find the treasure", "dig", id="first")], "test")
    orch.sync_memory()
    unread = 0
    for _ in range(40):
        result = orch.run_task("Find the treasure and dig it up.", max_steps=20)
        asked = any(step.source == "model" for step in result.trajectory.steps)
        trials = [t for t in orch.store.trials() if t.episode == result.run_id]
        assert bool(trials) == asked
        assert bool(result.trajectory.shown or result.trajectory.withheld) == asked
        assert trajectory_of(orch.store.events(result.run_id)).shown == result.trajectory.shown
        unread += not asked
    assert unread, "some episodes are habits from beginning to end"


def test_an_outage_credits_nothing() -> None:
    def broken(_messages: Any) -> Any:
        raise ConnectionError("gone")

    orch = orchestrator(seed=0, llm=scripted(actor=broken))
    orch.library.add([strategic("first")], "test")
    orch.sync_memory()
    assert orch.run_task(PURPOSE, max_steps=3).stop_reason == "model_error"
    assert orch.store.trials() == []


def test_a_resumed_run_keeps_what_chance_decided(tmp_path: Path) -> None:
    class StopsAtTwo(Counting):
        def execute(self, action: Action, current_state: State) -> State:
            if current_state.data["n"] == 1 and not hurried:
                raise KeyboardInterrupt
            return super().execute(action, current_state)

    hurried: list[int] = []
    for seed in range(8):
        hurried.clear()
        llm = scripted()
        orch = Orchestrator(
            llm, StopsAtTwo(), ACTIONS, distillers=[], seed=seed, store=tmp_path / f"{seed}.db"
        )
        orch.library.add([strategic("first")], "test")
        orch.sync_memory()
        with pytest.raises(KeyboardInterrupt):
            orch.run_task(PURPOSE, max_steps=4)
        run = orch.store.runs()[0].run_id
        before = "use inc first" in prompts(llm)[-1]
        hurried.append(1)
        result = orch.resume(run)
        assert result.success
        assert ("use inc first" in prompts(llm)[-1]) == before
        (trial,) = orch.store.trials()
        assert trial.shown == before
        orch.close()


def test_a_held_out_task_uses_nothing_that_was_learned_from_itself() -> None:
    llm = scripted()
    orch = orchestrator(seed=None, llm=llm)
    own = orch.run_task(PURPOSE, max_steps=3)
    other = orch.run_task(PURPOSE, initial_state=State({"n": 1}), max_steps=3)
    orch.library.add(
        [
            lesson("count to three", "use inc own", id="own", episode_id=own.run_id),
            lesson(
                "counting upwards to three",
                "please use inc other from here on",
                id="other",
                episode_id=other.run_id,
            ),
        ],
        "test",
    )
    orch.sync_memory()

    def evaluated(**options: Any) -> tuple[bool, bool, str]:
        orch.run_task(PURPOSE, max_steps=3, **options)
        said = prompts(llm)[-1]
        started = orch.store.events(orch.store.runs()[0].run_id)[0]
        assert isinstance(started, RunStarted)
        return "use inc own" in said, "inc other" in said, started.example or ""

    assert evaluated(learning=False)[:2] == (True, True)
    assert evaluated(held_out=True) == (False, True, other.run_id)
    assert evaluated(held_out=True, initial_state=State({"n": 1})) == (True, False, own.run_id)
    assert orch.store.trials() == []
    with pytest.raises(UsageError, match="held-out"):
        orch.run_task(PURPOSE, held_out=True, learning=True)


def test_habits_from_the_held_out_task_itself_are_forgotten_for_it() -> None:
    orch = Orchestrator(UniformBackend(0), GridTreasure(3), seed=0, distillers=[])
    for _ in range(12):
        orch.run_task("Find the treasure and dig it up.", max_steps=20, seed=5)
    known = orch.run_task("Find the treasure and dig it up.", max_steps=20, seed=5, learning=False)
    held_out = orch.run_task("Find the treasure and dig it up.", max_steps=20, seed=5, held_out=True)
    assert any(step.source == "habit" for step in known.trajectory.steps)
    assert not any(step.source == "habit" for step in held_out.trajectory.steps)
