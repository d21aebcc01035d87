"""The leakage guard: what a memory knows and shows must come from its training stream, and from nowhere else."""

from __future__ import annotations

from collections.abc import Collection, Iterable
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


def sources_of(store: Store, held_out: Collection[Key]) -> frozenset[str]:
    """The ids of all episodes that a memory learned from.

    Raises:
        LeakError: one of them is an attempt at a held-out task.
    """
    found: list[str] = []
    for episode in store.episodes():
        events = store.events(episode.id)
        started = events[0] if events else None
        if isinstance(started, RunStarted):
            key = task_key(started.seed, started.options)
            if key in held_out:
                raise LeakError(
                    f"the memory learned from {key[0]} task {key[1]}, which is held out (episode {episode.id}); "
                    "no number of this run can be trusted: delete its folder and begin anew"
                )
        found.append(episode.id)
    return frozenset(found)


def traced(items: Iterable[Heuristic], example: Example | None, sources: Collection[str], run_id: str) -> int:
    """How many showings were followed back to training episodes.

    Args:
        items: that were shown.
        example: the episode that was shown, if one was.
        sources: ids of all training episodes.
        run_id: of the held-out episode.

    Raises:
        LeakError: something that was shown came from elsewhere, or names the held-out episode.
    """
    count = 0
    for item in items:
        origins = {evidence.episode_id for evidence in item.evidence}
        _check(
            f"item {item.id}",
            origins,
            f"{item.pattern} {item.strategy} {' '.join(item.steps)}",
            sources,
            run_id,
        )
        count += bool(origins)
    if example is not None:
        _check(f"example {example.id}", {example.id}, example.text, sources, run_id)
        count += 1
    return count


def task_key(seed: int | None, options: dict[str, Any] | None) -> Key:
    """What tells tasks apart; a world that knows no folds tells them apart by seed alone."""
    return str((options or {}).get("fold", TRAIN)), seed or 0


def _check(what: str, origins: Collection[str], text: str, sources: Collection[str], run_id: str) -> None:
    strange = sorted(origin for origin in origins if origin not in sources)
    if strange:
        raise LeakError(
            f"{what} was shown on a held-out task and comes from {strange[0]!r}, which is no training episode of its "
            "memory; delete the folder and begin anew"
        )
    if run_id in text:
        raise LeakError(f"{what} names the held-out episode {run_id} on which it was shown")
