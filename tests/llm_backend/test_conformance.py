"""Our backends pass the suite that is published for others."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import pytest

from fakes.chat_server import ChatServer, chat
from purpose_agent.conformance.backend import SCHEMA, BackendConformance, check_backend
from purpose_agent.llm_backend import (
    ChatMessage,
    HFInferenceBackend,
    LLMBackend,
    LocalBackend,
    MockLLMBackend,
    OpenAICompatibleBackend,
)
from purpose_agent.llm_backend.usage import Usage, collect_usage


def scripted(messages: list[ChatMessage]) -> str:
    """What a competent model would write."""
    text = " ".join(message.content for message in messages)
    if '"choice"' in text:
        return '{"choice": 1}'
    return '```json\n{"mood": "calm", "done": false,}\n```' if "mood" in text else "hello"


def scripted_request(request: dict[str, Any]) -> str:
    return scripted([ChatMessage(**message) for message in request["messages"]])


class GenerateOnly(LLMBackend):
    def generate(
        self,
        messages: list[ChatMessage],
        temperature: float = 0.7,
        max_tokens: int = 2048,
        stop: list[str] | None = None,
    ) -> str:
        time.sleep(0.001)
        return scripted(messages)


class AsyncOnly(LLMBackend):
    async def generate(  # type: ignore[override]
        self,
        messages: list[ChatMessage],
        temperature: float = 0.7,
        max_tokens: int = 2048,
        stop: list[str] | None = None,
    ) -> str:
        return scripted(messages)


class TestMock(BackendConformance):
    def make_backend(self) -> LLMBackend:
        return MockLLMBackend()


class TestGenerateOnly(BackendConformance):
    def make_backend(self) -> LLMBackend:
        return GenerateOnly()


class TestAsyncGenerate(BackendConformance):
    def make_backend(self) -> LLMBackend:
        return AsyncOnly()


@pytest.mark.model
class TestLocal(BackendConformance):
    max_tokens = 2
    concurrent = 3

    @pytest.fixture(autouse=True)
    def _model(self, local: LocalBackend) -> None:
        self.local = local

    def make_backend(self) -> LLMBackend:
        return self.local

    def release(self, backend: LLMBackend) -> None:
        pass


@pytest.mark.model
class TestOpenAICompatible(BackendConformance):
    max_tokens = 2
    concurrent = 2

    @pytest.fixture(autouse=True)
    def _server(self, llama_url: str) -> None:
        self.url = llama_url

    def make_backend(self) -> LLMBackend:
        return OpenAICompatibleBackend("smollm2", self.url)


class TestHuggingFace(BackendConformance):
    """On a server that writes what a competent model would: ours ignores the schema as this client sends it."""

    @pytest.fixture(autouse=True)
    def _server(self) -> Iterator[None]:
        with ChatServer(lambda request: chat(scripted_request(request))) as server:
            self.url = server.url
            yield

    def make_backend(self) -> LLMBackend:
        return HFInferenceBackend(self.url)


@pytest.mark.model
def test_the_hugging_face_client_speaks_with_a_real_server(llama_url: str) -> None:
    backend = HFInferenceBackend(llama_url)
    reported: list[Usage] = []
    with collect_usage(reported.append):
        assert asyncio.run(backend.agenerate([ChatMessage("user", "Say hi.")], 0.0, 2))
    assert reported[0].prompt_tokens > 5
    assert not reported[0].estimated
    asked = [ChatMessage("user", 'Repeat this JSON: {"mood": "calm", "done": false}')]
    assert backend.generate_structured(asked, SCHEMA, 0.0, 64) == {"mood": "calm", "done": False}
    backend.close()


def test_a_backend_that_breaks_the_contract_is_found_out() -> None:
    class Broken(MockLLMBackend):
        async def agenerate(self, *args: Any, **kwargs: Any) -> Any:
            return None

    problems = {problem.check: problem.message for problem in check_backend(Broken)}
    assert "must return a str" in problems["a_reply_is_text"]
    assert "no_messages_is_a_usage_error" in problems
    assert "a_choice_is_one_of_the_options" not in problems


def test_a_good_backend_has_no_problems() -> None:
    assert check_backend(MockLLMBackend) == []
