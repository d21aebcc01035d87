"""The optimizer: episodes in, lessons out. Distil → dedupe → library."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from purpose_agent.bridge import SyncBridge
from purpose_agent.errors import UsageError, describe_error
from purpose_agent.llm_backend.base import LLMBackend
from purpose_agent.memory.distillers.base import Distiller
from purpose_agent.memory.distillers.catalogue import DEFAULT_DISTILLERS, make_distiller
from purpose_agent.memory.distilling import (
    DistillerFailure,
    DistillingRound,
    OnError,
    existing_for_distillers,
    labelled_proposals,
)
from purpose_agent.memory.distilling_claims import Claims
from purpose_agent.memory.library import Library
from purpose_agent.memory.values.learner import ValueLearner
from purpose_agent.store.base import Store
from purpose_agent.types import Heuristic, MemoryTier, Trajectory

__all__ = ["DistillerFailure", "HeuristicOptimizer", "OptimizeReport"]

MAX_WAITING = 50
"""Episodes that wait for another try after an outage; of more, the newest."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class OptimizeReport:
    """What came of some episodes.

    Attributes:
        added: new lessons.
        failures: one line for each distiller that failed; the others' lessons are kept.
        details: the same failures as data.
    """

    added: tuple[Heuristic, ...] = ()
    failures: tuple[str, ...] = ()
    details: tuple[DistillerFailure, ...] = ()


