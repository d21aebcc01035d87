"""The output ladder: from a model that can write text to a value that fits a JSON schema.

    native schema → tool call → JSON mode with the schema in the prompt → plain text with the schema in the prompt
        → tolerant parse → one repair request that shows the error → `ModelOutputError`

It is written once, here. A backend says which forms its server may know (`Form`) and how to ask in one of them;
which of them works is found out by asking, and remembered.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Any, TypeVar

from purpose_agent.errors import ModelError, ModelOutputError
from purpose_agent.llm_backend.json_reply import canonical, read_json, validator_for
from purpose_agent.llm_backend.messages import ChatMessage

T = TypeVar("T")

REPLY_SHOWN = 2000
"""Characters of a bad reply that the repair request repeats."""


class Form(StrEnum):
    """How a reply is asked for, from the strictest to the loosest."""

    SCHEMA = "json_schema"
    """The server constrains the reply to the schema."""
    TOOL = "tool"
    """The reply is the arguments of a tool call."""
    JSON = "json_object"
    """The server promises JSON; the schema is in the prompt."""
    TEXT = "text"
    """Nothing is promised; the schema is in the prompt."""


class FormUnsupportedError(ModelError):
    """The server refused this form of asking; the next looser one may do."""


class Ladder:
    """The forms a server may know, and what was learned about them.

    A form that was refused before it ever worked is not tried again; one that worked for other schemas is only
    given up for the schema that was refused.

    Args:
        forms: from the strictest to the loosest; the last one must always work.
    """

    def __init__(self, forms: Sequence[Form] = (Form.TEXT,)) -> None:
        self._forms = list(forms)
        self._worked: set[Form] = set()
        self._refused: set[tuple[Form, str]] = set()
        self._ignored: set[Form] = set()

    def forms_for(self, key: str) -> list[Form]:
        """The forms to try for a schema, the most promising first."""
        return [form for form in self._forms if (form, key) not in self._refused]

    def worked(self, form: Form) -> None:
        """The server answered in this form."""
        self._worked.add(form)

    def refused(self, form: Form, key: str) -> None:
        """The server refused this form for this schema."""
        if form in self._worked:
            self._refused.add((form, key))
        elif form in self._forms and len(self._forms) > 1:
            self._forms.remove(form)

    def ignored(self, form: Form) -> None:
        """The server took the schema in this form and did not keep to it."""
        self._ignored.add(form)

    def shows_schema(self, form: Form) -> bool:
        """Whether the schema must be in the prompt, too."""
        return form in (Form.JSON, Form.TEXT) or form in self._ignored


Ask = Callable[[Form, "list[ChatMessage]"], Awaitable[str]]
"""Sends one request in the given form and returns the text of the reply.

Raises `FormUnsupportedError` when the server does not know the form."""

Read = Callable[[str, bool], T]
"""Turns a reply into a value; the flag says that it is the last chance, so be lenient. Raises ModelOutputError."""


async def climb(
    ask: Ask, read: Read[T], messages: list[ChatMessage], schema: dict[str, Any], ladder: Ladder
) -> T:
    """Ask in the strictest form that works, read the reply, and ask once more when it cannot be read.

    Raises:
        ModelOutputError: the second reply could not be read either.
        ModelError: the backend could not answer.
    """
    given, form = await _ask_strictest(ask, messages, schema, ladder)
    try:
        return read(_text(given), False)
    except ModelOutputError as error:
        reply = given if isinstance(given, str) else ""  # pyright: ignore[reportUnnecessaryIsInstance]
        if not _is_cut_off(reply):
            ladder.ignored(form)
        again = [*_shown(messages, schema, form, ladder), *_repair(reply, str(error))]
    try:
        second = await ask(form, again)
    except FormUnsupportedError:
        second = await ask(Form.TEXT, again)
    return read(_text(second), True)


def _text(reply: Any) -> str:
    """The reply, if it is one: a stranger's backend may give anything."""
    if isinstance(reply, str):
        return reply
    kind = type(reply).__name__
    raise ModelOutputError(f"a text was expected, not {reply!r:.80} ({kind}); generate must return a str")


async def structured_reply(
    ask: Ask, messages: list[ChatMessage], schema: dict[str, Any], ladder: Ladder
) -> dict[str, Any]:
    """A JSON object that fits ``schema``; see `climb`.

    Raises:
        UsageError: the schema itself is not valid.
    """
    validate = validator_for(schema)
    return await climb(
        ask, lambda text, last: read_json(text, validate, lenient=last), messages, schema, ladder
    )


async def _ask_strictest(
    ask: Ask, messages: list[ChatMessage], schema: dict[str, Any], ladder: Ladder
) -> tuple[str, Form]:
    key = canonical(schema)
    refusal: FormUnsupportedError | None = None
    for form in ladder.forms_for(key):
        try:
            reply = await ask(form, _shown(messages, schema, form, ladder))
        except FormUnsupportedError as error:
            ladder.refused(form, key)
            refusal = error
            continue
        ladder.worked(form)
        return reply, form
    raise refusal or ModelOutputError("the backend knows no form of asking")


def _is_cut_off(reply: str) -> bool:
    """Whether it begins like an object and does not end like one."""
    text = reply.strip()
    return text.startswith("{") and not text.endswith("}")


def _shown(
    messages: list[ChatMessage], schema: dict[str, Any], form: Form, ladder: Ladder
) -> list[ChatMessage]:
    """The messages, with the schema at the end of the system prompt where the form needs it.

    It goes into the prefix so that the prefix of a growing conversation stays the same from call to call.
    """
    if not ladder.shows_schema(form):
        return messages
    return with_system_note(
        messages,
        "Reply with one JSON object and nothing else: no code fence, no comment. It must fit this JSON schema:\n"
        + canonical(schema),
    )


def with_system_note(messages: list[ChatMessage], note: str) -> list[ChatMessage]:
    """A copy of the conversation with ``note`` at the end of its system prompt."""
    if messages and messages[0].role == "system":
        first = replace(messages[0], content=f"{messages[0].content}\n\n{note}")
        return [first, *messages[1:]]
    made = ChatMessage("system", note)
    return [made, *messages]


def _repair(reply: str, error: str) -> list[ChatMessage]:
    shown = reply if len(reply) <= REPLY_SHOWN else reply[:REPLY_SHOWN] + " …"
    return [
        ChatMessage("assistant", shown.strip() or "(no reply)"),
        ChatMessage(
            "user",
            f"That reply cannot be used: {error[:500]}\nReply again, with one JSON object only, "
            "short enough to be complete, in the form that was asked for.",
        ),
    ]
