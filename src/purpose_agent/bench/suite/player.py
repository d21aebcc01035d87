"""Does any piece of a report card's work, in one process: training, studying, looking at anchors, held-out tasks."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from purpose_agent.bench.controls.expert import ExpertBackend
from purpose_agent.bench.gold_path import gold_path
from purpose_agent.bench.play_rules import IMPOSSIBLE, NEVER_EARLY, BrokenEpisode, is_broken, is_broken_run
from purpose_agent.bench.stream import Task, knows_folds, purpose_of
from purpose_agent.bench.suite.arms import ARMS, LEARNERS, OURS, OWN_MEMORY, STUDIES, WATCHES, Arm, Learner
from purpose_agent.bench.suite.completeness import Completeness
from purpose_agent.bench.suite.distilling_again import distil_again
from purpose_agent.bench.suite.guard import Key, Sources, sources_of, task_key, traced
from purpose_agent.bench.suite.named_memory import MemoryFailedError
from purpose_agent.bench.suite.rows import (
    ANCHOR,
    MAX_ERROR,
    STUDY,
    TEST,
    TRAIN,
    Cost,
    Job,
    SuiteRow,
    cost_of,
    row_of,
)
from purpose_agent.bench.suite.settings import SuiteSettings
from purpose_agent.bench.suite.studying import Shelf, make_system, shown_tokens, study
from purpose_agent.bench.suite.tasks import held_out
from purpose_agent.environments import resolve_environment
from purpose_agent.errors import (
    ModelError,
    ModelUnavailableError,
    PurposeAgentError,
    StoreError,
    UsageError,
    describe_error,
)
from purpose_agent.events import Executed, RunStarted
from purpose_agent.llm_backend.base import LLMBackend
from purpose_agent.llm_backend.resolve import resolve_backend
from purpose_agent.llm_backend.uniform import UniformBackend
from purpose_agent.llm_backend.usage import Usage, collect_usage
from purpose_agent.orchestrator import Orchestrator
from purpose_agent.result import TaskResult

OPEN_WORLDS = 3
"""Worlds that are kept running; some take seconds to start and hundreds of megabytes."""

SCRIPTED = "scripted"
"""The model of worlds that bring their own; see `purpose_agent.bench.simulator.machine_park`."""

_Begun = tuple[str, int, str]
"""(fold, seed, purpose) of a training episode in a store."""

_log = logging.getLogger(__name__)


def complain_to_log(complaint: str) -> None:
    """A worker's log is read by whoever looks for the reason."""
    _log.warning("%s", complaint)


OrchestratorKey = tuple[str, ...]
"""Kind of job, world, arm or learner, order, and what else tells orchestrators apart."""


