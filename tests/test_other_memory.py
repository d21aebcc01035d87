"""Somebody else's memory in the place of ours, and ours with a part left out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from fakes.episodes import lesson
from fakes.scripted import ACTIONS, act, count, judged, prompts, scripted
from fakes.worlds import GridTreasure
from purpose_agent import Orchestrator, SimpleEnvironment, State, UsageError, Verdict
from purpose_agent.bench.rivals import ACE, ExpeL, ReasoningBank
from purpose_agent.errors import ModelUnavailableError
from purpose_agent.events import Decided, Failed, Learned, RunFinished, RunStarted
from purpose_agent.experience_replay import ExperienceReplay
from purpose_agent.llm_backend.uniform import UniformBackend
from purpose_agent.memory_system import MemorySystem, Recalled, Shortlist
from purpose_agent.other_memory import KNOWN, OtherMemory
from purpose_agent.store import open_store
from purpose_agent.types import (
    Action,
    Evidence,
    Heuristic,
    HeuristicStatus,
    MemoryTier,
    Snapshot,
    StopReason,
    Trajectory,
)

PURPOSE = "Count to three."


class Counting(SimpleEnvironment):
    """Succeeds at three; tells the truth about it."""

    def __init__(self) -> None:
        super().__init__(count, State({"n": 0}))

    def verdict(self, state: State) -> Verdict:
        return Verdict(min(1.0, state.data["n"] / 3), state.data["n"] >= 3)


class Diary:
    """Remembers every ending, and shows all of them."""

    name = "diary"

    def __init__(self) -> None:
        self.entries: list[list[Any]] = []
        self.offers: list[int] = []
        self.error: Exception | None = None

    def recall(self, task: str, purpose: str, state: Snapshot) -> Recalled:
        items = [
            self._item(id, f"it ended with {success}", MemoryTier.STRATEGIC) for id, success in self.entries
        ]
        last = self.entries[-1][0] if self.entries else ""
        tip = [self._item(last, "adds one", MemoryTier.TOOL, "inc")] if last else []
        return Recalled((*items, *tip), f"Last time it was {last}." if last else "", last)

    def _item(self, episode: str, text: str, tier: MemoryTier, pattern: str = "counting") -> Heuristic:
        return Heuristic(pattern, text, [], tier, id=f"{tier}-{episode}", evidence=[Evidence(episode)])

    async def learn(self, trajectory: Trajectory, admissible: Sequence[Sequence[Action]]) -> list[str]:
        if self.error is not None:
            raise self.error
        self.entries.append([trajectory.id, trajectory.succeeded])
        self.offers.append(len(admissible))
        return [f"strategic-{trajectory.id}"]

    def dump(self) -> bytes:
        return json.dumps(self.entries).encode()

    def load(self, payload: bytes) -> None:
        self.entries = json.loads(payload)


def counting(memory: Any, **options: Any) -> Orchestrator:
    return Orchestrator(options.pop("llm", None) or scripted(), Counting(), ACTIONS, memory=memory, **options)


def kinds(orch: Orchestrator, run: str, kind: Any) -> list[Any]:
    return [event for event in orch.store.events(run) if isinstance(event, kind)]


# -- another memory in the loop ----------------------------------------------------------------------------
def test_what_is_recalled_is_shown_and_every_episode_teaches() -> None:
    diary = Diary()
    with counting(diary) as orch:
        first = orch.run_task(PURPOSE, max_steps=5)
        assert "<memory>" not in prompts(orch.actor.llm)[0]  # type: ignore[arg-type]
        assert diary.entries == [[first.run_id, True]]
        assert kinds(orch, first.run_id, Learned)[0].added == [f"strategic-{first.run_id}"]
        second = orch.run_task(PURPOSE, max_steps=5)
        prompt = prompts(orch.actor.llm)[-1]  # type: ignore[arg-type]
        assert f"[strategic-{first.run_id}] When counting: it ended with True" in prompt
        assert f"Last time it was {first.run_id}." in prompt
        assert f"Tip [tool-{first.run_id}] inc: adds one" in prompt
        (started,) = kinds(orch, second.run_id, RunStarted)
        assert started.shown == [f"strategic-{first.run_id}"]
        assert started.example == first.run_id
        assert second.trajectory.shown == [f"strategic-{first.run_id}", f"tool-{first.run_id}"]
        assert not started.propensities, "nothing of another memory is withheld"
        assert len(list(orch.library)) == 0
        assert orch.stats["tasks_since_optimize"] == 0


def test_what_it_knows_survives_the_store(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    with counting(Diary(), store=path) as orch:
        first = orch.run_task(PURPOSE, max_steps=5).run_id
        kept = orch.store.artefact(f"{KNOWN}diary")
        assert kept is not None, "kept at once, not only when the orchestrator is closed"
        assert first in kept[0].decode()
    again = Diary()
    with counting(again, store=path) as orch:
        assert again.entries == [[first, True]]
        orch.run_task(PURPOSE, max_steps=5)
    third = Diary()
    with counting(third, store=path):
        assert len(third.entries) == 2


def test_two_memories_share_a_store_and_do_not_mix(tmp_path: Path) -> None:
    class Other(Diary):
        name = "other diary"

    for memory in (Diary(), Other()):
        with counting(memory, store=tmp_path / "a.sqlite") as orch:
            orch.run_task(PURPOSE, max_steps=5)
        assert len(memory.entries) == 1


def test_without_learning_nothing_changes(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    with counting(Diary(), store=path) as orch:
        orch.run_task(PURPOSE, max_steps=5)
        before = orch.store.artefact(f"{KNOWN}diary")
        orch.run_task(PURPOSE, max_steps=5, learning=False)
        assert orch.store.artefact(f"{KNOWN}diary") == before
    diary = Diary()
    with counting(diary, store=path, learning=False) as orch:
        known = diary.dump()
        result = orch.run_task(PURPOSE, max_steps=5)
        assert kinds(orch, result.run_id, RunStarted)[0].shown, "it is shown all the same"
        assert kinds(orch, result.run_id, Learned) == []
    assert diary.dump() == known
    with open_store(path) as store:
        kept = store.artefact(f"{KNOWN}diary")
        assert kept is not None
        assert kept[0] == known


@pytest.mark.parametrize(
    ("error", "transient"), [(ModelUnavailableError("down"), True), (ZeroDivisionError("a defect"), False)]
)
def test_a_memory_that_fails_to_learn_is_reported_and_the_episode_is_kept(
    error: Any, transient: bool
) -> None:
    diary = Diary()
    diary.error = error
    with counting(diary) as orch:
        result = orch.run_task(PURPOSE, max_steps=5)
        assert result.success
        (failed,) = kinds(orch, result.run_id, Failed)
        assert (failed.part, failed.transient) == ("memory", transient)
        assert str(error) in failed.error
        assert orch.experience_replay.get(result.run_id) is not None
        assert kinds(orch, result.run_id, Learned)[0].added == []
        diary.error = None
        orch.run_task(PURPOSE, max_steps=5)
        assert len(diary.entries) == 1


def test_an_episode_that_an_outage_ended_is_not_learned_from() -> None:
    class Down(UniformBackend):
        async def achoose(self, *_: Any) -> Any:
            raise ModelUnavailableError("down")

    diary = Diary()
    with Orchestrator(Down(0), GridTreasure(3), memory=diary) as orch:
        result = orch.run_task("Dig.", seed=0)
        assert result.stop_reason == StopReason.MODEL_ERROR
        assert diary.entries == []
        assert orch.experience_replay.get(result.run_id) is not None


def test_an_episode_somebody_else_ran_is_learned_from_too() -> None:
    diary = Diary()
    with counting(diary) as orch:
        orch.post_task(Trajectory(PURPOSE, PURPOSE, id="theirs"))
    assert diary.entries == [["theirs", False]]


class East:
    """Always east, as long as that is possible."""

    knows_something = True

    def __init__(self) -> None:
        self.seen: list[str] = []

    def begin(self, state: Any, admissible: Any, verdict: Any) -> None:
        self.seen.append("begin")

    def observe(self, action: Action, state: Any, admissible: Any, phi: float | None) -> None:
        self.seen.append(action.name)

    def shortlist(self, options: Sequence[Action]) -> Shortlist:
        east = [a for a in options if a.name == "east"]
        return Shortlist(east or list(options), True)


def test_its_guide_narrows_choices_and_follows_the_episode() -> None:
    class Guiding(Diary):
        def guide(self, purpose: str, seed: int | None, *, explore: bool) -> East:
            self.asked = (purpose, seed, explore)
            self.made = East()
            return self.made

    memory = Guiding()
    with Orchestrator(UniformBackend(0), GridTreasure(4), memory=memory) as orch:
        result = orch.run_task("Dig.", seed=2, max_steps=5)
        names = [step.action.name for step in result.trajectory.steps]
        assert names[:3] == ["east"] * 3
        assert {d.source for d in kinds(orch, result.run_id, Decided)[:3]} == {"habit"}
        assert memory.asked == ("Dig.", 2, True)
        assert memory.made.seen == ["begin", *names]
        assert memory.offers == [len(names) + 1]
        plain = orch.run_task("Dig.", seed=2, max_steps=5, learning=False)
        assert memory.asked == ("Dig.", 2, False)
        assert plain.trajectory.steps[0].source == "habit"


def test_a_memory_without_a_guide_leaves_the_choice_to_the_model() -> None:
    with Orchestrator(UniformBackend(0), GridTreasure(3), memory=Diary()) as orch:
        for seed in range(5):
            result = orch.run_task("Dig.", seed=seed, max_steps=10)
            assert {step.source for step in result.trajectory.steps} == {"model"}


class Nameless(Diary):
    name = ""


@pytest.mark.parametrize("wrong", [object(), "expel", Diary, {"name": "x"}, 5, Nameless()])
def test_what_is_no_memory_is_refused(wrong: Any) -> None:
    with pytest.raises(UsageError, match="memory must have a name and the methods"):
        counting(wrong)


def test_a_memory_that_cannot_read_what_the_store_holds_is_refused(tmp_path: Path) -> None:
    with open_store(tmp_path / "a.sqlite") as store:
        store.save_artefact(f"{KNOWN}diary", b"not json", upto=1)
    with pytest.raises(UsageError, match="'diary' cannot read what the store holds"):
        counting(Diary(), store=tmp_path / "a.sqlite")


@pytest.mark.parametrize("answer", [None, [], "a text"])
def test_a_memory_that_recalls_something_else_starts_nothing(answer: Any) -> None:
    class Confused(Diary):
        def recall(self, task: str, purpose: str, state: Snapshot) -> Any:
            return answer if answer is not None else 1 / 0

    with counting(Confused()) as orch:
        with pytest.raises(UsageError, match="'diary'"):
            orch.run_task(PURPOSE)
        assert list(orch.store.runs()) == []


def test_a_task_that_was_met_cannot_be_held_out() -> None:
    diary = Diary()
    with counting(diary) as orch:
        orch.run_task(PURPOSE, seed=1, max_steps=5, held_out=True)  # never met: nothing to forget
        assert diary.entries == []
        orch.run_task(PURPOSE, seed=1, max_steps=5)
        with pytest.raises(UsageError, match="cannot forget"):
            orch.run_task(PURPOSE, seed=1, held_out=True)


def test_it_cannot_be_probed() -> None:
    with Orchestrator(UniformBackend(0), GridTreasure(3), memory=Diary()) as orch:
        for seed in range(12):
            orch.run_task("Dig.", seed=seed, max_steps=20)
        orch.library.add([lesson(id="by-hand")], "test")
        with pytest.raises(UsageError, match="do not probe"):
            orch.probe("by-hand")


def test_a_run_that_was_interrupted_goes_on_with_it_and_teaches_once(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"

    class Interrupting(Counting):
        """Ctrl-C at the second step."""

        def execute(self, action: Action, current_state: State) -> State:
            if current_state.data["n"] == 1:
                raise KeyboardInterrupt
            return super().execute(action, current_state)

    with counting(Diary(), store=path) as orch:
        first = orch.run_task(PURPOSE, max_steps=5).run_id
    with (
        Orchestrator(scripted(), Interrupting(), ACTIONS, memory=Diary(), store=path) as orch,
        pytest.raises(KeyboardInterrupt),
    ):
        orch.run_task(PURPOSE, max_steps=5)
    diary = Diary()
    with counting(diary, store=path) as orch:
        broken = next(run.run_id for run in orch.store.runs() if run.run_id != first)
        already = [entry[0] for entry in diary.entries]
        result = orch.resume(broken)
        assert result.success
        assert f"[strategic-{first}]" in prompts(orch.actor.llm)[-1]  # type: ignore[arg-type]
        assert kinds(orch, broken, RunFinished)[-1].stop_reason != StopReason.INTERRUPTED
        assert [entry[0] for entry in diary.entries].count(broken) == 1
        orch.resume(broken)
        assert len(diary.entries) == len({*already, broken})


@pytest.mark.parametrize("kind", [ExpeL, ReasoningBank, ACE])
def test_a_rival_plays_and_learns_in_the_loop(kind: Any, tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    advice = "walk towards the treasure before you dig"
    reply = {
        "operations": [{"op": "ADD", "rule": 0, "text": advice}],
        "items": [{"title": "Dig", "description": "when far", "content": advice}],
        "insight": "far",
        "add": [advice],
    }

    def rival() -> MemorySystem:
        return kind(
            scripted(critic=reply, distiller=reply, actor=lambda _: reply).set_structured_default(reply)
        )

    with Orchestrator(UniformBackend(0), GridTreasure(2), memory=rival(), store=path) as orch:
        runs = [orch.run_task("Dig.", seed=seed, max_steps=20 if seed % 2 else 2) for seed in range(10)]
        assert {run.success for run in runs} == {True, False}
        learned = [kinds(orch, run.run_id, Learned)[0] for run in runs]
        assert any(event.added for event in learned)
        assert any(event.usage for event in learned)
        assert [event for run in runs for event in kinds(orch, run.run_id, Failed)] == []
    with Orchestrator(UniformBackend(0), GridTreasure(2), memory=rival(), store=path, learning=False) as orch:
        last = orch.run_task("Dig.", seed=11, max_steps=3)
        shown = kinds(orch, last.run_id, RunStarted)[0].shown
        assert shown
        assert set(shown) == set(last.trajectory.shown)


def test_what_it_holds_is_kept_only_by_name() -> None:
    with open_store(None) as store, ExperienceReplay(store=store) as replay:
        memory = OtherMemory(Diary(), replay, store)
        memory.save()
        memory.save()
        assert store.artefact(f"{KNOWN}diary") == (b"[]", 2)


# -- ours without a part -----------------------------------------------------------------------------------
@pytest.mark.parametrize("wrong", [["magic"], "gate", ["gate", "Credit"], {"values", "habits"}])
def test_a_part_that_does_not_exist_is_refused(wrong: Any) -> None:
    with pytest.raises(UsageError, match=r"credit, gate, values, experience_critic"):
        Orchestrator(UniformBackend(0), GridTreasure(3), without=wrong)


def sources(**options: Any) -> set[str]:
    with Orchestrator(UniformBackend(0), GridTreasure(3), distillers=[], **options) as orch:
        runs = [orch.run_task("Find the treasure.", seed=seed, max_steps=12) for seed in range(12)]
        return {step.source for run in runs for step in run.trajectory.steps}


def test_without_values_the_model_alone_chooses() -> None:
    assert sources(without=["values"]) == {"model"}
    assert sources() - {"model"}


def harmed(**options: Any) -> HeuristicStatus:
    """What becomes of an item that spoils every episode that shows it."""

    def misled(messages: Any) -> Any:
        shown = any("sing instead" in message.content for message in messages)
        return act("look" if shown else "inc")

    llm = scripted(actor=misled, critic=judged(1))
    with Orchestrator(llm, Counting(), ACTIONS, distillers=[], seed=0, **options) as orch:
        orch.library.add([lesson("count to three", "sing instead", id="bad")], "test")
        orch.sync_memory()
        for _ in range(40):
            orch.run_task(PURPOSE, max_steps=3)
        retired = [h for h in orch.store.heuristics(retired=True) if h.id == "bad"]
        return retired[0].status


def test_without_the_gate_no_item_is_retired_for_what_it_did() -> None:
    assert harmed() == HeuristicStatus.RETIRED
    assert harmed(without=["gate"]) == HeuristicStatus.CANARY


def test_without_credit_nothing_is_withheld() -> None:
    with Orchestrator(scripted(), Counting(), ACTIONS, distillers=[], seed=0, without=["credit"]) as orch:
        orch.library.add([lesson("count to three", "use inc", id="good")], "test")
        orch.sync_memory()
        for _ in range(20):
            (started,) = kinds(orch, orch.run_task(PURPOSE, max_steps=3).run_id, RunStarted)
            assert (started.shown, started.withheld, started.propensities) == (["good"], [], {})
        assert orch.store.trials() == []


class Silent(GridTreasure):
    """Tells only whether the treasure is found."""

    def verdict(self, state: State) -> Verdict:
        return Verdict(None, state.data["found"])


def learned_progress(**options: Any) -> tuple[bool, bool]:
    """Whether the value memory knows goals, and whether Φ ever had an opinion before the end."""
    purpose = "Find the treasure."
    with Orchestrator(UniformBackend(0), Silent(2), distillers=[], **options) as orch:
        runs = [orch.run_task(purpose, seed=seed, max_steps=20) for seed in range(40)]
        values: Any = orch.runner.values
        phis = [s.score.phi_after for run in runs for s in run.trajectory.steps[:-1] if s.score]
        return values.memory.goals.model(purpose).knows_something, any(0 < phi < 10 for phi in phis)


def test_without_the_experience_critic_progress_is_not_learned() -> None:
    assert learned_progress() == (True, True)
    assert learned_progress(without=["experience_critic"]) == (False, False)
    with Orchestrator(UniformBackend(0), GridTreasure(3), without=["experience_critic"]) as orch:
        assert "experience" not in [critic.name for critic in orch.purpose_fn.critics]
