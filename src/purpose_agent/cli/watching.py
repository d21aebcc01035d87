"""Listeners that show runs while they happen: every step of one, or a line for each of several."""

from __future__ import annotations

from typing import TYPE_CHECKING

from purpose_agent.cli.screen import Part, Screen
from purpose_agent.cli.step_text import action_text, aside_line, error_line, failure_line, step_line
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
    ScoreRecord,
    StepStarted,
)

if TYPE_CHECKING:
    from rich.status import Status


class Watch:
    """Follows one run after another; a listener for `Orchestrator.run_task`.

    Attributes:
        run_id: of the run that is followed, None before it began.
        steps: its finished steps.
        finished: how it ended, None while it goes on.
        learned: what it taught, None as long as it did not.
        closed: whether nobody reads what is shown any more; the run goes on all the same.
    """

    def __init__(self) -> None:
        self.run_id: str | None = None
        self.steps = 0
        self.finished: RunFinished | None = None
        self.learned: Learned | None = None
        self.closed = False

    def next_run(self) -> None:
        """Forget the run that was followed."""
        self.run_id, self.steps, self.finished, self.learned = None, 0, None, None

    def __call__(self, run_id: str, event: Event) -> None:
        """Take in an event; never raises, because a run must not end for want of a reader."""
        self.run_id = run_id
        match event:
            case RunFinished():
                self.finished = event
            case RunResumed():
                self.steps, self.finished = event.step, None
            case Learned():
                self.learned = event
            case Executed():
                self.steps = event.step
            case _:
                pass
        if not self.closed:
            try:
                self.show(event)
            except (OSError, ValueError):
                self.closed = True

    def show(self, event: Event) -> None:
        """Display an event; by default nothing is shown."""


class StepWatch(Watch):
    """Shows each step in a line once it is scored, and on a terminal what is being waited for.

    Args:
        screen: where.
        waiting: whether a moving sign may be shown; not when a person is asked questions.
    """

    def __init__(self, screen: Screen, *, waiting: bool) -> None:
        super().__init__()
        self._screen = screen
        self._status: Status | None = screen.console.status("…") if screen.live and waiting else None
        self._decided: Decided | None = None
        self._executed: Executed | None = None
        self._held: list[list[Part]] = []
        self._failed: Failed | None = None

    def show(self, event: Event) -> None:
        """See `Watch.show`."""
        failed, self._failed = self._failed, None
        ended_by_it = failed is not None and isinstance(event, RunFinished) and event.error == failed.error
        if failed is not None and not ended_by_it:  # what ended the run is told at the end
            self._aside(failure_line(failed))
        self._take(event)

    def _take(self, event: Event) -> None:
        match event:
            case RunStarted() | RunResumed():
                self._wait_for("starting")
            case StepStarted():
                self._wait_for(f"step {event.step}: deciding")
            case Decided():
                self._flush(None)
                self._decided = event
                self._wait_for(f"step {event.step}: acting")
            case Executed():
                self._executed = event
            case Scored():
                if self._executed is not None and self._executed.step == event.step:
                    self._flush(event.score)
            case Failed():
                self._failed = event
            case Refused() | Recalled() | HumanDecided() | Compacted():
                self._aside(aside_line(event))
            case RunFinished():
                self._flush(None)
                self._wait_for("learning")
            case Learned():
                self.stop()

    def stop(self) -> None:
        """End the moving sign."""
        if self._status is not None:
            self._status.stop()

    def _wait_for(self, what: str) -> None:
        if self._status is not None:
            self._status.update(what)
            self._status.start()

    def _aside(self, line: list[Part]) -> None:
        if self._executed is None:
            self._screen.line(*line, cut=True)
        else:
            self._held.append(line)  # belongs below the step that is not scored yet

    def _flush(self, score: ScoreRecord | None) -> None:
        """Show the step that waited for its score."""
        decided, executed = self._decided, self._executed
        if decided is not None and executed is not None:
            self._decided = self._executed = None
            action = action_text(decided.action)
            self._screen.line(*step_line(executed.step, action, decided.source, score), cut=True)
            if executed.error:
                self._screen.line(*error_line(executed.error), cut=True)
        held, self._held = self._held, []
        for line in held:
            self._screen.line(*line, cut=True)
