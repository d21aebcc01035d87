"""The output ladder."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from purpose_agent.errors import ModelOutputError
from purpose_agent.llm_backend import ChatMessage
from purpose_agent.llm_backend.structured import Form, FormUnsupportedError, Ladder, structured_reply

SCHEMA: dict[str, Any] = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
OTHER: dict[str, Any] = {"type": "object", "properties": {"m": {"type": "integer"}}}
ASKED = [ChatMessage("system", "You count."), ChatMessage("user", "How many?")]
GOOD = '{"n": 1}'


class Server:
    """Answers with the lines of a script; refuses some forms."""

    def __init__(self, *script: str, refuses: tuple[Form, ...] = ()) -> None:
        self.script = list(script)
        self.refuses = refuses
        self.asked: list[tuple[Form, list[ChatMessage]]] = []

    async def __call__(self, form: Form, messages: list[ChatMessage]) -> str:
        self.asked.append((form, messages))
        if form in self.refuses:
            raise FormUnsupportedError(f"no {form.value}")
        return self.script.pop(0) if len(self.script) > 1 else self.script[0]

    @property
    def forms(self) -> list[Form]:
        return [form for form, _ in self.asked]

    def text(self, index: int) -> str:
        return "\n".join(f"{message.role}: {message.content}" for message in self.asked[index][1])


def reply(server: Server, ladder: Ladder, schema: dict[str, Any] = SCHEMA) -> dict[str, Any]:
    return asyncio.run(structured_reply(server, ASKED, schema, ladder))


def test_the_strictest_form_is_asked_first_without_the_schema_in_the_prompt() -> None:
    server = Server(GOOD)
    assert reply(server, Ladder(tuple(Form))) == {"n": 1}
    assert server.asked == [(Form.SCHEMA, ASKED)]


def test_a_refused_form_is_left_for_the_next_and_not_tried_again() -> None:
    server, ladder = Server(GOOD, refuses=(Form.SCHEMA, Form.TOOL)), Ladder(tuple(Form))
    reply(server, ladder)
    reply(server, ladder)
    assert server.forms == [Form.SCHEMA, Form.TOOL, Form.JSON, Form.JSON]


def test_a_form_that_worked_before_is_only_given_up_for_the_schema_that_was_refused() -> None:
    server, ladder = Server(GOOD), Ladder(tuple(Form))
    reply(server, ladder)
    server.refuses = (Form.SCHEMA,)
    reply(server, ladder, OTHER)
    server.refuses = ()
    reply(server, ladder, OTHER)
    reply(server, ladder)
    assert server.forms == [Form.SCHEMA, Form.SCHEMA, Form.TOOL, Form.TOOL, Form.SCHEMA]


def test_loose_forms_show_the_schema_at_the_end_of_the_system_prompt() -> None:
    server = Server(GOOD)
    reply(server, Ladder((Form.TEXT,)))
    system, user = server.asked[0][1]
    assert system.content.startswith("You count.")
    assert '"required":["n"]' in system.content
    assert user == ASKED[1], "the rest of the conversation stays a stable prefix"


def test_a_bad_reply_is_shown_with_its_error_once() -> None:
    server = Server("I think it is three.", GOOD)
    assert reply(server, Ladder((Form.TEXT,))) == {"n": 1}
    assert "assistant: I think it is three." in server.text(1)
    assert "no JSON object" in server.text(1)


def test_a_long_bad_reply_is_shown_shortened() -> None:
    server = Server("x" * 100_000, GOOD)
    reply(server, Ladder((Form.TEXT,)))
    assert len(server.text(1)) < 5_000


def test_two_bad_replies_are_an_error_that_carries_the_last() -> None:
    server = Server("no", "never")
    with pytest.raises(ModelOutputError, match="no JSON object") as caught:
        reply(server, Ladder((Form.TEXT,)))
    assert caught.value.raw == "never"
    assert len(server.asked) == 2


def test_a_server_that_ignores_the_schema_gets_it_in_the_prompt_from_then_on() -> None:
    server, ladder = Server("three", GOOD), Ladder(tuple(Form))
    reply(server, ladder)
    reply(server, ladder)
    assert '"required":["n"]' in server.text(1)
    assert server.forms == [Form.SCHEMA] * 3
    assert '"required":["n"]' in server.text(2)


def test_a_reply_that_was_cut_off_is_asked_for_again_and_then_closed() -> None:
    server, ladder = Server('{"n": 1, "why": "beca', '{"n": 2, "why": "sinc'), Ladder(tuple(Form))
    assert reply(server, ladder) == {"n": 2, "why": "sinc"}
    assert '"required"' not in server.text(1), "cut off is not ignored"


def test_when_every_form_is_refused_the_refusal_is_the_error() -> None:
    with pytest.raises(FormUnsupportedError, match="no text"):
        reply(Server(GOOD, refuses=tuple(Form)), Ladder(tuple(Form)))
