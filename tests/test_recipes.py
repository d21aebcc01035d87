"""A real world whose texts say what to do by other names than the actions have: the agent learns to heed them."""

from __future__ import annotations

from contextlib import closing

import pytest

from purpose_agent import Orchestrator, resolve_backend
from purpose_agent.environments import resolve_environment
from purpose_agent.environments.textworld import TextWorldEnvironment

pytestmark = [pytest.mark.world, pytest.mark.slow]


def test_it_learns_to_cook_by_the_book() -> None:
    world = resolve_environment("textworld:preset=cookingworld")
    assert isinstance(world, TextWorldEnvironment)
    chance = resolve_backend("random")
    with closing(world), Orchestrator(chance, world, distillers=(), seed=0) as agent:
        for seed in range(100):
            agent.run_task(world.purpose_for(seed, {}), max_steps=25, seed=seed, options={"fold": "train"})
        solved = sum(
            agent.run_task(
                world.purpose_for(seed, {}), max_steps=25, seed=seed, options={"fold": "dev"}, learning=False
            ).success
            for seed in range(30)
        )
    assert solved >= 16  # of 30: by chance none, and 8 when it did not know what actions bring about
