"""One round of distilling: each distiller on each episode, with failures as data."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from purpose_agent.cancellation import is_cancelled
from purpose_agent.errors import ModelUnavailableError, UsageError, describe_error
from purpose_agent.limits import LimitReached
from purpose_agent.memory.distillers.base import Distiller
from purpose_agent.memory.distilling_claims import Claims
from purpose_agent.memory.intake import derived_id
from purpose_agent.memory.library import Library
from purpose_agent.memory.provenance.labels import labelled
from purpose_agent.store.reading import readable_trajectory
from purpose_agent.types import Heuristic, Trajectory


@dataclass(frozen=True)
class DistillerFailure:
    """A distiller that failed on an episode.

    Attributes:
        distiller: its name.
        episode_id: the episode.
        error: one line about what went wrong.
        transient: whether the episode will be tried again.
    """

    distiller: str
    episode_id: str
    error: str
    transient: bool

    def __str__(self) -> str:
        return f"distiller {self.distiller!r} on episode {self.episode_id}: {self.error}"


OnError = Callable[[DistillerFailure], None]
"""Told of a failure when it happens."""


class DistillingRound:
    """Collects what comes of a few episodes. After an outage of a distiller's model it is not asked again.

    Args:
        library: takes the proposals in.
        claims: sees to it that nothing is distilled twice.
        on_error: told of each failure.

    Attributes:
        added: ids of new items.
        failures: in order.
        waiting: ids of episodes that an outage left undone.
    """

    def __init__(self, library: Library, claims: Claims, on_error: OnError | None = None) -> None:
        self.added: list[str] = []
        self.failures: list[DistillerFailure] = []
        self.waiting: set[str] = set()
        self._library = library
        self._claims = claims
        self._on_error = on_error
        self._out_of_order: set[str] = set()

    async def distil_all(
        self, distillers: Sequence[Distiller], episodes: Sequence[Trajectory], seconds: float | None = None
    ) -> None:
        """Let each distiller work on each episode; what is not done in ``seconds`` waits for another try."""
        deadline = asyncio.timeout(seconds)
        left = [(distiller, episode) for episode in episodes for distiller in distillers]
        try:
            async with deadline:
                while left:
                    await self.distil(*left[0])
                    del left[0]
        except TimeoutError:
            if not deadline.expired():
                raise
            distiller, episode = left[0]
            text = f"not done within {seconds:g} s"
            self._record(DistillerFailure(distiller.name, episode.id, text, True))
            self.waiting.update(e.id for d, e in left if self._claims.is_open(e.id, d.name))

    async def distil(self, distiller: Distiller, trajectory: Trajectory) -> None:
        """Let a distiller work on an episode, if nobody did before."""
        if distiller.name in self._out_of_order:
            if self._claims.is_open(trajectory.id, distiller.name):
                self.waiting.add(trajectory.id)
            return
        if not self._claims.take(trajectory.id, distiller.name):
            return
        try:
            proposals = await distiller.distill(trajectory, existing_for_distillers(self._library))
            proposals = labelled_proposals(proposals, distiller, trajectory, self._library)
        except Exception as error:  # a distiller may be anybody's; what it raises is recorded
            self._fail(distiller, trajectory, error)
        except asyncio.CancelledError as error:
            if is_cancelled():  # the episode is not lost
                self._claims.release(trajectory.id, distiller.name)
                raise
            outage = ModelUnavailableError(f"its call was cancelled from within: {describe_error(error)}")
            self._fail(distiller, trajectory, outage)
        except BaseException:  # Ctrl-C: the episode is not lost
            self._claims.release(trajectory.id, distiller.name)
            raise
        else:
            self._take_in(distiller, trajectory, proposals)

    def _fail(self, distiller: Distiller, trajectory: Trajectory, error: Exception) -> None:
        transient = is_transient(error)
        if transient:
            self._claims.release(trajectory.id, distiller.name)
            self._out_of_order.add(distiller.name)
            self.waiting.add(trajectory.id)
        self._record(DistillerFailure(distiller.name, trajectory.id, describe_error(error), transient))

    def _take_in(self, distiller: Distiller, trajectory: Trajectory, proposals: list[Heuristic]) -> None:
        reason = f"distilled by {distiller.name} from episode {trajectory.id}"
        for proposal in proposals:
            try:
                self.added += [h.id for h in self._library.add([self._named(proposal)], reason)]
            except UsageError as error:
                self._record(DistillerFailure(distiller.name, trajectory.id, describe_error(error), False))

    def _named(self, proposal: Heuristic) -> Heuristic:
        """The proposal under an id made of its content: ids reach prompts, and equal runs must read equal prompts."""
        if proposal.id in self._library:  # a new version of that item
            return proposal
        content = "\n".join((proposal.pattern, proposal.strategy, *proposal.steps))
        return replace(proposal, id=derived_id(proposal.tier.value, content))

    def _record(self, failure: DistillerFailure) -> None:
        self.failures.append(failure)
        if self._on_error is not None:
            self._on_error(failure)


def existing_for_distillers(library: Library) -> list[Heuristic]:
    """The live items that a distiller may know of: what it read of a stranger's it could pass on as its own."""
    return [h for h in library if not h.tainted]


def labelled_proposals(
    proposals: Iterable[Heuristic], distiller: Distiller, trajectory: Trajectory, library: Library
) -> list[Heuristic]:
    """What a distiller proposed, labelled with whose words it is; see `provenance.labels`."""
    if not library.defences.labels:
        return list(proposals)
    recorded = partial(readable_trajectory, library.store)
    return [labelled(proposal, distiller, trajectory, recorded) for proposal in proposals]


def is_transient(error: Exception) -> bool:
    """Whether the same call may succeed later: an outage, or a budget that is used up."""
    return isinstance(error, LimitReached) or getattr(error, "transient", False) is True
