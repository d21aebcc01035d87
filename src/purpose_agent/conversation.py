"""One episode as a conversation: a prefix that stays, then only growth.

A local model or a provider's cache reads only what is new since the last call. So nothing that was said is ever
rewritten, except in one explicit step: when the conversation outgrows its bound, the oldest turns are replaced by a
list of what was done in them.
"""

from __future__ import annotations

from typing import NamedTuple

from purpose_agent.llm_backend.base import ChatMessage
from purpose_agent.types import Action

MAX_CONVERSATION_CHARS = 20_000
"""About 5,000 tokens; fits the 8,192 of the embedded model with room for a reply."""


class Turn(NamedTuple):
    """What the actor did and what came back."""

    reply: str
    observation: str
    action: Action | None = None

    @property
    def command(self) -> str:
        """What was done, in as few words as possible; "" when nothing was."""
        return self.action.command if self.action is not None else ""


class Conversation:
    """The messages of one episode.

    Args:
        system: instructions and actions; the same for every episode.
        first: purpose, memory and the first state; the same throughout the episode.
        max_chars: compact when all messages together are longer.
    """

    def __init__(self, system: str, first: str, max_chars: int = MAX_CONVERSATION_CHARS) -> None:
        self._prefix = (ChatMessage("system", system), ChatMessage("user", first))
        self._messages: list[ChatMessage] = list(self._prefix)
        self._turns: list[Turn] = []
        self._forgotten: list[str] = []
        self._max_chars = max_chars
        self._chars = len(system) + len(first)

    def add(self, turn: Turn) -> None:
        """Append what the actor did and what came back."""
        self._turns.append(turn)
        self._append(turn)

    def _append(self, turn: Turn) -> None:
        self._messages.append(ChatMessage("assistant", turn.reply))
        self._messages.append(ChatMessage("user", turn.observation))
        self._chars += len(turn.reply) + len(turn.observation)

    def messages(self, suffix: str = "") -> list[ChatMessage]:
        """All messages; ``suffix`` is appended to the last one and is not kept."""
        if not suffix:
            return list(self._messages)
        last = self._messages[-1]
        return [*self._messages[:-1], ChatMessage(last.role, f"{last.content}\n{suffix}")]

    def compact(self) -> int:
        """Forget the older half of the turns if the conversation is too long; returns how many were forgotten."""
        if self._chars <= self._max_chars or len(self._turns) < 2:
            return 0
        dropped = len(self._turns) // 2
        self._forgotten += [turn.command for turn in self._turns[:dropped] if turn.command]
        self._turns = self._turns[dropped:]
        system, first = self._prefix
        done = "; ".join(self._forgotten[-100:])
        summary = f"{first.content}\n\n(Earlier steps, their results left out: {done})"
        self._messages = [system, ChatMessage("user", summary)]
        self._chars = len(system.content) + len(summary)
        for turn in self._turns:
            self._append(turn)
        return dropped
