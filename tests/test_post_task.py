"""An episode that somebody else ran is kept, or the caller is told that it is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fakes.scripted import ACTIONS, act, counter, scripted
from purpose_agent import Action, Orchestrator, State, Trajectory, TrajectoryStep, UsageError, Verdict
from purpose_agent.errors import StoreError
from purpose_agent.memory_system import Recalled
from purpose_agent.types import PurposeScore


def orchestrator(**kwargs: Any) -> Orchestrator:
    return Orchestrator(scripted(act("inc")), counter(), ACTIONS, **kwargs)


def step(**fields: Any) -> TrajectoryStep:
    return TrajectoryStep(
        **{
            "state_before": State({"n": 0}),
            "action": Action("inc"),
            "state_after": State({"n": 1}),
            "score": PurposeScore(0, 1, 1, "r", "e", 0.5),
            **fields,
        }
    )


def episode(**fields: Any) -> Trajectory:
    return Trajectory(**{"task_description": "t", "purpose": "p", "steps": [step()], **fields})


def test_a_good_episode_is_kept() -> None:
    orch = orchestrator()
    given = episode(verdict=Verdict(1.0, True), seed=3, options={"a": 1}, propensities={"x": 0.5})
    orch.post_task(given)
    record = orch.experience_replay.get(given.id)
    assert record is not None
    assert record.trajectory.succeeded


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (5, "Trajectory"),
        (episode(steps=[5]), "TrajectoryStep"),
        (episode(steps=5), "steps"),
        (episode(task_description=5), "task"),
        (episode(purpose=None), "purpose"),
        (episode(id=5), "id"),
        (episode(created_at="x"), "created_at"),
        (episode(verdict=1), "verdict"),
        (episode(stop_reason=5), "stop_reason"),
        (episode(seed="x"), "seed"),
        (episode(options=[1]), "options"),
        (episode(shown=[5]), "shown"),
        (episode(propensities={"a": "x"}), "propensities"),
        (episode(trust="x"), "trust"),
        (episode(steps=[step(state_before=None)]), "state_before"),
        (episode(steps=[step(state_after={"n": 1})]), "state_after"),
        (episode(steps=[step(state_after=State({"n": 1}, timestamp="x"))]), "timestamp"),  # type: ignore[arg-type]
        (episode(steps=[step(action="inc")]), "action"),
        (episode(steps=[step(action=Action(5))]), "name"),  # type: ignore[arg-type]
        (episode(steps=[step(action=Action("a", [1]))]), "params"),  # type: ignore[arg-type]
        (episode(steps=[step(score=5)]), "score"),
        (episode(steps=[step(score=PurposeScore("x", 1, 1))]), "phi_before"),  # type: ignore[arg-type]
        (episode(steps=[step(error=5)]), "error"),
        (episode(steps=[step(verdict="yes")]), "verdict"),
        (episode(steps=[step(source=5)]), "source"),
        (episode(steps=[step(wall_time_s="x")]), "wall_time_s"),
    ],
)
def test_what_is_no_episode_is_refused(given: Any, words: str) -> None:
    orch = orchestrator()
    with pytest.raises(UsageError, match=words):
        orch.post_task(given)
    assert orch.experience_replay.size == 0
    assert orch.run_task("count", max_steps=1).error is None


class Diary:
    """A memory that keeps nothing."""

    name = "diary"

    def recall(self, task: str, purpose: str, state: State) -> Recalled:
        return Recalled()

    async def learn(self, trajectory: Trajectory, admissible: Any) -> list[str]:
        return []

    def dump(self) -> bytes:
        return b""

    def load(self, payload: bytes) -> None: ...


@pytest.mark.parametrize("memory", [None, Diary()])
def test_an_episode_that_cannot_be_kept_is_an_error(
    memory: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    orch = orchestrator(store=tmp_path / "store.sqlite", memory=memory)

    def full(*_args: Any, **_kwargs: Any) -> Any:
        raise StoreError("the disk is full")

    monkeypatch.setattr(orch.store, "add_episode", full)
    with pytest.raises(StoreError, match="the disk is full"):
        orch.post_task(episode())
    monkeypatch.undo()
    orch.post_task(episode())
    assert orch.experience_replay.size == 1


def test_a_lone_surrogate_in_an_episode_costs_nothing() -> None:
    orch = orchestrator()
    given = episode(purpose="p\udc80", task_description="t\udc80", steps=[step(error="e\udc80")])
    orch.post_task(given)
    assert orch.experience_replay.size == 1
    assert orch.store.runs()[0].purpose == "p\\udc80"


def broken(*_: object, **__: object) -> None:
    raise RuntimeError("no room")


def test_an_episode_whose_values_cannot_be_kept_is_kept_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    orch = orchestrator()
    monkeypatch.setattr(orch.runner.learner.values, "keep", broken)  # type: ignore[union-attr]
    given = episode(verdict=Verdict(1.0, True))
    orch.post_task(given)
    assert orch.experience_replay.get(given.id) is not None


def test_an_episode_that_was_not_kept_teaches_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    orch = orchestrator()
    monkeypatch.setattr(orch.experience_replay, "add", broken)
    with pytest.raises(StoreError, match="no room"):
        orch.post_task(episode(verdict=Verdict(1.0, True)))
    assert len(list(orch.library)) == 0
