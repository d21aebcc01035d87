"""The rules by which the episodes of suites are played and counted."""

from __future__ import annotations

from collections.abc import Sequence

from purpose_agent.errors import ModelOutputError, PurposeAgentError
from purpose_agent.events import Event, RunFinished
from purpose_agent.types import StopReason

PRACTICE = ("model", "random")
"""Who may decide in training what the value memory leaves open."""

NEVER_EARLY = 11.0
"""``early_stop_phi``: an episode ends when the world says so, not before."""

BROKEN = frozenset(
    {
        StopReason.ENVIRONMENT_ERROR,
        StopReason.MODEL_ERROR,
        StopReason.STORE_ERROR,
        StopReason.INTERNAL_ERROR,
    }
)
"""Stop reasons that may say nothing about the arm; see `is_broken`."""


def is_broken(stop_reason: str, error: str | None) -> bool:
    """Whether an episode's end says nothing about its arm, so that it is played again.

    A model that answered, and not usably even when it was asked again, has failed, and will fail again.

    Args:
        stop_reason: a `StopReason` value.
        error: what went wrong, as `describe_error` says it.
    """
    unusable = (error or "").startswith(f"{ModelOutputError.__name__}:")
    return stop_reason in BROKEN and not (stop_reason == StopReason.MODEL_ERROR and unusable)


def is_broken_run(events: Sequence[Event]) -> bool:
    """Whether a run in a journal ended so."""
    ended = next((e for e in reversed(events) if isinstance(e, RunFinished)), None)
    return ended is not None and is_broken(ended.stop_reason, ended.error)


IMPOSSIBLE = "impossible"
"""Stop reason of a task that its environment could not make; it counts for no arm."""


class BrokenEpisode(PurposeAgentError):
    """An episode ended twice for a reason that says nothing about its arm."""
