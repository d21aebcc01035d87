"""The rules by which the episodes of suites are played and counted."""

from __future__ import annotations

from purpose_agent.errors import PurposeAgentError
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
"""Stop reasons that say nothing about the arm; such an episode is played again."""

IMPOSSIBLE = "impossible"
"""Stop reason of a task that its environment could not make; it counts for no arm."""


class BrokenEpisode(PurposeAgentError):
    """An episode ended twice for a reason that says nothing about its arm."""
