"""What a store keeps, as a protocol: the journal, the episodes' values, the library, artefacts and scores.

`purpose_agent.conformance.store` checks an implementation. Every method may be called from any thread; several
processes may share one store; kill -9 at any moment corrupts nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Protocol

import msgspec

from purpose_agent.events import Event
from purpose_agent.types import Evidence, Heuristic, HeuristicStatus

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vector = NDArray[np.float32]


class RunInfo(msgspec.Struct, frozen=True):
    """One line about a run, for lists.

    Attributes:
        run_id: identifier.
        created_at: seconds since the epoch.
        purpose: the goal.
        task: the task in words.
        environment: what it ran in.
        model: what decided.
        steps: finished steps.
        stop_reason: "" while it is running or was killed.
        success: None while it is not finished.
        final_phi: None when nothing was scored.
        trust: a `Trust` value where strangers may write what was observed; "" where not.
    """

    run_id: str
    created_at: float
    purpose: str
    task: str
    environment: str
    model: str
    steps: int
    stop_reason: str
    success: bool | None
    final_phi: float | None
    trust: str = ""


class EpisodeInfo(msgspec.Struct, frozen=True):
    """What the experience replay knows about an episode besides its events.

    Attributes:
        id: the run's id; its events are in the journal.
        number: counts from 1 in the order of adding; never reused.
        purpose: the goal.
        task: the task in words; what retrieval searches, with ``purpose``.
        success: by the one definition of success.
        transient: whether it failed for a transient cause, so that it teaches nothing.
        score: final Φ / 10, 0 when nothing was scored.
        steps: how many.
        q_value: in [0, 1], how useful showing it was.
        distilled_by: names of the distillers that have seen it.
    """

    id: str
    number: int
    purpose: str
    task: str
    success: bool
    transient: bool
    score: float
    steps: int
    q_value: float
    distilled_by: tuple[str, ...] = ()


class Trial(msgspec.Struct, frozen=True):
    """A memory item that was selected for an episode, whether chance let it be shown, and how the episode ended.

    Attributes:
        heuristic: the item's id.
        episode: the run's id.
        family: of tasks, in which the episode is compared with others.
        shown: whether it was shown; else it was withheld.
        propensity: in (0, 1), the probability with which it was to be shown, fixed before anything else happened.
        outcome: in [0, 1], 1 for a success.
        baseline: in [0, 1], the outcome that was to be expected before the episode began, whatever is shown.
        informedness: in (0, 1], sensitivity + specificity - 1 of whoever judged the outcome; 1 for a verifier
            (Youden 1950).
        number: counts from 1 in the order of adding; given by the store.
    """

    heuristic: str
    episode: str
    family: str
    shown: bool
    propensity: float
    outcome: float
    baseline: float = 0.5
    informedness: float = 1.0
    number: int = 0


class VectorSpace(msgspec.Struct, frozen=True):
    """Whose vectors they are; those of different spaces are never compared.

    Attributes:
        embedder: name of the model and its version.
        dimension: numbers in a vector.
    """

    embedder: str
    dimension: int


class Neighbours(msgspec.Struct, frozen=True):
    """The episodes whose vectors are closest to a query's.

    Attributes:
        episodes: with their cosines, best first; of equal ones the newer first.
        count: how many vectors there are to compare with.
        total: the sum of their cosines with the query: what is close to everything is close to nothing in particular.
    """

    episodes: list[tuple[EpisodeInfo, float]]
    count: int
    total: float


class ScoredState(msgspec.Struct, frozen=True):
    """A cached opinion of one critic about one state under one purpose."""

    phi: float
    confidence: float
    evidence: str
    reasoning: str


class Store(Protocol):
    """See the module's text; all errors are `StoreError`s."""

    # -- journal -------------------------------------------------------------------------------------------
    def append(self, run_id: str, seq: int, events: list[Event]) -> Future[None]:
        """Write events of a run at positions seq, seq + 1, … and return at once.

        The future is done when they survive the death of the process. Writes are kept in order. A position that
        is taken fails the future with `StoreError`: another process continues the same run; from then on all
        appends to that run fail until its `events` are read again, so that two writers never mix. A position
        beyond the end fails too: the append before it did. Nothing is raised here; an append cannot be cancelled.
        """
        ...

    def flush(self) -> None:
        """Wait until everything appended so far is durable."""
        ...

    def events(self, run_id: str) -> list[Event]:
        """All events of a run in order; empty when there is no such run. Sees own unflushed appends."""
        ...

    def event_count(self, run_id: str) -> int:
        """How many events a run has, 0 when there is no such run; own unflushed appends count."""
        ...

    def runs(self, limit: int | None = None) -> list[RunInfo]:
        """Newest first."""
        ...

    # -- experience replay ---------------------------------------------------------------------------------
    def add_episode(self, episode: EpisodeInfo, text: str) -> EpisodeInfo:
        """Index a finished run whose events are in the journal; returns it with its number. Adding twice is one."""
        ...

    def episodes(self, *, after: int = 0, limit: int | None = None) -> list[EpisodeInfo]:
        """In order of adding, those with a number above ``after``."""
        ...

    def episode(self, id: str) -> EpisodeInfo | None:
        """One episode, None when unknown."""
        ...

    def episode_count(self) -> int:
        """How many episodes are in the replay, at no cost that grows with it."""
        ...

    def search_episodes(self, query: str, limit: int) -> list[tuple[EpisodeInfo, float]]:
        """Episodes that share words with ``query``, best first, with a relevance in (0, 1]."""
        ...

    def save_vectors(self, space: VectorSpace, vectors: Mapping[str, Vector]) -> None:
        """Keep vectors of unit length beside the episodes of these ids; a first one stays, unknown ids are passed over.

        Raises:
            StoreError: a vector does not have the space's dimension, or holds what is no number.
        """
        ...

    def vectors(self, space: VectorSpace, ids: Sequence[str]) -> dict[str, Vector]:
        """The vectors of these episodes, of those that have one."""
        ...

    def episodes_without_vector(self, space: VectorSpace, limit: int) -> list[EpisodeInfo]:
        """Episodes that have no vector in this space, the newest first."""
        ...

    def search_vectors(self, space: VectorSpace, query: Vector, limit: int) -> Neighbours:
        """The episodes closest to ``query``, which has unit length; only those with a cosine above 0.

        In a large store a few of the closest may be missed.
        """
        ...

    def value_episode(self, id: str, reward: float, alpha: float) -> None:
        """q ← q + alpha (reward − q), as arithmetic in the store; an unknown episode is left alone."""
        ...

    def mark_distilled(self, id: str, distiller: str) -> bool:
        """Claim an episode for a distiller; False when it was claimed before, by any process."""
        ...

    def remove_episodes(self, ids: list[str]) -> None:
        """Take episodes out of the replay; their journals stay."""
        ...

    def trim_episodes(self, capacity: int) -> list[str]:
        """Take out the episodes of least value (of equal ones the oldest) until ``capacity`` are left.

        The newest one always stays: it had no chance to show its value. Returns the ids that are gone.
        """
        ...

    # -- library -------------------------------------------------------------------------------------------
    def add_heuristic(self, heuristic: Heuristic, reason: str) -> bool:
        """Keep a new heuristic (or a new version: new id, ``parents`` set); False when its id is there already."""
        ...

    def heuristics(self, *, retired: bool = False) -> list[Heuristic]:
        """In order of adding, with their present status and statistics; retired ones only when asked for."""
        ...

    def set_status(self, id: str, status: HeuristicStatus, reason: str) -> bool:
        """Move a heuristic in its life cycle; a change is logged. False when there is no such id."""
        ...

    def credit_heuristic(self, id: str, *, succeeded: bool, alpha: float) -> bool:
        """Count one showing and its outcome, as arithmetic in the store. False when there is no such id."""
        ...

    def add_trials(self, trials: list[Trial], alpha: float) -> list[str]:
        """Keep the outcomes of an episode for the items that chance decided about, all or none of them.

        A showing counts as by `credit_heuristic`, a withholding in ``withheld``. An item that is unknown, and a second
        trial of one item in one episode, are left out. Returns the ids that were counted.
        """
        ...

    def trials(self, *, after: int = 0, limit: int | None = None) -> list[Trial]:
        """In order of adding, those with a number above ``after``; they are never changed."""
        ...

    def test_position(self, id: str, test: str) -> int:
        """The position of one test of a heuristic in the stream of all tests, from 1; given when first asked, for good.

        What comes later has a higher one; positions are unique, and need not be consecutive.
        """
        ...

    def add_evidence(self, id: str, evidence: Evidence) -> bool:
        """Add to the ``evidence`` of a heuristic; the same one twice is one. False when there is no such id."""
        ...

    def history(self, id: str) -> list[tuple[float, str, str]]:
        """(seconds since the epoch, status, reason) of every change of a heuristic, oldest first."""
        ...

    # -- artefacts and scores ------------------------------------------------------------------------------
    def save_artefact(self, name: str, payload: bytes, *, upto: int) -> bool:
        """Keep what was computed from the episodes up to number ``upto``.

        False, and nothing is changed, when the store holds one from a later number: another process was faster.
        """
        ...

    def artefact(self, name: str) -> tuple[bytes, int] | None:
        """(payload, upto) of the newest one, None when there is none."""
        ...

    def cached_score(self, purpose: str, fingerprint: str, critic: str) -> ScoredState | None:
        """The one score of (purpose, state, critic), if it is known."""
        ...

    def known_scores(self, purpose: str, limit: int) -> list[tuple[str, str, ScoredState]]:
        """(fingerprint, critic, score) of at most ``limit`` states that were scored under a purpose."""
        ...

    def cache_score(self, purpose: str, fingerprint: str, critic: str, score: ScoredState) -> None:
        """Keep a score; the first one stays, except that the critic ``human`` overwrites itself.

        It may be written later; `cached_score` of this store sees it at once, and `flush` raises if that failed.
        """
        ...

    @property
    def revision(self) -> int:
        """Changes whenever any process changes the library, the episodes or an artefact; for caches."""
        ...

    def close(self) -> None:
        """Flush and free everything; closing twice is fine."""
        ...
