"""A scripted model: deterministic, instant, without network. A public test double."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Sequence
from typing import Any

from purpose_agent.errors import ModelOutputError, UsageError
from purpose_agent.llm_backend.base import ChatMessage, Choice, LLMBackend, check_messages, check_options
from purpose_agent.llm_backend.choosing import match_option, option_of
from purpose_agent.llm_backend.json_reply import read_json
from purpose_agent.llm_backend.json_value import as_dict
from purpose_agent.llm_backend.schema_filler import fill
from purpose_agent.llm_backend.usage import Usage, estimate_tokens, report_usage

Response = str | dict[str, Any] | Callable[[list[ChatMessage]], Any]
"""What a handler answers: a text, an object, or a function of the messages that returns one of the two."""

DEFAULT_REPLY = "This is a scripted reply; register a handler to change it."


class MockLLMBackend(LLMBackend):
    """A model that answers from a script.

    The first handler whose keyword occurs (in any case) in the joined contents of the messages answers. Structured
    calls use its dict or the JSON in its text, fitting the schema or not, so that a test can script bad replies; else
    the structured default; else a value that fits the schema.

    Example:
        >>> llm = MockLLMBackend().register_handler("STATE EVALUATOR", {"phi": 3, "evidence": "door is open"})
        >>> llm.generate_structured([ChatMessage("user", "You are a state evaluator.")], {"type": "object"})
        {'phi': 3, 'evidence': 'door is open'}
    """

    name = "mock"
    non_blocking = True

    def __init__(self) -> None:
        self._handlers: list[tuple[str, Response]] = []
        self._default: dict[str, Any] | None = None
        self._calls: list[dict[str, Any]] = []
        self._unlogged: list[tuple[str, tuple[ChatMessage, ...], Any, dict[str, Any]]] = []

    def register_handler(self, keyword: str, response: Response) -> MockLLMBackend:
        """Answer with ``response`` when ``keyword`` occurs; handlers are asked in the order of registration.

        Raises:
            UsageError: the response is not a str, a dict or a function.
        """
        given: Any = response
        if not isinstance(given, (str, dict)) and not callable(given):
            raise UsageError(
                f"a response must be a str, a dict or a function of the messages, got {given!r:.100}"
            )
        self._handlers.append((keyword.casefold(), response))
        return self

    def set_structured_default(self, default: dict[str, Any]) -> MockLLMBackend:
        """The reply to structured calls that no handler answers."""
        self._default = default
        return self

    @property
    def call_log(self) -> list[dict[str, Any]]:
        """One entry for each call, oldest first: ``kind`` (``generate``, ``structured``, ``choose``), ``messages``
        (dicts with ``role`` and ``content``), ``response``, and the call's other arguments."""
        for kind, messages, response, arguments in self._unlogged:
            shown = [{"role": message.role, "content": message.content} for message in messages]
            self._calls.append({"kind": kind, "messages": shown, "response": response, **arguments})
        self._unlogged.clear()
        return self._calls

    def generate(
        self,
        messages: list[ChatMessage],
        temperature: float = 0.7,
        max_tokens: int = 2048,
        stop: list[str] | None = None,
    ) -> str:
        """The first matching handler's answer as text, else a fixed sentence."""
        answer = self._answer(messages)
        reply = DEFAULT_REPLY if answer is None else _as_text(answer)
        self._record("generate", messages, reply, temperature=temperature, max_tokens=max_tokens, stop=stop)
        return reply

    async def agenerate(
        self,
        messages: list[ChatMessage],
        temperature: float = 0.7,
        max_tokens: int = 2048,
        stop: list[str] | None = None,
    ) -> str:
        """See `generate`."""
        return MockLLMBackend.generate(self, messages, temperature, max_tokens, stop)

    def generate_structured(
        self,
        messages: list[ChatMessage],
        schema: dict[str, Any],
        temperature: float = 0.3,
        max_tokens: int = 1024,
    ) -> dict[str, Any]:
        """The first matching handler's object, else the structured default, else one that fits the schema.

        Raises:
            ModelOutputError: the schema describes no object.
        """
        reply = _as_object(self._answer(messages))
        if reply is None and self._default is not None:
            reply = copy.deepcopy(self._default)
        if reply is None:
            reply = _as_object(fill(schema))
        if reply is None:
            raise ModelOutputError(f"the schema describes no object: {schema!r:.200}")
        self._record(
            "structured", messages, reply, schema=schema, temperature=temperature, max_tokens=max_tokens
        )
        return reply

    async def agenerate_structured(
        self,
        messages: list[ChatMessage],
        schema: dict[str, Any],
        temperature: float = 0.3,
        max_tokens: int = 1024,
    ) -> dict[str, Any]:
        """See `generate_structured`."""
        return MockLLMBackend.generate_structured(self, messages, schema, temperature, max_tokens)

    def choose(self, messages: list[ChatMessage], options: Sequence[str]) -> Choice:
        """The option that the first matching handler names, else the first option.

        A handler may answer with the option's text, with its position (from 1) as ``{"choice": n}``, or with an
        actor's reply (``{"action": {"name": …}}``).

        Raises:
            ModelOutputError: the handler names none of the options.
        """
        offered = check_options(options)
        answer = self._answer(messages)
        index = 0 if answer is None else _chosen(answer, offered)
        self._record("choose", messages, offered[index], options=offered)
        return Choice(index, offered[index])

    async def achoose(self, messages: list[ChatMessage], options: Sequence[str]) -> Choice:
        """See `choose`."""
        return MockLLMBackend.choose(self, messages, options)

    def _answer(self, messages: list[ChatMessage]) -> Any:
        """What the first matching handler says: a str, a dict, or None when none matches."""
        check_messages(messages)
        text = "\n".join(message.content for message in messages).casefold() if self._handlers else ""
        response = next((r for keyword, r in self._handlers if keyword in text), None)
        answer: Any = response(list(messages)) if callable(response) else response
        if answer is not None and not isinstance(answer, (str, dict)):
            raise ModelOutputError(f"a handler must return a str or a dict, got {answer!r:.200}")
        copied: Any = copy.deepcopy(answer)  # pyright: ignore[reportUnknownArgumentType,reportUnknownVariableType]
        return copied

    def _record(self, kind: str, messages: list[ChatMessage], response: Any, **arguments: Any) -> None:
        self._unlogged.append((kind, tuple(messages), copy.deepcopy(response), arguments))
        prompt = max(1, sum(len(message.content) for message in messages) // 4)
        report_usage(Usage(1, prompt, 0, estimate_tokens(_as_text(response)), estimated=True))


def _as_object(answer: Any) -> dict[str, Any] | None:
    """A handler's dict, or the JSON object in its text; None when it is neither."""
    if isinstance(answer, str):
        try:
            return read_json(answer, lambda value: value, lenient=True)
        except ModelOutputError:
            return None
    return as_dict(answer) if isinstance(answer, dict) else None


def _as_text(answer: Any) -> str:
    return answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False, default=str)


def _chosen(answer: Any, options: list[str]) -> int:
    """The position of the option that a handler's answer names."""
    given = None if isinstance(answer, str) and answer in options else _as_object(answer)
    index = match_option(str(answer), options) if given is None else option_of(given, options)
    if index is None:
        raise ModelOutputError(f"the handler's answer names none of the options: {answer!r:.200}")
    return index
