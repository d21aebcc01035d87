"""The state of one run while it is played."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from purpose_agent.actor import ActorSession, Decision
from purpose_agent.errors import describe_error
from purpose_agent.events import Compacted, Decided, Event, Failed, Recalled, Refused, Scored, StepStarted
from purpose_agent.limits import Budget, Limits
from purpose_agent.llm_backend.usage import Usage
from purpose_agent.purpose_function import Opinion, PurposeSession
from purpose_agent.store.base import Store
from purpose_agent.types import Action, Heuristic, Snapshot, State, StopReason, Trajectory, Verdict

if TYPE_CHECKING:
    from purpose_agent.memory_system import Guide

_log = logging.getLogger(__name__)

Listener = Callable[[str, Event], None]
"""Called with the run's id and each event, in order, from the run's own thread."""


@dataclass(frozen=True)
class RunSpec:
    """The options of one run; see `Orchestrator.run_task`."""

    purpose: str
    task: str
    run_id: str
    max_steps: int
    early_stop_phi: float
    decision: Decision
    learning: bool
    limits: Limits
    initial_state: State | None = None
    seed: int | None = None
    options: dict[str, Any] | None = None
    held_out: bool = False
    probing: tuple[Heuristic, bool] | None = None
    """An item that is tried out in this run, and whether it is shown."""


class EventLog:
    """Writes a run's events to the journal and tells whoever listens.

    What cannot be lost is written at once: that a run began or ended, that a step was executed, that a part failed.
    Everything else (a decision, a score) waits for the next of these, so that a step costs one write.

    Args:
        store: where the journal is.
        run_id: whose events they are.
        seq: position of the next event.
        listeners: who else is told, at once; what they raise is noted once in the log.
    """

    def __init__(self, store: Store, run_id: str, seq: int, listeners: list[Listener]) -> None:
        self._store = store
        self._run_id = run_id
        self._listeners = listeners
        self._waiting: list[Event] = []
        self._seq = seq
        self._failed: set[int] = set()
        self.pending: Future[None] | None = None

    def emit(self, event: Event) -> None:
        """Append an event; `pending` is done when all that was written is durable."""
        self._waiting.append(event)
        if type(event) not in _CAN_WAIT:
            events, self._waiting = self._waiting, []
            self.pending = self._store.append(self._run_id, self._seq, events)
            self._seq += len(events)
        for number, listener in enumerate(self._listeners):
            try:
                listener(self._run_id, event)
            except Exception as e:  # whoever looks on must not end a run
                if number not in self._failed:
                    self._failed.add(number)
                    _log.warning("a listener of run %s failed: %s", self._run_id, describe_error(e))


_CAN_WAIT = frozenset({StepStarted, Decided, Scored, Refused, Recalled, Compacted})


class RunEnded(Exception):
    """The run is over; the engine raises and catches it.

    Args:
        reason: why.
        detail: what a person should know beyond that.
        error: what went wrong, if anything did.
    """

    def __init__(self, reason: StopReason, detail: str = "", error: str | None = None) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail
        self.error = error


@dataclass
class Episode:
    """What the engine knows of one run.

    Attributes:
        spec: its options.
        log: where its events go.
        budget: what it used, against its limits.
        trajectory: its finished steps.
        session: the actor during it.
        following: Φ during it.
        state: the present state.
        verdict: the one that stands on the present state.
        phi: Φ of the last state that was scored; None before the first score.
        terminal: whether the environment says that it is over.
        admissible: what could be done in the first state and after each step.
        guide: the value memory's cursor.
        score_due: whether the present state is not scored yet.
        shown: ids of memory items shown so far.
        withheld: ids of those that would have been shown so far, had they not been withheld at random.
        asked: whether the model was asked: before that, nothing was shown to anybody.
        example_id: id of the episode that was shown as an example.
        unreported: usage since the last event that reported usage.
    """

    spec: RunSpec
    log: EventLog
    budget: Budget
    trajectory: Trajectory
    session: ActorSession
    following: PurposeSession
    state: Snapshot
    verdict: Verdict | None = None
    phi: float | None = None
    terminal: bool = False
    admissible: list[list[Action]] = field(default_factory=list[list[Action]])
    guide: Guide | None = None
    score_due: bool = True
    shown: list[str] = field(default_factory=list[str])
    withheld: list[str] = field(default_factory=list[str])
    asked: bool = False
    example_id: str | None = None
    unreported: dict[str, Usage] = field(default_factory=dict[str, Usage])

    @property
    def step(self) -> int:
        """Finished steps."""
        return len(self.trajectory.steps)

    @property
    def offered(self) -> list[Action]:
        """What may be done now; empty where the environment lists nothing."""
        return self.admissible[-1] if self.admissible else []

    def failed(self, part: str, error: BaseException) -> None:
        """Record that a part failed and that the run deals with it."""
        transient = bool(getattr(error, "transient", False))
        self.log.emit(Failed(self.step, part, describe_error(error), transient))

    def came_with(self, shown: list[str], withheld: list[str]) -> None:
        """Note the tips that came with an observation, and those that would have."""
        self.shown += [id for id in shown if id not in self.shown]
        self.withheld += [id for id in withheld if id not in self.withheld]

    def use(self, role: str, usage: Usage) -> None:
        """Count model usage."""
        self.budget.add(role, usage)
        self.unreported[role] = self.unreported.get(role, Usage()) + usage

    def report_usage(self) -> dict[str, Usage]:
        """Usage since the last call."""
        reported, self.unreported = self.unreported, {}
        return reported

    def opinion_applies(self, opinion: Opinion) -> None:
        """Take the score of the present state as known."""
        self.score_due = False
        if opinion.phi is not None:
            self.phi = opinion.phi
