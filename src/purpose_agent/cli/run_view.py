"""A run as its journal tells it, gathered for display: step by step, finished or not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from purpose_agent.cli.state_difference import differences
from purpose_agent.cli.step_text import action_text
from purpose_agent.errors import StoreCorruptError
from purpose_agent.events import (
    Compacted,
    Decided,
    Event,
    Executed,
    Failed,
    HumanDecided,
    Learned,
    Recalled,
    Refused,
    RunFinished,
    RunResumed,
    RunStarted,
    Scored,
    StateRecord,
    StepStarted,
)
from purpose_agent.llm_backend.usage import Usage
from purpose_agent.types import TRANSIENT_STOPS, StopReason


@dataclass
class StepView:
    """One step.

    Attributes:
        number: counts from 1.
        before: the state before it.
        after: the state after it; the same object when nothing changed.
        decided: the action, None while none was found.
        executed: what the environment answered, None when the step is not finished.
        scored: the last score of the state after it.
        asides: what else happened in it, in order: refusals, recalls, human decisions, failures, compactions.
    """

    number: int
    before: StateRecord
    after: StateRecord
    decided: Decided | None = None
    executed: Executed | None = None
    scored: Scored | None = None
    asides: list[Refused | Recalled | HumanDecided | Failed | Compacted] = field(
        default_factory=list[Refused | Recalled | HumanDecided | Failed | Compacted]
    )

    @property
    def action(self) -> str:
        """The action as a short text."""
        return "(no action yet)" if self.decided is None else action_text(self.decided.action)


@dataclass
class RunView:
    """One run.

    Attributes:
        started: how it began.
        steps: all of them; the last one may be unfinished.
        before_steps: failures before the first step.
        resumed: how often it was continued.
        finished: how it ended, None while it runs or when it was killed.
        learned: what it taught, None when it taught nothing (yet).
        closing: failures after the end.
    """

    started: RunStarted
    steps: list[StepView] = field(default_factory=list[StepView])
    before_steps: list[Failed] = field(default_factory=list[Failed])
    resumed: int = 0
    finished: RunFinished | None = None
    learned: Learned | None = None
    closing: list[Failed] = field(default_factory=list[Failed])

    @property
    def is_over(self) -> bool:
        """Whether it ended for good."""
        return self.finished is not None and self.finished.stop_reason != StopReason.INTERRUPTED

    @property
    def has_learning_left(self) -> bool:
        """Whether it ended, but was killed before it had taught what it was to teach."""
        return (
            self.is_over
            and self.started.learning
            and self.learned is None
            and bool(self.steps)
            and self.finished is not None
            and self.finished.stop_reason not in TRANSIENT_STOPS
        )

    @property
    def usage(self) -> dict[str, Usage]:
        """Model usage by role, as far as it is known."""
        used: dict[str, Usage] = {}
        if self.finished is not None:
            used.update(self.finished.usage)
        else:
            for step in self.steps:
                _add(used, step.executed.usage if step.executed else {})
        _add(used, {r: u for r, u in self.learned.usage.items() if r == "distiller"} if self.learned else {})
        return used


def _add(used: dict[str, Usage], more: dict[str, Usage]) -> None:
    for role, usage in more.items():
        used[role] = used.get(role, Usage()) + usage


def view_of(events: Sequence[Event]) -> RunView:
    """Gather a run's events.

    Raises:
        StoreCorruptError: they do not begin with a `RunStarted`.
    """
    if not events or not isinstance(events[0], RunStarted):
        raise StoreCorruptError(
            "this run's journal does not begin with its start; nothing can be shown of it"
        )
    view = RunView(events[0])
    for event in events[1:]:
        _take(view, event)
    return view


def _take(view: RunView, event: Event) -> None:
    match event:
        case RunResumed():
            _resume(view)
        case RunFinished():
            view.finished = event
        case Learned():
            view.learned = event
        case StepStarted():
            _step(view, event.step)
        case Decided():
            _step(view, event.step).decided = event
        case Executed():
            _finish_step(_step(view, event.step), event)
        case Scored():
            _step(view, event.step).scored = event
        case Failed():
            _failure(view, event)
        case Refused() | Recalled() | HumanDecided() | Compacted():
            _step(view, event.step).asides.append(event)
        case RunStarted():
            pass


def _finish_step(step: StepView, event: Executed) -> None:
    step.executed = event
    step.after = event.state or step.before


def _resume(view: RunView) -> None:
    view.resumed += 1
    view.finished = None
    if view.steps and view.steps[-1].executed is None:
        view.steps.pop()  # the unfinished step was begun again


def _failure(view: RunView, event: Failed) -> None:
    if view.finished is not None:
        view.closing.append(event)
    elif event.step < 1 or not view.steps:
        view.before_steps.append(event)
    else:
        view.steps[min(event.step, len(view.steps)) - 1].asides.append(event)


def _step(view: RunView, number: int) -> StepView:
    while len(view.steps) < max(1, number):
        before = view.steps[-1].after if view.steps else view.started.state
        view.steps.append(StepView(len(view.steps) + 1, before, before))
    return view.steps[max(1, number) - 1]


def run_data(view: RunView) -> dict[str, Any]:
    """The run as data, for ``show --json``."""
    data: dict[str, Any] = msgspec.to_builtins(view.started)
    data.pop("type", None)
    data["initial_state"] = _state(data.pop("state"))
    data["resumed"] = view.resumed
    data["steps"] = [step_data(step) for step in view.steps]
    data["failures"] = [msgspec.to_builtins(f) for f in (*view.before_steps, *view.closing)]
    data["finished"] = view.is_over
    data["result"] = None if view.finished is None else _untagged(view.finished)
    data["learned"] = None if view.learned is None else _untagged(view.learned)
    data["usage"] = msgspec.to_builtins(view.usage)
    return data


def step_data(step: StepView) -> dict[str, Any]:
    """One step as data."""
    changed = step.after is not step.before
    return {
        "step": step.number,
        "finished": step.executed is not None,
        **({} if step.decided is None else _untagged(step.decided)),
        **({} if step.executed is None else _untagged(step.executed)),
        "state": _state(msgspec.to_builtins(step.after)) if changed else None,
        "changes": [
            {"kind": c.kind, "path": c.path, "before": c.before, "after": c.after}
            for c in (differences(step.before.data, step.after.data) if changed else [])
        ],
        "score": None
        if step.scored is None
        else {
            **msgspec.to_builtins(step.scored.score),
            "by": step.scored.by,
            "readings": dict(step.scored.readings),
        },
        "asides": [msgspec.to_builtins(aside) for aside in step.asides],
    }


def _untagged(event: Any) -> dict[str, Any]:
    data: dict[str, Any] = msgspec.to_builtins(event)
    data.pop("type", None)
    return data


def _state(data: dict[str, Any]) -> dict[str, Any]:
    return {"data": data["data"], "summary": data["summary"]}