class Player:
    """Plays, studies and looks, one job at a time.

    Args:
        settings: of the suite.
        out: its folder.
        complain: told of a world or a model that could not be closed; what it was for is done, so that is no error.
    """

    def __init__(
        self, settings: SuiteSettings, out: Path, complain: Callable[[str], None] = complain_to_log
    ) -> None:
        self._settings = settings
        self._complain = complain
        self._worlds = {world.name: world for world in settings.worlds}
        self._shelf = Shelf(out, settings)
        self._running: dict[str, Any] = {}
        self._models: dict[tuple[str, int], LLMBackend] = {}
        self._orchestrators: dict[OrchestratorKey, Orchestrator] = {}
        self._begun: dict[OrchestratorKey, dict[_Begun, list[str]]] = {}
        self._held_out: dict[str, frozenset[Key]] = {}
        self._sources: dict[OrchestratorKey, Sources] = {}
        self._completeness = Completeness(out)

    def play(self, job: Job) -> SuiteRow:
        """Do a job to its end; a training episode that was begun before is continued.

        Raises:
            BrokenEpisode: the world, the model or the store failed twice.
            LeakError: a held-out task reached a memory.
            MemoryFailedError: a user's memory failed.
            StoreError: a store does not hold what was learned in it.
            UsageError: the settings cannot work.
            KeyboardInterrupt: Ctrl-C; a training episode is continued by the next `play`.
        """
        try:
            return self._done(job)
        except BrokenEpisode:
            self.close()
            return self._done(job)
        except KeyboardInterrupt:
            self._begun.clear()
            raise

    def _done(self, job: Job) -> SuiteRow:
        ways = {TRAIN: self._train, STUDY: self._study, ANCHOR: self._look, TEST: self._test}
        try:
            return ways[job.kind](job)
        except UsageError as e:
            if isinstance(e.__cause__, MemoryFailedError):  # the loop says less about it
                raise e.__cause__ from e
            raise

    # -- learning ------------------------------------------------------------------------------------------
    def _train(self, job: Job) -> SuiteRow:
        learner = LEARNERS[job.arm]
        environment = self._world(job.world)
        task = _task(job, environment)
        shown_how = learner.how == WATCHES and bool(job.index % 2)
        key = (TRAIN, job.world, job.arm, str(job.order), _EXPERT if shown_how else "")
        if (
            learner.mixed or learner.how == WATCHES
        ):  # two would each go on from what it remembers of their store
            self._close_orchestrators(lambda other: _is_training(other) and other != key)
        orchestrator = self._orchestrator(key, lambda: self._teacher(learner, job, shown_how))
        begun = self._run_begun(orchestrator, job, environment, task)
        if shown_how:
            events = [] if begun is None else orchestrator.store.events(begun)
            self._show_expert(job, environment, task, sum(isinstance(e, Executed) for e in events))
        if begun is not None:
            row = self._row(job, orchestrator, orchestrator.resume(begun))
        else:
            row = self._new(job, orchestrator, environment, task)
        if "llm" in learner.distillers:
            row = self._distilled(orchestrator, row)
        if job.index == self._worlds[job.world].episodes - 1:  # others will read what was learned
            self._close_orchestrators(_of_stream(job))
        return row

    def _distilled(self, orchestrator: Orchestrator, row: SuiteRow) -> SuiteRow:
        """The row of an episode from which all was learned that could be, also where the model failed at first."""
        try:
            again = distil_again(orchestrator, row.run_id)
        except ModelUnavailableError as e:
            raise _broken_off(row.job, e) from e
        if again is None:
            return row
        costs = row.costs
        if again.usage.calls:
            costs = {**costs, _DISTILLER: cost_of(again.usage) + costs.get(_DISTILLER, Cost())}
        return msgspec.structs.replace(
            row,
            costs=costs,
            unlearned=row.unlearned or int(bool(again.problem)),
            problem=row.problem or again.problem[:MAX_ERROR],
        )

    def _teacher(self, learner: Learner, job: Job, shown_how: bool) -> Orchestrator:
        practice: LLMBackend
        if shown_how:
            practice = self._models.setdefault((_EXPERT, job.order), ExpertBackend(self._settings.seed))
        else:
            practice = self._practice(job)
        orchestrator = Orchestrator(
            practice,
            self._world(job.world),
            optimizer_llm=self._model(job.world) if "llm" in learner.distillers else None,
            store=self._shelf.store(job.world, learner.name, job.order),
            distillers=learner.distillers,
            without=("values",) if shown_how else learner.without,  # an expert needs no advice
        )
        return self._whole(orchestrator, job, learner.name)

    def _show_expert(self, job: Job, environment: Any, task: Task, done: int) -> None:
        """Give the expert what is left of the world's own solution; nothing where the world knows none."""
        expert = self._models[_EXPERT, job.order]
        assert isinstance(expert, ExpertBackend)
        expert.path = []
        with contextlib.suppress(UsageError):
            expert.path = gold_path(environment, task)[done:]

    def _practice(self, job: Job) -> LLMBackend:
        return self._uniform(job.order) if self._settings.practice == "random" else self._decider(job)

    def _run_begun(self, orchestrator: Orchestrator, job: Job, environment: Any, task: Task) -> str | None:
        """The run of this training episode in the store, from an earlier process that did not report it.

        A memory for all worlds has one store for all of them; the purpose tells their tasks of one number apart.
        """
        stream = (job.world, job.arm, str(job.order))
        if stream not in self._begun:
            begun: dict[_Begun, list[str]] = {}
            for info in reversed(orchestrator.store.runs()):
                events = orchestrator.store.events(info.run_id)
                first = events[0]
                if isinstance(first, RunStarted) and first.learning and not is_broken_run(events):
                    key = (*task_key(first.seed, first.options), first.purpose)
                    begun.setdefault(key, []).append(info.run_id)
            self._begun[stream] = begun
        if not self._begun[stream]:
            return None
        with contextlib.suppress(UsageError):  # a task that cannot be made was not begun
            key = (*task_key(task.seed, task.options), purpose_of(environment, task))
            runs = self._begun[stream].get(key, [])
            return runs[job.repeat] if job.repeat < len(runs) else None
        return None

    def _study(self, job: Job) -> SuiteRow:
        learner = LEARNERS[job.arm]
        started = time.monotonic()
        used: list[Usage] = []
        llm = self._model_of(job.world, learner)
        self._check_ours(job)
        try:
            with collect_usage(used.append):
                studied = asyncio.run(study(self._shelf, job, learner, llm))
        except (ModelError, StoreError) as e:
            raise _broken_off(job, e) from e
        total = sum(used, Usage())
        self._close_orchestrators(_of_stream(job))
        return SuiteRow(
            job=job,
            success=studied.succeeded,
            stop_reason=studied.problem,
            seconds=time.monotonic() - started,
            costs={_DISTILLER: cost_of(total)} if total.calls else {},
            read=studied.read,
            unlearned=studied.failed,
            problem=studied.problem,
        )

    def _check_ours(self, job: Job) -> None:
        """Make sure that what is studied is all there."""
        with self._shelf.opened(job.world, OURS, job.order) as store:
            self._completeness.check_played(store, job.world, OURS, job.order)

    # -- frozen --------------------------------------------------------------------------------------------
    def _look(self, job: Job) -> SuiteRow:
        environment = self._world(job.world)
        self._close_orchestrators(_is_training)  # what was learned is saved before it is read
        key = (ANCHOR, job.world, job.arm, str(job.order), str(job.repeat))
        orchestrator = self._orchestrator(key, lambda: self._looker(job, environment))
        return self._new(job, orchestrator, environment, _task(job, environment))

    def _looker(self, job: Job, environment: Any) -> Orchestrator:
        store = self._shelf.store(job.world, job.arm, job.order)
        orchestrator = Orchestrator(self._practice(job), environment, store=store, learning=False)
        return self._whole(orchestrator, job, job.arm)

    def _whole(self, orchestrator: Orchestrator, job: Job, learner: str) -> Orchestrator:
        """The orchestrator, if its store holds all that the learner played.

        Raises:
            StoreError: it does not.
        """
        try:
            self._completeness.check_played(orchestrator.store, job.world, learner, job.order)
        except StoreError:
            orchestrator.close()
            raise
        return orchestrator

    def _test(self, job: Job) -> SuiteRow:
        arm = ARMS[job.arm]
        environment = self._world(job.world)
        key = (TEST, job.world, job.arm, str(job.order), str(job.repeat))
        orchestrator = self._orchestrator(key, lambda: self._reader(arm, job, environment, key))
        return self._new(job, orchestrator, environment, _task(job, environment), guarded=key)

    def _reader(self, arm: Arm, job: Job, environment: Any, key: OrchestratorKey) -> Orchestrator:
        self._close_orchestrators(_is_training)
        decides = self._decider(job) if arm.asks_model else self._uniform(job.order, job.repeat)
        if not arm.learner:
            self._sources[key] = Sources()
            store = self._shelf.store(job.world, arm.name, 0)
            return Orchestrator(decides, environment, store=store, learning=False)
        learner = LEARNERS[arm.learner]
        held = self._held(job.world)
        if learner.how != STUDIES:
            orchestrator = Orchestrator(
                decides,
                environment,
                store=self._shelf.store(job.world, learner.name, job.order),
                learning=False,
                without=(*learner.without, *arm.without),
            )
            self._sources[key] = sources_of(orchestrator.store, held)
            return self._whole(orchestrator, job, learner.name)
        self._check_ours(job)
        with self._shelf.opened(job.world, OURS, job.order) as studied:
            self._sources[key] = sources_of(studied, held)
        system = make_system(self._shelf, job.world, learner, job.order, self._model_of(job.world, learner))
        with self._shelf.opened(job.world, learner.name, job.order) as own:
            self._completeness.check_studied(own, job.world, learner.name, job.order, system.name)
        return Orchestrator(
            decides,
            environment,
            store=self._shelf.store(job.world, learner.name, job.order),
            learning=False,
            memory=system,
        )

    # -- one episode ---------------------------------------------------------------------------------------
    def _new(
        self,
        job: Job,
        orchestrator: Orchestrator,
        environment: Any,
        task: Task,
        guarded: OrchestratorKey | None = None,
    ) -> SuiteRow:
        try:
            result = orchestrator.run_task(
                purpose_of(environment, task),
                max_steps=self._worlds[job.world].max_steps,
                early_stop_phi=NEVER_EARLY,
                seed=task.seed,
                options=task.options,
            )
        except UsageError as e:
            if task.options is None or isinstance(e.__cause__, MemoryFailedError):
                raise
            return SuiteRow(job=job, stop_reason=IMPOSSIBLE, problem=str(e)[:MAX_ERROR])
        return self._row(job, orchestrator, result, guarded)

    def _row(
        self, job: Job, orchestrator: Orchestrator, result: TaskResult, guarded: OrchestratorKey | None = None
    ) -> SuiteRow:
        if is_broken(result.stop_reason, result.error):
            raise BrokenEpisode(
                f"{job.world}, {job.arm}, {job.fold} task {job.seed}: {result.error}; what was done is kept: mend it, "
                "and go on with --resume"
            )
        events = orchestrator.store.events(result.run_id)
        started = events[0]
        if guarded is None or not isinstance(started, RunStarted):
            return row_of(job, events)
        memory, example = orchestrator.runner.memory.as_shown(started)
        followed = traced(memory.items, example, self._sources[guarded], result.run_id)
        return row_of(job, events, memory_tokens=shown_tokens(memory, example), traced=followed)

    # -- what is kept open ---------------------------------------------------------------------------------
    def _world(self, name: str) -> Any:
        if name in self._running:
            self._running[name] = self._running.pop(name)  # the newest comes last
        else:
            while len(self._running) >= OPEN_WORLDS:
                self._close_world(next(iter(self._running)))
            self._running[name] = resolve_environment(self._worlds[name].spec)
        return self._running[name]

    def _close_world(self, name: str) -> None:
        self._close_orchestrators(_of_world(name))
        environment = self._running.pop(name)
        if callable(getattr(environment, "close", None)):
            self._shut(f"the world {name}", environment.close)

    def _shut(self, what: str, close: Callable[[], object]) -> None:
        try:
            close()
        except Exception as e:  # whoever made it, nothing that was measured depends on it
            self._complain(f"{what} could not be closed: {describe_error(e)}")

    def _orchestrator(self, key: OrchestratorKey, make: Callable[[], Orchestrator]) -> Orchestrator:
        if key not in self._orchestrators:
            self._orchestrators[key] = make()
        return self._orchestrators[key]

    def _close_orchestrators(self, which: Callable[[OrchestratorKey], bool]) -> None:
        for key in [key for key in self._orchestrators if which(key)]:
            self._orchestrators.pop(key).close()

    def _uniform(self, order: int, repeat: int = 0) -> LLMBackend:
        number = self._settings.seed + 1000 * order + repeat
        return self._models.setdefault((UniformBackend.name, number), UniformBackend(number))

    def _decider(self, job: Job) -> LLMBackend:
        """The model that acts; chance in its place is another one for each order and repeat."""
        if self._settings.model == UniformBackend.name:
            return self._uniform(job.order, job.repeat if job.kind == TEST else 0)
        return self._model(job.world)

    def _model(self, world: str) -> LLMBackend:
        spec = self._settings.model
        name = world if spec == SCRIPTED else ""
        if (spec + name, 0) not in self._models:
            if spec == SCRIPTED:
                self._models[spec + name, 0] = self._world(world).reader(self._settings.seed)
            else:
                self._models[spec + name, 0] = resolve_backend(spec)
        return self._models[spec + name, 0]

    def _model_of(self, world: str, learner: Learner) -> LLMBackend | None:
        return self._model(world) if learner.asks_model or learner.name == OWN_MEMORY else None

    def _held(self, world: str) -> frozenset[Key]:
        if world not in self._held_out:
            tasks = held_out(self._worlds[world], self._settings)
            self._held_out[world] = frozenset(task_key(t.seed, t.options) for t in tasks)
        return self._held_out[world]

    def close(self) -> None:
        """Free the worlds, the models and the stores; the next `play` opens them again."""
        self._close_orchestrators(_any)
        self._begun.clear()
        for name in list(self._running):
            self._close_world(name)
        models, self._models = self._models, {}
        for model in models.values():
            self._shut(f"the model {model.name}", model.close)


_EXPERT, _DISTILLER = "expert", "distiller"


def _broken_off(job: Job, error: PurposeAgentError) -> BrokenEpisode:
    """Learning was cut short from outside."""
    return BrokenEpisode(
        f"{job.world}, {LEARNERS[job.arm].label}, order {job.order}, while learning: {describe_error(error)}; what was "
        "done is kept: mend it, and go on with --resume"
    )


def _any(key: OrchestratorKey) -> bool:
    return True


def _is_training(key: OrchestratorKey) -> bool:
    return key[0] == TRAIN


def _of_world(name: str) -> Callable[[OrchestratorKey], bool]:
    return lambda key: key[1] == name


def _of_stream(job: Job) -> Callable[[OrchestratorKey], bool]:
    return lambda key: key[1:4] == (job.world, job.arm, str(job.order))


def _task(job: Job, environment: Any) -> Task:
    return Task(job.fold, job.seed, {"fold": job.fold} if knows_folds(environment) else None)
