"""Any server that speaks the OpenAI chat-completions protocol, over plain HTTP."""

from __future__ import annotations

import json
import os
import re
from collections.abc import AsyncGenerator, AsyncIterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from purpose_agent.errors import ModelError, ModelRequestError, ModelUnavailableError, UsageError
from purpose_agent.llm_backend.base import ChatMessage, check_messages, check_sampling
from purpose_agent.llm_backend.chat_server import ChatServerBackend
from purpose_agent.llm_backend.http_chat import reply_text, usage_of
from purpose_agent.llm_backend.http_errors import (
    Endpoint,
    Patience,
    RetryableError,
    status_error,
    with_retries,
)
from purpose_agent.llm_backend.json_value import as_dict
from purpose_agent.llm_backend.loop_bound import LoopBound
from purpose_agent.llm_backend.structured import Form
from purpose_agent.llm_backend.usage import report_usage
from purpose_agent.llm_backend.wire import clean_text, wire_messages

if TYPE_CHECKING:
    import httpx2

OPENAI_URL = "https://api.openai.com/v1"
KEY_VARIABLE = "OPENAI_API_KEY"
URL_VARIABLE = "OPENAI_BASE_URL"
MAX_ANSWER_BYTES = 32 * 1024 * 1024

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_PARAMETER = re.compile(
    r"[Uu]nsupported (?:parameter|value):? *['\"]?(\w+)|['\"](\w+)['\"] (?:is not supported|does not)"
)


