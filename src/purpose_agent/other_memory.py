"""Somebody else's memory in the loop: a `MemorySystem` where our library, replay and value memory would be."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from purpose_agent.cancellation import is_cancelled
from purpose_agent.errors import ModelUnavailableError, PurposeAgentError, UsageError, describe_error
from purpose_agent.events import Failed, Learned, RunStarted
from purpose_agent.experience_replay import ExperienceReplay
from purpose_agent.journal import restore_state
from purpose_agent.memory.selection import Selection
from purpose_agent.memory_system import Example, Guide, MemorySystem, Recalled
from purpose_agent.store.base import Store
from purpose_agent.types import Action, Heuristic, MemoryTier, Snapshot, Trajectory

if TYPE_CHECKING:
    from purpose_agent.actor import Decision

KNOWN = "memory_system:"
"""Begins the name under which a store keeps what a memory knows."""


class OtherMemory:
    """Shows what the memory recalls, and gives it every finished episode; all that it knows is kept in the store.

    Args:
        system: the memory.
        replay: keeps the episodes.
        store: keeps what it knows.

    Raises:
        UsageError: it lacks a method of `MemorySystem`, or cannot read what the store holds of it.
    """

    def __init__(self, system: MemorySystem, replay: ExperienceReplay, store: Store) -> None:
        given: Any = system
        named = isinstance(getattr(given, "name", None), str) and given.name
        if isinstance(given, type) or not isinstance(given, MemorySystem) or not named:
            raise UsageError(
                f"memory must have a name and the methods recall, learn, dump and load, got {given!r:.80}"
            )
        self.system = system
        self.every = 1
        self._replay = replay
        self._store = store
        kept = store.artefact(KNOWN + system.name)
        self._saved = 0 if kept is None else kept[1]
        if kept is not None:
            try:
                system.load(kept[0])
            except Exception as e:
                raise UsageError(
                    f"the memory {system.name!r} cannot read what the store holds of it ({describe_error(e)}); "
                    "choose another store"
                ) from e

    # -- before an episode ---------------------------------------------------------------------------------
    def for_task(
        self,
        task: str,
        purpose: str,
        state: Snapshot,
        decision: Decision,
        seed: int | str | None,
        *,
        without: frozenset[str] = frozenset(),
        probing: tuple[Heuristic, bool] | None = None,
        offered: Collection[str] | None = None,
    ) -> tuple[Selection, Example | None]:
        """What it recalls for a task; see `TaskMemory.for_task`.

        Raises:
            UsageError: the run is held out and was met before, or is a probe, which only our own memory knows how to
                be; or the memory cannot recall.
        """
        if without or probing is not None:
            raise UsageError(
                f"the memory {self.system.name!r} cannot forget or try out single items; "
                "give no held_out=True, and do not probe"
            )
        found = self._recalled(task, purpose, state)
        tips: dict[str, tuple[Heuristic, ...]] = {}
        for item in found.items:
            if item.tier == MemoryTier.TOOL:
                tips[item.pattern.strip()] = (*tips.get(item.pattern.strip(), ()), item)
        memory = Selection(
            tuple(h for h in found.items if h.tier == MemoryTier.STRATEGIC),
            tuple(h for h in found.items if h.tier == MemoryTier.PROCEDURAL),
            tips,
        )
        return memory, Example(found.example_id, purpose, found.example) if found.example else None

    def _recalled(self, task: str, purpose: str, state: Snapshot) -> Recalled:
        """What it recalls. One that fails to would be compared as one that knows nothing, so nothing is started."""
        try:
            found: Any = self.system.recall(task, purpose, state)
        except Exception as e:
            raise UsageError(
                f"the memory {self.system.name!r} cannot recall ({describe_error(e)}); mend it or leave it out"
            ) from e
        if not isinstance(found, Recalled):
            raise UsageError(f"the memory {self.system.name!r} must recall a Recalled, got {found!r:.80}")
        return found

    def as_shown(self, started: RunStarted) -> tuple[Selection, Example | None]:
        """What it recalls for a run that is continued; it has learned nothing meanwhile, or has changed its mind."""
        state = restore_state(started.state).snapshot()
        return self.for_task(started.task, started.purpose, state, _decision(started), None)

    def sync_actor(self) -> None:
        """Nothing to do: the actor is shown what is recalled for each task."""

    def guide(
        self, purpose: str, seed: int | None, *, explore: bool, without: frozenset[str] = frozenset()
    ) -> Guide | None:
        """Its guide over a new episode, if it has one."""
        make = getattr(self.system, "guide", None)
        return make(purpose, seed, explore=explore) if callable(make) else None  # pyright: ignore[reportReturnType]  # as `MemorySystem` says

    # -- after it ------------------------------------------------------------------------------------------
    @property
    def tasks_since_optimize(self) -> int:
        """Always 0: it learns from every episode at once."""
        return 0

    async def take_in(
        self,
        trajectory: Trajectory,
        *,
        admissible: Sequence[Sequence[Action]] = (),
        example_id: str | None = None,
        seconds: float | None = None,
    ) -> tuple[Learned, list[Failed]]:
        """Keep the episode, and let it learn; a failure is reported, and the episode is kept all the same.

        Args:
            trajectory: the episode.
            admissible: what could be done in the first state and after each step.
            example_id: the episode that was shown as an example, if any.
            seconds: how long learning may take; None for ever.
        """
        step = len(trajectory.steps)
        try:
            self._replay.add(trajectory)
            if trajectory.failed_transiently:
                return Learned([], [], False), []
            changed = await self._learned(trajectory, admissible, seconds)
            self.save()
        except Exception as e:
            transient = isinstance(e, PurposeAgentError) and getattr(e, "transient", False)
            return Learned([], [], False), [Failed(step, "memory", describe_error(e), transient)]
        return Learned(changed, [], False), []

    async def _learned(
        self, trajectory: Trajectory, admissible: Sequence[Sequence[Action]], seconds: float | None
    ) -> list[str]:
        """Ids of what learning changed."""
        deadline = asyncio.timeout(seconds)
        try:
            async with deadline:
                return list(await self.system.learn(trajectory, admissible))
        except TimeoutError:
            if not deadline.expired():
                raise
            raise ModelUnavailableError(
                f"the memory {self.system.name!r} had not learned within {seconds:g} s"
            ) from None
        except asyncio.CancelledError as e:
            if is_cancelled():
                raise
            raise ModelUnavailableError(
                f"a call of the memory {self.system.name!r} was cancelled from within"
            ) from e

    def keep(self, trajectory: Trajectory) -> None:
        """Keep an episode that somebody else played and that it has learned from."""
        self._replay.add(trajectory)

    def save(self) -> None:
        """Keep all that it knows."""
        self._saved += 1
        self._store.save_artefact(KNOWN + self.system.name, self.system.dump(), upto=self._saved)


def _decision(started: RunStarted) -> Decision:
    return "choice" if started.decision == "choice" else "react"
