"""What every item of a store is worth, kept in step with the store's trials."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from purpose_agent.memory.credit.item_credit import ItemCredit
from purpose_agent.memory.credit.pooling import Belief, pooled
from purpose_agent.memory.credit.withholding import coin, normal, propensity
from purpose_agent.memory.provenance.taken_back import taken_back
from purpose_agent.memory.purpose_family import family_named_after, family_of
from purpose_agent.store.base import Store, Trial
from purpose_agent.types import Heuristic, Trajectory, Trust, Uplift

PRIORS: Mapping[Trust | None, Belief] = {
    Trust.ACTIONS: Belief(0.45, 0.18**2),
    Trust.HUMAN: Belief(0.45, 0.18**2),
    Trust.MODEL: Belief(0.4, 0.18**2),
    None: Belief(0.4, 0.18**2),
}
"""What is assumed of items of an origin before any of them has trials: the library's own experience replaces it.

A lesson is shown nineteen times of twenty at first: with few of them, withholding the good ones costs more than showing
the poor ones does, and with many their kin soon tell. Set with the simulator's scenarios ``contexts`` and ``credit``.
"""

_OTHERS = Belief(0.0, 0.2**2)
_CHANGE = 0.1  # standard deviation of what a new version may change
_OUTCOMES = 2.0  # that a family's expected outcome borrows from all families
_FADING = 0.98  # of earlier outcomes, with each episode of the family


@dataclass(frozen=True)
class Assignment:
    """What chance decided about the items selected for an episode.

    Attributes:
        propensities: item id to the probability with which it was to be shown; empty when nothing is learned.
        withheld: ids of the items that are not shown.
    """

    propensities: Mapping[str, float] = field(default_factory=dict[str, float])
    withheld: frozenset[str] = frozenset()


@dataclass
class _Outcomes:
    """A fading mean."""

    total: float = 0.0
    n: float = 0.0

    def add(self, outcome: float) -> None:
        self.total, self.n = self.total * _FADING + outcome, self.n * _FADING + 1.0

    def mean(self, prior: float) -> float:
        return (self.total + _OUTCOMES * prior) / (self.n + _OUTCOMES)


class CreditBook:
    """A fold over the trials of a store, but for those of episodes that were rolled back.

    All methods may be called from any thread.

    Args:
        store: whose trials.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.RLock()
        self._revision: int | None = None
        self._assigned = 0
        self._kin: dict[str, tuple[str, Trust | None]] = {}
        self._begin(frozenset())

    def _begin(self, taken_back: frozenset[str]) -> None:
        """Forget everything; trials in these episodes will not count."""
        self._taken_back = taken_back
        self._upto = 0
        self._episode = ""
        self._credits: dict[str, ItemCredit] = {}
        self._families: dict[str, _Outcomes] = {}
        self._home: dict[str, str] = {}
        self._all = _Outcomes()
        self._uplifts: dict[str, tuple[int, Uplift | None]] = {}

    # -- what is known -------------------------------------------------------------------------------------
    def of(self, id: str) -> ItemCredit:
        """The trials of an item; of one without trials, an empty credit."""
        with self._lock:
            self._catch_up()
            return self._credits.get(id) or ItemCredit()

    def uplift(self, id: str) -> Uplift | None:
        """The uplift of an item with its interval; None without trials."""
        with self._lock:
            self._catch_up()
            credit = self._credits.get(id)
            if credit is None:
                return None
            known = self._uplifts.get(id)
            if known is None or known[0] != credit.shown + credit.withheld:
                known = self._uplifts[id] = credit.shown + credit.withheld, credit.uplift()
            return known[1]

    def beliefs(self, items: Iterable[Heuristic], family: str = "") -> dict[str, Belief]:
        """What is believed of each item's uplift: its own trials, and what its tier, origin and family are like.

        Args:
            items: any items.
            family: of the present task, for items that have no trials yet.
        """
        with self._lock:
            self._catch_up()
            wanted = list(items)
            self._learn_kin(wanted)
            prior_of = self._priors()
            return {item.id: self._belief(item, family, prior_of) for item in wanted}

    def expected(self, purpose: str) -> tuple[str, float]:
        """The family of a purpose, and the outcome to be expected in it, whatever is shown."""
        with self._lock:
            self._catch_up()
            family = family_of(purpose, self._families) or family_named_after(purpose)
            everywhere = (self._all.total + 1.0) / (self._all.n + 2.0)
            return family, self._families.get(family, _Outcomes()).mean(everywhere)

    # -- what chance decides -------------------------------------------------------------------------------
    def draws(
        self, items: Iterable[Heuristic], purpose: str, seed: int | str | None
    ) -> Callable[[Heuristic], float]:
        """What each item is worth for ranking, above 0: half, plus a draw of its uplift (Thompson sampling).

        Args:
            items: those that may be ranked.
            purpose: of the task.
            seed: of the draw; None takes the mean, as where nothing is learned.
        """
        beliefs = self.beliefs(items, self.expected(purpose)[0])
        now = "" if seed is None else self._chance(seed)

        def worth(item: Heuristic) -> float:
            belief = beliefs.get(item.id)
            if belief is None:
                return 0.5
            drawn = belief.mean
            if seed is not None:
                drawn += belief.sd * normal(now, f"rank {item.id}")
            return max(0.01, 0.5 + drawn)

        return worth

    def assign(self, items: Iterable[Heuristic], purpose: str, seed: int | str | None) -> Assignment:
        """Decide which of the selected items are shown in an episode.

        Args:
            items: the selected ones.
            purpose: of the task.
            seed: of the decision; None decides without chance, as where nothing is learned: what rather harms is
                withheld.
        """
        chosen = list(items)
        beliefs = self.beliefs(chosen, self.expected(purpose)[0])
        if seed is None:
            return Assignment({}, frozenset(id for id, belief in beliefs.items() if belief.helps < 0.5))
        now = self._chance(seed)
        with self._lock:
            self._assigned += 1
            unknown = ItemCredit()
            credits = {id: self._credits.get(id, unknown) for id in beliefs}
        chances = {
            id: propensity(belief, credits[id].n, credits[id].suspect) for id, belief in beliefs.items()
        }
        return Assignment(chances, frozenset(id for id, p in chances.items() if coin(now, f"show {id}") >= p))

    def trials_of(self, trajectory: Trajectory, informedness: float = 1.0) -> list[Trial]:
        """The trials that a finished episode makes.

        Args:
            trajectory: with what was shown, what was withheld, and the propensities.
            informedness: of whoever judged the outcome.
        """
        family, baseline = self.expected(trajectory.purpose)
        return [
            Trial(
                id,
                trajectory.id,
                family,
                shown,
                trajectory.propensities[id],
                float(trajectory.succeeded),
                baseline,
                informedness,
            )
            for ids, shown in ((trajectory.shown, True), (trajectory.withheld, False))
            for id in ids
            if id in trajectory.propensities
        ]

    # -- keeping step --------------------------------------------------------------------------------------
    def _chance(self, seed: int | str) -> str:
        """What an episode's coins are made of: the same task gets others when it is met again, or at the same time."""
        with self._lock:
            self._catch_up()
            # each stored episode had its coins thrown, if not here, then in an earlier process
            self._assigned = max(self._assigned, self._store.episode_count())
            return f"{seed} {self._upto} {self._assigned}"

    def _catch_up(self) -> None:
        revision = self._store.revision
        if revision == self._revision:
            return
        gone = taken_back(self._store).episodes
        if gone != self._taken_back:
            self._begin(gone)
        for trial in self._store.trials(after=self._upto):
            self._upto = trial.number
            if trial.episode in gone:
                continue
            self._credits.setdefault(trial.heuristic, ItemCredit()).add(trial)
            self._home.setdefault(trial.heuristic, trial.family)
            if trial.episode != self._episode:
                self._families.setdefault(trial.family, _Outcomes()).add(trial.outcome)
                self._all.add(trial.outcome)
            self._episode = trial.episode
        self._revision = revision

    def _learn_kin(self, items: Iterable[Heuristic]) -> None:
        """Remember tier and origin of items; those with trials that are retired by now are kin, too."""
        self._kin.update((item.id, (item.tier.value, item.trust)) for item in items)
        if any(id not in self._kin for id in self._credits):
            everything = self._store.heuristics(retired=True)
            self._kin.update((item.id, (item.tier.value, item.trust)) for item in everything)

    def _priors(self) -> Callable[[str, Trust | None, str], Belief]:
        """(tier, origin, family) to what is assumed of such an item; computed when it is first asked for.

        Kin of other families first, then those of the family itself, which count for more: each item counts once.
        """
        known: dict[tuple[str, Trust | None, str], Belief] = {}
        kin: dict[tuple[str, Trust | None], list[tuple[str, Belief]]] = {}
        for id, (tier, trust) in self._kin.items():
            credit = self._credits.get(id)
            if credit is not None and (likelihood := credit.likelihood) is not None:
                kin.setdefault((tier, trust), []).append((self._home[id], likelihood))

        def prior(tier: str, trust: Trust | None, family: str) -> Belief:
            key = tier, trust, family
            if key not in known:
                members = kin.get((tier, trust), [])
                group = pooled(PRIORS.get(trust, _OTHERS), [b for home, b in members if home != family])
                known[key] = pooled(group, [b for home, b in members if home == family])
            return known[key]

        return prior

    def _belief(
        self, item: Heuristic, family: str, prior_of: Callable[[str, Trust | None, str], Belief]
    ) -> Belief:
        prior = prior_of(item.tier.value, item.trust, self._home.get(item.id, family))
        for id in item.parents:
            before = self._credits.get(id)
            if before is not None:  # a new version is much like the one that it replaces
                prior = prior.given(before.likelihood).widened(_CHANGE)
        credit = self._credits.get(item.id)
        return prior.given(credit.likelihood if credit is not None else None)
