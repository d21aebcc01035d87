"""Asking a model for structured output within a bound, and reading what came of it, whatever that is."""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from contextvars import ContextVar
from typing import Any

from purpose_agent.errors import ModelOutputError
from purpose_agent.llm_backend.base import ChatMessage, LLMBackend
from purpose_agent.llm_backend.json_reply import salvage
from purpose_agent.llm_backend.json_value import as_dict, as_list
from purpose_agent.prompt_text import prompt_line

REPLY_TOKENS = 160
"""Bound on a reply."""

_noted: ContextVar[list[ModelOutputError] | None] = ContextVar("noted replies", default=None)


@contextlib.contextmanager
def noting_misfits() -> Generator[list[ModelOutputError]]:
    """Collect what was wrong with replies that did not fit; `ask` makes of them what it can and goes on."""
    found: list[ModelOutputError] = []
    token = _noted.set(found)
    try:
        yield found
    finally:
        _noted.reset(token)


async def ask(llm: LLMBackend, rules: str, request: str, schema: dict[str, Any]) -> dict[str, Any]:
    """The model's reply at temperature 0; what can be read of one that does not fit the schema, else nothing.

    Args:
        llm: the model.
        rules: the system prompt.
        request: the user's message.
        schema: of the reply.

    Raises:
        ModelError: the model could not answer.
    """
    messages = [ChatMessage("system", rules), ChatMessage("user", request)]
    try:
        reply: Any = await llm.agenerate_structured(
            messages, schema, temperature=0.0, max_tokens=REPLY_TOKENS
        )
    except ModelOutputError as error:
        reply = salvage(error)
        noted = _noted.get()
        if noted is not None:
            noted.append(error)
    return as_dict(reply)


def entries_of(reply: dict[str, Any], key: str, most: int) -> list[Any]:
    """The first ``most`` entries of a list in a reply; none where there is no list."""
    return as_list(reply.get(key))[:most]


def line_of(value: Any, limit: int) -> str:
    """A text in a reply as one line of at most ``limit`` characters; "" for what is no text or has no word."""
    line = prompt_line(value, limit).strip() if isinstance(value, str) else ""
    return line if any(character.isalnum() for character in line) else ""
