"""The Hugging Face client, against a loopback server."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from typing import Any

import pytest

from fakes.chat_server import ChatServer, Say, Script, chat, error
from purpose_agent.errors import MissingDependencyError, ModelRequestError, ModelUnavailableError, UsageError
from purpose_agent.llm_backend import ChatMessage, HFInferenceBackend, Usage
from purpose_agent.llm_backend.usage import collect_usage

ASKED = [ChatMessage("user", "How many?")]
SCHEMA: dict[str, Any] = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
TOKEN = "hf_verysecrettoken"


@pytest.fixture
def serve() -> Iterator[Any]:
    servers: list[ChatServer] = []

    def start(script: Script, **arguments: Any) -> tuple[ChatServer, HFInferenceBackend]:
        server = ChatServer(script)
        server.__enter__()
        servers.append(server)
        options = {"timeout": 20, "total_timeout": 40, "api_key": TOKEN, **arguments}
        return server, HFInferenceBackend(server.url, **options)

    yield start
    for server in servers:
        server.__exit__()


def test_a_reply_and_its_usage_come_back(serve: Any) -> None:
    server, backend = serve([chat("three")])
    reported: list[Usage] = []
    with collect_usage(reported.append):
        assert backend.generate(ASKED, 0.2, 9) == "three"
    assert server.requests[0]["max_tokens"] == 9
    assert server.headers[0]["authorization"] == f"Bearer {TOKEN}"
    assert reported == [Usage(1, 12, 5, 3)]


def test_the_tool_form_is_read(serve: Any) -> None:
    def answer(request: dict[str, Any]) -> Say:
        if "response_format" in request:
            return error(400, "response_format is not supported")
        function = {"name": "reply", "arguments": '{"n": 2}'}
        return chat(None, message={"tool_calls": [{"id": "1", "type": "function", "function": function}]})

    _, backend = serve(answer)
    assert backend.generate_structured(ASKED, SCHEMA) == {"n": 2}


def test_a_passing_failure_is_tried_again(serve: Any) -> None:
    server, backend = serve([error(503, "busy", headers={"Retry-After": "0"}), chat("ok")])
    assert backend.generate(ASKED) == "ok"
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("answer", "remedy"),
    [
        (error(401, f"bad token {TOKEN}"), "HF_TOKEN"),
        (error(404, "no such model"), "model"),
        (error(422, "x"), "422"),
    ],
)
def test_a_refusal_names_the_remedy_and_not_the_token(serve: Any, answer: Say, remedy: str) -> None:
    _, backend = serve([answer])
    with pytest.raises(ModelRequestError, match=remedy) as caught:
        backend.generate(ASKED)
    assert TOKEN not in f"{caught.value!r} {backend!r}"


@pytest.mark.parametrize(
    "answer",
    [Say("{broken"), Say("{}"), Say('{"choices"', cut=True), Say(hang=True)],
    ids=["broken", "empty", "cut", "hang"],
)
def test_a_broken_answer_is_a_transient_error(serve: Any, answer: Say) -> None:
    _, backend = serve([answer], timeout=0.5, max_retries=0)
    with pytest.raises(ModelUnavailableError):
        backend.generate(ASKED)


def test_event_loops_come_and_go(serve: Any) -> None:
    _, backend = serve([chat("x")])
    for _ in range(2):
        assert asyncio.run(backend.agenerate(ASKED)) == "x"
        gc.collect()
    assert backend.generate(ASKED) == "x"
    backend.close()


def test_without_the_extra_the_error_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "huggingface_hub", None)
    with pytest.raises(MissingDependencyError, match=r"purpose-agent\[hf\]"):
        HFInferenceBackend().generate(ASKED)


def test_a_model_needs_a_name() -> None:
    with pytest.raises(UsageError, match="model_id"):
        HFInferenceBackend("")
