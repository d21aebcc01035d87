"""Episodes in an item world, one after the other, and what came of them."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from purpose_agent.bench.simulator.item_world import ItemWorld
from purpose_agent.bench.simulator.noisy_critic import NoisyCritic
from purpose_agent.bench.simulator.policies import Outcome, Policy


@dataclass
class Played:
    """What is known of the episodes of one policy.

    Attributes:
        regrets: by how much the chance of success of each was below that of somebody who knows all effects.
        harmful: of the items shown in each, how many harm.
    """

    regrets: list[float] = field(default_factory=list[float])
    harmful: list[int] = field(default_factory=list[int])


def play(
    policy: Policy,
    world: ItemWorld,
    critic: NoisyCritic,
    episodes: int,
    seed: int,
    look: Callable[[int], None] = lambda number: None,
) -> Played:
    """Play episodes of random families.

    Args:
        policy: chooses what is shown; every item of the family is a candidate.
        world: the truth.
        critic: judges each episode; the policy is told nothing else.
        episodes: how many.
        seed: of families, outcomes and the critic's errors: each has dice of its own, so that all policies meet the
            same families.
        look: called after each episode with its number, from 0.
    """
    families, outcomes, errors = (random.Random(f"{seed} {what}") for what in ("family", "outcome", "error"))
    played = Played()
    for number in range(episodes):
        family = families.choice(world.families)
        shown = policy.choose(family)
        chance = world.chance(shown, number)
        success = outcomes.random() < chance
        policy.learn(Outcome(number, shown, critic.judge(success, errors)))
        played.regrets.append(world.best(family, number) - chance)
        played.harmful.append(sum(world.effect(id, number) < 0 for id in shown))
        look(number)
    return played
