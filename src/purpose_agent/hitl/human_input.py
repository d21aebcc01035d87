"""What a person is asked during a run, what they may answer, and who passes it on."""

from __future__ import annotations

import time
from collections.abc import Awaitable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from purpose_agent.errors import UsageError
from purpose_agent.numeric import is_number
from purpose_agent.types import PHI_MAX, Action, Heuristic, PurposeScore

INPUT_FIELDS = (
    "HumanInput(interrupt_type, approved, edited_action, override_score, injected_heuristic, message)"
)


class InterruptType(StrEnum):
    """What a prompt is about, or what an answer does."""

    APPROVE_ACTION = "approve_action"
    """Prompt: may this action be carried out?"""
    OVERRIDE_SCORE = "override_score"
    """Prompt: is this score right?"""
    EDIT_ACTION = "edit_action"
    """Answer: carry out ``edited_action`` instead."""
    INJECT_HEURISTIC = "inject_heuristic"
    """Answer: keep ``injected_heuristic``, and go on as ``approved`` says."""
    PAUSE = "pause"
    """Prompt: go on?"""
    ABORT = "abort"
    """Answer to any prompt: end the run and keep what was done."""


@dataclass
class HumanInput:
    """An answer.

    Attributes:
        interrupt_type: the prompt's own type, or what the answer does.
        approved: False rejects an action, and ends the run at a pause.
        edited_action: what to do instead; an action that is offered. For APPROVE_ACTION prompts only.
        override_score: its ``phi_after`` becomes Φ of the new state for good. For OVERRIDE_SCORE prompts only.
        injected_heuristic: a lesson to keep; with any answer to any prompt.
        message: why; the actor reads it when its action is rejected.
        timestamp: seconds since the epoch, for display only.
    """

    interrupt_type: InterruptType
    approved: bool = True
    edited_action: Action | None = None
    override_score: PurposeScore | None = None
    injected_heuristic: Heuristic | None = None
    message: str = ""
    timestamp: float = field(default_factory=time.time)


class HumanInputHandler:
    """Passes prompts to a person and answers back; `request_input` may be a coroutine function."""

    def request_input(
        self, interrupt_type: InterruptType, context: dict[str, Any]
    ) -> HumanInput | Awaitable[HumanInput]:
        """Ask.

        Args:
            interrupt_type: what the prompt is about.
            context: for APPROVE_ACTION ``action_name``, ``action_params``, ``thought``, ``expected_delta`` and
                ``step``; for OVERRIDE_SCORE ``phi_before``, ``phi_after``, ``delta``, ``evidence``, ``confidence``,
                ``state_before`` and ``state_after`` (`State`); for PAUSE ``step`` and ``state`` (`State`).
        """
        raise NotImplementedError(
            f"{type(self).__name__} must implement request_input(interrupt_type, context)"
        )

    def notify(self, message: str) -> None:
        """Told when an answer cannot be followed, before the same prompt comes again."""


class AutoApproveHandler(HumanInputHandler):
    """Approves everything: for tests and for runs without a person."""

    def request_input(self, interrupt_type: InterruptType, context: dict[str, Any]) -> HumanInput:
        """Go on."""
        return HumanInput(interrupt_type)


class HumanInputError(UsageError):
    """An answer that cannot be understood; the run is aborted and keeps what was done."""


def check_input(prompt: InterruptType, given: Any) -> HumanInput:
    """The answer, if it is one to this prompt.

    Raises:
        HumanInputError: naming what was expected.
    """
    if not isinstance(given, HumanInput):
        raise HumanInputError(
            f"request_input must return a {INPUT_FIELDS}, got {type(given).__name__}: {given!r:.100}"
        )
    try:
        kind = InterruptType(given.interrupt_type)
    except ValueError:
        names = ", ".join(InterruptType)
        raise HumanInputError(
            f"HumanInput.interrupt_type must be one of {names}, got {given.interrupt_type!r:.100}"
        ) from None
    _check_types(given)
    message: Any = given.message
    if not isinstance(message, str):
        given = replace(given, message="" if message is None else str(message))
    if kind == InterruptType.ABORT:
        return given
    for name, wanted in (
        ("edited_action", InterruptType.APPROVE_ACTION),
        ("override_score", InterruptType.OVERRIDE_SCORE),
    ):
        if getattr(given, name) is not None and prompt != wanted:
            raise HumanInputError(f"HumanInput.{name} answers {wanted} prompts only, but this is {prompt}")
    if kind == InterruptType.EDIT_ACTION and given.edited_action is None:
        raise HumanInputError("a HumanInput of type edit_action needs edited_action, an Action; got None")
    if kind == InterruptType.INJECT_HEURISTIC and given.injected_heuristic is None:
        raise HumanInputError("a HumanInput of type inject_heuristic needs injected_heuristic; got None")
    return given


def _check_types(given: HumanInput) -> None:
    for name, kind in (
        ("edited_action", Action),
        ("override_score", PurposeScore),
        ("injected_heuristic", Heuristic),
    ):
        value: Any = getattr(given, name)
        if value is not None and not isinstance(value, kind):
            raise HumanInputError(f"HumanInput.{name} must be None or {kind.__name__}, got {value!r:.100}")
    action: Any = given.edited_action
    if action is not None and not (isinstance(action.name, str) and isinstance(action.params, dict)):
        raise HumanInputError(f"an edited action needs a str name and dict params, got {action!r:.200}")
    score: Any = given.override_score
    if score is not None:
        phi = score.phi_after
        if not (is_number(phi) and 0 <= phi <= PHI_MAX):
            raise HumanInputError(
                f"override_score.phi_after must be a number in [0, {PHI_MAX:g}], got {phi!r}"
            )
