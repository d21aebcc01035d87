"""Whether intervals that claim to hold at every look do."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from purpose_agent.store.base import Trial
from purpose_agent.types import Uplift


@dataclass
class EveryLook:
    """Compares each interval, after each trial, with what it is about: the overlap-weighted effect in the trials.

    Args:
        effect: from an item's id and the episode's number to the true effect.

    Attributes:
        items: ids of all items that were looked at.
        missed: ids of those whose interval was ever wrong.
        looks: how often it was looked.
    """

    effect: Callable[[str, int], float]
    items: set[str] = field(default_factory=set[str])
    missed: set[str] = field(default_factory=set[str])
    looks: int = 0
    _trials: dict[str, list[tuple[float, float]]] = field(
        default_factory=dict[str, list[tuple[float, float]]]
    )

    def look(self, trials: Iterable[Trial], number: int, known: Callable[[str], Uplift | None]) -> None:
        """Look at the items of an episode.

        Args:
            trials: of it.
            number: of the episode.
            known: from an item's id to its interval, with these trials taken in; it is about the last `Uplift.n`.
        """
        for trial in trials:
            weight = trial.propensity * (1.0 - trial.propensity) * trial.informedness
            mine = self._trials.setdefault(trial.heuristic, [(0.0, 0.0)])
            mine.append((mine[-1][0] + weight * self.effect(trial.heuristic, number), mine[-1][1] + weight))
            uplift = known(trial.heuristic)
            if uplift is None:  # it has just begun anew
                continue
            before, now = mine[-1 - uplift.n], mine[-1]
            true = (now[0] - before[0]) / (now[1] - before[1])
            self.looks += 1
            self.items.add(trial.heuristic)
            if not uplift.low - 1e-9 <= true <= uplift.high + 1e-9:
                self.missed.add(trial.heuristic)
