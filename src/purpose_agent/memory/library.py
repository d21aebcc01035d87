"""The library: the current set of lessons, what happens when one is added, and what becomes of it.

Nothing is overwritten. A lesson that is learned again becomes further evidence for the first one, which keeps its id
and its statistics; a changed text is a new version with its parent; what leaves is retired, with a reason, and can be
restored.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace

from purpose_agent.errors import UsageError
from purpose_agent.memory.credit.credit_book import CreditBook
from purpose_agent.memory.duplicates import Signature, say_the_same, signature
from purpose_agent.memory.episode_texts import EpisodeTexts
from purpose_agent.memory.gate.false_promotions import ALPHA, level
from purpose_agent.memory.intake import checked, next_version
from purpose_agent.memory.library_report import report
from purpose_agent.memory.life_cycle import is_shown, keep_order, posterior_mean, review
from purpose_agent.store.base import Store, Trial
from purpose_agent.types import Heuristic, HeuristicStatus, MemoryTier, new_id

MAX_EVIDENCE = 8
"""Episodes kept as evidence for one item; more of the same teach nothing new."""

NO_ROOM = "no room: "
"""Begins the reason of an item that was retired because its tier was full; it may come back when there is room."""

_TRUSTED_AUTHORS = frozenset({"human", "import"})


@dataclass(frozen=True)
class _Archive:
    """What is no longer live; read only when it is asked for, since it grows."""

    retired: dict[str, Heuristic]
    successors: dict[str, str]


class Library:
    """The lessons in a store; iterating gives those that are not retired, in order of adding.

    What it gives out are copies: changing one changes nothing. All methods may be called from any thread.

    Args:
        store: where they are kept.
        max_per_tier: how many live items a tier holds; the least valuable ones go.

    Attributes:
        credits: what each item is worth, by its trials.

    Raises:
        UsageError: ``max_per_tier`` is not positive.
    """

    def __init__(self, store: Store, max_per_tier: int = 20) -> None:
        if max_per_tier < 1:
            raise UsageError(f"max_per_tier must be at least 1, got {max_per_tier!r}")
        self.store = store
        self.max_per_tier = max_per_tier
        self.credits = CreditBook(store)
        self._lock = threading.RLock()
        self._live: tuple[int, dict[str, Heuristic]] | None = None
        self._retired: tuple[int, _Archive] | None = None
        self._signatures: dict[str, Signature] = {}
        self._order: dict[str, int] = {}
        self._texts = EpisodeTexts(store)

    # -- reading -------------------------------------------------------------------------------------------
    def __iter__(self) -> Iterator[Heuristic]:
        return iter([self._copied(h) for h in self._now().values()])

    def __len__(self) -> int:
        return len(self._now())

    def __contains__(self, id: object) -> bool:
        return id in self._now()

    def get(self, id: str) -> Heuristic | None:
        """The item of that id, a retired one too; None when there is none."""
        found = self._now().get(id) or self._archive().retired.get(id)
        return None if found is None else self._copied(found)

    def by_tier(self, tier: MemoryTier) -> list[Heuristic]:
        """The live items of a tier, in order of adding."""
        return [self._copied(h) for h in self._now().values() if h.tier == tier]

    def contexts(self) -> dict[str, str]:
        """Item id to the purposes and tasks of the episodes it came from, for `retrieval.select`."""
        return {id: self._texts.of(h.evidence) for id, h in self._now().items() if is_shown(h)}

    def report(self) -> str:
        """All live items for people: each tier with ids, Q, uses, successes, pattern, strategy and steps."""
        return report(self)

    # -- writing -------------------------------------------------------------------------------------------
    def add(self, heuristics: Iterable[Heuristic], reason: str) -> list[Heuristic]:
        """Take in new lessons; returns those that are new and stay.

        One that says the same as a live item becomes evidence for it. One that says the same as a retired item is
        refused, unless a person or an import brings it. One with the id of a live item and another text is its next
        version and takes over its statistics. A full tier loses its least valuable items.

        Raises:
            UsageError: an item has neither strategy nor steps, or no tier; nothing was added.
        """
        new = [checked(h) for h in heuristics]
        with self._lock:
            archive = self._archive()
            added = [id for h in new if (id := self._add_one(h, reason, archive)) is not None]
            for tier in dict.fromkeys(h.tier for h in new):
                self._make_room(tier)
            live = self._now()
            return [self._copied(live[id]) for id in dict.fromkeys(added) if id in live]

    def retire(self, id: str, reason: str) -> bool:
        """Take an item out of use, for good unless it is restored; False when it is not live."""
        with self._lock:
            return id in self._now() and self.store.set_status(id, HeuristicStatus.RETIRED, reason)

    def restore(self, id: str, reason: str) -> bool:
        """Undo a retirement; the item is a canary again. False when it is not retired."""
        with self._lock:
            item = self._archive().retired.get(id)
            if item is None:
                return False
            status = HeuristicStatus.QUARANTINED if item.tainted else HeuristicStatus.CANARY
            return self.store.set_status(id, status, reason)

    def credit(self, ids: Iterable[str], succeeded: bool, alpha: float = 0.1) -> list[str]:
        """Count one showing of each item and its outcome, where chance did not decide about it.

        Such counts tell nothing about cause: `record` does.

        Args:
            ids: what was shown, and nothing else; an id that occurs twice counts once, an unknown one not at all.
            succeeded: whether the episode did.
            alpha: how fast ``q_value`` follows.

        Returns:
            The ids that were counted.
        """
        with self._lock:
            heads = dict.fromkeys(self._head(id) for id in ids)
            counted = [
                id for id in heads if self.store.credit_heuristic(id, succeeded=succeeded, alpha=alpha)
            ]
            self._review(counted)
            return counted

    def record(self, trials: Iterable[Trial], alpha: float = 0.1) -> list[str]:
        """Keep what chance decided in an episode and how it ended; retire, promote or demote the items by it.

        Args:
            trials: of one episode.
            alpha: how fast ``q_value`` follows.

        Returns:
            The ids that were counted: each item once an episode.
        """
        given = list(trials)
        with self._lock:
            epochs = {trial.heuristic: self.credits.of(trial.heuristic).epoch for trial in given}
            counted = self.store.add_trials(given, alpha)
            self._review(counted, {id for id in counted if self.credits.of(id).epoch > epochs[id]})
            return counted

    def prove(self, id: str, reason: str) -> bool:
        """Make an item active that was verified by probes; False when it is not live. Its taint stays on record."""
        with self._lock:
            return id in self._now() and self.store.set_status(id, HeuristicStatus.ACTIVE, reason)

    def probe_level(self, id: str) -> float:
        """The level at which a probe of an item is tested; its stream has one half of all false promotions."""
        with self._lock:
            return level(self._position(id), self._promoted(), ALPHA / 2)

    # -- rules ---------------------------------------------------------------------------------------------
    def _add_one(self, item: Heuristic, reason: str, archive: _Archive) -> str | None:
        """The id under which the item lives now, None when it is nothing new."""
        live = self._now()
        twin = self._twin(item, live)
        if twin is not None:
            self._support(twin, item)
            return None
        rejected = self._twin(item, archive.retired)
        if rejected is not None and item.source not in _TRUSTED_AUTHORS:
            return self._reconsider(rejected)
        parent = live.get(item.id)
        if parent is not None:
            item = next_version(parent, item)
        elif item.id in archive.retired:
            item = replace(item, id=new_id(), parents=[item.id, *item.parents])
        if not self.store.add_heuristic(item, reason):
            return None
        if parent is not None:
            self.store.set_status(
                parent.id, HeuristicStatus.RETIRED, f"replaced by its next version {item.id}"
            )
        return item.id

    def _twin(self, item: Heuristic, among: dict[str, Heuristic]) -> Heuristic | None:
        own = signature(item)
        return next((h for h in among.values() if say_the_same(own, self._signature(h))), None)

    def _signature(self, item: Heuristic) -> Signature:
        known = self._signatures.get(item.id)
        if known is None:
            known = self._signatures[item.id] = signature(item)
        return known

    def _support(self, head: Heuristic, item: Heuristic) -> None:
        """Keep what a second item that says the same adds: episodes that support the first one."""
        known = {e.episode_id for e in head.evidence}
        fresh = [e for e in item.evidence if e.episode_id not in known]
        for evidence in fresh[: max(0, MAX_EVIDENCE - len(known))]:
            self.store.add_evidence(head.id, evidence)
        confirmed = is_shown(item) or bool(fresh and known and not item.tainted)
        if head.status == HeuristicStatus.CANDIDATE and confirmed:
            self.store.set_status(head.id, HeuristicStatus.CANARY, "confirmed by a second source")

    def _reconsider(self, rejected: Heuristic) -> str | None:
        """Give an item that left for lack of room its place back when there is one; None when it stays out."""
        history = self.store.history(rejected.id)
        crowded_out = bool(history) and history[-1][2].startswith(NO_ROOM)
        if crowded_out and len(self.by_tier(rejected.tier)) < self.max_per_tier:
            self.restore(rejected.id, "learned again, and there is room now")
            return rejected.id
        return None

    def _make_room(self, tier: MemoryTier) -> None:
        items = [h for h in self._now().values() if h.tier == tier]
        if len(items) <= self.max_per_tier:
            return
        values = self._values(items)
        # the sort is stable: of equal ones the older stays
        ranked = sorted(items, key=lambda h: keep_order(h, values[h.id]), reverse=True)
        for item in ranked[self.max_per_tier :]:
            reason = (
                f"{NO_ROOM}{tier.value} holds {self.max_per_tier}, believed uplift {values[item.id]:+.2f}"
            )
            self.store.set_status(item.id, HeuristicStatus.RETIRED, reason)

    def _values(self, items: list[Heuristic]) -> dict[str, float]:
        """The believed uplift of each item; of one without trials, what is said of it and its showings count too."""
        beliefs = self.credits.beliefs(items)
        used = sum(h.times_used for h in items)
        average = (sum(h.times_succeeded for h in items) + 1) / (used + 2)
        return {
            h.id: beliefs[h.id].mean
            + (0.0 if self.credits.of(h.id).n else posterior_mean(h, average) - average)
            for h in items
        }

    def _review(self, ids: Iterable[str], drifted: Collection[str] = ()) -> None:
        """Retire, promote or demote items that were just credited."""
        live = self._now()
        for item in [live[id] for id in ids if id in live]:
            credit, uplift = self.credits.of(item.id), self.credits.uplift(item.id)
            change = review(
                item, credit, uplift, threshold=self._threshold(item.id), drifted=item.id in drifted
            )
            if change is not None:
                self.store.set_status(item.id, *change)

    def _threshold(self, id: str) -> float:
        """The e-value that proves this item by its trials, so that few of all promotions are false."""
        return 1.0 / level(self._position(id), self._promoted(), ALPHA / 2)

    def _position(self, id: str) -> int:
        """Of an item in the stream of all that were ever proposed, from 1."""
        if id not in self._order:
            self._order = {h.id: n for n, h in enumerate(self.store.heuristics(retired=True), 1)}
        return self._order.get(id, len(self._order) + 1)

    def _promoted(self) -> int:
        """How many items stand promoted; those that were and are no more are left out, which errs on the safe side."""
        return sum(h.status == HeuristicStatus.ACTIVE and h.source != "human" for h in self._now().values())

    def _head(self, id: str) -> str:
        """The id of the newest version of an item."""
        seen = {id}
        while id not in self._now():
            id = self._archive().successors.get(id, id)
            if id in seen:
                break
            seen.add(id)
        return id

    def _now(self) -> dict[str, Heuristic]:
        """The live items by id, as any process left them."""
        revision = self.store.revision
        if self._live is None or self._live[0] != revision:
            self._live = revision, {h.id: h for h in self.store.heuristics()}
        return self._live[1]

    def _archive(self) -> _Archive:
        revision = self.store.revision
        if self._retired is None or self._retired[0] != revision:
            items = self.store.heuristics(retired=True)
            retired = {h.id: h for h in items if h.status == HeuristicStatus.RETIRED}
            successors = {parent: h.id for h in items if h.version > 1 for parent in h.parents}
            self._retired = revision, _Archive(retired, successors)
        return self._retired[1]

    def _copied(self, item: Heuristic) -> Heuristic:
        made = copy.copy(item)
        made.steps, made.evidence, made.parents = list(item.steps), list(item.evidence), list(item.parents)
        made.uplift = self.credits.uplift(item.id)
        return made
