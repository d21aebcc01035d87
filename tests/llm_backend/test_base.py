"""What `LLMBackend` adds to a subclass."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Sequence
from typing import Any

import pytest

from purpose_agent.errors import ModelUnavailableError, UsageError
from purpose_agent.llm_backend import ChatMessage, Choice, LLMBackend, MockLLMBackend, Usage
from purpose_agent.llm_backend.usage import collect_usage, report_usage

ASKED = [ChatMessage("user", "How many doors are there in this house?")]
SCHEMA: dict[str, Any] = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


class Counting(LLMBackend):
    """Implements `generate` alone."""

    def __init__(self, reply: str = '{"n": 1}') -> None:
        self.reply = reply
        self.threads: list[str] = []

    def generate(
        self,
        messages: list[ChatMessage],
        temperature: float = 0.7,
        max_tokens: int = 2048,
        stop: list[str] | None = None,
    ) -> str:
        self.threads.append(threading.current_thread().name)
        return self.reply


def usage_of(coroutine: Any) -> list[Usage]:
    reported: list[Usage] = []
    with collect_usage(reported.append):
        asyncio.run(coroutine)
    return reported


def test_generate_is_enough() -> None:
    assert Counting().generate_structured(ASKED, SCHEMA) == {"n": 1}
    assert Counting('{"choice": 2}').choose(ASKED, ["a", "b"]) == Choice(1, "b")
    assert Counting().name == "Counting"


def test_a_sync_generate_runs_outside_the_event_loop() -> None:
    backend = Counting()
    asyncio.run(backend.agenerate(ASKED))
    assert backend.threads[0] != threading.current_thread().name


def test_a_non_blocking_one_runs_inline() -> None:
    class Instant(Counting):
        non_blocking = True

    backend = Instant()
    asyncio.run(backend.agenerate(ASKED))
    assert backend.threads == [threading.current_thread().name]


def test_sixty_four_blocking_calls_run_at_once() -> None:
    barrier = threading.Barrier(64)

    class Waiting(Counting):
        def generate(self, *args: Any, **kwargs: Any) -> str:
            barrier.wait(30)  # breaks unless all 64 are in here together
            return "ok"

    async def all_of_them() -> list[str]:
        backend = Waiting()
        return await asyncio.gather(*(backend.agenerate(ASKED) for _ in range(64)))

    assert asyncio.run(all_of_them()) == ["ok"] * 64


def test_usage_is_estimated_for_a_backend_that_does_not_count() -> None:
    (usage,) = usage_of(Counting("four").agenerate(ASKED))
    assert usage == Usage(1, 9, 0, 1, estimated=True)


def test_usage_that_a_backend_reports_itself_is_not_doubled() -> None:
    class Honest(Counting):
        def generate(self, *args: Any, **kwargs: Any) -> str:
            report_usage(Usage(1, 100, 40, 5))
            return '{"n": 1}'

    assert usage_of(Honest().agenerate(ASKED)) == [Usage(1, 100, 40, 5)]
    assert usage_of(Honest().agenerate_structured(ASKED, SCHEMA)) == [Usage(1, 100, 40, 5)]


def test_a_failed_call_reports_nothing_and_keeps_its_error() -> None:
    class Down(Counting):
        def generate(self, *args: Any, **kwargs: Any) -> str:
            raise ModelUnavailableError("down")

    reported: list[Usage] = []
    with collect_usage(reported.append), pytest.raises(ModelUnavailableError, match="down"):
        asyncio.run(Down().agenerate(ASKED))
    assert reported == []


def test_each_request_of_a_repaired_reply_is_counted() -> None:
    class Learning(Counting):
        def generate(self, messages: list[ChatMessage], *args: Any, **kwargs: Any) -> str:
            return '{"n": 1}' if messages[-1].content.startswith("That reply") else "one"

    assert len(usage_of(Learning().agenerate_structured(ASKED, SCHEMA))) == 2


class Overriding(Counting):
    """Written for the seeds: its own sync structured calls."""

    def generate_structured(
        self,
        messages: list[ChatMessage],
        schema: dict[str, Any],
        temperature: float = 0.3,
        max_tokens: int = 1024,
    ) -> dict[str, Any]:
        return {"n": 7}


def test_a_subclass_with_its_own_sync_structured_calls_is_asked_through_them() -> None:
    assert asyncio.run(Overriding().agenerate_structured(ASKED, SCHEMA)) == {"n": 7}
    (usage,) = usage_of(Overriding().agenerate_structured(ASKED, SCHEMA))
    assert usage.estimated


def test_such_a_subclass_may_call_super() -> None:
    class Logging(Counting):
        def generate_structured(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
            return {**super().generate_structured(*args, **kwargs), "logged": True}

    assert Logging().generate_structured(ASKED, SCHEMA) == {"n": 1, "logged": True}
    assert asyncio.run(Logging().agenerate_structured(ASKED, SCHEMA)) == {"n": 1, "logged": True}
    assert len(usage_of(Logging().agenerate_structured(ASKED, SCHEMA))) == 1


def test_overriding_one_of_a_pair_in_a_subclass_of_a_shipped_backend_counts_for_both() -> None:
    class Louder(MockLLMBackend):
        def generate(self, *args: Any, **kwargs: Any) -> str:
            return super().generate(*args, **kwargs).upper()

    class Quieter(MockLLMBackend):
        async def agenerate(self, *args: Any, **kwargs: Any) -> str:
            return (await super().agenerate(*args, **kwargs)).lower()

    for backend in (Louder(), Quieter()):
        backend.register_handler("doors", "Two")
        assert backend.generate(ASKED) == asyncio.run(backend.agenerate(ASKED)) != "Two"


def test_a_subclass_may_choose_in_its_own_way() -> None:
    class Last(Counting):
        def choose(self, messages: list[ChatMessage], options: Sequence[str]) -> Choice:
            return Choice(len(options) - 1, options[-1])

    assert asyncio.run(Last().achoose(ASKED, ["a", "b"])) == Choice(1, "b")


def test_an_asynchronous_generate_is_awaited_in_the_loop_of_its_caller() -> None:
    class Asynchronous(LLMBackend):
        async def generate(self, *args: Any, **kwargs: Any) -> str:  # type: ignore[override]
            self.loop = asyncio.get_running_loop()
            return "hi"

    async def same() -> bool:
        backend = Asynchronous()
        await backend.agenerate(ASKED)
        return backend.loop is asyncio.get_running_loop()

    assert asyncio.run(same())


def test_async_code_may_call_a_sync_method_of_another_backend() -> None:
    class Wrapper(LLMBackend):
        async def generate(self, messages: list[ChatMessage], *args: Any, **kwargs: Any) -> str:  # type: ignore[override]
            return str(Counting().generate_structured(messages, SCHEMA)["n"])

    assert Wrapper().choose(ASKED, ["a", "b"]).option == "a"


def test_cancelling_gives_control_back_while_a_blocking_call_still_runs() -> None:
    go = threading.Event()

    class Slow(Counting):
        def generate(self, *args: Any, **kwargs: Any) -> str:
            go.wait(30)
            return "late"

    async def cancelled() -> bool:
        try:
            await asyncio.wait_for(Slow().agenerate(ASKED), 0.01)
        except TimeoutError:
            return True
        return False

    assert asyncio.run(cancelled())
    go.set()


def test_close_is_found_in_its_asynchronous_form_too() -> None:
    class Closing(Counting):
        closed = 0

        def close(self) -> None:
            self.closed += 1

    backend = Closing()
    asyncio.run(backend.aclose())
    assert backend.closed == 1


@pytest.mark.parametrize("messages", [[], None, "hello", ["hello"], [ChatMessage("user", None)], {}])  # type: ignore[arg-type]
def test_messages_are_checked_at_the_boundary(messages: Any) -> None:
    with pytest.raises(UsageError, match="messages"):
        asyncio.run(Counting().agenerate(messages))
    with pytest.raises(UsageError, match="messages"):
        Counting().generate_structured(messages, SCHEMA)


@pytest.mark.parametrize("options", [[], None, "ab", [1, 2]])
def test_options_are_checked_at_the_boundary(options: Any) -> None:
    with pytest.raises(UsageError, match="options"):
        Counting().choose(ASKED, options)


def test_a_generate_may_take_its_options_as_keywords() -> None:
    class Brief(LLMBackend):
        def generate(self, messages: list[ChatMessage], **options: Any) -> str:
            return json.dumps({"temperature": options["temperature"]})

    reply = Brief().generate_structured([ChatMessage("user", "?")], {"type": "object"}, temperature=0.1)
    assert reply == {"temperature": 0.1}
