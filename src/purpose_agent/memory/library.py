"""The library: the current set of lessons, what happens when one is added, and what becomes of it.

Nothing is overwritten. A lesson that is learned again becomes further evidence for the first one, which keeps its id
and its statistics; a changed text is a new version with its parent; what leaves is retired, with a reason, and can be
restored.

Tainted items are a class of their own: they are quarantined, and neither replace nor confirm nor crowd out an untainted
one. An item leaves quarantine when it is verified or corroborated; that it was tainted stays on record.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from math import inf

from purpose_agent.errors import UsageError
from purpose_agent.memory.credit.credit_book import CreditBook
from purpose_agent.memory.credit.item_credit import e_value
from purpose_agent.memory.duplicates import Signature, say_the_same, signature
from purpose_agent.memory.episode_texts import EpisodeTexts
from purpose_agent.memory.gate.false_promotions import level
from purpose_agent.memory.intake import checked, derived_id, next_version, quarantined
from purpose_agent.memory.library_report import report
from purpose_agent.memory.life_cycle import is_shown, keep_order, posterior_mean, review
from purpose_agent.memory.provenance.corroboration import grounds_for_release, word_for_word
from purpose_agent.memory.provenance.defences import DEFENDED, Defences
from purpose_agent.memory.provenance.taken_back import taken_back
from purpose_agent.store.base import Store, Trial
from purpose_agent.types import Evidence, Heuristic, HeuristicStatus, MemoryTier, Trust

MAX_EVIDENCE = 8
"""Episodes kept as evidence for one item; more of the same teach nothing new."""

NO_ROOM = "no room: "
"""Begins the reason of an item that was retired because its tier was full; it may come back when there is room."""

REPLACED = "replaced by its next version "
"""Begins the reason of an item that was retired because a new version took its place."""


@dataclass(frozen=True)
class _Archive:
    """What is no longer live; read only when it is asked for, since it grows."""

    retired: dict[str, Heuristic]
    successors: dict[str, str]
    taken_back: frozenset[str]


class Library:
    """The lessons in a store; iterating gives those that are not retired, in order of adding.

    What it gives out are copies: changing one changes nothing. All methods may be called from any thread.

    Args:
        store: where they are kept.
        max_per_tier: how many live items a tier holds, and as many in quarantine; the least valuable ones go.
        defences: what is done about text that strangers may have written.

    Attributes:
        credits: what each item is worth, by its trials.
        gated: whether what items did decides about their life; False only to see what it is worth.

    Raises:
        UsageError: ``max_per_tier`` is not positive.
    """

    def __init__(
        self, store: Store, max_per_tier: int = 20, defences: Defences = DEFENDED, *, gated: bool = True
    ) -> None:
        if max_per_tier < 1:
            raise UsageError(f"max_per_tier must be at least 1, got {max_per_tier!r}")
        self.store = store
        self.max_per_tier = max_per_tier
        self.defences = defences
        self.gated = gated
        self.credits = CreditBook(store)
        self._lock = threading.RLock()
        self._live: tuple[int, dict[str, Heuristic]] | None = None
        self._retired: tuple[int, _Archive] | None = None
        self._signatures: dict[str, Signature] = {}
        self._positions: dict[tuple[str, str], int] = {}
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

        A tainted one is quarantined. It is nothing new where it repeats an untainted item word for word, and an item
        of its own where it only resembles one or has its id. An untainted one that repeats a quarantined item word for
        word corroborates it; see `provenance.corroboration`.

        Raises:
            UsageError: an item has neither strategy nor steps, or no tier; nothing was added.
        """
        new = [self._defended(checked(h)) for h in heuristics]
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
            tainted = item.tainted and self.defences.quarantine
            status = HeuristicStatus.QUARANTINED if tainted else HeuristicStatus.CANARY
            return self.store.set_status(id, status, reason)

    def verified(self, id: str, reason: str) -> bool:
        """Let an item out of quarantine, on probation; it stays tainted. False when it is not quarantined.

        Args:
            id: the item's.
            reason: who or what verified it: an accepted probe, a person; `memory show` tells it.
        """
        with self._lock:
            item = self._now().get(id)
            if item is None or item.status != HeuristicStatus.QUARANTINED:
                return False
            return self.store.set_status(id, HeuristicStatus.CANARY, reason)

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

    def probe_level(self, id: str, probe: str) -> float:
        """The level at which a probe of an item is tested; each probe has its own place in the stream of tests."""
        with self._lock:
            return self._level(id, f"probe {probe}")

    def proof(self, id: str) -> tuple[float, float]:
        """The evidence that an item helps, as an e-value, and how much of it makes a canary active."""
        credit = self.credits.of(id)
        if not credit.n:  # a test begins with its first trial
            return 1.0, inf
        return e_value(credit.proof), 1.0 / self._level(id, f"trials {credit.epoch}")

    # -- rules ---------------------------------------------------------------------------------------------
    def _defended(self, item: Heuristic) -> Heuristic:
        """The item as the defences want it: without labels where these are off, else quarantined when tainted."""
        if not self.defences.labels:
            return replace(item, trust=None, tainted=False)
        return quarantined(item) if self.defences.quarantine else item

    def _add_one(self, item: Heuristic, reason: str, archive: _Archive) -> str | None:
        """The id under which the item lives now, None when it is nothing new."""
        live = self._now()
        twin = self._twin(item, (h for h in live.values() if h.tainted == item.tainted))
        if twin is not None:
            self._support(twin, item)
            return None
        rejected = self._twin(item, self._rejected(item, archive))
        if rejected is not None and not _brought_by_hand(item):
            return self._reconsider(rejected)
        double = next((h for h in live.values() if self._doubles(item, h)), None)
        if double is not None:
            if double.tainted:  # for a stranger's word adds nothing to an item that is none's
                self._support(double, item)
            return None
        parent = live.get(item.id)
        if parent is not None and item.tainted and not parent.tainted:
            parent = None  # a stranger's text replaces nothing
        if parent is not None:
            item = self._defended(next_version(parent, item))
        elif item.id in live or item.id in archive.retired:
            learned_anew = item.id in live or item.id in archive.taken_back
            parents = item.parents if learned_anew else [item.id, *item.parents]
            item = replace(item, id=self._free_id(item), parents=parents)
        if not self.store.add_heuristic(item, reason):
            return None
        if parent is not None and not (is_shown(parent) and item.status == HeuristicStatus.QUARANTINED):
            self.store.set_status(parent.id, HeuristicStatus.RETIRED, REPLACED + item.id)
        return item.id

    def _rejected(self, item: Heuristic, archive: _Archive) -> Iterator[Heuristic]:
        """What left and is not to be proposed again; what was taken back with its source may be learned anew."""
        for known in archive.retired.values():
            if known.id in archive.taken_back:
                continue
            # between strangers and others the very words count, and only where somebody judged them
            if known.tainted == item.tainted or (
                self._doubles(item, known) and not self._ran_out_of_room(known)
            ):
                yield known

    def _ran_out_of_room(self, item: Heuristic) -> bool:
        history = self.store.history(item.id)
        return bool(history) and history[-1][2].startswith(NO_ROOM)

    def _free_id(self, item: Heuristic) -> str:
        """An id of its own for an item whose id is taken; the same in every process."""
        text = "\n".join((item.pattern, item.strategy, *item.steps))
        known = {h.id for h in self.store.heuristics(retired=True)}
        tries = (derived_id(item.id, f"again {n} {text}") for n in range(len(known) + 1))
        return next(id for id in tries if id not in known)

    def _twin(self, item: Heuristic, among: Iterable[Heuristic]) -> Heuristic | None:
        own = signature(item)
        return next((h for h in among if say_the_same(own, self._signature(h))), None)

    def _doubles(self, item: Heuristic, other: Heuristic) -> bool:
        """Whether a tainted and an untainted item say the same word for word, and it is on record who says so."""
        recorded = item.tainted or item.trust is not None
        return recorded and item.tainted != other.tainted and word_for_word(item, other)

    def _signature(self, item: Heuristic) -> Signature:
        known = self._signatures.get(item.id)
        if known is None:
            known = self._signatures[item.id] = signature(item)
        return known

    def _support(self, head: Heuristic, item: Heuristic) -> None:
        """Keep what a second item that says the same adds: episodes that support the first one."""
        known = {e.episode_id for e in head.evidence}
        fresh = [e for e in item.evidence if e.episode_id not in known]
        # what strangers say takes no room from what others say
        taken = {e.episode_id for e in head.evidence if _is_tainted(e) == item.tainted}
        for evidence in fresh[: max(0, MAX_EVIDENCE - len(taken))]:
            self.store.add_evidence(head.id, evidence)
        confirmed = is_shown(item) or bool(fresh and known and not item.tainted)
        if head.status == HeuristicStatus.CANDIDATE and confirmed:
            self.store.set_status(head.id, HeuristicStatus.CANARY, "confirmed by a second source")
        if head.status == HeuristicStatus.QUARANTINED and not item.tainted:
            grounds = grounds_for_release(head, item, self.store)
            if grounds is not None:
                self.store.set_status(head.id, HeuristicStatus.CANARY, grounds)

    def _reconsider(self, rejected: Heuristic) -> str | None:
        """Give an item that left for lack of room its place back when there is one; None when it stays out."""
        room = [h for h in self.by_tier(rejected.tier) if _waits(h) == rejected.tainted]
        if self._ran_out_of_room(rejected) and len(room) < self.max_per_tier:
            self.restore(rejected.id, "learned again, and there is room now")
            return rejected.id
        return None

    def _make_room(self, tier: MemoryTier) -> None:
        for waiting in (False, True):  # strangers have a room of their own and crowd nobody out
            items = [h for h in self._now().values() if h.tier == tier and _waits(h) == waiting]
            if len(items) > self.max_per_tier:
                self._crowd_out(tier, items)

    def _crowd_out(self, tier: MemoryTier, items: list[Heuristic]) -> None:
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
        if not self.gated:
            return
        live = self._now()
        for item in [live[id] for id in ids if id in live]:
            proof, threshold = self.proof(item.id)
            change = review(
                item,
                self.credits.uplift(item.id),
                proof=proof,
                threshold=threshold,
                drifted=item.id in drifted,
            )
            if change is not None:
                self.store.set_status(item.id, *change)

    def _level(self, id: str, test: str) -> float:
        """The level of one test of an item, so that few of all promotions are false."""
        position = self._positions.get((id, test))
        if position is None:
            position = self._positions[id, test] = self.store.test_position(id, test)
        return level(position, self._promoted())

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
            disowned = taken_back(self.store).episodes
            items = self.store.heuristics()
            for item in items if disowned else ():
                item.evidence = [e for e in item.evidence if e.episode_id not in disowned]
            self._live = revision, {h.id: h for h in items}
        return self._live[1]

    def _archive(self) -> _Archive:
        revision = self.store.revision
        if self._retired is None or self._retired[0] != revision:
            items = self.store.heuristics(retired=True)
            retired = {h.id: h for h in items if h.status == HeuristicStatus.RETIRED}
            successors = {parent: h.id for h in items if h.version > 1 for parent in h.parents}
            self._retired = revision, _Archive(retired, successors, taken_back(self.store).items)
        return self._retired[1]

    def _copied(self, item: Heuristic) -> Heuristic:
        made = copy.copy(item)
        made.steps, made.evidence, made.parents = list(item.steps), list(item.evidence), list(item.parents)
        made.uplift = self.credits.uplift(item.id)
        return made


def _brought_by_hand(item: Heuristic) -> bool:
    """Whether a person brings it, themselves or in a file."""
    return item.trust in (Trust.HUMAN, Trust.IMPORT) or item.source in ("human", "import")


def _waits(item: Heuristic) -> bool:
    return item.status == HeuristicStatus.QUARANTINED


def _is_tainted(evidence: Evidence) -> bool:
    return evidence.trust is not None and evidence.trust.tainted
