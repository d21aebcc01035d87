"""Which past tasks an item is probed on."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from purpose_agent.errors import UsageError
from purpose_agent.freeze import json_text, plain_copy
from purpose_agent.numeric import is_whole

World = tuple[int | None, str]


@dataclass(frozen=True, slots=True)
class PastEpisode:
    """What is known of an episode that was played.

    Attributes:
        id: the run's id.
        purpose: the goal.
        task: the task in words.
        seed: passed to ``reset``.
        options: passed to ``reset``.
        success: by the one definition of success.
        transient: whether it failed for a transient cause.
    """

    id: str
    purpose: str
    task: str
    seed: int | None
    options: Mapping[str, Any] | None
    success: bool
    transient: bool = False


@dataclass(frozen=True, slots=True)
class ProbeTask:
    """A task that can be played again.

    Attributes:
        seed: for ``reset``.
        options: for ``reset``.
        purpose: the goal.
        task: the task in words.
        solved: whether it was solved when it was last played.
    """

    seed: int | None
    options: Mapping[str, Any] | None
    purpose: str
    task: str
    solved: bool


def probe_tasks(
    episodes: Sequence[PastEpisode], *, derived_from: Collection[str], limit: int, seed: int
) -> list[ProbeTask]:
    """Choose tasks, half of them failed before and half solved as far as there are, and their order.

    Left out is what cannot be played again (neither seed nor options), what failed for a transient cause, and every
    task with the seed and options of an episode that the item was derived from, under whatever purpose: it would be
    tested on what it was made of. The newest are preferred and shuffled; then solved and failed ones alternate, so
    that a test that stops early has seen both kinds.

    A solved task comes first. An edit may fix failed tasks and break as many solved ones; it then has a fair coin's
    chance per two pairs and not per pair. Stopping after the kind that it breaks can only do it harm, so that the
    test stays within its level (``benchmarks/gate.py`` computes the worst case).

    Args:
        episodes: from the oldest to the newest, those of ``derived_from`` among them.
        derived_from: ids of the episodes that are the item's evidence.
        limit: tasks at most.
        seed: of the shuffle.

    Raises:
        UsageError: a negative limit.
    """
    if not (is_whole(limit) and limit >= 0):
        raise UsageError(f"limit must be a whole number of tasks, at least 0, got {limit!r}")
    sources = frozenset(derived_from)
    seen = {_world(e.seed, e.options) for e in episodes if e.id in sources}
    newest = _newest_of_each_task(e for e in reversed(episodes) if _can_be_played(e))
    tasks = [t for t in newest if _world(t.seed, t.options) not in seen]
    solved, failed = [t for t in tasks if t.solved], [t for t in tasks if not t.solved]
    n_failed = min(len(failed), max(limit // 2, limit - len(solved)))
    chosen = failed[:n_failed], solved[: limit - n_failed]
    shuffled = random.Random(seed)
    for half in chosen:
        shuffled.shuffle(half)
    alternating = zip_longest(chosen[1], chosen[0])
    return [task for pair in alternating for task in pair if task is not None]


def _can_be_played(episode: PastEpisode) -> bool:
    return not episode.transient and (episode.seed is not None or bool(episode.options))


def _newest_of_each_task(newest_first: Iterable[PastEpisode]) -> list[ProbeTask]:
    tasks: dict[tuple[World, str, str], ProbeTask] = {}
    for e in newest_first:
        key = (_world(e.seed, e.options), e.purpose, e.task)
        tasks.setdefault(key, ProbeTask(e.seed, e.options, e.purpose, e.task, e.success))
    return list(tasks.values())


def _world(seed: int | None, options: Mapping[str, Any] | None) -> World:
    return seed, json_text(plain_copy(dict(options or {})), sort_keys=True)
