"""Limits of one run, and the budget that watches them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields

from purpose_agent.errors import PurposeAgentError, UsageError
from purpose_agent.llm_backend.usage import Usage
from purpose_agent.numeric import is_number, real
from purpose_agent.types import StopReason


@dataclass(frozen=True)
class Limits:
    """Bounds on one run; None means unbounded. Reaching one ends the run and keeps what was done.

    Attributes:
        steps: at most this many steps; the smaller of this and ``max_steps`` counts.
        model_calls: requests to any model, of all roles together.
        tokens: prompt and completion tokens of all roles together.
        cost: US dollars, where the backend reports a price.
        seconds: wall time, from the moment at which the run has the environment for itself; a call that is under way
            when the time is up is abandoned, ``reset`` and checkers included. Learning from the run gets as long
            again: what was stored and credited by then stays, and what was not distilled is tried again later.

    Raises:
        UsageError: a bound is not a positive number.
    """

    steps: int | None = None
    model_calls: int | None = None
    tokens: int | None = None
    cost: float | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        for f in fields(self):
            value = getattr(self, f.name)
            if value is not None and not (is_number(value) and value > 0 and real(value) is not None):
                raise UsageError(f"Limits.{f.name} must be a positive number or None, got {value!r}")


class LimitReached(PurposeAgentError):
    """A limit was reached; the engine turns it into the run's stop reason.

    Args:
        reason: which limit.
        value: what was used.
        limit: the bound.
    """

    def __init__(self, reason: StopReason, value: float, limit: float) -> None:
        super().__init__(f"{reason.value}: used {value:g} of {limit:g}")
        self.reason = reason
        self.value = value
        self.limit = limit


class TimeIsUp(LimitReached):
    """The time of a run was over while something was under way.

    Args:
        seconds: what was used.
        limit: the bound.
    """

    def __init__(self, seconds: float, limit: float) -> None:
        super().__init__(StopReason.LIMIT_SECONDS, seconds, limit)
        self.args = (f"{limit:g} s are over",)


class Budget:
    """What one run has used, against its limits.

    Args:
        limits: the bounds.
        used: what an earlier part of the run used, when it is resumed.
        seconds: wall time of that earlier part.
    """

    def __init__(self, limits: Limits, used: dict[str, Usage] | None = None, seconds: float = 0.0) -> None:
        self.limits = limits
        self.by_role: dict[str, Usage] = dict(used or {})
        self._started = time.monotonic() - seconds

    @property
    def total(self) -> Usage:
        """Usage of all roles together."""
        return sum(self.by_role.values(), Usage())

    @property
    def seconds(self) -> float:
        """Wall time so far."""
        return time.monotonic() - self._started

    @property
    def seconds_left(self) -> float | None:
        """Wall time left, None when unbounded; never negative."""
        if self.limits.seconds is None:
            return None
        return max(0.0, self.limits.seconds - self.seconds)

    @asynccontextmanager
    async def bounded(self) -> AsyncGenerator[None, None]:
        """Abandon what runs inside when the time is up.

        Raises:
            TimeIsUp: it is.
        """
        deadline = asyncio.timeout(self.seconds_left)
        try:
            async with deadline:
                yield
        except TimeoutError:
            if self.limits.seconds is None or not deadline.expired():
                raise
            raise TimeIsUp(self.seconds, self.limits.seconds) from None

    def add(self, role: str, usage: Usage) -> None:
        """Count usage of a role (``actor``, ``critic``, ``distiller``)."""
        self.by_role[role] = self.by_role.get(role, Usage()) + usage

    def check(self) -> None:
        """Raise `LimitReached` when a limit is used up; called before each model call and each step."""
        limits = self.limits
        if limits.seconds is not None and self.seconds >= limits.seconds:
            raise LimitReached(StopReason.LIMIT_SECONDS, self.seconds, limits.seconds)
        if limits.model_calls is None and limits.tokens is None and limits.cost is None:
            return
        total = self.total
        if limits.model_calls is not None and total.calls >= limits.model_calls:
            raise LimitReached(StopReason.LIMIT_MODEL_CALLS, total.calls, limits.model_calls)
        if limits.tokens is not None and total.tokens >= limits.tokens:
            raise LimitReached(StopReason.LIMIT_TOKENS, total.tokens, limits.tokens)
        if limits.cost is not None and total.cost >= limits.cost:
            raise LimitReached(StopReason.LIMIT_COST, total.cost, limits.cost)
