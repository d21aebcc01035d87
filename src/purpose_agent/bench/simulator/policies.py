"""Who decides which of the candidates are shown: the package's library, and simpler ways to compare it with."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from purpose_agent.bench.simulator.item_world import Family, ItemWorld, lesson
from purpose_agent.memory.library import Library
from purpose_agent.memory.life_cycle import is_shown
from purpose_agent.store import open_store
from purpose_agent.store.base import Trial
from purpose_agent.types import HeuristicStatus, Trajectory, Verdict

SHOWN_AT_ONCE = 5
"""Items that a policy without a notion of harm shows: the best half of ten."""


@dataclass(frozen=True)
class Outcome:
    """How an episode ended, as far as a policy is told.

    Attributes:
        number: of the episode, from 0.
        shown: ids of the items that were shown.
        judged: what the critic said.
    """

    number: int
    shown: tuple[str, ...]
    judged: bool


class Policy(Protocol):
    """Chooses what is shown, and learns from what came of it."""

    def choose(self, family: Family) -> tuple[str, ...]:
        """Ids of the items to show in an episode of that family, in the family's order."""
        ...

    def learn(self, outcome: Outcome) -> None:
        """Take in how the episode ended that `choose` was last asked about."""
        ...

    def estimates(self) -> Mapping[str, float]:
        """What it takes each item to be worth, in any unit that ranks them; empty when it has no opinion."""
        ...


class LibraryPolicy:
    """The package's own: library, credit and life cycle over a store in memory.

    Args:
        world: whose items the library is given, as canaries.
        seed: of withholding.
        informedness: of the critic, which is known.

    Attributes:
        library: with everything that it has learned.
        trials: of the last episode.
    """

    def __init__(self, world: ItemWorld, seed: int, informedness: float) -> None:
        self.library = Library(open_store(None), max_per_tier=1000)
        self.library.add([lesson(id) for id in world.effects], "simulated")
        self.trials: list[Trial] = []
        self._seed = seed
        self._informedness = informedness
        self._episode = Trajectory("", "")

    def choose(self, family: Family) -> tuple[str, ...]:
        """See `Policy.choose`."""
        about = set(family.items)
        items = [item for item in self.library if item.id in about and is_shown(item)]
        assigned = self.library.credits.assign(items, family.purpose, self._seed)
        shown = [item.id for item in items if item.id not in assigned.withheld]
        self._episode = Trajectory(
            family.purpose,
            family.purpose,
            shown=shown,
            withheld=[item.id for item in items if item.id in assigned.withheld],
            propensities=dict(assigned.propensities),
        )
        return tuple(shown)

    def learn(self, outcome: Outcome) -> None:
        """See `Policy.learn`."""
        self._episode.id = f"episode {outcome.number}"
        self._episode.verdict = Verdict(None, success=outcome.judged)
        self.trials = self.library.credits.trials_of(self._episode, self._informedness)
        self.library.record(self.trials)

    def estimates(self) -> dict[str, float]:
        """Posterior means."""
        beliefs = self.library.credits.beliefs(self.library.store.heuristics(retired=True))
        return {id: belief.mean for id, belief in beliefs.items()}

    def raw_estimates(self) -> dict[str, float]:
        """What the trials alone say; 0 without any."""
        items = self.library.store.heuristics(retired=True)
        uplifts = {item.id: self.library.credits.uplift(item.id) for item in items}
        return {id: uplift.mean if uplift is not None else 0.0 for id, uplift in uplifts.items()}

    def ever(self, status: HeuristicStatus) -> set[str]:
        """Ids of the items that were ever in a status."""
        store = self.library.store
        return {
            item.id
            for item in store.heuristics(retired=True)
            if any(moment[1] == status for moment in store.history(item.id))
        }

    def close(self) -> None:
        """Free the store."""
        self.library.store.close()


class EqualCredit:
    """Every item that was shown is credited with the outcome: an exponential mean of it. The best five are shown."""

    def __init__(self, world: ItemWorld, alpha: float = 0.1) -> None:
        self._values = dict.fromkeys(world.effects, 0.5)
        self._alpha = alpha

    def choose(self, family: Family) -> tuple[str, ...]:
        """See `Policy.choose`."""
        return best_of(family.items, self._values)

    def learn(self, outcome: Outcome) -> None:
        """See `Policy.learn`."""
        for id in outcome.shown:
            self._values[id] += self._alpha * (float(outcome.judged) - self._values[id])

    def estimates(self) -> dict[str, float]:
        """The means."""
        return self._values


class Popularity:
    """A vote for each item that was shown in a success, one against in a failure (after ExpeL; Zhao et al. 2023).

    The five with most votes are shown.
    """

    def __init__(self, world: ItemWorld) -> None:
        self._votes = dict.fromkeys(world.effects, 0.0)

    def choose(self, family: Family) -> tuple[str, ...]:
        """See `Policy.choose`."""
        return best_of(family.items, self._votes)

    def learn(self, outcome: Outcome) -> None:
        """See `Policy.learn`."""
        for id in outcome.shown:
            self._votes[id] += 1.0 if outcome.judged else -1.0

    def estimates(self) -> dict[str, float]:
        """The votes."""
        return self._votes


class ShowAll:
    """No gate and no withholding: everything is always shown; an item's worth is its rate of success."""

    def __init__(self, world: ItemWorld) -> None:
        self._counts = {id: [1.0, 2.0] for id in world.effects}

    def choose(self, family: Family) -> tuple[str, ...]:
        """See `Policy.choose`."""
        return family.items

    def learn(self, outcome: Outcome) -> None:
        """See `Policy.learn`."""
        for id in outcome.shown:
            self._counts[id][0] += outcome.judged
            self._counts[id][1] += 1.0

    def estimates(self) -> dict[str, float]:
        """The rates."""
        return {id: won / n for id, (won, n) in self._counts.items()}


class RandomShowing:
    """Half of the items are shown at random, always: all that chance can tell, and no use of it."""

    def __init__(self, world: ItemWorld, seed: int) -> None:
        self._dice = random.Random(seed)
        self._sums = dict.fromkeys(world.effects, 0.0)
        self._family: Family | None = None

    def choose(self, family: Family) -> tuple[str, ...]:
        """See `Policy.choose`."""
        self._family = family
        return tuple(id for id in family.items if self._dice.random() < 0.5)

    def learn(self, outcome: Outcome) -> None:
        """See `Policy.learn`."""
        for id in self._family.items if self._family is not None else ():
            self._sums[id] += (1.0 if id in outcome.shown else -1.0) * (float(outcome.judged) - 0.5)

    def estimates(self) -> dict[str, float]:
        """Inverse-propensity sums; all items have nearly as many trials."""
        return self._sums


class Oracle:
    """Knows all effects, and shows what helps."""

    def __init__(self, world: ItemWorld) -> None:
        self._world = world
        self._number = 0

    def choose(self, family: Family) -> tuple[str, ...]:
        """See `Policy.choose`."""
        return tuple(id for id in family.items if self._world.effect(id, self._number) > 0)

    def learn(self, outcome: Outcome) -> None:
        """See `Policy.learn`."""
        self._number = outcome.number + 1

    def estimates(self) -> dict[str, float]:
        """None: it has nothing to estimate."""
        return {}


def best_of(items: Sequence[str], values: Mapping[str, float]) -> tuple[str, ...]:
    """The `SHOWN_AT_ONCE` of greatest value, of equal ones the first, in the order given."""
    best = set(sorted(items, key=lambda id: -values[id])[:SHOWN_AT_ONCE])
    return tuple(id for id in items if id in best)
