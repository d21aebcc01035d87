"""From the arguments of a task to a played and learned episode; the one async path behind every front."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from purpose_agent.actor import Actor, ActorSession, Briefing
from purpose_agent.engine import Engine
from purpose_agent.environment_host import EnvironmentHost
from purpose_agent.episode import Episode, EventLog, Listener, RunSpec
from purpose_agent.errors import EnvironmentFailure, UsageError, describe_error
from purpose_agent.events import Event, Executed, Failed, Learned, RunFinished, RunResumed, RunStarted
from purpose_agent.journal import (
    asks_model,
    record_state,
    record_verdict,
    restore_state,
    restore_verdict,
    trajectory_of,
)
from purpose_agent.learning import Learner
from purpose_agent.limits import Budget, Limits, TimeIsUp
from purpose_agent.llm_backend.usage import Usage, collect_usage
from purpose_agent.memory.same_task import attempts_at
from purpose_agent.memory.selection import Selection
from purpose_agent.memory.values.learner import ValueLearner
from purpose_agent.memory_system import Example, Guide
from purpose_agent.purpose_function import PurposeSession
from purpose_agent.result import TaskResult
from purpose_agent.store.base import Store
from purpose_agent.task_arguments import check_task as check_task
from purpose_agent.task_memory import TaskMemory
from purpose_agent.types import (
    Action,
    Snapshot,
    State,
    StopReason,
    Trajectory,
    TrajectoryStep,
    Verdict,
)

if TYPE_CHECKING:
    from purpose_agent.other_memory import OtherMemory


@dataclass
class Runner:
    """Everything a run needs, assembled.

    Attributes:
        actor: decides.
        engine: plays.
        store: keeps.
        memory: what is shown for a task.
        values: makes a guide for each episode where actions are listed; None: the model alone decides.
        learner: takes finished episodes in.
        available_actions: what may be done; None asks the environment.
        habits: whether a decisive value memory may act without the model.
        model: the actor's model, for the journal.
    """

    actor: Actor
    engine: Engine
    store: Store
    memory: TaskMemory | OtherMemory
    values: ValueLearner | OtherMemory | None
    learner: Learner | OtherMemory
    available_actions: dict[str, str] | None
    habits: bool
    model: str

    @property
    def host(self) -> EnvironmentHost:
        """The environment."""
        return self.engine.host

    @property
    def _offered(self) -> dict[str, str] | None:
        """Names and descriptions of the actions, where they are a closed list."""
        return self.available_actions or self.host.actions

    # -- a new run -----------------------------------------------------------------------------------------
    async def run(self, spec: RunSpec, listeners: Sequence[Listener] = ()) -> TaskResult:
        """Play a new episode and learn from it.

        Raises:
            UsageError: an argument is wrong; nothing was started.
        """
        async with self.engine.exclusive:
            log = EventLog(self.store, spec.run_id, 0, list(listeners))
            budget = Budget(spec.limits)
            state = _given_state(spec)
            try:
                async with budget.bounded():
                    if spec.initial_state is None:
                        state = await self.host.reset(spec.seed, spec.options)
                    episode = await self._begin(spec, log, budget, state)
            except EnvironmentFailure as e:
                return self._stillborn(spec, log, e)
            except TimeIsUp as e:
                return self._out_of_time(spec, log, e, state)
            result = await self.engine.play(episode)
            if spec.learning:
                await self._learn(episode)
            return result

    async def _begin(self, spec: RunSpec, log: EventLog, budget: Budget, state: Snapshot) -> Episode:
        """The episode at its first state, journalled as begun."""
        given = await self.host.verdict(state)
        terminal = await self.host.is_terminal(state)
        admissible = await self.host.admissible(state)
        following = self._follow(spec, state, admissible)
        verdict = await following.settle(given, in_thread=self.host.in_thread)
        chance = spec.run_id if spec.seed is None else spec.seed
        without = self._left_out(spec, state)
        memory, example = self.memory.for_task(
            spec.task,
            spec.purpose,
            state,
            spec.decision,
            chance if spec.learning else None,
            without=without,
            probing=spec.probing,
            offered=None if self.host.lists_admissible else self._offered,
        )
        trajectory = Trajectory(
            spec.task,
            spec.purpose,
            id=spec.run_id,
            seed=spec.seed,
            options=spec.options,
            propensities=dict(memory.propensities),
            trust=self.host.trust,
        )
        episode = self._episode(
            spec, log, budget, trajectory, state, memory, example, admissible, following, without
        )
        episode.verdict, episode.terminal = verdict, terminal
        log.emit(self._started(spec, state, verdict, memory, trajectory.created_at, example))
        following.report_to(episode.failed)
        return episode

    def _left_out(self, spec: RunSpec, state: Snapshot) -> frozenset[str]:
        """Earlier attempts at the very task, where it is evaluated as if it was never met."""
        if not spec.held_out:
            return frozenset()
        return attempts_at(self.store, spec.purpose, spec.task, state, spec.seed, spec.options)

    def _follow(self, spec: RunSpec, state: Snapshot, admissible: list[Action]) -> PurposeSession:
        """Φ at the first state."""
        following = self.engine.purpose_function.follow(spec.purpose)
        following.arrive(state, None, [a.command for a in admissible])
        return following

    def _stillborn(self, spec: RunSpec, log: EventLog, error: EnvironmentFailure) -> TaskResult:
        """A run whose first state could not be had: journalled, with no steps."""
        state = (spec.initial_state or State(data={})).snapshot()
        trajectory = Trajectory(spec.task, spec.purpose, id=spec.run_id, seed=spec.seed, options=spec.options)
        trajectory.stop_reason = StopReason.ENVIRONMENT_ERROR.value
        text = describe_error(error)
        log.emit(self._started(spec, state, None, Selection(), trajectory.created_at, None))
        log.emit(Failed(0, "environment", text))
        log.emit(RunFinished(trajectory.stop_reason, False, None, 0, 0.0, {}, text))
        return TaskResult(trajectory, state, error=text)

    def _out_of_time(self, spec: RunSpec, log: EventLog, limit: TimeIsUp, state: Snapshot) -> TaskResult:
        """A run whose time was up before its first state was known in full: journalled, with no steps."""
        trajectory = Trajectory(spec.task, spec.purpose, id=spec.run_id, seed=spec.seed, options=spec.options)
        trajectory.stop_reason = limit.reason.value
        log.emit(self._started(spec, state, None, Selection(), trajectory.created_at, None))
        log.emit(RunFinished(trajectory.stop_reason, False, None, 0, limit.value, {}, detail=str(limit)))
        return TaskResult(trajectory, state)

    def _started(
        self,
        spec: RunSpec,
        state: Snapshot,
        verdict: Verdict | None,
        memory: Selection,
        created_at: float,
        example: Example | None,
    ) -> RunStarted:
        limits = {
            name: float(value)
            for name in ("steps", "model_calls", "tokens", "cost", "seconds")
            if (value := getattr(spec.limits, name)) is not None
        }
        return RunStarted(
            run_id=spec.run_id,
            purpose=spec.purpose,
            task=spec.task,
            state=record_state(state),
            verdict=record_verdict(verdict),
            max_steps=spec.max_steps,
            early_stop_phi=spec.early_stop_phi,
            decision=spec.decision,
            learning=spec.learning,
            seed=spec.seed,
            options=spec.options,
            limits=limits,
            environment=self.host.name,
            model=self.model,
            shown=list(memory.prefix_ids),
            created_at=created_at,
            example=example.id if example is not None else None,
            propensities=dict(memory.propensities),
            withheld=memory.withheld_prefix,
            withheld_tips=memory.withheld_tips,
            trust=self.host.trust or "",
            held_out=spec.held_out,
            probing=spec.probing[0].id if spec.probing is not None else "",
        )

    def _episode(
        self,
        spec: RunSpec,
        log: EventLog,
        budget: Budget,
        trajectory: Trajectory,
        state: Snapshot,
        memory: Selection,
        example: Example | None,
        admissible: list[Action],
        following: PurposeSession,
        without: frozenset[str],
    ) -> Episode:
        guide: Guide | None = None
        if spec.decision == "choice" and self.values is not None:
            guide = self.values.guide(spec.purpose, spec.seed, explore=spec.learning, without=without)
        if guide is not None:
            guide.begin(state, admissible, following.given)
        briefing = Briefing(
            purpose=spec.purpose,
            task=spec.task,
            state=state,
            decision=spec.decision,
            offered=self._offered,
            memory=memory,
            example=example.text if example is not None else "",
            guide=guide,
            habits=self.habits,
            may_finish=not self.host.verifies,
        )
        episode = Episode(
            spec=spec,
            log=log,
            budget=budget,
            trajectory=trajectory,
            session=ActorSession(self.actor.llm, briefing),
            following=following,
            state=state,
            guide=guide,
            shown=list(memory.prefix_ids),
            withheld=memory.withheld_prefix,
            example_id=example.id if example is not None else None,
        )
        if self.host.lists_admissible:
            episode.admissible.append(admissible)
        return episode

    async def _learn(self, episode: Episode) -> None:
        episode.report_usage()  # what the run itself used is in its `RunFinished`
        with collect_usage(lambda usage: episode.use("distiller", usage)):
            learned, failures = await self.learner.take_in(
                episode.trajectory,
                admissible=episode.admissible,
                example_id=episode.example_id,
                seconds=episode.spec.limits.seconds,
            )
        for failure in failures:
            episode.log.emit(failure)
        episode.log.emit(
            Learned(learned.added, learned.credited, learned.value_memory, usage=episode.report_usage())
        )
        self.memory.sync_actor()

    # -- a run that was left -------------------------------------------------------------------------------
    async def resume(self, run_id: str, limits: Limits, listeners: Sequence[Listener] = ()) -> TaskResult:
        """Continue a run after its last finished step; one that has ended is only read back.

        Raises:
            UsageError: there is no such run.
        """
        events = self.store.events(run_id)
        if not events or not isinstance(events[0], RunStarted):
            raise UsageError(f"there is no run {run_id!r} in this store; `purpose-agent runs` lists them")
        async with self.engine.exclusive:
            spec = _spec_of(events[0], limits)
            log = EventLog(self.store, run_id, len(events), list(listeners))
            trajectory = trajectory_of(events)
            ended = _ending_of(events)
            spent = 0.0 if ended is not None else sum(e.seconds for e in events if isinstance(e, Executed))
            budget = Budget(spec.limits, _usage_of(events), spent)
            try:
                async with budget.bounded():
                    episode = await self._rebuild(spec, log, budget, trajectory, events)
            except EnvironmentFailure as e:
                return TaskResult(trajectory, _last_state(events[0], trajectory), error=describe_error(e))
            except TimeIsUp as e:
                return _not_rebuilt(trajectory_of(events), events, log, e)
            if ended is not None:
                result = TaskResult(trajectory, episode.state, usage=ended.usage, error=ended.error)
            else:
                trajectory.stop_reason = ""
                log.emit(RunResumed(episode.step, time.time()))
                result = await self.engine.play(episode)
            if spec.learning and not any(isinstance(e, Learned) for e in events):
                await self._learn(episode)
            return result

    async def _rebuild(
        self, spec: RunSpec, log: EventLog, budget: Budget, trajectory: Trajectory, events: list[Event]
    ) -> Episode:
        """The episode as it was when it was left: world, conversation, values, budget."""
        started = events[0]
        assert isinstance(started, RunStarted)
        state = restore_state(started.state)
        memory, example = self.memory.as_shown(started)
        admissible = await self.host.admissible(state)
        following = self._follow(spec, state, admissible)
        without = self._left_out(spec, state)
        episode = self._episode(
            spec, log, budget, trajectory, state, memory, example, admissible, following, without
        )
        episode.asked = any(asks_model(event) for event in events)
        episode.verdict = restore_verdict(started.verdict)
        self._restore_verdict(episode)
        steps, trajectory.steps = trajectory.steps, []
        executed = [e for e in events if isinstance(e, Executed)]
        for step, event in zip(steps, executed, strict=True):
            await self._replay(episode, step, event)
        actions = [step.action for step in steps if not step.action.is_done]
        if _ending_of(events) is None:
            await self.host.restore(episode.state, actions, spec.seed, spec.options)
        following.report_to(episode.failed)
        return episode

    def _restore_verdict(self, episode: Episode) -> None:
        """Tell Φ the verdict that stood; where the environment gives none, it was a person's or a checker's."""
        given = episode.verdict if self.host.verifies else None
        episode.following.restore(episode.verdict, given)

    async def _replay(self, episode: Episode, step: TrajectoryStep, event: Executed) -> None:
        """One finished step, without acting and without asking anybody."""
        before = Snapshot.of(step.state_before)
        after = Snapshot.of(step.state_after)
        episode.state, episode.verdict, episode.terminal = after, step.verdict, event.terminal
        if self.host.lists_admissible and not step.action.is_done:
            episode.admissible.append(await self.host.admissible(after))
        if not step.action.is_done:
            episode.following.arrive(after, step.action.command, [a.command for a in episode.offered])
            self._restore_verdict(episode)
            self.engine.guide(episode, step.action)
        if step.score is not None:
            episode.phi = step.score.phi_after
        tips, withheld = episode.session.observe(before, step.action, step.action.command, after, step.error)
        episode.came_with(tips, withheld)
        episode.session.compact()
        episode.trajectory.steps.append(step)
        episode.score_due = step.score is None


def _given_state(spec: RunSpec) -> Snapshot:
    """Where the caller wants to start; nowhere yet, where the environment is to say."""
    try:
        return (spec.initial_state or State(data={})).snapshot()
    except (TypeError, ValueError) as e:
        raise UsageError(f"initial_state: {e}") from e


def _spec_of(started: RunStarted, limits: Limits) -> RunSpec:
    return RunSpec(
        purpose=started.purpose,
        task=started.task,
        run_id=started.run_id,
        max_steps=started.max_steps,
        early_stop_phi=started.early_stop_phi,
        decision="choice" if started.decision == "choice" else "react",
        learning=started.learning,
        limits=limits,
        seed=started.seed,
        options=started.options,
        held_out=started.held_out,
    )


def _ending_of(events: list[Event]) -> RunFinished | None:
    """How a run ended for good; None for one that was left in the middle and can go on."""
    last = next((e for e in reversed(events) if isinstance(e, (RunFinished, RunResumed))), None)
    if isinstance(last, RunFinished) and last.stop_reason != StopReason.INTERRUPTED:
        return last
    return None


def _not_rebuilt(trajectory: Trajectory, events: list[Event], log: EventLog, limit: TimeIsUp) -> TaskResult:
    """A run that could not be brought back to where it was left before its time was up; one that had ended stays so."""
    started, ended, used = events[0], _ending_of(events), _usage_of(events)
    assert isinstance(started, RunStarted)
    state = _last_state(started, trajectory)
    if ended is not None:
        return TaskResult(trajectory, state, usage=used, error=ended.error)
    trajectory.stop_reason = limit.reason.value
    steps = len(trajectory.steps)
    log.emit(RunResumed(steps, time.time()))
    log.emit(
        RunFinished(
            trajectory.stop_reason,
            trajectory.succeeded,
            trajectory.final_phi,
            steps,
            limit.value,
            used,
            detail=str(limit),
        )
    )
    return TaskResult(trajectory, state, usage=used)


def _usage_of(events: list[Event]) -> dict[str, Usage]:
    used: dict[str, Usage] = {}
    for event in events:
        if isinstance(event, Executed):
            for role, usage in event.usage.items():
                used[role] = used.get(role, Usage()) + usage
        elif isinstance(event, RunFinished):
            used = dict(event.usage)  # of the whole run so far
    return used


def _last_state(started: RunStarted, trajectory: Trajectory) -> State:
    return trajectory.steps[-1].state_after if trajectory.steps else restore_state(started.state)