class HeuristicOptimizer:
    """Derives lessons from episodes and keeps the library.

    Args:
        llm: the model of the distillers that need one.
        min_reward_threshold: an episode that failed and raised Φ by less than this is not given to the model.
        max_heuristics_per_tier: how many lessons a tier holds.
        store: where the library is kept; in memory when there is neither a store nor a library.
        library: used instead of a new one over ``store``.
        distillers: distillers, or names known to the `distiller_registry`; see `DEFAULT_DISTILLERS`.
        values: the value memory, for distillers that read it; default: one over the library's store.

    Raises:
        UsageError: a name is not known, or ``library`` is not kept in ``store``.
    """

    def __init__(
        self,
        llm: LLMBackend,
        min_reward_threshold: float = 1.0,
        max_heuristics_per_tier: int = 20,
        *,
        store: Store | None = None,
        library: Library | None = None,
        distillers: Sequence[Distiller | str] | None = None,
        values: ValueLearner | None = None,
    ) -> None:
        if library is not None and store is not None and library.store is not store:
            raise UsageError("the library is kept in another store; pass a store or a library, not both")
        self.llm = llm
        self.min_reward_threshold = min_reward_threshold
        self.max_heuristics_per_tier = max_heuristics_per_tier
        self._own_store: Store | None = None
        if library is None:
            if store is None:
                store = self._own_store = _new_store()
            library = Library(store, max_heuristics_per_tier)
        self.library = library
        wanted = DEFAULT_DISTILLERS if distillers is None else distillers
        self.distillers = [
            make_distiller(d, llm=llm, store=self.library.store, min_gain=min_reward_threshold, values=values)
            if isinstance(d, str)
            else d
            for d in wanted
        ]
        self._claims = Claims(self.library.store)
        self._waiting: dict[str, Trajectory] | None = None
        self._bridge = SyncBridge()

    @property
    def heuristic_library(self) -> list[Heuristic]:
        """The live lessons, in order of adding; a copy, so use `merge_heuristics` to add to it."""
        return list(self.library)

    # -- learning ------------------------------------------------------------------------------------------
    async def aoptimize(
        self,
        trajectories: Sequence[Trajectory],
        *,
        on_error: OnError | None = None,
        seconds: float | None = None,
    ) -> OptimizeReport:
        """Distil episodes, each at most once by each distiller, and add what is new to the library.

        Episodes that an outage left undone, in an earlier process too, are tried again after the new ones. A failure
        of a distiller is part of the report, never an exception.

        Args:
            trajectories: finished episodes; those that failed for a transient cause teach nothing.
            on_error: told of each failure when it happens.
            seconds: how long it may take; what is not done by then counts as left undone by an outage. None for ever.

        Raises:
            UsageError: they are no trajectories.
        """
        given = checked_trajectories(trajectories)
        episodes = {t.id: t for t in given if not t.failed_transiently}
        episodes |= {id: t for id, t in self._left_undone().items() if id not in episodes}
        work = DistillingRound(self.library, self._claims, on_error)
        try:
            await work.distil_all(self.distillers, list(episodes.values()), seconds)
        finally:
            undone = [t for id, t in episodes.items() if id in work.waiting]
            waiting = {t.id: t for t in (*undone, *self._left_undone().values())}
            self._waiting = dict(list(waiting.items())[:MAX_WAITING])
        added = [h for id in dict.fromkeys(work.added) if (h := self.library.get(id)) and id in self.library]
        failures = tuple(work.failures)
        return OptimizeReport(tuple(added), tuple(str(f) for f in failures), failures)

    def optimize(self, trajectories: list[Trajectory]) -> list[Heuristic]:
        """`aoptimize` for sync callers; returns the new lessons.

        Raises:
            UsageError: they are no trajectories.
        """
        report = self._bridge.run(self.aoptimize(trajectories))
        for failure in report.failures:
            _log.warning("%s", failure)
        return list(report.added)

    def distill_trajectory(
        self, trajectory: Trajectory, existing_heuristics: list[Heuristic] | None = None
    ) -> list[Heuristic]:
        """What the distillers propose for one episode; nothing is added, and the episode is not used up.

        Args:
            trajectory: a finished episode.
            existing_heuristics: what is known already; the library when None.

        Raises:
            UsageError: it is no trajectory.
        """
        checked_trajectories([trajectory])
        return self._bridge.run(self._proposals(trajectory, existing_heuristics))

    async def _proposals(self, trajectory: Trajectory, existing: list[Heuristic] | None) -> list[Heuristic]:
        if trajectory.failed_transiently:
            return []
        known = existing_for_distillers(self.library) if existing is None else existing
        found: list[Heuristic] = []
        for distiller in self.distillers:
            try:
                proposals = await distiller.distill(trajectory, known)
                found += labelled_proposals(proposals, distiller, trajectory, self.library)
            except Exception as error:  # a distiller may be anybody's; the others go on
                _log.warning("distiller %s: %s", distiller.name, describe_error(error))
        return found

    def _left_undone(self) -> dict[str, Trajectory]:
        """Hand out the episodes that wait, once."""
        if self._waiting is None:  # the first round of this process
            names = [d.name for d in self.distillers]
            self._waiting = {t.id: t for t in self._claims.released(names, MAX_WAITING)}
        waiting, self._waiting = self._waiting, {}
        return waiting

    # -- the library ---------------------------------------------------------------------------------------
    def merge_heuristics(self, new_heuristics: list[Heuristic]) -> list[Heuristic]:
        """Add lessons, merging those that are known already; returns the library as it is then.

        Raises:
            UsageError: a lesson has no text or no tier; nothing was added.
        """
        self.library.add(new_heuristics, "merged")
        return self.heuristic_library

    def update_heuristic_usage(self, heuristic_id: str, was_successful: bool, alpha: float = 0.1) -> None:
        """Count one showing of a lesson and its outcome; an unknown id is ignored."""
        self.library.credit([heuristic_id], was_successful, alpha)

    def get_heuristics_by_tier(self, tier: MemoryTier) -> list[Heuristic]:
        """The live lessons of a tier, in order of adding."""
        return self.library.by_tier(tier)

    def prune_low_quality(self, min_q: float = 0.2, min_uses: int = 3) -> int:
        """Retire lessons with ``q_value`` below ``min_q`` after at least ``min_uses`` uses; returns how many."""
        poor = [h for h in self.library if h.times_used >= min_uses and h.q_value < min_q]
        return sum(self.library.retire(h.id, f"pruned: Q {h.q_value:.2f} is below {min_q:g}") for h in poor)

    def close(self) -> None:
        """Free the event loop of the sync methods, and the store if it was made here; closing twice is fine."""
        self._bridge.close()
        if self._own_store is not None:
            self._own_store.close()


def checked_trajectories(given: Any) -> list[Trajectory]:
    """The episodes as a list.

    Raises:
        UsageError: it is no list of episodes.
    """
    episodes: list[Any] = list(given) if hasattr(given, "__iter__") else [given]
    for episode in episodes:
        if not isinstance(episode, Trajectory):
            raise UsageError(
                f"episodes are Trajectory objects, such as result.trajectory, got {episode!r:.80}; pass a list of them"
            )
    if not hasattr(given, "__iter__"):
        raise UsageError("one Trajectory is no list of episodes; write [trajectory]")
    return episodes


def _new_store() -> Store:
    from purpose_agent.store import open_store

    return open_store(None)
