"""The leakage guard: what a memory knows and shows must come from its training stream, and from nowhere else."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from purpose_agent.bench.stream import TRAIN
from purpose_agent.errors import PurposeAgentError
from purpose_agent.events import RunStarted
from purpose_agent.memory_system import Example
from purpose_agent.store.base import Store
from purpose_agent.types import Heuristic

Key = tuple[str, int]
"""(fold, seed) of a task."""


class LeakError(PurposeAgentError):
    """A held-out task reached a memory; nothing that was measured with it counts."""


@dataclass(frozen=True)
class Sources:
    """What a memory may have learned from.

    Attributes:
        episodes: ids of the training episodes.
        unkept: ids of training episodes that were played and that the memory could not keep.
        frozen: ids of the plays in the same store from which nothing may be learned.
    """

    episodes: frozenset[str] = frozenset()
    unkept: frozenset[str] = frozenset()
    frozen: frozenset[str] = frozenset()


def sources_of(store: Store, held_out: Collection[Key]) -> Sources:
    """All episodes that a memory learned from, and what else its store knows.

    Raises:
        LeakError: one of them is an attempt at a held-out task.
    """
    kept = frozenset(episode.id for episode in store.episodes())
    unkept: set[str] = set()
    frozen: set[str] = set()
    for id in kept.union(run.run_id for run in store.runs()):
        events = store.events(id)
        started = events[0] if events else None
        learned = id in kept or (isinstance(started, RunStarted) and started.learning)
        if not learned:
            frozen.add(id)
        elif isinstance(started, RunStarted):
            key = task_key(started.seed, started.options)
            if key in held_out:
                raise LeakError(
                    f"the memory learned from {key[0]} task {key[1]}, which is held out (episode {id}); "
                    "no number of this run can be trusted: delete its folder and begin anew"
                )
            if id not in kept:
                unkept.add(id)
    return Sources(kept, frozenset(unkept), frozenset(frozen))


def traced(items: Iterable[Heuristic], example: Example | None, sources: Sources, run_id: str) -> int:
    """How many showings were followed back to training episodes.

    Args:
        items: that were shown.
        example: the episode that was shown, if one was.
        sources: of the memory.
        run_id: of the held-out episode.

    Raises:
        LeakError: something that was shown came from elsewhere, or names the held-out episode.
    """
    count = 0
    for item in items:
        origins = frozenset(evidence.episode_id for evidence in item.evidence)
        _check(
            f"item {item.id}",
            origins,
            f"{item.pattern} {item.strategy} {' '.join(item.steps)}",
            sources,
            run_id,
        )
        count += bool(origins)
    if example is not None:
        _check(f"example {example.id}", frozenset([example.id]), example.text, sources, run_id)
        count += 1
    return count


def task_key(seed: int | None, options: dict[str, Any] | None) -> Key:
    """What tells tasks apart; a world that knows no folds tells them apart by seed alone."""
    return str((options or {}).get("fold", TRAIN)), seed or 0


def _check(what: str, origins: frozenset[str], text: str, sources: Sources, run_id: str) -> None:
    strange = sorted(origins - sources.episodes)
    if strange:
        raise LeakError(f"{what} was shown on a held-out task and {_origin(strange[0], sources)}")
    if run_id in text:
        raise LeakError(f"{what} names the held-out episode {run_id} on which it was shown")


def _origin(id: str, sources: Sources) -> str:
    """Where something comes from that comes from no episode of its memory, and what to do."""
    if id in sources.frozen:
        return (
            f"comes from {id!r}, a play with the memory frozen, from which nothing may be learned; "
            "delete the folder and begin anew"
        )
    if id in sources.unkept:
        return (
            f"comes from {id!r}, a training episode that its memory could not keep. That is no leak, but a memory that "
            "lacks episodes is not what was to be measured; mend the reason, which the store's journal tells, "
            "delete the folder and begin anew"
        )
    return (
        f"names {id!r} as its evidence, which is in no store: whether that is a leak cannot be told, as the memory may "
        "name its episodes wrongly; mend it, delete the folder and begin anew"
    )
