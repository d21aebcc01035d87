"""A person as a policy: prompts go out at each step, answers come back as rulings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from purpose_agent import bridge
from purpose_agent.hitl.human_input import HumanInput, HumanInputHandler, InterruptType, check_input
from purpose_agent.policies import Abort, Approve, Edit, Policy, Reject, Ruling
from purpose_agent.types import Action, Heuristic, PurposeScore, State, TrajectoryStep

ABORTED = "aborted by a person"


@dataclass
class HumanPolicy(Policy):
    """A person as a policy of one run.

    Attributes:
        handler: asks the person.
        approve_actions: whether each action is asked about.
        review_scores: whether each score is.
        every: steps between two pauses; 0 for none.
        left_at: the step at which the run was resumed; there was a pause there already.
        inject: keeps a lesson that came at a step.
        checkpoint: saves where the run is.
    """

    handler: HumanInputHandler
    approve_actions: bool
    review_scores: bool
    every: int
    left_at: int
    inject: Callable[[Heuristic, int], None]
    checkpoint: Callable[[], None]

    by = "human"

    def __post_init__(self) -> None:
        self.waits_for_score = self.every > 0  # at a pause the person sees a state that is scored

    async def before_step(self, step: int, state: State) -> Ruling:
        """Pause, if it is time."""
        finished = step - 1
        if not self.every or not finished or finished == self.left_at or finished % self.every:
            return Approve()
        self.checkpoint()
        answer = await self._ask(InterruptType.PAUSE, finished, {"step": finished, "state": state})
        return Approve() if answer.approved else Abort(answer.message or "stopped at a pause")

    async def before_action(self, action: Action, step: int, state: State) -> Ruling:
        """Approve, edit, reject or abort."""
        if not self.approve_actions:
            return Approve()
        context = {
            "action_name": action.name,
            "action_params": dict(action.params),
            "thought": action.thought,
            "expected_delta": action.expected_delta,
            "step": step,
        }
        answer = await self._ask(InterruptType.APPROVE_ACTION, step, context)
        if answer.interrupt_type == InterruptType.ABORT:
            return Abort(answer.message or ABORTED)
        if not answer.approved:
            return Reject(answer.message)
        return Approve() if answer.edited_action is None else Edit(answer.edited_action)

    def edit_refused(self, action: Action, reason: str) -> None:
        """Say why the edited action cannot be carried out."""
        notify = getattr(self.handler, "notify", None)
        if callable(notify):
            notify(f"{action.command} cannot be carried out: {reason}")

    async def after_score(self, step: TrajectoryStep) -> PurposeScore | Abort | None:
        """Keep or override the score."""
        score = step.score
        if not self.review_scores or score is None:
            return None
        context = {
            "phi_before": score.phi_before,
            "phi_after": score.phi_after,
            "delta": score.delta,
            "evidence": score.evidence,
            "confidence": score.confidence,
            "state_before": step.state_before,
            "state_after": step.state_after,
        }
        answer = await self._ask(InterruptType.OVERRIDE_SCORE, step.step_index, context)
        if answer.interrupt_type == InterruptType.ABORT:
            return Abort(answer.message or ABORTED)
        given = answer.override_score
        return given and replace(given, reasoning=given.reasoning or answer.message)

    async def _ask(self, prompt: InterruptType, step: int, context: dict[str, Any]) -> HumanInput:
        """The answer; a lesson in it is kept, and an abort is never approved."""
        given: Any = await bridge.call(self.handler.request_input, prompt, context, in_thread=False)
        answer = check_input(prompt, given)
        if answer.injected_heuristic is not None:
            self.inject(answer.injected_heuristic, step)
        if answer.interrupt_type == InterruptType.ABORT:
            return replace(answer, approved=False)
        return answer