class OpenAICompatibleBackend(ChatServerBackend):
    """A model behind a chat-completions server. Nothing is connected before the first call.

    Args:
        model: the model's name on the server.
        base_url: up to and including ``/v1``; None for OPENAI_BASE_URL, else OpenAI's own.
        api_key: None for OPENAI_API_KEY, which is sent to servers over https and to the one that OPENAI_BASE_URL
            names, not to others over plain http. Servers that want no key need none.
        timeout: seconds one attempt may take, answer included.
        connect_timeout: seconds for the connection alone.
        total_timeout: seconds for one call, retries and waits included.
        max_retries: further attempts after a rate limit, a server error or a broken connection.

    Raises:
        UsageError: an argument is wrong. A missing key is only noticed by the first call.
    """

    def __init__(
        self,
        model: str = "gpt-4o",
        base_url: str | None = None,
        api_key: str | None = None,
        *,
        timeout: float = 60.0,
        connect_timeout: float = 10.0,
        total_timeout: float = 300.0,
        max_retries: int = 3,
    ) -> None:
        named = base_url or os.environ.get(URL_VARIABLE, "").strip()
        self.model = model
        self.base_url = _checked_url(named or OPENAI_URL)
        self.timeout = timeout
        self.connect_timeout = connect_timeout
        self._patience = Patience(timeout, total_timeout, max_retries)
        env_key = os.environ.get(KEY_VARIABLE) if self.base_url.startswith("https:") or not base_url else None
        self._key = _checked_key(api_key or env_key or "")
        self._is_openai = urlsplit(self.base_url).hostname == urlsplit(OPENAI_URL).hostname
        shown = _shown_url(self.base_url)
        self.name = f"openai:{model}" if self._is_openai else f"openai:{model}@{shown}"
        self._endpoint = Endpoint(shown, model, KEY_VARIABLE, self._key)
        self._clients = LoopBound(self._make_client, _close_client)
        self._dropped: set[str] = set()
        """Parameters that the server was found not to take."""

    async def astream(
        self,
        messages: list[ChatMessage],
        temperature: float = 0.7,
        max_tokens: int = 2048,
        stop: list[str] | None = None,
    ) -> AsyncIterator[str]:
        """The reply piece by piece, as the server writes it. ``timeout`` bounds the wait for each piece.

        Raises:
            ModelUnavailableError: the stream broke off or stalled; what was written until then was yielded.
            ModelError: as `generate`.
        """
        check_messages(messages)
        body = self._body(messages, temperature, max_tokens, {"stop": list(stop)} if stop else {})
        body |= {"stream": True, "stream_options": {"include_usage": True}}
        written: list[str] = []
        last: dict[str, Any] = {}
        ended = False
        pieces = self._events(body)
        try:
            async for event in pieces:
                last = event if event.get("usage") else last
                for choice in event.get("choices") or ():
                    ended = ended or bool(choice.get("finish_reason"))
                    if text := as_dict(choice.get("delta")).get("content"):
                        written.append(str(text))
                        yield str(text)
        finally:
            await pieces.aclose()
        if not ended:
            raise ModelUnavailableError(f"the stream of {self._endpoint.service} broke off before its end")
        report_usage(usage_of(last, body["messages"], "".join(written)))

    def __repr__(self) -> str:
        return f"OpenAICompatibleBackend(model={self.model!r}, base_url={self._endpoint.service!r})"

    # -- inside ----------------------------------------------------------------------------------------------

    async def _ask(
        self,
        messages: list[ChatMessage],
        temperature: float,
        max_tokens: int,
        extra: dict[str, Any],
        form: Form,
    ) -> str:
        """One request, retried and adapted to what the server takes; reports its usage."""
        self._check_key()
        while True:
            body = self._body(messages, temperature, max_tokens, extra)
            try:
                answer = await with_retries(
                    lambda sent=body: self._post(sent, form),
                    self._patience,
                    self._endpoint.service,
                )
                break
            except ModelRequestError as error:
                if not self._adapt(str(error), body):
                    raise
        text = reply_text(answer, form)
        report_usage(usage_of(answer, body["messages"], text))
        return text

    def _body(
        self, messages: list[ChatMessage], temperature: float, max_tokens: int, extra: dict[str, Any]
    ) -> dict[str, Any]:
        check_sampling(temperature, max_tokens)
        limit = "max_completion_tokens" if "max_tokens" in self._dropped else "max_tokens"
        body = {
            "model": self.model,
            "messages": wire_messages(messages),
            "temperature": temperature,
            limit: max_tokens,
            **extra,
        }
        return {name: value for name, value in body.items() if name not in self._dropped}

    def _adapt(self, message: str, body: dict[str, Any]) -> bool:
        """Drop a sampling parameter that the server says it does not take; False when there is none."""
        for found in _PARAMETER.finditer(message):
            name = found[1] or found[2]
            if name in ("max_tokens", "max_completion_tokens", "temperature", "stop") and name in body:
                self._dropped.add(name)
                return True
        return False

    def _check_key(self) -> None:
        if self._is_openai and not self._key:
            raise UsageError(
                f"OpenAI's server needs a key: set {KEY_VARIABLE} or pass api_key=; for another server give its "
                f"base_url (or {URL_VARIABLE}), for a model without server use the spec 'local'"
            )

    async def _post(self, body: dict[str, Any], form: Form) -> Any:
        """One attempt: the server's answer as JSON."""
        content = await self._exchange(body, form)
        try:
            answer = json.loads(content)
        except (ValueError, RecursionError):
            start = self._endpoint.redacted(content[:80].decode("utf-8", "replace"))
            if content.lstrip().startswith(b"{"):
                raise ModelUnavailableError(
                    f"the answer of {self._endpoint.service} is broken: {start!r}"
                ) from None
            raise ModelRequestError(
                f"{self._endpoint.service} answered with something that is not JSON: {start!r}; check base_url"
            ) from None
        if "error" in as_dict(answer) and "choices" not in answer:
            raise self._error_in(answer, form)
        return answer

    def _error_in(self, answer: Any, form: Form) -> ModelError:
        """Some routers answer 200 and put the error, with its own code, into the body."""
        error = answer["error"]
        code = as_dict(error).get("code")
        status = code if isinstance(code, int) and 400 <= code < 600 else 400
        return status_error(status, {}, json.dumps(answer), self._endpoint, form)

    async def _exchange(self, body: dict[str, Any], form: Form) -> bytes:
        import httpx2

        client = await self._clients.get()
        content = bytearray()
        try:
            async with client.stream("POST", self._url, content=_encoded(body)) as response:
                async for chunk in response.aiter_bytes():
                    content += chunk
                    if len(content) > MAX_ANSWER_BYTES:
                        raise ModelRequestError(
                            f"{self._endpoint.service} sent more than {MAX_ANSWER_BYTES} bytes"
                        )
        except httpx2.HTTPError as error:
            raise self._transport_error(error) from None
        if response.status_code != 200:
            text = content.decode("utf-8", "replace")
            raise status_error(response.status_code, response.headers, text, self._endpoint, form)
        return bytes(content)

    async def _events(self, body: dict[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
        """The server-sent events of one streamed answer."""
        import httpx2

        self._check_key()
        client = await self._clients.get()
        try:
            async with client.stream("POST", self._url, content=_encoded(body)) as response:
                if response.status_code != 200:
                    text = (await response.aread()).decode("utf-8", "replace")
                    raise status_error(response.status_code, response.headers, text, self._endpoint)
                async for line in response.aiter_lines():
                    if line.startswith("data:") and (data := line[5:].strip()) != "[DONE]":
                        yield self._event(data)
        except httpx2.HTTPError as error:
            raise self._transport_error(error) from None

    def _event(self, data: str) -> dict[str, Any]:
        try:
            event = json.loads(data)
        except (ValueError, RecursionError):
            raise ModelUnavailableError(
                f"the stream of {self._endpoint.service} is broken: {data[:80]!r}"
            ) from None
        if not isinstance(event, dict):
            raise ModelUnavailableError(f"the stream of {self._endpoint.service} is broken: {data[:80]!r}")
        if "error" in event:
            raise self._error_in(event, Form.TEXT)
        return event  # pyright: ignore[reportUnknownVariableType]

    def _transport_error(self, error: httpx2.HTTPError) -> ModelError:
        import httpx2

        said = self._endpoint.redacted(f"{type(error).__name__}: {error}".rstrip(": "))
        service = self._endpoint.service
        if isinstance(error, (httpx2.ReadTimeout, httpx2.WriteTimeout)):
            return ModelUnavailableError(f"{service} did not answer within {self.timeout:g} s")
        if isinstance(error, (httpx2.UnsupportedProtocol, httpx2.LocalProtocolError)):
            return ModelRequestError(f"the request to {service} cannot be sent: {said}")
        if isinstance(error, (httpx2.ConnectError, httpx2.ConnectTimeout)):
            return RetryableError(
                f"{service} cannot be reached ({said}); is it running, and is base_url right?"
            )
        return RetryableError(f"the connection to {service} broke ({said})")

    @property
    def _url(self) -> str:
        return f"{self.base_url}/chat/completions"

    def _make_client(self) -> httpx2.AsyncClient:
        import httpx2

        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        local = urlsplit(self.base_url).hostname in _LOOPBACK
        return httpx2.AsyncClient(
            headers=headers,
            timeout=httpx2.Timeout(self.timeout, connect=min(self.connect_timeout, self.timeout)),
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=64),
            trust_env=not local,  # a proxy has no business between this process and its own machine
            verify=self.base_url.startswith("https:"),
        )


async def _close_client(client: httpx2.AsyncClient) -> None:
    await client.aclose()


def _encoded(body: dict[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False, allow_nan=False, default=str).encode("utf-8", "replace")


def _checked_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        valid = False
    if not valid:
        raise UsageError(f"base_url must look like http://host:port/v1, got {clean_text(url)!r:.200}")
    scheme, colon, rest = url.rstrip("/").partition(":")
    return scheme.lower() + colon + rest


def _shown_url(url: str) -> str:
    """The URL without a user name, a password or a query."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _checked_key(key: str) -> str:
    key = key.strip()
    if not all(" " < character < "\x7f" for character in key):
        raise UsageError("the API key holds a character that no key has (white space inside, or not ASCII)")
    return key
