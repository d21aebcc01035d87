"""The chat-completions protocol: what is sent in each form of the ladder, and what comes back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from purpose_agent.errors import ModelUnavailableError
from purpose_agent.llm_backend.json_reply import canonical
from purpose_agent.llm_backend.json_value import as_dict, as_list
from purpose_agent.llm_backend.structured import Form
from purpose_agent.llm_backend.usage import Usage, estimate_tokens
from purpose_agent.numeric import is_number

TOOL_NAME = "reply"


def form_fields(form: Form, schema: dict[str, Any]) -> dict[str, Any]:
    """The fields of a request that ask for a reply in this form."""
    if form is Form.SCHEMA:
        described: dict[str, Any] = {"name": TOOL_NAME, "schema": schema}
        if is_strict(schema):
            described["strict"] = True
        return {"response_format": {"type": "json_schema", "json_schema": described}}
    if form is Form.TOOL:
        function = {"name": TOOL_NAME, "description": "Give the reply.", "parameters": schema}
        return {
            "tools": [{"type": "function", "function": function}],
            "tool_choice": {"type": "function", "function": {"name": TOOL_NAME}},
        }
    if form is Form.JSON:
        return {"response_format": {"type": "json_object"}}
    return {}


def is_strict(schema: Any) -> bool:
    """Whether every object in the schema is closed and requires all its properties, as strict servers demand."""
    if isinstance(schema, list):
        return all(is_strict(item) for item in as_list(schema))
    node = as_dict(schema)
    if node.get("type") == "object" or "properties" in node:
        properties: dict[str, Any] = node.get("properties") or {}
        if node.get("additionalProperties") is not False or set(node.get("required") or ()) != set(
            properties
        ):
            return False
    return all(is_strict(value) for key, value in node.items() if key not in ("enum", "const", "required"))


def reply_text(answer: Any, form: Form = Form.TEXT) -> str:
    """The text of the first choice; for a tool call its arguments.

    Raises:
        ModelUnavailableError: the answer has no choice in it.
    """
    try:
        message = answer["choices"][0]["message"]
        calls = message.get("tool_calls") or ()
        content = message.get("content")
        if form is Form.TOOL and calls:
            arguments = calls[0]["function"]["arguments"]
            return arguments if isinstance(arguments, str) else canonical(arguments)
    except (KeyError, IndexError, TypeError, AttributeError):
        shown = json.dumps(answer, default=str)[:200]
        raise ModelUnavailableError(f"the server's answer has no choice in it: {shown}") from None
    if isinstance(content, list):
        content = "".join(str(as_dict(part).get("text", "")) for part in as_list(content))
    return str(content or message.get("refusal") or "")


def cut_at(text: str, stop: Sequence[str]) -> str:
    """The text up to the first of the stop texts, for servers that do not stop themselves."""
    ends = [position for position in (text.find(mark) for mark in stop if mark) if position >= 0]
    return text[: min(ends)] if ends else text


def usage_of(answer: Any, messages: Sequence[dict[str, str]], text: str) -> Usage:
    """What the request cost, as the server counts it, else estimated from the texts."""
    usage = as_dict(as_dict(answer).get("usage"))
    prompt_tokens = _number(usage.get("prompt_tokens"))
    if not prompt_tokens:
        prompt = sum(estimate_tokens(message["content"]) for message in messages)
        return Usage(1, prompt, 0, estimate_tokens(text), estimated=True)
    details = as_dict(usage.get("prompt_tokens_details"))
    cached = _number(details.get("cached_tokens")) or _number(usage.get("prompt_cache_hit_tokens"))
    return Usage(
        1,
        int(prompt_tokens),
        int(min(cached, prompt_tokens)),
        int(_number(usage.get("completion_tokens"))),
        float(_number(usage.get("cost"))),
    )


def _number(value: Any) -> float:
    """The value itself when it is a finite number ≥ 0, else 0."""
    return value if is_number(value) and 0 <= value < float("inf") else 0
