"""Who does what next: each training stream in its order and by one worker, everything else wherever there is room."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from purpose_agent.bench.stream import Task
from purpose_agent.bench.suite.arms import ARMS, LEARNERS, OURS, STUDIES, Learner, learners_of
from purpose_agent.bench.suite.rows import ANCHOR, STUDY, TEST, TRAIN, Job, SuiteRow
from purpose_agent.bench.suite.settings import QUARTERS, SuiteSettings, World
from purpose_agent.bench.suite.tasks import held_out, training_stream

CHUNK = 5
"""Held-out tasks of a world that are played before the next world has its turn, so that all grow together."""

Stream = tuple[str, str, int]
"""World ("" for all), learner, order."""


@dataclass
class _Queue:
    """A training stream: what is left, in its order, and who has it."""

    jobs: deque[Job] = field(default_factory=deque[Job])
    worker: int | None = None


class Plan:
    """The jobs that are left.

    Args:
        settings: of the suite.
        done: jobs that need not be done again.

    Raises:
        UsageError: a world cannot be made, or a fold holds too few tasks.
    """

    def __init__(self, settings: SuiteSettings, done: Iterable[SuiteRow] = ()) -> None:
        self._settings = settings
        self._streams: dict[Stream, _Queue] = {}
        self._open: Counter[Stream] = Counter()
        self.jobs = list(planned(settings))
        before = {row.job for row in done}
        left = [job for job in self.jobs if job not in before]
        self._left = set(left)
        for job in left:
            if job.kind != TEST:
                self._open[stream_of(job)] += 1
                self._streams.setdefault(stream_of(job), _Queue()).jobs.append(job)
        self._tests = deque(job for job in left if job.kind == TEST)

    @property
    def finished(self) -> bool:
        """Whether everything is done."""
        return not self._left

    @property
    def left(self) -> int:
        """How many jobs are not done yet."""
        return len(self._left)

    def take(self, worker: int) -> Job | None:
        """The next job for a worker; None when there is none for it now."""
        own = next((q for q in self._streams.values() if q.worker == worker and q.jobs), None)
        if own is None:
            own = next(
                (q for s, q in self._streams.items() if q.worker is None and q.jobs and self._ready(s)), None
            )
        if own is not None:
            own.worker = worker
            return own.jobs.popleft()
        for _ in range(len(self._tests)):
            if self._can_test(self._tests[0]):
                return self._tests.popleft()
            self._tests.rotate(-1)
        return None

    def done(self, row: SuiteRow) -> None:
        """Take in a finished job."""
        self._left.discard(row.job)
        if row.job.kind != TEST:
            self._open[stream_of(row.job)] -= 1

    def _ready(self, stream: Stream) -> bool:
        """Whether what a learner studies is all there."""
        world, name, order = stream
        if LEARNERS[name].how != STUDIES:
            return True
        needed = self._worlds() if LEARNERS[name].unrelated else [world]
        return not any(self._open[w, OURS, order] for w in needed)

    def _can_test(self, job: Job) -> bool:
        learner = LEARNERS.get(ARMS[job.arm].learner)
        return learner is None or not self._open["" if learner.mixed else job.world, learner.name, job.order]

    def _worlds(self) -> list[str]:
        return [world.name for world in self._settings.worlds]


def stream_of(job: Job) -> Stream:
    """The stream that a training, studying or anchor job belongs to."""
    return ("" if LEARNERS[job.arm].mixed else job.world, job.arm, job.order)


def planned(settings: SuiteSettings) -> Iterable[Job]:
    """All jobs, in the order in which one worker would do them.

    Learned from are tasks of the train fold alone, held out are those of another fold, so none is both.

    Raises:
        UsageError: a world cannot be made, or a fold holds too few tasks.
    """
    streams = {
        (world.name, order): training_stream(world, settings, order)
        for world in settings.worlds
        for order in range(settings.orders)
    }
    tests = {world.name: held_out(world, settings) for world in settings.worlds}
    for learner in learners_of(settings.arms):
        for order in range(settings.orders):
            if learner.mixed:
                yield from _mixed(settings.worlds, learner, order, streams)
                continue
            for world in settings.worlds:
                yield from _stream(settings, world, learner, order, streams[world.name, order])
    yield from sorted(_tests(settings, tests), key=lambda job: _turn(settings, job))


def _stream(
    settings: SuiteSettings, world: World, learner: Learner, order: int, tasks: Sequence[Task]
) -> Iterable[Job]:
    if learner.how == STUDIES:
        for index in _spread(len(tasks), settings.rival_episodes) if learner.asks_model else [0]:
            yield Job(STUDY, world.name, learner.name, order, index)
        return
    anchors = settings.anchors if learner.name == OURS else 0
    met: Counter[tuple[str, int]] = Counter()
    for index, task in enumerate(tasks):
        yield Job(TRAIN, world.name, learner.name, order, index, met[task.key], task.fold, task.seed)
        met[task.key] += 1
        quarter = (index + 1) * QUARTERS // len(tasks)
        if anchors and quarter > index * QUARTERS // len(tasks):
            for number, anchor in enumerate(tasks[: min(anchors, max(1, len(tasks) // QUARTERS))]):
                yield Job(ANCHOR, world.name, learner.name, order, number, quarter, anchor.fold, anchor.seed)


def _mixed(
    worlds: Sequence[World], learner: Learner, order: int, streams: Mapping[tuple[str, int], Sequence[Task]]
) -> Iterable[Job]:
    """The streams of all worlds in turns, each in its order."""
    longest = max(len(streams[world.name, order]) for world in worlds)
    for index in range(longest):
        for world in worlds:
            tasks = streams[world.name, order]
            if index < len(tasks):
                task = tasks[index]
                met = sum(t.key == task.key for t in tasks[:index])
                yield Job(TRAIN, world.name, learner.name, order, index, met, task.fold, task.seed)


def _tests(settings: SuiteSettings, tests: Mapping[str, Sequence[Task]]) -> Iterable[Job]:
    for name in settings.arms:
        arm = ARMS[name]
        asks = arm.asks_model and settings.model != "random"
        for world, tasks in tests.items():
            for order in range(settings.orders if arm.learner else 1):
                for repeat in range(settings.repeats):
                    for index, task in enumerate(tasks[: settings.model_tasks] if asks else tasks):
                        yield Job(TEST, world, name, order, index, repeat, task.fold, task.seed)


def _turn(settings: SuiteSettings, job: Job) -> tuple[int, ...]:
    """Quick arms first; then a few tasks of each world in turn, so that all can be compared at any time."""
    worlds = [world.name for world in settings.worlds]
    return (
        int(ARMS[job.arm].asks_model),
        job.index // CHUNK,
        worlds.index(job.world),
        settings.arms.index(job.arm),
        job.order,
        job.repeat,
        job.index,
    )


def _spread(n: int, wanted: int) -> list[int]:
    """``wanted`` of ``n`` positions, evenly spread, the last one among them."""
    count = min(n, wanted)
    return [n - 1 - (count - 1 - i) * n // count for i in range(count)]
