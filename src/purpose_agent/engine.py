"""The loop, written once: decide, validate, ask policies, execute, snapshot, score, record, stop?

The critic is off the critical path: while it scores the state after step t, the actor already decides step t + 1. If
the score ends the run, that decision is cancelled. Everything that happens is an event; a step is finished when its
`Executed` event is durable, and the next one does not begin to act before that.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine, Set
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from purpose_agent.actor import MAX_RECALLS, MAX_REFUSALS, Proposal
from purpose_agent.approval import Approval
from purpose_agent.cancellation import is_cancelled
from purpose_agent.environment_host import EnvironmentHost, ExclusiveUse, Outcome
from purpose_agent.episode import Episode, RunEnded
from purpose_agent.errors import (
    EnvironmentFailure,
    ModelError,
    ModelOutputError,
    ModelUnavailableError,
    StoreError,
    describe_error,
)
from purpose_agent.events import (
    UNASKED,
    Compacted,
    Decided,
    Executed,
    Recalled,
    Refused,
    RunFinished,
    Scored,
    StepStarted,
)
from purpose_agent.journal import record_action, record_score, record_state, record_verdict
from purpose_agent.limits import LimitReached
from purpose_agent.llm_backend.usage import Usage, collect_usage
from purpose_agent.policies import Policy
from purpose_agent.purpose_function import Opinion, PurposeFunction
from purpose_agent.result import TaskResult
from purpose_agent.types import Action, StopReason, TrajectoryStep, Verdict

T = TypeVar("T")


@dataclass
class Ending:
    """Why a run ended."""

    reason: StopReason
    error: str | None = None
    detail: str = ""


@dataclass
class Engine:
    """Plays episodes.

    Attributes:
        host: the environment.
        purpose_function: Φ.
        approval: who may look at each step.
        on_step: called with every finished and scored step.
        exclusive: lets one run at a time use a stateful environment.
    """

    host: EnvironmentHost
    purpose_function: PurposeFunction
    approval: Approval = field(default_factory=Approval)
    on_step: Callable[[TrajectoryStep], Any] | None = None
    exclusive: ExclusiveUse = field(default_factory=lambda: ExclusiveUse(False))

    def with_policy(self, policy: Policy) -> Engine:
        """The same engine with one more policy, asked last."""
        return replace(self, approval=replace(self.approval, policies=(*self.approval.policies, policy)))

    # -- from start to end ---------------------------------------------------------------------------------
    async def play(self, episode: Episode) -> TaskResult:
        """Play an episode to its end; a failure of any part is in the result.

        Raises:
            asyncio.CancelledError: the run was cancelled; it is journalled as interrupted and can be resumed.
        """
        try:
            ending = await self._bounded(episode)
        except asyncio.CancelledError:
            self._finish(episode, Ending(StopReason.INTERRUPTED))
            raise
        return self._finish(episode, ending)

    async def _bounded(self, episode: Episode) -> Ending:
        """The loop within its time limit, with every way it can end made data."""
        try:
            async with episode.budget.bounded():
                await self._loop(episode)
            return Ending(StopReason.MAX_STEPS)
        except RunEnded as e:
            return Ending(e.reason, error=e.error, detail=e.detail)
        except LimitReached as e:
            return Ending(e.reason, detail=str(e))
        except ModelError as e:
            episode.failed("actor", e)
            return Ending(StopReason.MODEL_ERROR, error=describe_error(e))
        except EnvironmentFailure as e:
            episode.failed("environment", e)
            return Ending(StopReason.ENVIRONMENT_ERROR, error=describe_error(e))
        except StoreError as e:
            return Ending(StopReason.STORE_ERROR, error=describe_error(e))
        except asyncio.CancelledError as e:
            if is_cancelled():
                raise
            return self._broken(episode, e)
        except Exception as e:
            return self._broken(episode, e)

    def _broken(self, episode: Episode, error: BaseException) -> Ending:
        episode.failed("engine", error)
        return Ending(StopReason.INTERNAL_ERROR, error=describe_error(error))

    def _finish(self, episode: Episode, ending: Ending) -> TaskResult:
        if episode.score_due:  # it has ended; but its last score, if it costs nothing, belongs to it
            opinion = episode.following.known()
            with contextlib.suppress(RunEnded):
                if opinion is not None:
                    self._settle_score(episode, opinion)
        trajectory = episode.trajectory
        trajectory.stop_reason = ending.reason.value
        trajectory.verdict = episode.verdict
        if episode.asked:
            trajectory.shown, trajectory.withheld = list(episode.shown), list(episode.withheld)
        episode.log.emit(
            RunFinished(
                stop_reason=ending.reason.value,
                success=trajectory.succeeded,
                final_phi=trajectory.final_phi,
                steps=episode.step,
                seconds=episode.budget.seconds,
                usage=dict(episode.budget.by_role),
                error=ending.error,
                detail=ending.detail,
            )
        )
        return TaskResult(trajectory, episode.state, usage=episode.budget.by_role, error=ending.error)

    # -- the loop ------------------------------------------------------------------------------------------
    async def _loop(self, episode: Episode) -> None:
        spec = episode.spec
        bounds = (spec.max_steps, spec.limits.steps, self.host.max_steps)
        bound = min(b for b in bounds if b is not None)
        await self._end_if_over(episode)
        while episode.step < bound:
            episode.budget.check()
            started = time.perf_counter()
            number = episode.step + 1
            if self.approval.waits_for_score:
                await self._score(episode)
            await self.approval.before_step(episode, number)
            episode.log.emit(StepStarted(number))
            dropped = episode.session.compact()
            if dropped:
                episode.log.emit(Compacted(number, dropped))
            proposal = await self._decide_while_scoring(episode, number)
            proposal = await self.approval.approved(episode, number, proposal, self._decide)
            await self._step(episode, proposal, started)
            await self._end_if_over(episode)
        await self._score(episode)

    async def _end_if_over(self, episode: Episode) -> None:
        """End the run where the actor or the environment ended it: now, or before it was left and resumed."""
        steps = episode.trajectory.steps
        if steps and steps[-1].action.is_done:
            await self._score(episode)
            raise RunEnded(StopReason.DONE)
        if episode.terminal:
            await self._score(episode)
            raise RunEnded(StopReason.TERMINAL)
        score = steps[-1].score if steps else None
        if score is not None and score.confidence > 0:
            self._stop_early(episode, score.phi_after)

    async def _decide_while_scoring(self, episode: Episode, number: int) -> Proposal:
        """The next proposal; meanwhile the present state is scored, and its score may end the run."""
        if not episode.score_due or self._score_if_known(episode):
            await asyncio.sleep(0)  # lets Ctrl-C in, also where neither the model nor the world ever waits
            return await self._decide(episode, number)
        scoring = asyncio.create_task(self._judge(episode))
        await asyncio.sleep(0)  # a critic that answers at once needs no decision beside it
        if scoring.done():
            scoring.result()
            return await self._decide(episode, number)
        deciding = asyncio.create_task(self._decide(episode, number))
        try:
            await scoring
            return await deciding
        finally:
            for task in (scoring, deciding):
                task.cancel()
            await asyncio.gather(scoring, deciding, return_exceptions=True)

    async def _decide(self, episode: Episode, number: int, without: Set[str] = frozenset()) -> Proposal:
        """A proposal with a valid action; refusals and recalls are dealt with here.

        Args:
            episode: the run.
            number: of the step.
            without: keys of actions that were rejected; not offered again in this step while there are others.
        """
        admissible = [a for a in episode.offered if a.key not in without] or episode.offered
        refusals = recalls = 0
        while True:
            proposal = await self._metered(
                episode, "actor", episode.session.propose(episode.state, admissible)
            )
            episode.asked = episode.asked or proposal.source not in UNASKED
            if proposal.action is not None:
                return proposal
            if proposal.recalled and recalls < MAX_RECALLS:
                recalls += 1
                episode.session.recalled(proposal)
                episode.log.emit(Recalled(number, proposal.recalled, proposal.found))
                if proposal.found and proposal.recalled not in episode.shown:
                    episode.shown.append(proposal.recalled)
                continue
            refusals += 1
            reason = proposal.refused or "nothing more can be recalled in this step; take an action"
            episode.log.emit(Refused(number, proposal.proposal or proposal.recalled, reason, "schema"))
            if refusals >= MAX_REFUSALS:
                raise ModelOutputError(
                    f"the actor proposed no valid action in {refusals} tries; last: {reason}", proposal.reply
                )
            episode.session.refuse(proposal.reply, reason)

    # -- acting --------------------------------------------------------------------------------------------
    async def _step(self, episode: Episode, proposal: Proposal, started: float) -> None:
        """Execute an action and record the step."""
        action, source, reply = proposal.action, proposal.source, proposal.reply
        assert action is not None
        number = episode.step + 1
        log, before = episode.log, episode.state
        await _durable(log.pending)
        log.emit(Decided(number, record_action(action), source, len(episode.offered)))
        outcome = Outcome(before, None) if action.is_done else await self.host.execute(action, before)
        gone: EnvironmentFailure | None = None
        if not action.is_done:
            try:
                await self._look(episode, action, outcome)
                self.guide(episode, action)
            except EnvironmentFailure as e:
                episode.following.arrive(episode.state, action.command)
                gone = e  # the action was carried out all the same: the step is recorded before the run ends
        tips, withheld = episode.session.observe(before, action, reply, outcome.state, outcome.error)
        episode.came_with(tips, withheld)
        seconds = time.perf_counter() - started
        episode.trajectory.steps.append(
            TrajectoryStep(
                state_before=before,
                action=action,
                state_after=outcome.state,
                step_index=number,
                wall_time_s=seconds,
                error=outcome.error,
                verdict=episode.verdict,
                source=source,
            )
        )
        episode.score_due = True
        log.emit(
            Executed(
                step=number,
                state=record_state(outcome.state) if outcome.state is not before else None,
                error=outcome.error,
                verdict=record_verdict(episode.verdict),
                terminal=episode.terminal,
                seconds=seconds,
                usage=episode.report_usage(),
                shown=tips,
                withheld=withheld,
            )
        )
        if gone is not None:
            raise gone

    async def _look(self, episode: Episode, action: Action, outcome: Outcome) -> None:
        """Take in the new state: verdict, whether it is over, what may be done now."""
        changed = outcome.state is not episode.state
        given: Verdict | None = None
        if changed:
            episode.state, episode.verdict = outcome.state, None
            given = await self.host.verdict(outcome.state)
            episode.terminal = await self.host.is_terminal(outcome.state)
        if self.host.lists_admissible:
            episode.admissible.append(await self.host.admissible(outcome.state))
        following = episode.following
        if not changed:
            given = following.given
        following.arrive(outcome.state, action.command, [a.command for a in episode.offered])
        episode.verdict = await following.settle(given, in_thread=self.host.in_thread)

    def guide(self, episode: Episode, action: Action) -> None:
        """Tell the value memory, with Φ of the new state where that is known at once, else of the one before."""
        if episode.guide is not None:
            opinion = episode.following.known()
            phi = episode.phi if opinion is None or opinion.phi is None else opinion.phi
            episode.guide.observe(action, episode.state, episode.admissible[-1], phi)

    # -- scoring -------------------------------------------------------------------------------------------
    def _score_if_known(self, episode: Episode) -> bool:
        """Score the present state if no model and no policy need be asked; the score may end the run."""
        if self.approval.policies:
            return False
        opinion = episode.following.known()
        if opinion is None:
            return False
        self._settle_score(episode, opinion)
        return True

    async def _score(self, episode: Episode) -> None:
        """Score the present state, whatever it takes; the score may end the run."""
        if episode.score_due and not self._score_if_known(episode):
            await self._judge(episode)

    async def _judge(self, episode: Episode) -> None:
        """Score the present state with the critics and the policies; the score may end the run."""
        following = episode.following
        opinion = following.known()
        if opinion is None:
            judging = following.judge(keep=episode.spec.learning)
            opinion = await self._metered(episode, "critic", judging)
        if episode.step:
            opinion = await self.approval.reviewed(episode, opinion, self.purpose_function)
        self._settle_score(episode, opinion)

    def _settle_score(self, episode: Episode, opinion: Opinion) -> None:
        """Record the score of the present state; raise when it ends the run."""
        before = episode.phi
        episode.opinion_applies(opinion)
        if not episode.step:
            return
        step = episode.trajectory.steps[-1]
        step.score = self.purpose_function.transition(before, opinion)
        episode.phi = step.score.phi_after
        changed = record_verdict(episode.verdict) if episode.following.overridden else None
        score, readings = record_score(step.score), dict(opinion.readings)
        episode.log.emit(Scored(episode.step, score, opinion.by, readings, changed))
        self._tell(episode, step)
        if opinion.phi is not None and not step.action.is_done:
            self._stop_early(episode, step.score.phi_after)

    def _stop_early(self, episode: Episode, phi: float) -> None:
        """End the run when Φ is high enough, unless a verdict says that the task is not achieved.

        Where the environment or a checker can verify, critics alone do not end a run: what they say there is the
        chance that it will succeed, not that it has.
        """
        verdict = episode.verdict
        if phi < episode.spec.early_stop_phi or episode.terminal:
            return
        verifiable = self.host.verifies or self.purpose_function.checker is not None
        told = verdict is not None and verdict.progress is not None
        denied = verdict is not None and verdict.success is False
        if not denied and (told or not verifiable):
            raise RunEnded(StopReason.EARLY_STOP, f"Φ = {phi:g}")

    def _tell(self, episode: Episode, step: TrajectoryStep) -> None:
        if self.on_step is None:
            return
        try:
            self.on_step(step)
        except Exception as e:
            episode.failed("callback", e)

    async def _metered(self, episode: Episode, role: str, call: Coroutine[Any, Any, T]) -> T:
        """A model call, counted and bounded."""

        def count(usage: Usage) -> None:
            episode.use(role, usage)

        try:
            episode.budget.check()
        except LimitReached:
            call.close()
            raise
        with collect_usage(count):
            try:
                return await call
            except asyncio.CancelledError as e:
                if is_cancelled():
                    raise
                raise ModelUnavailableError("the model's call was cancelled from within") from e


async def _durable(pending: Any) -> None:
    """Wait until a journal write is durable."""
    if pending is not None and not pending.done():
        await asyncio.wrap_future(pending)
    elif pending is not None:
        pending.result()
