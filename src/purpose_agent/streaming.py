"""Stream events: what an async consumer sees of a run, in the names that users of the seeds know."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from purpose_agent.events import (
    Decided,
    Event,
    Executed,
    Failed,
    RunFinished,
    RunStarted,
    Scored,
    StepStarted,
)


class StreamEvent:
    """One thing that happened.

    Attributes:
        event_type: ``task_start``, ``step_start``, ``action``, ``score``, ``step_end``, ``done``, ``early_stop``,
            ``terminal``, ``error`` or ``task_end``.
        data: what there is to say about it; ``task_end`` has the `TaskResult` under ``result``.
        step: the step it belongs to, 0 for the task as a whole.
        token: a piece of model output, where output is streamed.
    """

    def __init__(
        self, event_type: str, data: dict[str, Any] | None = None, step: int = 0, token: str = ""
    ) -> None:
        self.event_type = event_type
        self.data = data or {}
        self.step = step
        self.token = token

    def __repr__(self) -> str:
        return f"StreamEvent({self.event_type!r}, step={self.step}, data={self.data!r})"


_ENDINGS = ("done", "early_stop", "terminal")


class StreamTranslator:
    """Turns the events of one run into stream events, one step after the other.

    The actor begins the next step while the critic still scores this one; its ``step_start`` is held back until this
    step has ended, and is dropped when the score ends the run.
    """

    def __init__(self) -> None:
        self._executed: Executed | None = None
        self._begun: StepStarted | None = None
        self._early_stop_phi = float("inf")

    def __call__(self, event: Event) -> Iterator[StreamEvent]:
        """The stream events of one event; most events have none."""
        match event:
            case RunStarted():
                self._early_stop_phi = event.early_stop_phi
                yield StreamEvent(
                    "task_start", {"run_id": event.run_id, "purpose": event.purpose, "task": event.task}
                )
            case StepStarted():
                self._begun = event
                yield from self._step_start()
            case Decided():
                yield from self._step_start()
                data = msgspec.to_builtins(event.action)
                yield StreamEvent("action", {**data, "source": event.source}, step=event.step)
            case Executed():
                self._executed = event
            case Scored():
                yield StreamEvent(
                    "score", {**msgspec.to_builtins(event.score), "by": event.by}, step=event.step
                )
                yield from self._step_end()
                if event.score.phi_after < self._early_stop_phi:
                    yield from self._step_start()
            case Failed():
                yield StreamEvent("error", {"part": event.part, "error": event.error}, step=event.step)
            case RunFinished():
                yield from self._step_end()
                if event.stop_reason in _ENDINGS:
                    data = {"success": event.success, "final_phi": event.final_phi}
                    yield StreamEvent(event.stop_reason, data, step=event.steps)
            case _:
                pass

    def _step_start(self) -> Iterator[StreamEvent]:
        if self._begun is not None and self._executed is None:
            begun, self._begun = self._begun, None
            yield StreamEvent("step_start", step=begun.step)

    def _step_end(self) -> Iterator[StreamEvent]:
        if self._executed is not None:
            executed, self._executed = self._executed, None
            data = {"error": executed.error, "seconds": executed.seconds}
            yield StreamEvent("step_end", data, step=executed.step)
