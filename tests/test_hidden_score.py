"""A real world that tells only the end: Φ is learned from verified ends, and the agent learns from Φ."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from purpose_agent import Orchestrator, resolve_backend
from purpose_agent.environments import resolve_environment
from purpose_agent.environments.textworld import TextWorldEnvironment
from purpose_agent.result import TaskResult

pytestmark = [pytest.mark.world, pytest.mark.slow]


@pytest.fixture(scope="module")
def world() -> Iterator[TextWorldEnvironment]:
    made = resolve_environment("textworld:preset=mapreader,hide_score=true")
    assert isinstance(made, TextWorldEnvironment)
    yield made
    made.close()


def play(agent: Orchestrator, world: TextWorldEnvironment, seed: int, fold: str) -> TaskResult:
    options = {"fold": fold}
    return agent.run_task(
        world.purpose_for(seed, options), max_steps=25, seed=seed, options=options, learning=fold == "train"
    )


def test_the_world_keeps_the_score_to_itself(world: TextWorldEnvironment) -> None:
    state = world.reset(seed=0)
    verdict = world.verdict(state)
    assert "score" not in state.data
    assert verdict is not None
    assert (verdict.score, verdict.success) == (None, False)


def test_phi_and_success_rise_though_only_ends_are_told(world: TextWorldEnvironment) -> None:
    with Orchestrator(resolve_backend("random"), world, distillers=("shortest_path",), seed=0) as agent:
        first = play(agent, world, 0, "dev")
        assert {step.score.phi_after for step in first.trajectory.steps if step.score} == {0.0}  # ignorant
        for seed in range(50):
            play(agent, world, seed, "train")
        results = [play(agent, world, seed, "dev") for seed in range(20)]
        solved = sum(result.success for result in results)
        assert solved >= 8  # by chance 1 of 20
        before_last = [
            result.trajectory.steps[-2].score
            for result in results
            if result.success and result.total_steps > 1
        ]
        assert all(score is not None and score.phi_after > 0 for score in before_last)
        skill = agent.purpose_fn.calibrator.current.record("experience", first.trajectory.purpose)[1]  # type: ignore[union-attr]
        assert skill.n > 0
