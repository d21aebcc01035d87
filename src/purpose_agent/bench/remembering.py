"""A model that is asked everything once: two readings of one set of replies cost one."""

from __future__ import annotations

from typing import Any

from purpose_agent.errors import ModelOutputError
from purpose_agent.llm_backend.base import ChatMessage, LLMBackend


class Remembering(LLMBackend):
    """Gives the reply to a question that was asked before, usable or not, without asking again.

    Args:
        llm: the model; its structured replies at temperature 0 are taken to repeat.
    """

    def __init__(self, llm: LLMBackend) -> None:
        self.llm = llm
        self.name = llm.name
        self.reply_tokens = llm.reply_tokens
        self._replies: dict[tuple[tuple[str, str], ...], dict[str, Any] | ModelOutputError] = {}

    async def agenerate(
        self,
        messages: list[ChatMessage],
        temperature: float = 0.7,
        max_tokens: int = 2048,
        stop: list[str] | None = None,
    ) -> str:
        """See `LLMBackend.agenerate`."""
        return await self.llm.agenerate(messages, temperature, max_tokens, stop)

    def generate(
        self,
        messages: list[ChatMessage],
        temperature: float = 0.7,
        max_tokens: int = 2048,
        stop: list[str] | None = None,
    ) -> str:
        """See `LLMBackend.generate`."""
        return self.llm.generate(messages, temperature, max_tokens, stop)

    async def agenerate_structured(
        self,
        messages: list[ChatMessage],
        schema: dict[str, Any],
        temperature: float = 0.3,
        max_tokens: int = 1024,
    ) -> dict[str, Any]:
        """See `LLMBackend.agenerate_structured`."""
        key = tuple((message.role, message.content) for message in messages)
        if key not in self._replies:
            try:
                asked = self.llm.agenerate_structured(messages, schema, temperature, max_tokens)
                self._replies[key] = await asked
            except ModelOutputError as error:
                self._replies[key] = error
        reply = self._replies[key]
        if isinstance(reply, ModelOutputError):
            raise reply
        return dict(reply)
