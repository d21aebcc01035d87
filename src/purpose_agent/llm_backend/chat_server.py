"""What backends share whose model is behind a chat-completions server."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from purpose_agent.llm_backend.base import ChatMessage, LLMBackend, check_messages
from purpose_agent.llm_backend.http_chat import cut_at, form_fields
from purpose_agent.llm_backend.loop_bound import LoopBound
from purpose_agent.llm_backend.structured import Form
from purpose_agent.llm_backend.sync_front import run_sync
from purpose_agent.llm_backend.wire import without_thinking


class ChatServerBackend(LLMBackend):
    """A model behind a chat-completions server. A subclass says how one request is made, and keeps its clients."""

    _clients: LoopBound[Any]

    @abstractmethod
    async def _ask(
        self,
        messages: list[ChatMessage],
        temperature: float,
        max_tokens: int,
        extra: dict[str, Any],
        form: Form,
    ) -> str:
        """The text of the reply to one request, retried where that helps; reports its usage.

        Args:
            messages: the conversation.
            temperature: see `generate`.
            max_tokens: see `generate`.
            extra: further fields of the request.
            form: in which form the reply is asked for.
        """
        ...

    def generate(
        self,
        messages: list[ChatMessage],
        temperature: float = 0.7,
        max_tokens: int = 2048,
        stop: list[str] | None = None,
    ) -> str:
        """See `LLMBackend.generate`.

        Raises:
            MissingDependencyError: an extra that the backend needs is not installed.
            UsageError: an argument is wrong, or a key is missing that the server is known to need.
            ModelRequestError: the server refuses the request: the key, the model's name, the prompt's length.
            ModelUnavailableError: no answer in time, after retries.
        """
        return run_sync(ChatServerBackend.agenerate(self, messages, temperature, max_tokens, stop))

    async def agenerate(
        self,
        messages: list[ChatMessage],
        temperature: float = 0.7,
        max_tokens: int = 2048,
        stop: list[str] | None = None,
    ) -> str:
        """See `generate`."""
        check_messages(messages)
        extra: dict[str, Any] = {"stop": list(stop)} if stop else {}
        text = await self._ask(messages, temperature, max_tokens, extra, Form.TEXT)
        return cut_at(without_thinking(text), stop or ())

    def _forms(self) -> Sequence[Form]:
        return (Form.SCHEMA, Form.TOOL, Form.JSON, Form.TEXT)

    async def _request(
        self,
        form: Form,
        messages: list[ChatMessage],
        schema: dict[str, Any],
        temperature: float,
        max_tokens: int,
    ) -> str:
        return await self._ask(messages, temperature, max_tokens, form_fields(form, schema), form)

    def close(self) -> None:
        """Close the connections that the sync methods keep."""
        run_sync(self._clients.aclose())

    async def aclose(self) -> None:
        """Close the connections of the running event loop; those of others close when their loop does."""
        await self._clients.aclose()
