"""What is said to a model, and what it chose."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class ChatMessage:
    """One message of a conversation.

    Attributes:
        role: ``system``, ``user`` or ``assistant``.
        content: its text.
    """

    role: str
    content: str


@dataclass(frozen=True)
class Choice:
    """One option picked out of several.

    Attributes:
        index: position of the option in the list that was offered.
        option: its text.
        logprobs: log-probability of each option under the model, in the order offered, where it was measured.
    """

    index: int
    option: str
    logprobs: tuple[float, ...] | None = None
