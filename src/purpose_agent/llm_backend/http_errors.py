"""From what HTTP servers answer to the errors of the model boundary, and how often to try again."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from purpose_agent.errors import ModelError, ModelRequestError, ModelUnavailableError, UsageError
from purpose_agent.llm_backend.json_value import as_dict
from purpose_agent.llm_backend.structured import Form, FormUnsupportedError
from purpose_agent.numeric import is_number, is_whole

T = TypeVar("T")

MAX_RETRY_WAIT = 30.0
"""Seconds waited between two attempts at most, whatever the server asks for."""

_QUIET = logging.NullHandler()
"""Keeps notes about retries off standard error; a program that configures logging still gets them."""

_FORM_REFUSED = re.compile(
    r"response_format|json_schema|json_object|json schema|structured output|tool|function|grammar|"
    r"generate parser|schema",
    re.IGNORECASE,
)
_NOT_ABOUT_FORM = re.compile(r"context|too long|exceed|max_tokens|maximum", re.IGNORECASE)
_QUOTA = re.compile(r"insufficient_quota|billing|payment|credit", re.IGNORECASE)


class RetryableError(ModelUnavailableError):
    """The same request may be answered later.

    Attributes:
        retry_after: seconds the server asked to wait, None when it did not say.
    """

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


@dataclass(frozen=True)
class Endpoint:
    """Who is asked, as error messages name it.

    Attributes:
        service: what is asked, e.g. ``http://127.0.0.1:8080/v1``.
        model: the model's name.
        key_variable: the environment variable of the key.
        secret: what must never be shown.
    """

    service: str
    model: str
    key_variable: str
    secret: str = ""

    def redacted(self, text: str) -> str:
        """The text without the key."""
        return text.replace(self.secret, "***") if len(self.secret) >= 4 else text


def status_error(
    status: int, headers: Mapping[str, str], body: str, endpoint: Endpoint, form: Form = Form.TEXT
) -> ModelError:
    """The error that an HTTP answer with this status stands for.

    Args:
        status: not 200.
        headers: of the answer; ``retry-after`` counts.
        body: of the answer.
        endpoint: who answered.
        form: in which form the reply was asked for.
    """
    message = endpoint.redacted(error_message(body))
    said = f"{endpoint.service} answered {status}: {message}"
    if status in (401, 403):
        return ModelRequestError(
            f"{said}; it does not accept the key: set {endpoint.key_variable} or pass api_key=, and check base_url"
        )
    if form is not Form.TEXT and status in (400, 404, 415, 422, 500, 501) and _is_about_form(message):
        return FormUnsupportedError(said)
    if status == 404:
        return ModelRequestError(
            f"{said}; check the model's name {endpoint.model!r} and base_url (it usually ends in /v1)"
        )
    if status in (402, 429) and _QUOTA.search(body):
        return ModelRequestError(
            f"{said}; the account has no quota left: check its plan, or use another model"
        )
    if status in (408, 409, 425, 429) or (status >= 500 and status != 501):
        return RetryableError(said, retry_after(headers))
    if 300 <= status < 400:
        return ModelRequestError(f"{said}; it redirects elsewhere: check base_url")
    return ModelRequestError(said)


def _is_about_form(message: str) -> bool:
    return bool(_FORM_REFUSED.search(message)) and not _NOT_ABOUT_FORM.search(message)


def error_message(body: str) -> str:
    """What an error answer says, in one line of at most 500 characters."""
    try:
        detail: Any = json.loads(body)
    except (ValueError, RecursionError):
        detail = body
    for key in ("error", "message", "detail"):
        detail = as_dict(detail).get(key, detail)
    text = detail if isinstance(detail, str) else json.dumps(detail, default=str)
    return " ".join(text.split())[:500] or "(no message)"


def retry_after(headers: Mapping[str, str], now: float | None = None) -> float | None:
    """Seconds to wait as the header ``retry-after`` (seconds or an HTTP date) asks; capped, never negative.

    Args:
        headers: with lower-case names, or case-insensitive.
        now: seconds since the epoch; the clock's by default.
    """
    text = (headers.get("retry-after") or "").strip()
    if not text:
        return None
    from email.utils import parsedate_to_datetime

    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(text).timestamp() - (time.time() if now is None else now)
        except (ValueError, TypeError, OverflowError):
            return None
    if seconds != seconds:  # NaN
        return None
    return min(max(seconds, 0.0), MAX_RETRY_WAIT)


@dataclass(frozen=True)
class Patience:
    """How long and how often one call is tried.

    Attributes:
        attempt: seconds one attempt may take.
        total: seconds the call may take, retries and waits included.
        retries: further attempts after the first.

    Raises:
        UsageError: one of them is not a number in its range.
    """

    attempt: float = 60.0
    total: float = 300.0
    retries: int = 3

    def __post_init__(self) -> None:
        for name, value in (("timeout", self.attempt), ("total_timeout", self.total)):
            if not (is_number(value) and value > 0):
                raise UsageError(f"{name} must be a number of seconds > 0, got {value!r}")
        if not is_whole(self.retries) or self.retries < 0:
            raise UsageError(f"max_retries must be a whole number ≥ 0, got {self.retries!r}")


async def with_retries(attempt: Callable[[], Awaitable[T]], patience: Patience, service: str) -> T:
    """Run an attempt until it succeeds, fails for good, or the tries or the time are used up.

    Only `RetryableError` is tried again: after the time the server asked for, else after a growing, jittered one.
    Where the server asks for more time than is left, the call fails at once.

    Raises:
        ModelUnavailableError: the attempts or the time are used up.
    """
    import stamina

    logging.getLogger("stamina").addHandler(_QUIET)
    deadline, tries = time.monotonic() + patience.total, 0

    def again(error: Exception) -> bool | float:
        if not isinstance(error, RetryableError):
            return False
        wait = error.retry_after
        if wait is None:
            return True
        return wait if time.monotonic() + wait < deadline else False

    trials = stamina.retry_context(
        on=again,
        attempts=patience.retries + 1,
        timeout=patience.total,
        wait_initial=0.5,
        wait_max=MAX_RETRY_WAIT,
    )
    try:
        async with asyncio.timeout(patience.total):
            async for trial in trials:
                tries = trial.num
                with trial:
                    return await _within(attempt, patience.attempt, service)
    except RetryableError as error:
        tried = f" (tried {tries} times)" if tries > 1 else ""
        raise ModelUnavailableError(f"{error}{tried}") from None
    except TimeoutError:
        message = f"{service} gave no answer within {patience.total:g} s, retries included"
        raise ModelUnavailableError(message) from None
    raise ModelUnavailableError(f"{service} was not asked")  # there is at least one trial


async def _within(attempt: Callable[[], Awaitable[T]], seconds: float, service: str) -> T:
    scope = asyncio.timeout(seconds)
    try:
        async with scope:
            return await attempt()
    except TimeoutError:
        if scope.expired():
            raise ModelUnavailableError(f"{service} did not answer within {seconds:g} s") from None
        raise
