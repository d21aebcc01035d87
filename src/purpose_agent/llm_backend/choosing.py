"""Choosing one of several options with a backend that can only write text."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from purpose_agent.errors import ModelOutputError
from purpose_agent.llm_backend.json_reply import read_json
from purpose_agent.llm_backend.messages import ChatMessage

CHOICE_TOKENS = 256
"""Room for the number and for a model that cannot help explaining itself."""


def choice_schema(count: int) -> dict[str, Any]:
    """The schema of ``{"choice": n}`` with n from 1 to ``count``."""
    return {
        "type": "object",
        "properties": {"choice": {"type": "integer", "minimum": 1, "maximum": count}},
        "required": ["choice"],
        "additionalProperties": False,
    }


def read_choice(text: str, options: Sequence[str]) -> int:
    """The position that a reply means: a number from 1, as JSON or bare, or the text of an option.

    Raises:
        ModelOutputError: it names no option, or more than one.
    """
    stripped = text.strip()
    if stripped in options:
        return list(options).index(stripped)
    numbers = re.findall(r'"choice"\s*:\s*"?(-?\d+)', stripped) or re.findall(r"^\W{0,3}(\d+)\b", stripped)
    if numbers and 1 <= int(numbers[0][:9]) <= len(options):
        return int(numbers[0]) - 1
    with contextlib.suppress(ModelOutputError):
        matched = option_of(read_json(stripped, lambda value: value), options)
        if matched is not None:
            return matched
    matched = match_option(stripped, options)
    if matched is None:
        raise ModelOutputError(f"it names none of the {len(options)} options by number or text", raw=text)
    return matched


def option_of(reply: Mapping[str, Any], options: Sequence[str]) -> int | None:
    """The position that a JSON reply means: ``{"choice": n}``, ``{"choice": text}`` or an actor's
    ``{"action": {"name", "params"}}``, where the name alone will do if only one option has it."""
    choice = reply.get("choice")
    if isinstance(choice, int) and 1 <= choice <= len(options):
        return choice - 1
    given: Any = reply.get("action", reply if "name" in reply else choice)
    params: Any = None
    if isinstance(given, Mapping):
        action = cast("Mapping[str, Any]", given)
        given, params = action.get("name"), action.get("params")
    if not isinstance(given, str):
        return None
    if isinstance(params, dict) and params:
        exact = match_option(f"{given}({json.dumps(params, ensure_ascii=False, default=str)})", options)
        if exact is not None:
            return exact
    of_that_name = [i for i, option in enumerate(options) if option.startswith(f"{given}(")]
    return of_that_name[0] if len(of_that_name) == 1 else match_option(given, options)


def match_option(text: str, options: Sequence[str]) -> int | None:
    """The position of the option that a text means: equal, equal but for case, or the only one it mentions.

    Of options that contain each other (``open door``, ``open door 2``) the longest one mentioned counts.
    """
    wanted = _plain(text)
    plain = [_plain(option) for option in options]
    if wanted in plain:
        return plain.index(wanted)
    mentioned = {p for p in plain if p and re.search(rf"(?<!\w){re.escape(p)}(?!\w)", wanted)}
    longest = [p for p in mentioned if not any(p != q and p in q for q in mentioned)]
    return plain.index(longest[0]) if len(longest) == 1 else None


def _plain(text: str) -> str:
    return " ".join(text.strip().strip("\"'`.*").casefold().split())


def with_numbered_list(messages: list[ChatMessage], options: Sequence[str]) -> list[ChatMessage]:
    """The conversation with the numbered options at its end."""
    listed = "\n".join(
        f"{number}. {json.dumps(option, ensure_ascii=False)}" for number, option in enumerate(options, 1)
    )
    text = f'Choose one:\n{listed}\nReply with {{"choice": n}}, where n is the number of the one you choose.'
    last = messages[-1]
    if last.role == "user":
        return [*messages[:-1], replace(last, content=f"{last.content}\n\n{text}")]
    return [*messages, type(last)("user", text)]
