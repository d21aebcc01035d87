"""The tasks of a critic's report: an endless supply of train tasks, a set of held-out ones, none in both."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from purpose_agent.bench.critic.settings import CriticSettings, with_fold
from purpose_agent.bench.line_file import LineFile
from purpose_agent.bench.stream import TEST, TRAIN, Task, tasks_of
from purpose_agent.environments import resolve_environment
from purpose_agent.errors import UsageError

_SPARE = 50
"""Tasks beyond those wished for, since a world may not be able to make every one of them."""


class Refused(msgspec.Struct, frozen=True):
    """A task that the world cannot make."""

    fold: str
    seed: int
    reason: str


class TaskSupply:
    """The tasks of a report, without those that the world cannot make.

    Args:
        settings: of the report.
        world: the environment; asked for its folds, not started.
        path: where tasks that cannot be made are remembered; None for in memory only.

    Raises:
        UsageError: there are too few tasks.
    """

    def __init__(self, settings: CriticSettings, world: Any, path: Path | None) -> None:
        self.folds = isinstance(getattr(world, "fold", None), str)
        """Whether the world has folds of its own; else ranges of seeds that never meet stand for them."""
        self._seed = settings.seed
        self._train = self._fold(settings, world, TRAIN, settings.episodes)
        self._held_out = self._fold(settings, world, settings.fold, settings.tasks)
        self.wished = settings.tasks
        self._refused = LineFile(path, Refused)

    def _fold(self, settings: CriticSettings, world: Any, fold: str, wish: int) -> list[Task]:
        if not self.folds:
            return tasks_of(world, fold, wish + _SPARE, settings.seed, final=fold == TEST)
        asked = world
        with contextlib.suppress(UsageError):  # a world that is told the fold knows how many seeds that has
            asked = resolve_environment(with_fold(settings.env, fold))
        seeds = getattr(asked, "seeds", range(1000))
        return tasks_of(asked, fold, len(seeds), settings.seed, final=fold == TEST)

    @property
    def refused(self) -> list[Refused]:
        """Tasks that the world could not make so far."""
        return self._refused.lines

    def refuse(self, task: Task, error: Exception) -> None:
        """Never offer a task again."""
        self._refused.add([Refused(task.fold, task.seed, str(error)[:300])])

    def train(self, index: int) -> Task:
        """The task of a train episode; they come again when a fold has fewer."""
        left = self._left(self._train)
        return left[index % len(left)]

    def held_out(self) -> list[Task]:
        """The held-out tasks: as many as were wished for, or all that there are."""
        return self._left(self._held_out)[: self.wished]

    def shuffled_train(self, number: int) -> Iterator[Task]:
        """Train tasks in an order of their own for each number, without end."""
        left = self._left(self._train)
        Random(f"{self._seed} {number}").shuffle(left)
        while True:
            yield from self._left(left)

    def _left(self, tasks: list[Task]) -> list[Task]:
        gone = {(refused.fold, refused.seed): refused.reason for refused in self.refused}
        left = [task for task in tasks if task.key not in gone]
        if not left:
            raise UsageError(f"the world can make no task: {next(iter(gone.values()), 'it has none')}")
        return left
