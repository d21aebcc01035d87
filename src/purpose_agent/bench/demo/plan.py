"""Who plays what next: training in its order and alone, everything else wherever there is room."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

from purpose_agent.bench.demo.arms import ARMS, MEMORY, MEMORY_ONLY, NO_MEMORY, RANDOM, TRAINING
from purpose_agent.bench.demo.rows import Job, Row
from purpose_agent.bench.stream import Task

UNTRAINED = (RANDOM, NO_MEMORY)
"""Arms that need not wait for training; the quick one first, so that there is a floor to look at."""

TRAINED = (MEMORY_ONLY, MEMORY)
"""Arms that read what training learned."""


class Plan:
    """The episodes that are left to play.

    One worker at a time trains, always the same one, so that its store and its memory stay in one process.

    Args:
        training: the stream that is learned from.
        held_out: the tasks that every other arm plays.
        done: episodes that need not be played again.
    """

    def __init__(self, training: Sequence[Task], held_out: Sequence[Task], done: Iterable[Row] = ()) -> None:
        self.jobs = [
            Job(arm.name, index, task.fold, task.seed)
            for arm in ARMS.values()
            for index, task in enumerate(training if arm is TRAINING else held_out)
        ]
        self._done = {(row.arm, row.index) for row in done}
        left: dict[str, deque[Job]] = {name: deque() for name in ARMS}
        for job in self.jobs:
            if (job.arm, job.index) not in self._done:
                left[job.arm].append(job)
        self._left = left
        self._untrained = _alternating([left[arm.name] for arm in UNTRAINED])
        self._trained = _alternating([left[arm.name] for arm in TRAINED])
        self._in_training = len(left[TRAINING.name])

    @property
    def finished(self) -> bool:
        """Whether every episode is done."""
        return len(self._done) == len(self.jobs)

    def take(self, worker: int) -> Job | None:
        """The next episode for a worker; None when there is none for it now."""
        if worker == 0 and self._left[TRAINING.name]:
            return self._left[TRAINING.name].popleft()
        if not self._in_training and self._trained:
            return self._trained.popleft()
        return self._untrained.popleft() if self._untrained else None

    def done(self, row: Row) -> None:
        """Take in a finished episode."""
        self._done.add((row.arm, row.index))
        if row.arm == TRAINING.name:
            self._in_training -= 1

    def total(self, arm: str) -> int:
        """How many episodes an arm has."""
        return sum(job.arm == arm for job in self.jobs)


def _alternating(queues: Sequence[deque[Job]]) -> deque[Job]:
    """One episode of each in turn, so that arms can be compared at any time."""
    jobs = sorted((job.index, place, job) for place, queue in enumerate(queues) for job in queue)
    return deque(job for _, _, job in jobs)
