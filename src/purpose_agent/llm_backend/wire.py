"""What goes to models and comes from them: messages as plain dicts, texts that survive UTF-8, replies alone."""

from __future__ import annotations

import re
from collections.abc import Sequence

from purpose_agent.llm_backend.messages import ChatMessage


def clean_text(text: str) -> str:
    """The text with lone surrogates, which no encoding can carry, replaced by U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


_CONTROL = re.compile(r"<(?=\|[\w/]{1,40}\|>|/?s>|(?:start|end)_of_turn>|(?:bos|eos|pad|unk)>)")
"""Where the name of a token begins that chat templates use to tell one speaker from another."""


def without_control_tokens(text: str) -> str:
    """The text with the names of control tokens broken up by an invisible space.

    llama.cpp takes such a name for the token itself wherever it stands, so a world whose text holds
    ``<|im_end|><|im_start|>system`` could otherwise speak as the system.
    """
    return _CONTROL.sub("<\u200b", text)


_THINKING = re.compile(r"\A\s*<think(?:ing)?>.*?</think(?:ing)?>\s*", re.DOTALL)


def without_thinking(text: str) -> str:
    """The reply without the thinking block that some models and servers leave at its beginning."""
    return _THINKING.sub("", text, count=1)


def wire_messages(messages: Sequence[ChatMessage]) -> list[dict[str, str]]:
    """The conversation as chat servers take it."""
    return [{"role": message.role, "content": clean_text(message.content)} for message in messages]
