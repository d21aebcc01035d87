"""What model calls cost, reported by backends and collected by whoever asked."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar

import msgspec


class Usage(msgspec.Struct, frozen=True):
    """Tokens, calls and money of one or more model calls.

    Attributes:
        calls: requests that were answered.
        prompt_tokens: tokens in the prompts, cached ones included.
        cached_tokens: those of them that were not read anew.
        completion_tokens: tokens written.
        cost: US dollars, 0 where the backend reports no price.
        estimated: True when tokens were estimated from text length because the backend does not count them.
    """

    calls: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0
    estimated: bool = False

    @property
    def tokens(self) -> int:
        """Prompt and completion tokens."""
        return self.prompt_tokens + self.completion_tokens

    @property
    def uncached_tokens(self) -> int:
        """Prompt tokens that had to be read anew."""
        return self.prompt_tokens - self.cached_tokens

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.calls + other.calls,
            self.prompt_tokens + other.prompt_tokens,
            self.cached_tokens + other.cached_tokens,
            self.completion_tokens + other.completion_tokens,
            self.cost + other.cost,
            self.estimated or other.estimated,
        )


_sink: ContextVar[Callable[[Usage], None] | None] = ContextVar("purpose_agent_usage_sink", default=None)


class collect_usage:
    """Send all usage reported inside the block (in worker threads started from it too) to ``sink``."""

    __slots__ = ("_sink", "_token")

    def __init__(self, sink: Callable[[Usage], None]) -> None:
        self._sink = sink

    def __enter__(self) -> None:
        self._token = _sink.set(self._sink)

    def __exit__(self, *_: object) -> None:
        _sink.reset(self._token)


def current_sink() -> Callable[[Usage], None] | None:
    """Where usage goes right now; None without a collector."""
    return _sink.get()


def report_usage(usage: Usage) -> None:
    """Called by a backend once for each request it made; without a collector it does nothing."""
    sink = _sink.get()
    if sink is not None:
        sink(usage)


def estimate_tokens(text: str) -> int:
    """A rough count for backends that do not tell: four UTF-8 bytes a token, at least one."""
    return max(1, len(text.encode("utf-8", "replace")) // 4)
