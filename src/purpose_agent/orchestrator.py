"""The orchestrator: ties actor, environment, purpose function, replay and optimizer together.

`Orchestrator` is the synchronous front, `AsyncOrchestrator` the asynchronous one; both hand their arguments to the
same `Runner`.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import operator
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from purpose_agent.action_reply import check_offered
from purpose_agent.actor import Actor, Decision
from purpose_agent.approval import Approval
from purpose_agent.bridge import SyncBridge
from purpose_agent.calibrating import Calibrator
from purpose_agent.checkers import Checker
from purpose_agent.critics import Critic
from purpose_agent.embedding import default_embedder
from purpose_agent.engine import Engine
from purpose_agent.environment import Environment, SimpleEnvironment
from purpose_agent.environment_host import EnvironmentHost, ExclusiveUse
from purpose_agent.episode import Listener, RunSpec
from purpose_agent.errors import StoreError, UsageError
from purpose_agent.evidence_critic import EvidenceCritic
from purpose_agent.experience_replay import ExperienceReplay
from purpose_agent.freeze import encodable
from purpose_agent.learning import Learner
from purpose_agent.limits import Limits
from purpose_agent.llm_backend.base import LLMBackend
from purpose_agent.memory.experience_critic import ExperienceCritic
from purpose_agent.memory.item_vectors import ItemVectors
from purpose_agent.memory.library import Library
from purpose_agent.memory.values.learner import ValueLearner
from purpose_agent.memory_system import MemorySystem
from purpose_agent.numeric import is_whole
from purpose_agent.optimizer import HeuristicOptimizer
from purpose_agent.policies import Policy, checked_policies
from purpose_agent.purpose_function import PurposeFunction
from purpose_agent.result import TaskResult
from purpose_agent.runner import Runner
from purpose_agent.score_cache import ScoreCache
from purpose_agent.store import open_store
from purpose_agent.store.base import Store
from purpose_agent.streaming import StreamEvent, StreamTranslator
from purpose_agent.task_arguments import (
    check_task,
    checked_options,
    checked_seed,
    checked_switch,
    checked_text,
)
from purpose_agent.task_memory import TaskMemory
from purpose_agent.types import PHI_MAX, MemoryTier, State, Trajectory, TrajectoryStep, new_id

if TYPE_CHECKING:
    from purpose_agent.gatekeeper import Gatekeeper, ProbeListener
    from purpose_agent.memory.gate.probing import GateReport
    from purpose_agent.other_memory import OtherMemory

__all__ = [
    "AsyncOrchestrator",
    "Environment",
    "Orchestrator",
    "SimpleEnvironment",
    "StreamEvent",
    "TaskResult",
]


_log = logging.getLogger(__name__)

MAX_PER_TIER = 200
"""Lessons kept per tier. What is *shown* is bounded by relevance and tokens; a small library forgets rare tasks."""


PARTS = ("credit", "gate", "values", "experience_critic")
"""Parts of the memory that a comparison may leave out: ``credit`` (nothing is withheld, so nothing is measured),
``gate`` (nothing is promoted, demoted or retired for what it did), ``values`` (the value memory does not narrow
choices), ``experience_critic`` (Φ does not learn from experience)."""


class Orchestrator:
    """Runs tasks, and gets better at them.

    Args:
        llm: the model for all roles.
        environment: the world; see `purpose_agent.environment`.
        available_actions: names and descriptions; default: what the environment offers, else any action.
        critic_llm: another model for Φ.
        optimizer_llm: another model for distilling lessons.
        experience_buffer_size: episodes kept for retrieval.
        persistence_dir: a folder that keeps everything; opening it again restores everything.
        on_step: called with every finished and scored step.
        optimize_every_n_tasks: episodes between two optimisations.
        decision: ``choice`` where the environment lists admissible actions (``auto``), or ``react``.
        learning: whether episodes teach. With False nothing that affects behaviour is written.
        seed: of the first task; the next one gets the next number. None: no seeds.
        limits: bounds on each run.
        store: a path or a `Store`, instead of ``persistence_dir``.
        policies: who may look at each step; see `purpose_agent.policies`.
        habits: whether a decisive value memory may act without asking the model.
        withholding: whether selected memory items are now and then withheld at random while learning, so that what
            each is worth is measured; see `purpose_agent.memory.credit`.
        distillers: names or objects; default: all built-in ones.
        memory: a memory in the place of ours; see `purpose_agent.memory_system`.
        without: parts of our memory that are left out, for comparisons; see `PARTS`.
        checkers: your own ground truth about states, below the environment's: a function of a state to a `Verdict` or
            None, or several that must all be content; see `purpose_agent.checkers`.

    Raises:
        UsageError: an argument is wrong.
        StoreError: the store cannot be opened; nothing was changed.
    """

    def __init__(
        self,
        llm: LLMBackend,
        environment: Any,
        available_actions: dict[str, str] | None = None,
        critic_llm: LLMBackend | None = None,
        optimizer_llm: LLMBackend | None = None,
        experience_buffer_size: int = 500,
        persistence_dir: str | Path | None = None,
        on_step: Callable[[TrajectoryStep], Any] | None = None,
        optimize_every_n_tasks: int = 1,
        *,
        decision: Literal["auto", "react", "choice"] = "auto",
        learning: bool = True,
        seed: int | None = None,
        limits: Limits | None = None,
        store: str | Path | Store | None = None,
        policies: Sequence[Policy] = (),
        habits: bool = True,
        withholding: bool = True,
        distillers: Sequence[Any] | None = None,
        checkers: Checker | Sequence[Checker] = (),
        memory: MemorySystem | None = None,
        without: Collection[str] = (),
    ) -> None:
        left_out = _parts(without)
        for name, model in (("llm", llm), ("critic_llm", critic_llm), ("optimizer_llm", optimizer_llm)):
            _check_model(name, model, optional=name != "llm")
        check_offered(available_actions)
        asked = checked_policies(policies)
        first_seed = checked_seed(seed)
        limits = _limits(limits)
        host = EnvironmentHost(environment, in_thread=limits.seconds is not None)
        decided = choose_decision(decision, environment)
        if persistence_dir is not None and store is not None:
            raise UsageError("give persistence_dir or store, not both")
        if not is_whole(optimize_every_n_tasks) or optimize_every_n_tasks < 1:
            raise UsageError(
                f"optimize_every_n_tasks must be a whole number of at least 1, got {optimize_every_n_tasks!r}"
            )
        self.environment = environment
        self.on_step = on_step
        self.decision: Decision = decided
        self.learning = learning
        self.seed = first_seed
        self.limits = limits
        self._tasks = 0
        self._bridge = SyncBridge()
        self._owns_store = isinstance(store, (str, Path)) or store is None
        self.store: Store = open_store(store if store is not None else _folder(persistence_dir))
        self.actor = Actor(llm, available_actions)
        scores = ScoreCache(self.store)
        values = ValueLearner(
            self.store, learned_progress="experience_critic" not in left_out, heed_texts=host.trust is None
        )
        calibrator = Calibrator(self.store)
        critics: list[Critic] = [EvidenceCritic(critic_llm or llm, scores)]
        if "experience_critic" not in left_out:
            critics.append(ExperienceCritic(values))
        self.purpose_fn = PurposeFunction(
            None, store=scores, critics=critics, checkers=checkers, calibrator=calibrator
        )
        embedder = default_embedder()
        self.experience_replay = ExperienceReplay(experience_buffer_size, store=self.store, embedder=embedder)
        self.library = Library(self.store, MAX_PER_TIER, gated="gate" not in left_out)
        self.optimizer = HeuristicOptimizer(
            optimizer_llm or llm,
            min_reward_threshold=-PHI_MAX,  # failures teach too, those that came no closer as well
            store=self.store,
            library=self.library,
            distillers=distillers,
            values=values,
        )
        learner = Learner(
            self.experience_replay, self.library, self.optimizer, values, optimize_every_n_tasks, calibrator
        )
        reader = TaskMemory(
            self.actor,
            self.experience_replay,
            self.library,
            withholding and "credit" not in left_out,
            None if embedder is None else ItemVectors(embedder),
        )
        other: OtherMemory | None = None
        if memory is not None:
            from purpose_agent.other_memory import OtherMemory  # rare

            other = OtherMemory(memory, self.experience_replay, self.store)
        self._values: ValueLearner | OtherMemory = other or values
        engine = Engine(
            host,
            self.purpose_fn,
            Approval(asked, host.in_thread),
            on_step=self._on_step,
            exclusive=ExclusiveUse(host.exclusive),
        )
        self.runner = Runner(
            actor=self.actor,
            engine=engine,
            store=self.store,
            memory=other or reader,
            values=other or (None if "values" in left_out else values),
            learner=other or learner,
            available_actions=available_actions,
            habits=habits,
            model=str(getattr(llm, "name", "") or type(llm).__name__),
        )
        self.sync_memory()

    def _on_step(self, step: TrajectoryStep) -> None:
        if self.on_step is not None:
            self.on_step(step)

    # -- tasks ---------------------------------------------------------------------------------------------
    def run_task(
        self,
        purpose: str,
        initial_state: State | None = None,
        max_steps: int = 20,
        early_stop_phi: float = 9.0,
        task_description: str | None = None,
        *,
        seed: int | None = None,
        options: dict[str, Any] | None = None,
        learning: bool | None = None,
        held_out: bool = False,
        listeners: Sequence[Listener] = (),
    ) -> TaskResult:
        """Run one task to its end and learn from it.

        Synchronous runs of one orchestrator take turns: a second thread waits until the first one's run is over.
        `AsyncOrchestrator` runs them at once. Nothing that a run itself calls (``on_step``, the environment, a policy)
        can start or wait for another run of the same orchestrator.

        Args:
            purpose: the goal; what Φ scores against.
            initial_state: where to start; default: the environment's ``reset``.
            max_steps: at most this many steps.
            early_stop_phi: stop when Φ reaches this, unless a verdict says that the task is not achieved. Where the
                environment or a checker can verify, critics alone do not stop a run.
            task_description: the task in words; default: the purpose.
            seed: of the task, passed to ``reset``.
            options: passed to ``reset``.
            learning: overrides the orchestrator's for this run.
            held_out: evaluate the task as if it was never met: nothing is learned, and nothing is used that earlier
                attempts at this very task taught.
            listeners: called with every event of the run.

        Returns:
            The result, whatever went wrong inside the run; see its ``stop_reason`` and ``error``.

        Raises:
            UsageError: an argument is wrong, or this is called from inside a run; nothing was started.
        """
        self._bridge.refuse_inside()
        spec = self.spec(
            purpose, initial_state, max_steps, early_stop_phi, task_description,
            seed=seed, options=options, learning=learning, held_out=held_out,
        )  # fmt: skip
        return self._bridge.run(self.runner.run(spec, listeners))

    def spec(
        self,
        purpose: str,
        initial_state: State | None = None,
        max_steps: int = 20,
        early_stop_phi: float = 9.0,
        task_description: str | None = None,
        *,
        seed: int | None = None,
        options: dict[str, Any] | None = None,
        learning: bool | None = None,
        held_out: bool = False,
    ) -> RunSpec:
        """The checked options of a run; see `run_task`."""
        check_task(purpose, max_steps, early_stop_phi)
        task = checked_text("task_description", task_description)
        options = checked_options(options)
        held_out = checked_switch("held_out", held_out)
        teaches = checked_switch("learning", self.learning if learning is None else learning)
        if held_out and learning:
            raise UsageError("a held-out task teaches nothing: give held_out=True or learning=True, not both")
        if initial_state is not None and not isinstance(initial_state, State):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise UsageError(f"initial_state must be a State, got {type(initial_state).__name__}")
        first = checked_seed(self.seed)
        if seed is None and first is not None:
            seed = first + self._tasks
        seed = checked_seed(seed)
        self._tasks += 1
        return RunSpec(
            purpose=encodable(purpose),
            task=encodable(task or purpose),
            run_id=new_id(),
            max_steps=operator.index(max_steps),
            early_stop_phi=float(early_stop_phi),
            decision=self.decision,
            learning=teaches and not held_out,
            limits=self.limits,
            initial_state=initial_state,
            seed=seed,
            options=options,
            held_out=held_out,
        )

    def resume(self, run_id: str, *, listeners: Sequence[Listener] = ()) -> TaskResult:
        """Continue a run that was killed or interrupted after its last finished step; no step is repeated.

        Raises:
            UsageError: there is no such run in the store.
        """
        return self._bridge.run(self.runner.resume(run_id, self.limits, listeners))

    # -- memory --------------------------------------------------------------------------------------------
    def post_task(self, trajectory: Trajectory, used_experiences: list[Any] | None = None) -> None:
        """Take in an episode that somebody else ran: store it, credit what it was shown, distil it when due.

        Args:
            trajectory: the episode; `Trajectory.shown` lists the memory items that it was shown.
            used_experiences: records that were shown; their values are updated.

        Raises:
            UsageError: it is no `Trajectory`, or one that could not be read again, or this is called from inside a run,
                such as by ``on_step``; nothing was changed.
            StoreError: it was not kept.
        """
        self._bridge.refuse_inside()
        from purpose_agent.trajectory_check import check_trajectory  # who only runs tasks need not load it

        check_trajectory(trajectory)
        for record in used_experiences or []:
            self.experience_replay.update_q_value(record.id, float(trajectory.succeeded))
        learning = self.runner.learner.take_in(trajectory, seconds=self.limits.seconds)
        _, failures = self._bridge.run(learning)
        self.sync_memory()
        lost = [f.error for f in failures if f.part == "memory"]
        if lost and self.store.episode(trajectory.id) is None:
            raise StoreError(f"the episode {trajectory.id!r} was not kept: {'; '.join(lost)}")
        for failure in failures:
            _log.warning("episode %s: %s failed: %s", trajectory.id, failure.part, failure.error)

    def probe(
        self,
        item_id: str,
        *,
        max_pairs: int = 96,
        max_steps: int = 20,
        listener: ProbeListener | None = None,
    ) -> GateReport:
        """Play past tasks again, with a memory item and without it, until it is clear whether it helps.

        A proven item becomes active. A rejected one that waited for it is retired, and so is one in use that breaks
        more than it mends. Nothing else is learned.

        Args:
            item_id: of a live item; quarantined ones may be probed too.
            max_pairs: bound on the pairs of episodes.
            max_steps: bound on each episode.
            listener: told of each probe run.

        Raises:
            UsageError: there is no such item, or the environment cannot be reset to past tasks.
        """
        return self._bridge.run(self._gatekeeper(max_steps, listener).probe(item_id, max_pairs=max_pairs))

    def probe_waiting(
        self, *, max_pairs: int = 96, max_steps: int = 20, listener: ProbeListener | None = None
    ) -> list[GateReport]:
        """`probe` for every candidate and every quarantined item."""
        return self._bridge.run(self._gatekeeper(max_steps, listener).probe_waiting(max_pairs=max_pairs))

    def _gatekeeper(self, max_steps: int, listener: ProbeListener | None) -> Gatekeeper:
        from purpose_agent.gatekeeper import Gatekeeper  # probing is rare; an import need not load it

        template = replace(self.spec("probe", max_steps=max_steps, learning=False), seed=None)
        return Gatekeeper(self.runner, self.library, template, listener)

    def sync_memory(self) -> None:
        """Show the actor the library as it is now; call it after changing the library by hand."""
        self.runner.memory.sync_actor()

    @property
    def optimize_every_n_tasks(self) -> int:
        """Episodes between two optimisations."""
        return self.runner.learner.every

    @optimize_every_n_tasks.setter
    def optimize_every_n_tasks(self, every: int) -> None:
        self.runner.learner.every = every

    @property
    def stats(self) -> dict[str, Any]:
        """How much was learned so far."""
        return {
            "experience_replay": self.experience_replay.stats,
            "heuristic_library_size": len(list(self.library)),
            "heuristics_by_tier": {tier.value: len(self.library.by_tier(tier)) for tier in MemoryTier},
            "tasks_since_optimize": self.runner.learner.tasks_since_optimize,
        }

    def get_heuristic_report(self) -> str:
        """All lessons by tier, for a person."""
        return self.library.report()

    # -- end -----------------------------------------------------------------------------------------------
    def close(self) -> None:
        """Save what is learned and free the store; the environment and the models stay the caller's.

        Raises:
            UsageError: this is called from inside a run; nothing was closed.
        """
        self._bridge.refuse_inside()
        if self.learning:
            self._values.save()
            if self.purpose_fn.calibrator is not None:
                self.purpose_fn.calibrator.save()
        if self._owns_store:
            self.store.close()
        self._bridge.close()

    def __enter__(self) -> Orchestrator:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncOrchestrator:
    """The asynchronous front of an orchestrator; any number of runs may go on at once.

    Blocking environments and models run in threads, so that other runs go on meanwhile.

    Args:
        orchestrator: whose parts are used.
    """

    def __init__(self, orchestrator: Orchestrator) -> None:
        self.orchestrator = orchestrator
        engine = orchestrator.runner.engine
        host = EnvironmentHost(engine.host.environment, in_thread=True)
        approval = replace(engine.approval, in_thread=True)
        self._runner = replace(orchestrator.runner, engine=replace(engine, host=host, approval=approval))

    async def run_task(self, **kwargs: Any) -> TaskResult:
        """`Orchestrator.run_task`, awaited; the same arguments by keyword.

        Raises:
            UsageError: an argument is wrong; nothing was started.
        """
        listeners: Sequence[Listener] = kwargs.pop("listeners", ())
        return await self._runner.run(self._spec("run_task", kwargs), listeners)

    def _spec(self, method: str, arguments: dict[str, Any]) -> RunSpec:
        """The checked options of a run; an argument that there is none of is named with the method that was called."""
        known = inspect.signature(self.orchestrator.spec).parameters
        for name in arguments:
            if name not in known:
                raise UsageError(
                    f"AsyncOrchestrator.{method} has no argument {name!r}; it has {', '.join(known)}"
                )
        if "purpose" not in arguments:
            raise UsageError(f"AsyncOrchestrator.{method} needs purpose=...: what the agent should achieve")
        return self.orchestrator.spec(**arguments)

    async def run_task_stream(
        self,
        purpose: str,
        initial_state: State | None = None,
        max_steps: int = 20,
        early_stop_phi: float = 9.0,
        **kwargs: Any,
    ) -> AsyncIterator[StreamEvent]:
        """The events of a run as they happen; the last, ``task_end``, carries the result.

        A consumer that stops early interrupts the run; it can be resumed.

        Raises:
            UsageError: an argument is wrong; nothing was started.
        """
        told = {"purpose": purpose, "initial_state": initial_state, "max_steps": max_steps}
        spec = self._spec("run_task_stream", {**told, "early_stop_phi": early_stop_phi, **kwargs})
        queue: asyncio.Queue[StreamEvent | None] = asyncio.Queue()
        translate = StreamTranslator()

        def listen(_run_id: str, event: Any) -> None:
            for translated in translate(event):
                queue.put_nowait(translated)

        task = asyncio.create_task(self._runner.run(spec, [listen]))
        task.add_done_callback(lambda _: queue.put_nowait(None))
        try:
            while (event := await queue.get()) is not None:
                yield event
            yield StreamEvent("task_end", {"result": task.result()}, step=task.result().total_steps)
        finally:
            if not task.done():
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)


def _parts(without: Collection[str]) -> frozenset[str]:
    unknown = sorted(set(without) - set(PARTS)) if not isinstance(without, str) else [without]
    if unknown:
        raise UsageError(f"without must be parts of the memory ({', '.join(PARTS)}), got {unknown!r}")
    return frozenset(without)


def choose_decision(decision: str, environment: Any) -> Decision:
    """How the actor decides in an environment.

    Raises:
        UsageError: there is no such way to decide, or not in this environment.
    """
    host = EnvironmentHost(environment)
    if decision not in ("auto", "react", "choice"):
        raise UsageError(f"decision must be 'auto', 'react' or 'choice', got {decision!r}")
    if decision == "choice" and not host.lists_admissible:
        raise UsageError(
            f"decision='choice' needs an environment with admissible_actions(state); {host.name} has none"
        )
    return "choice" if decision != "react" and host.lists_admissible else "react"


def _check_model(name: str, model: Any, *, optional: bool) -> None:
    if model is None and optional:
        return
    if not isinstance(model, LLMBackend):
        raise UsageError(
            f"{name} must be an LLMBackend, got {type(model).__name__}: {model!r:.80}; "
            "resolve_backend('local'), MockLLMBackend() or a subclass of LLMBackend"
        )


def _limits(limits: Any) -> Limits:
    """The limits; none where nothing is said."""
    if limits is None:
        return Limits()
    if not isinstance(limits, Limits):
        raise UsageError(
            f"limits must be a Limits, got {type(limits).__name__}: {limits!r:.80}; write Limits(seconds=60)"
        )
    return limits


def _folder(persistence_dir: str | Path | None) -> Path | None:
    """The store in a persistence folder, which is made when it is missing."""
    given: Any = persistence_dir
    if given is None:
        return None
    if not isinstance(given, (str, Path)) and not hasattr(given, "__fspath__"):
        raise UsageError(f"persistence_dir must be the path of a folder, got {given!r:.80}")
    folder = Path(given)
    if not str(given).strip():
        raise UsageError("persistence_dir is empty; name a folder")
    return folder / "purpose_agent.sqlite"
