"""Policies: whoever may look at a step before or after it happens, and say no.

A person at a terminal, a rule in code, a budget guard: all are policies, asked in order. Any method may be sync or
async; a class needs only those it cares about, since `Policy` has defaults that let everything pass.
"""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any

from purpose_agent.errors import UsageError
from purpose_agent.types import Action, PurposeScore, State, TrajectoryStep


@dataclass(frozen=True)
class Approve:
    """Go on."""


@dataclass(frozen=True)
class Edit:
    """Carry out another action instead."""

    action: Action


@dataclass(frozen=True)
class Reject:
    """Do not carry it out; the actor is told why and asked again."""

    reason: str = ""


@dataclass(frozen=True)
class Abort:
    """End the run; what was done is kept."""

    reason: str = ""


Ruling = Approve | Edit | Reject | Abort


class Policy:
    """Lets everything pass; override what you care about.

    Attributes:
        by: who decides, for the journal: ``policy`` or ``human``.
        waits_for_score: whether `before_step` is asked only once the state before the step is scored. The critic and
            the actor then take turns instead of working at the same time.
    """

    by: str = "policy"
    waits_for_score: bool = False

    def before_step(self, step: int, state: State) -> Ruling | Awaitable[Ruling]:
        """Asked before each step is decided; `Abort` ends the run, everything else goes on."""
        return Approve()

    def before_action(self, action: Action, step: int, state: State) -> Ruling | Awaitable[Ruling]:
        """Asked before an action is executed."""
        return Approve()

    def edit_refused(self, action: Action, reason: str) -> None:
        """Told that its `Edit` cannot be carried out; `before_action` is asked again."""

    def after_score(
        self, step: TrajectoryStep
    ) -> PurposeScore | Abort | Awaitable[PurposeScore | Abort | None] | None:
        """Asked after a step is scored; a score that is returned overrides Φ of the new state for good.

        An environment's verdict on that state outranks it; `Abort` ends the run.
        """
        return None


_ASKED = ("by", "waits_for_score", "before_step", "before_action", "edit_refused", "after_score")


def checked_policies(policies: Any) -> tuple[Policy, ...]:
    """The policies as a tuple.

    Raises:
        UsageError: it is no list, or holds something that cannot be asked.
    """
    remedy = "derive a class from purpose_agent.Policy and pass a list of its instances"
    if isinstance(policies, (str, bytes, Policy)) or not hasattr(policies, "__iter__"):
        raise UsageError(f"policies must be a list of policies, got {policies!r:.80}; {remedy}")
    given: tuple[Any, ...] = tuple(policies)
    for policy in given:
        if isinstance(policy, type) or not all(hasattr(policy, name) for name in _ASKED):
            raise UsageError(f"{policy!r:.80} is no policy; {remedy}")
    return given
