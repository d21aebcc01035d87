"""A user's own memory as an arm: it studies what ours played, and plays the same tasks."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from bench.suite.playing import QUICK, play
from purpose_agent.bench.suite.catalogue import make_settings
from purpose_agent.bench.suite.settings import SuiteSettings
from purpose_agent.errors import PurposeAgentError, UsageError
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


class Forgetful(Buttons):
    """Raises where it should learn, every other time."""

    async def learn(self, trajectory: Trajectory, admissible: Sequence[Sequence[Action]]) -> Sequence[str]:
        self.tried = getattr(self, "tried", 0) + 1
        if self.tried % 2:
            raise KeyError("no such button")
        return await super().learn(trajectory, admissible)


class Unnamed(Buttons):
    """Shows an example and does not say which episode it is."""

    def recall(self, task: str, purpose: str, state: Snapshot) -> Recalled:
        return Recalled(example="press it") if self.known else Recalled()


class Mute(Buttons):
    """Recalls nothing, not even that."""

    def recall(self, task: str, purpose: str, state: Snapshot) -> Recalled:
        return None  # type: ignore[return-value]


class Confused(Buttons):
    """Raises where it should recall."""

    def recall(self, task: str, purpose: str, state: Snapshot) -> Recalled:
        raise ValueError("which one?") if self.known else KeyError("nothing")


class Sealed(Buttons):
    """Cannot be kept."""

    def dump(self) -> bytes:
        raise OSError("it is sealed")


class Textual(Buttons):
    """Is kept as something else than bytes."""

    def dump(self) -> bytes:
        return "text"  # type: ignore[return-value]


class Hasty(Buttons):
    """Does not learn as the loop expects it."""

    def learn(self, trajectory: Trajectory, admissible: Sequence[Sequence[Action]]) -> Sequence[str]:  # type: ignore[override]
        return []


class Unborn(Buttons):
    """Cannot be made."""

    def __init__(self) -> None:
        raise RuntimeError("no room")


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


def of_it(memory: str, suite: str | None = "machines") -> SuiteSettings:
    wishes = {**QUICK, "anchors": 0}
    if suite is None:
        return make_settings(
            None, "mock", env="fakes.suite_worlds:Folded", memory=f"{HERE}:{memory}",
            arms=("no_memory", "own_memory"), max_steps=2, **wishes
        )  # fmt: skip
    return make_settings(suite, memory=f"{HERE}:{memory}", arms=("no_memory", "own_memory"), **wishes)


@pytest.mark.parametrize("suite", ["machines", None], ids=["seeds", "folds"])
@pytest.mark.parametrize(
    ("memory", "method", "message"),
    [
        ("Unnamed", "recall", "has no example_id"),
        ("Mute", "recall", "must return a Recalled with Heuristics, got None"),
        ("Confused", "recall", "KeyError: 'nothing'"),
        ("Sealed", "dump", "OSError: it is sealed"),
        ("Textual", "dump", "must return bytes, got 'text'"),
        ("Hasty", "learn", "must be an `async def`"),
        ("Unborn", "__init__", "RuntimeError: no room"),
    ],
)
def test_what_a_memory_does_wrong_is_told_with_its_name_its_method_and_the_world(
    tmp_path: Path, suite: str | None, memory: str, method: str, message: str
) -> None:
    settings = of_it(memory, suite)
    with pytest.raises(PurposeAgentError) as failed:
        play(settings, tmp_path)
    for words in (
        "buttons" if method != "__init__" else memory,
        f"{method}()",
        message,
        settings.worlds[0].name,
    ):
        assert words in str(failed.value)
    assert "--resume" in str(failed.value)
    assert failed.value.exit_code == 3


def test_an_episode_from_which_it_cannot_learn_is_kept_and_counted(tmp_path: Path) -> None:
    report = play(of_it("Forgetful"), tmp_path)
    assert report.complete
    (found,) = [found for found in report.worlds[0].learners if found.learner == "own_memory"]
    assert (found.episodes, found.failed, found.items) == (8, 4, None)
    assert found.problem == "KeyError: 'no such button'"
    assert any("your memory could not distil 4 of 8 episodes" in note for note in report.notes)
