"""What the store suite stores: events, episodes, lessons and hostile texts; and its few checks."""

from __future__ import annotations

from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

from purpose_agent.errors import StoreError
from purpose_agent.events import (
    ActionRecord,
    Decided,
    Event,
    Executed,
    RunFinished,
    RunStarted,
    Scored,
    ScoreRecord,
    StateRecord,
    StepStarted,
)
from purpose_agent.store.base import EpisodeInfo, Store
from purpose_agent.types import Evidence, Heuristic, HeuristicStatus, MemoryTier

T = TypeVar("T")

HOSTILE_TEXTS = (
    "",
    " ",
    '"',
    "'; DROP TABLE episodes; --",
    "AND OR NOT NEAR(a b, 3)",
    "title: * ^ a* (b) - + {c d}",
    "zero\0byte",
    "\ud800 lone surrogate",
    "emoji 🧪 🧪",
    "ÄÖÜß naïve Straße",
    "打开厨房的门",
    "नमस्ते दुनिया",
    "long " * 40_000,
)
"""Texts that stores have stumbled over."""


def started(run_id: str, *, purpose: str = "find the coin", task: str = "search the house") -> RunStarted:
    """The first event of a run."""
    return RunStarted(
        run_id=run_id,
        purpose=purpose,
        task=task,
        state=StateRecord({"room": "hall"}, None, 1.0, "s0"),
        verdict=None,
        max_steps=5,
        early_stop_phi=9.0,
        decision="react",
        learning=True,
        seed=None,
        options=None,
        limits={},
        environment="house",
        model="scripted",
        shown=[],
        created_at=12.5,
    )


def step(number: int) -> list[Event]:
    """The events of one scored step; Φ is the step's number."""
    return [
        StepStarted(number),
        Decided(number, ActionRecord("go", {"to": number, "why": "näher\0"}), "model", 2),
        Executed(number, StateRecord({"at": number}, "text", 1.0, f"s{number}"), None, None, False, 0.1, {}),
        Scored(number, ScoreRecord(number - 1.0, float(number), 1.0), "critic"),
    ]


def finished(steps: int, stop_reason: str = "done") -> RunFinished:
    """The last event of a run."""
    return RunFinished(stop_reason, stop_reason == "done", float(steps), steps, 1.0, {})


def episode(id: str, **changes: Any) -> EpisodeInfo:
    """An episode to add."""
    fields: dict[str, Any] = {
        "id": id,
        "number": 0,
        "purpose": "find the coin",
        "task": "search the house",
        "success": True,
        "transient": False,
        "score": 0.8,
        "steps": 3,
        "q_value": 0.5,
    }
    return EpisodeInfo(**{**fields, **changes})


def heuristic(id: str, **changes: Any) -> Heuristic:
    """A lesson to add, with every field set."""
    fields: dict[str, Any] = {
        "pattern": "a locked door",
        "strategy": "look for the key",
        "steps": ["look", "take key"],
        "tier": MemoryTier.PROCEDURAL,
        "source_trajectory_id": "e1",
        "q_value": 0.4,
        "times_used": 3,
        "times_succeeded": 2,
        "status": HeuristicStatus.CANDIDATE,
        "evidence": [Evidence("e1", (1, 2))],
        "source": "insight",
        "tainted": True,
        "version": 2,
        "parents": ["h0"],
        "withheld": 1,
    }
    return Heuristic(id=id, **{**fields, **changes})


class StoreCase:
    """What every group of tests needs: the store under test, fresh and seen from a second opening."""

    def make_store(self) -> Store:
        """A fresh, empty store; the test closes it."""
        raise NotImplementedError("return the store under test")

    def reopen(self, store: Store) -> Store | None:
        """A second opening of what ``store`` holds, while that is open or after; None when it keeps nothing."""
        return None

    @contextmanager
    def opened(self) -> Generator[Store]:
        """A fresh store for one test."""
        store = self.make_store()
        try:
            yield store
        finally:
            store.close()

    def on_both(self, store: Store, check: Callable[[Store], None]) -> None:
        """Check what was stored: here, and as another process sees it."""
        check(store)
        other = self.reopen(store)
        if other is not None:
            try:
                check(other)
            finally:
                other.close()


def at_once(call: Callable[[], T], times: int) -> list[T]:
    """Make the same call many times from four threads; its results."""
    with ThreadPoolExecutor(4) as pool:
        return [future.result() for future in [pool.submit(call) for _ in range(times)]]


def same(got: object, expected: object) -> None:
    """Check that two values are equal."""
    assert got == expected, f"got {got!r}, expected {expected!r}"


def close_to(got: float, expected: float) -> None:
    """Check that two numbers are equal but for rounding."""
    assert abs(got - expected) < 1e-9, f"got {got!r}, expected {expected!r}"


def raises(call: Callable[[], object]) -> None:
    """Check that a call raises a `StoreError`."""
    try:
        call()
    except StoreError:
        return
    raise AssertionError("a StoreError was expected")


def q_value(store: Store, id: str) -> float:
    """The value of an episode."""
    found = store.episode(id)
    assert found is not None
    return found.q_value


def distilled_by(store: Store, id: str) -> tuple[str, ...]:
    """Who distilled an episode."""
    found = store.episode(id)
    assert found is not None
    return found.distilled_by
