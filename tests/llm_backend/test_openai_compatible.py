"""Any server that speaks the chat-completions protocol, well or badly."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from fakes.chat_server import ChatServer, Say, Script, chat, error, stream
from purpose_agent.errors import ModelError, ModelRequestError, ModelUnavailableError, UsageError
from purpose_agent.llm_backend import ChatMessage, OpenAICompatibleBackend, Usage
from purpose_agent.llm_backend.http_errors import MAX_RETRY_WAIT, retry_after
from purpose_agent.llm_backend.usage import collect_usage

ASKED = [ChatMessage("system", "You count."), ChatMessage("user", "How many?")]
SCHEMA: dict[str, Any] = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
KEY = "sk-verysecretkey"


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def serve() -> Iterator[Any]:
    """Starts a server with a script; returns it and a backend for it."""
    servers: list[ChatServer] = []

    def start(script: Script, **arguments: Any) -> tuple[ChatServer, OpenAICompatibleBackend]:
        server = ChatServer(script)
        server.__enter__()
        servers.append(server)
        return server, OpenAICompatibleBackend(
            "m", server.url, **{"timeout": 20, "total_timeout": 40, **arguments}
        )

    yield start
    for server in servers:
        server.__exit__()


def test_a_request_is_what_the_protocol_wants(serve: Any) -> None:
    server, backend = serve([chat("three")], api_key=KEY)
    assert backend.generate(ASKED, 0.2, 9, ["!"]) == "three"
    assert server.requests[0] == {
        "model": "m",
        "messages": [{"role": "system", "content": "You count."}, {"role": "user", "content": "How many?"}],
        "temperature": 0.2,
        "max_tokens": 9,
        "stop": ["!"],
    }
    assert server.headers[0]["authorization"] == f"Bearer {KEY}"


def test_usage_is_what_the_server_counts_with_cached_tokens_and_cost(serve: Any) -> None:
    usage = {
        "prompt_tokens": 12,
        "completion_tokens": 3,
        "cost": 0.25,
        "prompt_tokens_details": {"cached_tokens": 5},
    }
    _, backend = serve([chat("x", usage=usage)])
    reported: list[Usage] = []
    with collect_usage(reported.append):
        backend.generate(ASKED)
    assert reported == [Usage(1, 12, 5, 3, 0.25)]


@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": None}, {"prompt_tokens": "many"}, [1]])
def test_usage_is_estimated_where_the_server_does_not_count(serve: Any, usage: Any) -> None:
    _, backend = serve([chat("x", usage=usage)])
    reported: list[Usage] = []
    with collect_usage(reported.append):
        backend.generate(ASKED)
    assert [u.estimated for u in reported] == [True]


@pytest.mark.parametrize(
    "failure",
    [error(429, "slow down", headers={"Retry-After": "0"}), error(500, "oops", headers={"Retry-After": "0"})],
)
def test_a_passing_failure_is_tried_again(serve: Any, failure: Say) -> None:
    server, backend = serve([failure, failure, chat("ok")])
    assert backend.generate(ASKED) == "ok"
    assert len(server.requests) == 3


def test_a_lasting_failure_is_a_transient_error_after_the_retries(serve: Any) -> None:
    server, backend = serve([error(503, "overloaded", headers={"Retry-After": "0"})], max_retries=2)
    with pytest.raises(ModelUnavailableError, match=r"503: overloaded \(tried 3 times\)") as caught:
        backend.generate(ASKED)
    assert caught.value.transient
    assert len(server.requests) == 3


def test_nobody_waits_longer_than_there_is_time(serve: Any) -> None:
    server, backend = serve([error(429, "later", headers={"Retry-After": "20"})], total_timeout=10.0)
    with pytest.raises(ModelUnavailableError, match=r"429: later$"):  # at once, and says why
        backend.generate(ASKED)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("3", 3.0),
        ("0.5", 0.5),
        ("-1", 0.0),
        ("9999", MAX_RETRY_WAIT),
        ("Thu, 01 Jan 1970 00:00:10 GMT", 5.0),
        ("Thu, 01 Jan 1970 00:00:01 GMT", 0.0),
        ("soon", None),
        ("nan", None),
        ("", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str, seconds: float | None) -> None:
    assert retry_after({"retry-after": value}, now=5.0) == seconds


@pytest.mark.parametrize(
    ("answer", "remedy"),
    [
        (error(401, f"Incorrect API key provided: {KEY}"), "OPENAI_API_KEY"),
        (error(403, "no"), "OPENAI_API_KEY"),
        (error(404, "no such model"), "'m'"),
        (error(400, "context too long"), "context too long"),
        (error(429, "You exceeded your quota", code="insufficient_quota"), "quota"),
        (Say("", 302, {"Location": "http://127.0.0.1/"}), "base_url"),
        (Say("<html>welcome</html>"), "base_url"),
        (Say(json.dumps({"error": {"message": "bad model", "code": 400}})), "bad model"),
    ],
    ids=["401", "403", "404", "400", "quota", "302", "html", "error in 200"],
)
def test_a_refusal_is_not_tried_again_and_names_the_remedy(serve: Any, answer: Say, remedy: str) -> None:
    server, backend = serve([answer], api_key=KEY)
    with pytest.raises(ModelRequestError, match=remedy) as caught:
        backend.generate(ASKED)
    assert not caught.value.transient
    assert len(server.requests) == 1
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    "answer",
    [
        Say('{"choices": [{"message"', cut=True),
        Say('{"choices": [{"mess'),
        Say("{}"),
        Say('{"choices": []}'),
        Say("[1]"),
        Say('{"choices": [{"message": "hm"}]}'),
        Say(json.dumps({"error": {"message": "busy", "code": 503}})),
    ],
    ids=["cut", "truncated", "empty", "no choice", "list", "no message", "busy in 200"],
)
def test_a_broken_answer_is_a_transient_error(serve: Any, answer: Say) -> None:
    _, backend = serve([answer], max_retries=0)
    with pytest.raises(ModelUnavailableError):
        backend.generate(ASKED)


def test_a_server_that_never_answers_is_given_up_in_time(serve: Any) -> None:
    server, backend = serve([Say(hang=True)], timeout=0.3)
    with pytest.raises(ModelUnavailableError, match=r"within 0\.3 s"):
        backend.generate(ASKED)
    assert len(server.requests) == 1


def test_a_server_that_is_not_there_says_what_to_check() -> None:
    backend = OpenAICompatibleBackend("m", "http://127.0.0.1:9/v1", max_retries=0)
    with pytest.raises(ModelUnavailableError, match=r"127\.0\.0\.1:9/v1 cannot be reached.*base_url"):
        backend.generate(ASKED)


# -- the ladder --------------------------------------------------------------------------------------------------


def asked_forms(server: ChatServer) -> list[str]:
    kinds: list[str] = []
    for request in server.requests:
        kind = request.get("response_format", {}).get("type", "text")
        kinds.append("tool" if "tools" in request else kind)
    return kinds


def refusing(*forms: str) -> Any:
    """A server that knows only the other forms."""

    def answer(request: dict[str, Any]) -> Say:
        kind = request.get("response_format", {}).get("type")
        if kind in forms:
            return error(400, f"'response_format' of type '{kind}' is not supported")
        if "tools" in request:
            if "tool" in forms:
                return error(400, "this model does not support tools")
            call = {"function": {"name": "reply", "arguments": '{"n": 2}'}}
            return chat(None, message={"tool_calls": [call]})
        return chat('{"n": 1}')

    return answer


@pytest.mark.parametrize(
    ("refused", "expected"),
    [
        ((), ["json_schema"] * 2),
        (("json_schema",), ["json_schema", "tool", "tool"]),
        (("json_schema", "tool"), ["json_schema", "tool", "json_object", "json_object"]),
        (("json_schema", "tool", "json_object"), ["json_schema", "tool", "json_object", "text", "text"]),
    ],
)
def test_the_strictest_form_that_the_server_knows_is_found_and_remembered(
    serve: Any, refused: tuple[str, ...], expected: list[str]
) -> None:
    server, backend = serve(refusing(*refused))
    for _ in range(2):
        assert backend.generate_structured(ASKED, SCHEMA)["n"] in (1, 2)
    assert asked_forms(server) == expected


def test_strict_is_asked_for_only_where_the_schema_allows_it(serve: Any) -> None:
    server, backend = serve([chat('{"n": 1}')])
    backend.generate_structured(ASKED, SCHEMA)
    backend.generate_structured(ASKED, {**SCHEMA, "additionalProperties": False})
    assert [request["response_format"]["json_schema"].get("strict") for request in server.requests] == [
        None,
        True,
    ]


def test_a_request_that_is_refused_for_another_reason_is_not_repeated_in_other_forms(serve: Any) -> None:
    server, backend = serve([error(400, "maximum context length exceeded")])
    with pytest.raises(ModelRequestError):
        backend.generate_structured(ASKED, SCHEMA)
    assert len(server.requests) == 1


def test_a_choice_is_a_number(serve: Any) -> None:
    _, backend = serve([chat('{"choice": 2}')])
    assert backend.choose(ASKED, ["one", "two"]).option == "two"


def test_parameters_that_a_server_does_not_take_are_left_out(serve: Any) -> None:
    def answer(request: dict[str, Any]) -> Say:
        if "max_tokens" in request:
            return error(400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.")
        if "temperature" in request:
            return error(400, "Unsupported value: 'temperature' does not support 0.7 with this model.")
        return chat("ok stop here")

    server, backend = serve(answer)
    assert backend.generate(ASKED, stop=["stop"]) == "ok "
    assert backend.generate(ASKED) == "ok stop here"
    assert server.requests[-1].keys() == {"model", "messages", "max_completion_tokens"}
    assert len(server.requests) == 4


def test_a_thinking_block_is_not_part_of_the_reply(serve: Any) -> None:
    _, backend = serve([chat("<think>hm</think>\nthree")])
    assert backend.generate(ASKED) == "three"


# -- streaming ---------------------------------------------------------------------------------------------------


async def collected(pieces: AsyncIterator[str]) -> tuple[list[str], BaseException | None]:
    got: list[str] = []
    try:
        async for piece in pieces:
            got.append(piece)
    except ModelError as failure:
        return got, failure
    return got, None


def test_a_stream_comes_piece_by_piece_and_reports_its_usage(serve: Any) -> None:
    server, backend = serve([stream("one ", "two")])
    reported: list[Usage] = []
    with collect_usage(reported.append):
        assert asyncio.run(collected(backend.astream(ASKED))) == (["one ", "two"], None)
    assert server.requests[0]["stream"] is True
    assert reported == [Usage(1, 7, 0, 2)]


@pytest.mark.parametrize(
    "answer", [stream("one ", end=False), Say("data: {broken\n\n"), Say(hang=True), error(503, "busy")]
)
def test_a_stream_that_breaks_is_a_transient_error(serve: Any, answer: Say) -> None:
    _, backend = serve([answer], timeout=0.5)
    got, failure = asyncio.run(collected(backend.astream(ASKED)))
    assert got in ([], ["one "])
    assert isinstance(failure, ModelUnavailableError)


def test_a_stream_may_be_left_early(serve: Any) -> None:
    _, backend = serve([stream("one ", "two ", "three")])

    async def first() -> str:
        pieces = backend.astream(ASKED)
        try:
            return await anext(pieces)
        finally:
            await pieces.aclose()  # type: ignore[attr-defined]

    assert asyncio.run(first()) == "one "


# -- keys, addresses, life cycle ---------------------------------------------------------------------------------


def test_openai_itself_needs_a_key_at_the_first_use() -> None:
    backend = OpenAICompatibleBackend()
    with pytest.raises(UsageError, match="OPENAI_API_KEY"):
        backend.generate(ASKED)


def test_the_environment_gives_the_address_and_its_key(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    server, _ = serve([chat("x")])
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    OpenAICompatibleBackend("m").generate(ASKED)
    assert server.headers[0]["authorization"] == f"Bearer {KEY}"


def test_the_key_in_the_environment_is_not_sent_over_plain_http_to_another_server(
    serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    server, backend = serve([chat("x")])
    backend.generate(ASKED)
    assert "authorization" not in server.headers[0]


def test_the_key_is_shown_nowhere(serve: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    script = [
        error(500, f"your key {KEY} crashed me", headers={"Retry-After": "0"}),
        error(401, f"bad key {KEY}"),
    ]
    _, backend = serve(script, api_key=KEY)
    with pytest.raises(ModelRequestError) as caught:
        backend.generate(ASKED)
    assert KEY not in f"{caught.value!r} {backend!r} {backend.name} {caplog.text}"
    assert "secret" not in repr(OpenAICompatibleBackend("m", "http://me:secret@127.0.0.1:1/v1"))


@pytest.mark.parametrize(
    "url", ["127.0.0.1:8000", "ftp://127.0.0.1/v1", "http://", "http://host:notaport/v1"]
)
def test_an_address_that_is_none_is_a_usage_error(url: str) -> None:
    with pytest.raises(UsageError, match="base_url"):
        OpenAICompatibleBackend("m", url)


@pytest.mark.parametrize(
    "arguments",
    [
        {"timeout": 0},
        {"total_timeout": -1},
        {"max_retries": -1},
        {"max_retries": 1.5},
        {"timeout": float("nan")},
    ],
)
def test_bad_arguments_are_usage_errors(arguments: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(arguments))):
        OpenAICompatibleBackend("m", **arguments)


def test_a_key_with_a_line_break_is_refused_without_showing_it() -> None:
    with pytest.raises(UsageError) as caught:
        OpenAICompatibleBackend("m", api_key=f"{KEY}\n{KEY}")
    assert KEY not in str(caught.value)


def test_sync_calls_share_one_connection(serve: Any) -> None:
    _, backend = serve([chat("x")])
    for _ in range(3):
        backend.generate(ASKED)
    assert len(backend._clients._kept) == 1
    backend.close()
    assert len(backend._clients._kept) == 0
    assert backend.generate(ASKED) == "x"


def test_event_loops_come_and_go_without_leaving_anything_open(serve: Any) -> None:
    _, backend = serve([chat("x")])

    async def several() -> list[str]:
        return await asyncio.gather(*(backend.agenerate(ASKED) for _ in range(5)))

    for _ in range(3):
        assert asyncio.run(several()) == ["x"] * 5
        gc.collect()  # an unclosed connection would warn here, and warnings are errors
    assert backend.generate(ASKED) == "x"
    assert len(backend._clients._kept) == 1


def test_a_forgotten_backend_closes_its_connections(serve: Any) -> None:
    server, _ = serve([chat("x")])

    async def forgotten() -> None:
        backend = OpenAICompatibleBackend("m", server.url)
        await backend.agenerate(ASKED)
        del backend
        gc.collect()
        await asyncio.sleep(0)

    asyncio.run(forgotten())
    gc.collect()


def test_a_scheme_in_capitals_is_the_same_scheme() -> None:
    backend = OpenAICompatibleBackend("m", "HTTPS://host.example/v1/")
    assert backend.base_url == "https://host.example/v1", "else certificates would not be checked"
