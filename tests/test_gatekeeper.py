"""Probes on a resettable world: a lesson that mends is proven, one that breaks is gone, nothing else changes."""

from __future__ import annotations

import random
from typing import Any, ClassVar

import pytest

from fakes.episodes import lesson
from fakes.scripted import act, scripted
from purpose_agent import Environment, Orchestrator, UsageError
from purpose_agent.events import RunStarted
from purpose_agent.llm_backend import ChatMessage
from purpose_agent.types import Action, HeuristicStatus, State, Verdict

PURPOSE = "Open the door."
CANDIDATE = HeuristicStatus.CANDIDATE


class Door(Environment):
    """One of four levers opens it; the seed says which. One try."""

    actions: ClassVar = {f"pull{n}": "pull a lever" for n in range(4)}

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> State:
        return State({"lever": random.Random(seed).randrange(2), "open": None})

    def execute(self, action: Action, current_state: State) -> State:
        return State({**current_state.data, "open": action.name == f"pull{current_state.data['lever']}"})

    def verdict(self, state: State) -> Verdict | None:
        return None if state.data["open"] is None else Verdict(float(state.data["open"]), state.data["open"])

    def is_terminal(self, state: State) -> bool:
        return state.data["open"] is not None


def reader(messages: list[ChatMessage]) -> dict[str, Any]:
    """An actor that does what memory says, and pulls lever 0 otherwise."""
    text = "\n".join(m.content for m in messages)
    if "read the sign" in text:  # the state says which lever it is
        return act("pull1" if '"lever": 1' in text else "pull0")
    return act("pull3" if "pull the last lever" in text else "pull0")


def practised(episodes: int = 60, **options: Any) -> Orchestrator:
    orch = Orchestrator(scripted(actor=reader), Door(), distillers=[], seed=0, **options)
    for _ in range(episodes):
        orch.run_task(PURPOSE, max_steps=1)
    return orch


def test_a_lesson_that_mends_and_never_breaks_is_proven() -> None:
    orch = practised()
    orch.library.add([lesson("open the door", "read the sign", id="good", status=CANDIDATE)], "test")
    before = (len(orch.store.trials()), orch.experience_replay.size, orch.library.credits.of("good").n)
    report = orch.probe("good")
    assert report.decision == "accept", report
    assert report.regressions == 0
    assert report.fixes >= 5
    item = orch.library.get("good")
    assert item is not None
    assert item.status == HeuristicStatus.ACTIVE
    assert "probed on" in orch.store.history("good")[-1][2]
    assert (
        len(orch.store.trials()),
        orch.experience_replay.size,
        orch.library.credits.of("good").n,
    ) == before


def test_a_lesson_that_breaks_is_retired_and_none_of_its_kind_comes_back() -> None:
    orch = practised()
    bad = lesson("open the door", "pull the last lever", id="bad", status=CANDIDATE)
    orch.library.add([bad], "test")
    assert orch.probe("bad").decision == "reject"
    assert "bad" not in orch.library
    assert orch.library.add([lesson("open the door", "pull the last lever", id="again")], "test") == []


@pytest.mark.parametrize("status", [CANDIDATE, HeuristicStatus.CANARY])
def test_a_lesson_that_does_nothing_is_not_proven_and_keeps_its_place_if_it_had_one(
    status: HeuristicStatus,
) -> None:
    orch = practised()
    orch.library.add([lesson("open the door", "be brave", id="idle", status=status)], "test")
    report = orch.probe("idle")
    assert report.decision == "reject"
    assert report.fixes == report.regressions == 0
    assert ("idle" in orch.library) == (status == HeuristicStatus.CANARY)


def test_both_arms_play_the_same_tasks_and_differ_in_the_item_only() -> None:
    orch = practised()
    orch.library.add(
        [lesson("doors and levers", "stay calm and look around", id="other", source="human")], "test"
    )
    orch.library.add([lesson("open the door", "read the sign", id="good", status=CANDIDATE)], "test")
    orch.sync_memory()
    orch.probe("good")
    runs = [orch.store.events(info.run_id)[0] for info in orch.store.runs()]
    probes = [r for r in runs if isinstance(r, RunStarted) and r.probing == "good"]
    with_it = {r.seed: set(r.shown) for r in probes if "good" in r.shown}
    without = {r.seed: set(r.shown) for r in probes if "good" not in r.shown}
    assert with_it.keys() == without.keys()
    assert len(probes) == 2 * len(with_it)
    assert all(with_it[seed] - without[seed] == {"good"} for seed in with_it)
    assert not any(r.learning for r in probes)


def test_what_waits_is_probed_and_what_is_shown_already_is_not() -> None:
    orch = practised()
    orch.library.add(
        [
            lesson("open the door", "read the sign", id="good", status=CANDIDATE),
            lesson("open the door", "be brave", id="shown"),
        ],
        "test",
    )
    assert [r.item_id for r in orch.probe_waiting()] == ["good"]


def test_a_world_without_a_past_says_so() -> None:
    class Fixed(Door):
        def reset(self) -> State:  # type: ignore[override]
            return super().reset(0)

    orch = Orchestrator(scripted(), Fixed(), distillers=[])
    orch.library.add([lesson(id="x")], "test")
    with pytest.raises(UsageError, match="cannot be reset to past tasks"):
        orch.probe("x")
    with pytest.raises(UsageError, match="no live memory item 'y'"):
        orch.probe("y")
