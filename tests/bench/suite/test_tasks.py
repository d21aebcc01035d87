"""Which tasks a training stream has."""

from __future__ import annotations

import pytest

from fakes.worlds import GridTreasure
from purpose_agent.bench.stream import Task
from purpose_agent.bench.suite import tasks
from purpose_agent.bench.suite.settings import SuiteSettings, World
from purpose_agent.bench.suite.tasks import training_stream

SIZES = (None, 62, 150, 311, 1000)
"""Train folds of the worlds that ship; None for one without folds."""


@pytest.fixture(params=SIZES)
def world(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> World:
    class Folded(GridTreasure):
        fold = "train"
        seeds = range(request.param or 0)

    made = GridTreasure if request.param is None else Folded
    monkeypatch.setattr(tasks, "resolve_environment", lambda spec: made())
    return World(name="w", spec="some:World", episodes=60)


def stream(world: World, seed: int, order: int) -> tuple[tuple[str, int], ...]:
    settings = SuiteSettings(suite="own", worlds=(world,), model="some", arms=("random",), seed=seed)
    return tuple(task.key for task in training_stream(world, settings, order))


def test_two_seeds_share_no_stream(world: World) -> None:
    streams = [stream(world, seed, order) for seed in range(10) for order in range(3)]
    assert len(set(streams)) == len(streams)


def test_seed_0_begins_with_the_first_tasks(world: World) -> None:
    assert stream(world, 0, 0) == tuple(Task("train", i).key for i in range(60))
