"""How policies have their say: before a step, about each proposal, and about each score."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any, NoReturn

from purpose_agent import bridge
from purpose_agent.action_reply import RefusedError
from purpose_agent.actor import MAX_REFUSALS, Proposal
from purpose_agent.episode import Episode, RunEnded
from purpose_agent.errors import StoreError, UsageError, describe_error
from purpose_agent.events import HumanDecided, Refused
from purpose_agent.limits import LimitReached
from purpose_agent.policies import Abort, Approve, Edit, Policy, Reject, Ruling
from purpose_agent.purpose_function import Opinion, PurposeFunction
from purpose_agent.types import PurposeScore, StopReason

MAX_REJECTIONS = 20
"""Proposals of one step that policies may reject before the run is aborted."""

DecideAgain = Callable[[Episode, int, Set[str]], Awaitable[Proposal]]


@dataclass
class Approval:
    """Asks the policies of a run, in order.

    Attributes:
        policies: who is asked.
        in_thread: whether blocking policies are asked in worker threads.
    """

    policies: Sequence[Policy] = ()
    in_thread: bool = False

    @property
    def waits_for_score(self) -> bool:
        """Whether a policy wants the state before a step scored before it is asked about the step."""
        return any(policy.waits_for_score for policy in self.policies)

    async def before_step(self, episode: Episode, number: int) -> None:
        """Ask before a step is decided; raises `RunEnded` when a policy aborts."""
        for policy in self.policies:
            ruling = await self._rule(episode, policy.before_step, number, episode.state)
            if isinstance(ruling, Abort):
                self._abort(episode, number, ruling)

    async def approved(
        self, episode: Episode, number: int, proposal: Proposal, decide_again: DecideAgain
    ) -> Proposal:
        """The proposal to execute after all policies had their say.

        Args:
            episode: the run.
            number: of the step.
            proposal: what the actor wants to do.
            decide_again: asks the actor for another proposal, without the actions of these keys.
        """
        rejected: set[str] = set()
        reason = ""
        for _ in range(MAX_REJECTIONS):
            proposal, ruling, by = await self._ruled(episode, number, proposal)
            action = proposal.action
            assert action is not None
            if isinstance(ruling, Abort):
                self._abort(episode, number, ruling)
            if not isinstance(ruling, Reject):
                return proposal
            reason = str(ruling.reason or "it was rejected")
            episode.log.emit(Refused(number, action.command, reason, by))
            episode.session.refuse(proposal.reply, f"rejected: {reason}")
            rejected.add(action.key)
            proposal = await decide_again(episode, number, rejected)
        raise RunEnded(
            StopReason.ABORTED, f"{MAX_REJECTIONS} proposals of one step were rejected; last: {reason}"
        )

    async def _ruled(self, episode: Episode, number: int, proposal: Proposal) -> tuple[Proposal, Ruling, str]:
        """What the policies make of a proposal, and who had the last word. An edit goes on to the next policy."""
        by = ""
        for policy in self.policies:
            by = policy.by
            ruling = await self._ask_about(policy, episode, number, proposal)
            if isinstance(ruling, Edit):
                episode.log.emit(HumanDecided(number, "edit_action", True, ruling.action.command))
                proposal = replace(proposal, action=ruling.action, source=by, reply=ruling.action.command)
            elif not isinstance(ruling, Approve):
                return proposal, ruling, by
        return proposal, Approve(), by

    async def _ask_about(self, policy: Policy, episode: Episode, number: int, proposal: Proposal) -> Ruling:
        """One policy's ruling; an edit that cannot be carried out is handed back to it."""
        reason = ""
        for _ in range(MAX_REFUSALS):
            ruling = await self._rule(episode, policy.before_action, proposal.action, number, episode.state)
            if ruling is None:
                return Approve()
            if not isinstance(ruling, Edit):
                return _checked_ruling(ruling)
            try:
                return Edit(episode.session.check(ruling.action, episode.offered))
            except RefusedError as e:
                reason = str(e)
                episode.log.emit(Refused(number, e.proposal, reason, policy.by))
                await self._rule(episode, policy.edit_refused, ruling.action, reason)
        text = f"the edited action cannot be carried out: {reason}"
        raise RunEnded(StopReason.ABORTED, text, error=text)

    def _abort(self, episode: Episode, number: int, ruling: Abort) -> NoReturn:
        reason = str(ruling.reason or "")
        episode.log.emit(HumanDecided(number, "abort", False, reason))
        raise RunEnded(StopReason.ABORTED, reason)

    async def _rule(self, episode: Episode, method: Callable[..., Any], *args: Any) -> Any:
        """Ask a policy. One that fails ends the run: what it guards must not happen without it."""
        try:
            return await bridge.call(method, *args, in_thread=self.in_thread)
        except (LimitReached, StoreError):
            raise
        except Exception as e:
            episode.failed("policy", e)
            text = f"a policy failed: {describe_error(e)}"
            raise RunEnded(StopReason.ABORTED, text, error=text) from e

    async def reviewed(self, episode: Episode, opinion: Opinion, phi: PurposeFunction) -> Opinion:
        """The opinion after policies had their say; what a person sets is taught to Φ, as a verdict below the
        environment's."""
        for policy in self.policies:
            step = episode.trajectory.steps[-1]
            step.score = phi.transition(episode.phi, opinion)
            given = await self._rule(episode, policy.after_score, step)
            if isinstance(given, Abort):
                self._abort(episode, episode.step, given)
            if isinstance(given, PurposeScore):
                opinion = _taught(episode, given) or opinion
        return opinion


def _taught(episode: Episode, given: PurposeScore) -> Opinion | None:
    """Φ of the present state after a policy taught it."""
    following = episode.following
    try:
        opinion = following.override(given.phi_after, given.reasoning)
    except UsageError as e:
        raise RunEnded(StopReason.ABORTED, str(e), error=str(e)) from e
    episode.verdict = episode.trajectory.steps[-1].verdict = following.verdict
    told = f"Φ = {given.phi_after:g}"
    if following.environment_told:
        told += "; the environment's verdict on this state outranks it"
    episode.log.emit(HumanDecided(episode.step, "override_score", True, told))
    return opinion


def _checked_ruling(ruling: Any) -> Ruling:
    """The ruling, if it is one: whatever else a policy returns must not pass for an approval."""
    if isinstance(ruling, (Approve, Reject, Abort)):
        return ruling
    text = f"a policy's before_action must return Approve, Edit, Reject or Abort, got {ruling!r:.80}"
    raise RunEnded(StopReason.ABORTED, text, error=text)
