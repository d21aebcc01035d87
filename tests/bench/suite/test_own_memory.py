"""A user's own memory as an arm: it studies what ours played, and plays the same tasks."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from bench.suite.playing import QUICK, play
from purpose_agent.bench.suite.catalogue import make_settings
from purpose_agent.errors import UsageError
from purpose_agent.llm_backend.base import LLMBackend
from purpose_agent.memory_system import Recalled
from purpose_agent.types import Action, Evidence, Heuristic, MemoryTier, Snapshot, Trajectory

HERE = "bench.suite.test_own_memory"


class Buttons:
    """Remembers which button started which machine."""

    name = "buttons"

    def __init__(self) -> None:
        self.known: dict[str, tuple[str, str]] = {}

    def recall(self, task: str, purpose: str, state: Snapshot) -> Recalled:
        if purpose not in self.known:
            return Recalled()
        press, episode = self.known[purpose]
        told = Heuristic(purpose, press, [], MemoryTier.STRATEGIC, id="note", evidence=[Evidence(episode)])
        return Recalled((told,))

    async def learn(self, trajectory: Trajectory, admissible: Sequence[Sequence[Action]]) -> Sequence[str]:
        if trajectory.succeeded:
            self.known[trajectory.purpose] = (trajectory.steps[-1].action.command, trajectory.id)
        return []

    def dump(self) -> bytes:
        return json.dumps(self.known).encode()

    def load(self, payload: bytes) -> None:
        self.known = {purpose: tuple(known) for purpose, known in json.loads(payload).items()}


class Dreamer(Buttons):
    """Says where its words come from, and it is no training episode."""

    async def learn(self, trajectory: Trajectory, admissible: Sequence[Sequence[Action]]) -> Sequence[str]:
        self.known[trajectory.purpose] = ("press_red", "a dream")
        return []


def with_model(llm: LLMBackend) -> Buttons:
    assert llm.name == "reader"
    return Buttons()


def nothing() -> None:
    """A factory that makes no memory."""


@pytest.mark.parametrize("factory", ["Buttons", "with_model"])
def test_it_plays_beside_the_others(tmp_path: Path, factory: str) -> None:
    settings = make_settings(
        "machines",
        memory=f"{HERE}:{factory}",
        arms=("no_memory", "own_memory"),
        **{**QUICK, "episodes": 40, "tasks": 20},
    )
    report = play(settings, tmp_path)
    arms = {arm.name: arm for arm in report.worlds[0].arms}
    assert arms["own_memory"].success.value > arms["no_memory"].success.value
    assert report.worlds[0].leakage.checked > 0
    assert "own_memory" in report.command
    assert f"--memory {HERE}:{factory}" in report.command


def test_the_guard_looks_at_it_too(tmp_path: Path) -> None:
    settings = make_settings(
        "machines", memory=f"{HERE}:Dreamer", arms=("no_memory", "own_memory"), **{**QUICK, "episodes": 40}
    )
    with pytest.raises(Exception, match="a dream"):
        play(settings, tmp_path)


def test_it_joins_the_arms_that_a_suite_has_anyway() -> None:
    settings = make_settings("machines", memory=f"{HERE}:Buttons")
    assert "own_memory" in settings.arms
    assert "ours" in settings.arms


@pytest.mark.parametrize(
    ("wishes", "message"),
    [
        ({"arms": ("no_memory", "own_memory")}, "give both"),
        ({"arms": ("no_memory", "ours"), "memory": f"{HERE}:Buttons"}, "give both"),
    ],
)
def test_memory_and_arm_go_together(wishes: dict, message: str) -> None:  # type: ignore[type-arg]
    with pytest.raises(UsageError, match=message):
        make_settings("machines", **wishes)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (f"{HERE}:nothing", "which is no memory"),
        (f"{HERE}:nobody", "check its spelling"),
        ("nosuch", "module:factory"),
    ],
)
def test_what_is_no_memory_is_refused_with_the_remedy(tmp_path: Path, spec: str, message: str) -> None:
    settings = make_settings("machines", memory=spec, arms=("no_memory", "own_memory"), **QUICK)
    with pytest.raises(UsageError, match=message):
        play(settings, tmp_path)
