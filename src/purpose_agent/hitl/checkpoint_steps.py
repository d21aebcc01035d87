"""The steps of a run as a checkpoint holds them, each complete in itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import msgspec

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
    VerdictRecord,
)
from purpose_agent.journal import record_state
from purpose_agent.llm_backend.usage import Usage
from purpose_agent.types import State


class StateEntry(msgspec.Struct, frozen=True):
    """A state; see `State` for the fields."""

    data: dict[str, Any]
    summary: str | None = None
    timestamp: float = 0.0
    id: str = ""

    @classmethod
    def of(cls, record: StateRecord) -> Self:
        """The entry of a recorded state."""
        return cls(record.data, record.summary, record.timestamp, record.id)

    def record(self) -> StateRecord:
        """The state as the journal has it."""
        return record_state(State(self.data, self.summary, self.timestamp, self.id))


class StepEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A finished step; see `TrajectoryStep` and `Executed` for the fields."""

    step_index: int = 0
    state_before: StateEntry
    action: ActionRecord
    state_after: StateEntry
    score: ScoreRecord | None = None
    scored_by: str = "checkpoint"
    error: str | None = None
    verdict: VerdictRecord | None = None
    terminal: bool = False
    source: str = "model"
    offered: int = 0
    seconds: float = 0.0
    usage: dict[str, Usage] = {}
    shown: list[str] = []


def steps_of(started: RunStarted, events: Sequence[Event]) -> list[StepEntry]:
    """The finished steps of a run's events, with the scores as they came last."""
    steps: list[StepEntry] = []
    state = StateEntry.of(started.state)
    decided: Decided | None = None
    for event in events:
        if isinstance(event, Decided):
            decided = event
        elif isinstance(event, Executed) and decided is not None:
            after = state if event.state is None else StateEntry.of(event.state)
            steps.append(_step_of(state, decided, event, after))
            state, decided = after, None
        elif isinstance(event, Scored) and 0 < event.step <= len(steps):
            step = steps[event.step - 1]
            verdict = event.verdict or step.verdict
            scored = msgspec.structs.replace(step, score=event.score, scored_by=event.by, verdict=verdict)
            steps[event.step - 1] = scored
        elif isinstance(event, RunFinished):
            _add_open_usage(steps, event)
    return steps


def _step_of(before: StateEntry, decided: Decided, event: Executed, after: StateEntry) -> StepEntry:
    return StepEntry(
        step_index=event.step,
        state_before=before,
        action=decided.action,
        state_after=after,
        error=event.error,
        verdict=event.verdict,
        terminal=event.terminal,
        source=decided.source,
        offered=decided.offered,
        seconds=event.seconds,
        usage=event.usage,
        shown=event.shown,
    )


def _add_open_usage(steps: list[StepEntry], finished: RunFinished) -> None:
    """Count what was used after the last step's report, for the score of its state, with that step."""
    if not steps:
        return
    counted: dict[str, Usage] = {}
    for step in steps[:-1]:
        for role, usage in step.usage.items():
            counted[role] = counted.get(role, Usage()) + usage
    usage = {role: _difference(total, counted.get(role, Usage())) for role, total in finished.usage.items()}
    steps[-1] = msgspec.structs.replace(steps[-1], usage=usage)


def _difference(total: Usage, part: Usage) -> Usage:
    return Usage(
        total.calls - part.calls,
        total.prompt_tokens - part.prompt_tokens,
        total.cached_tokens - part.cached_tokens,
        total.completion_tokens - part.completion_tokens,
        total.cost - part.cost,
        total.estimated,
    )
