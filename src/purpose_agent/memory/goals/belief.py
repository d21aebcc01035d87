"""What would complete the task at hand: a posterior over goals, narrowed down by every attempt that was not it.

A goal is a set of ``count`` arguments with different items. Its prior is the product of the learned odds; a state in
which all of a goal's arguments stood and that was no success rules the goal out.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, product
from math import comb, exp

from purpose_agent.memory.goals.odds import NOTHING, GoalOdds
from purpose_agent.memory.goals.trace import Arguments

_MAX_GOALS = 1500  # that are weighed; the least likely items and places are left out first
_MAX_ITEMS = 8
_MAX_PLACES = 6


class GoalBelief:
    """The posterior over goals in one episode.

    Args:
        odds: what was learned about arguments.
        count: how many arguments a goal has.
    """

    def __init__(self, odds: GoalOdds, count: int) -> None:
        self._odds = odds
        self._count = count
        self._failed: list[frozenset[Arguments]] = []
        self._possible = 0
        self.likely: dict[Arguments, float] = {}
        """The probability that the goal holds each of the possible arguments."""
        self.best: tuple[Arguments, ...] = ()
        """The most probable goal that was not ruled out. How many of its arguments can be named is decided first: an
        item that could be anywhere belongs somewhere, though every single place may be less probable than none."""

    def update(self, possible: Sequence[Arguments], standing: Sequence[Arguments]) -> None:
        """Take in a state that is no success.

        Args:
            possible: the arguments that were possible so far; the set only grows.
            standing: how things stand.
        """
        tested = frozenset(standing)
        known = len(standing) < self._count or tested in self._failed
        if known and len(possible) == self._possible:
            return
        if not known:
            self._failed.append(tested)
        self._possible = len(possible)
        self._weigh(possible)

    def _weigh(self, possible: Sequence[Arguments]) -> None:
        by_item: dict[str, list[tuple[float, Arguments]]] = {}
        for arguments in possible:
            by_item.setdefault(arguments[0], []).append((self._odds.log_odds(arguments), arguments))
        for ranked in by_item.values():
            ranked.sort(key=lambda pair: -pair[0])
        items = sorted(by_item, key=lambda item: -by_item[item][0][0])
        n_items, n_places = self._bounds(len(items))
        goals: list[tuple[float, list[Arguments]]] = []
        nothing = self._odds.log_odds(NOTHING)
        for size in range(self._count + 1):
            for chosen in combinations(items[:n_items], size):
                for parts in product(*(by_item[item][:n_places] for item in chosen)):
                    goal = [arguments for _, arguments in parts]
                    if size < self._count or not self._ruled_out(goal):
                        weight = sum(value for value, _ in parts) + nothing * (self._count - size)
                        goals.append((weight, goal))
        self._settle(goals)

    def _settle(self, goals: list[tuple[float, list[Arguments]]]) -> None:
        self.likely, self.best = {}, ()
        if not goals:
            return
        top = max(weight for weight, _ in goals)
        by_size = [0.0] * (self._count + 1)
        for weight, goal in goals:
            share = exp(weight - top)
            by_size[len(goal)] += share
            for arguments in goal:
                self.likely[arguments] = self.likely.get(arguments, 0.0) + share
        total = sum(by_size)
        self.likely = {arguments: share / total for arguments, share in self.likely.items()}
        size = by_size.index(max(by_size))
        self.best = tuple(max((pair for pair in goals if len(pair[1]) == size), key=lambda pair: pair[0])[1])

    def _ruled_out(self, goal: list[Arguments]) -> bool:
        return any(failed.issuperset(goal) for failed in self._failed)

    def _bounds(self, n_items: int) -> tuple[int, int]:
        """How many items and places each are weighed, so that there are not too many goals."""
        items, places = min(_MAX_ITEMS, n_items), _MAX_PLACES
        while sum(comb(items, k) * places**k for k in range(self._count + 1)) > _MAX_GOALS:
            if places > 2:
                places -= 1
            elif items > self._count:
                items -= 1
            else:
                break
        return items, places
