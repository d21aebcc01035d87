"""Models of the Hugging Face inference providers, through the official client."""

from __future__ import annotations

import dataclasses
import json
import os
from typing import Any

from purpose_agent.errors import (
    MissingDependencyError,
    ModelError,
    ModelRequestError,
    ModelUnavailableError,
    UsageError,
)
from purpose_agent.llm_backend.base import ChatMessage, check_sampling
from purpose_agent.llm_backend.chat_server import ChatServerBackend
from purpose_agent.llm_backend.http_chat import reply_text, usage_of
from purpose_agent.llm_backend.http_errors import (
    Endpoint,
    Patience,
    RetryableError,
    status_error,
    with_retries,
)
from purpose_agent.llm_backend.json_value import as_list
from purpose_agent.llm_backend.loop_bound import LoopBound
from purpose_agent.llm_backend.structured import Form
from purpose_agent.llm_backend.usage import report_usage
from purpose_agent.llm_backend.wire import wire_messages

KEY_VARIABLE = "HF_TOKEN"


class HFInferenceBackend(ChatServerBackend):
    """A model of the Hugging Face inference providers, or of an endpoint of one's own. Nothing is connected before
    the first call.

    Args:
        model_id: a model of the hub, or the URL of an endpoint (up to and including ``/v1``).
        provider: who runs it; ``auto`` takes the first provider that has it.
        api_key: None for HF_TOKEN, else the token that ``hf auth login`` stored.
        timeout: seconds one attempt may take, answer included.
        total_timeout: seconds for one call, retries and waits included.
        max_retries: further attempts after a rate limit, a server error or a broken connection.

    Raises:
        UsageError: an argument is wrong.
    """

    def __init__(
        self,
        model_id: str = "Qwen/Qwen3-32B",
        provider: str = "auto",
        api_key: str | None = None,
        *,
        timeout: float = 60.0,
        total_timeout: float = 300.0,
        max_retries: int = 3,
    ) -> None:
        if not model_id:
            raise UsageError("model_id must name a model, got an empty text")
        self.model_id = model_id
        self.provider = provider
        self.timeout = timeout
        self._patience = Patience(timeout, total_timeout, max_retries)
        self.name = f"hf:{model_id}"
        self._key = (api_key or "").strip()
        self._is_url = model_id.startswith(("http://", "https://"))
        secret = self._key or os.environ.get(KEY_VARIABLE, "").strip()
        service = model_id if self._is_url else f"the provider {provider!r}"
        self._endpoint = Endpoint(service, model_id, KEY_VARIABLE, secret)
        self._clients = LoopBound(self._make_client, _close_client)

    def __repr__(self) -> str:
        return f"HFInferenceBackend(model_id={self.model_id!r}, provider={self.provider!r})"

    # -- inside ----------------------------------------------------------------------------------------------

    async def _ask(
        self,
        messages: list[ChatMessage],
        temperature: float,
        max_tokens: int,
        extra: dict[str, Any],
        form: Form,
    ) -> str:
        check_sampling(temperature, max_tokens)
        sent = wire_messages(messages)

        async def attempt() -> Any:
            return await self._post(
                sent, {"temperature": temperature, "max_tokens": max_tokens, **extra}, form
            )

        answer = await with_retries(
            attempt,
            self._patience,
            self._endpoint.service,
        )
        text = reply_text(answer, form)
        report_usage(usage_of(answer, sent, text))
        return text

    async def _post(self, messages: list[dict[str, str]], fields: dict[str, Any], form: Form) -> Any:
        client = await self._clients.get()
        import httpx2
        from huggingface_hub.errors import HfHubHTTPError, InferenceTimeoutError

        try:
            return _plain(await client.chat_completion(messages, **fields))
        except InferenceTimeoutError:
            raise ModelUnavailableError(
                f"{self._endpoint.service} did not answer within {self.timeout:g} s"
            ) from None
        except HfHubHTTPError as error:
            raise self._refusal(error, form) from None
        except httpx2.HTTPError as error:
            said = self._endpoint.redacted(f"{type(error).__name__}: {error}")
            raise RetryableError(f"{self._endpoint.service} cannot be reached ({said})") from None
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise self._misuse(error) from None

    def _refusal(self, error: Any, form: Form) -> ModelError:
        response = error.response
        return status_error(
            response.status_code, response.headers, response.text or str(error), self._endpoint, form
        )

    def _misuse(self, error: Exception) -> ModelError:
        """The client itself refuses: no token, a model that no provider has; or it cannot read the answer."""
        said = self._endpoint.redacted(" ".join(str(error).split())[:400])
        ours = isinstance(error, ValueError) and not isinstance(error, (UnicodeError, json.JSONDecodeError))
        if ours:
            return ModelRequestError(
                f"{self.name} cannot be asked: {said}; set {KEY_VARIABLE} or pass api_key=, "
                "and check the model's name"
            )
        return ModelUnavailableError(f"the answer of {self._endpoint.service} is broken: {said}")

    def _make_client(self) -> Any:
        try:
            from huggingface_hub import AsyncInferenceClient
        except ImportError:
            raise MissingDependencyError("huggingface_hub", "hf") from None
        place: dict[str, Any] = {"base_url": self.model_id} if self._is_url else {"model": self.model_id}
        provider: Any = None if self._is_url else self.provider
        return AsyncInferenceClient(**place, provider=provider, token=self._key or None, timeout=self.timeout)


def _plain(value: Any) -> Any:
    """The client's answer as plain JSON values, with the fields that its classes do not know."""
    if dataclasses.is_dataclass(value):
        return {name: _plain(field) for name, field in vars(value).items()}
    return [_plain(item) for item in as_list(value)] if isinstance(value, list) else value


async def _close_client(client: Any) -> None:
    await client.close()
