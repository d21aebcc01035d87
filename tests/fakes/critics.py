"""Critics that read what a test tells them to, and remember all that they were told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from purpose_agent.critics import Reading
from purpose_agent.types import Snapshot

Read = Callable[[Snapshot], Any]


def of_n(state: Snapshot) -> Reading:
    """Progress is a tenth of the state's n."""
    return Reading(min(1.0, state.data["n"] / 10), 0.9, str(state.data["n"]), "n says so")


async def hang(_state: Snapshot) -> Reading:
    """Never answers."""
    await asyncio.Event().wait()
    raise AssertionError


class FakeCritic:
    """Reads a state by a function; an exception that it returns is raised.

    Args:
        name: the critic's.
        read: of a state to a reading, or to whatever else a test wants returned.
        at_once: whether it is known without being asked.

    Attributes:
        told: every arrival of every run.
        asked: how often `read` was awaited.
    """

    def __init__(self, name: str = "fake", read: Read = of_n, *, at_once: bool = True) -> None:
        self.name = name
        self.reader = read
        self.at_once = at_once
        self.told: list[tuple[str, Snapshot, str | None, tuple[str, ...]]] = []
        self.asked = 0

    def follow(self, purpose: str) -> FakeSession:
        return FakeSession(self, purpose)


class FakeSession:
    def __init__(self, critic: FakeCritic, purpose: str) -> None:
        self.critic = critic
        self.purpose = purpose
        self.state: Any = None

    def arrive(self, state: Snapshot, command: str | None, admissible: Sequence[str]) -> None:
        self.state = state
        self.critic.told.append((self.purpose, state, command, tuple(admissible)))

    def known(self) -> Any:
        return self._read() if self.critic.at_once else None

    async def read(self, *, keep: bool = True) -> Any:
        self.critic.asked += 1
        reading = self._read()
        return await reading if hasattr(reading, "__await__") else reading

    def _read(self) -> Any:
        reading = self.critic.reader(self.state)
        if isinstance(reading, BaseException):
            raise reading
        return reading
