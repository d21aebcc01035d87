"""One line per finished piece of work: what a report card has done, and what a rerun need not repeat."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import msgspec

from purpose_agent.bench.play_rules import IMPOSSIBLE
from purpose_agent.events import (
    Decided,
    Event,
    Executed,
    Failed,
    Learned,
    RunFinished,
    RunResumed,
    RunStarted,
    VerdictRecord,
)
from purpose_agent.journal import restore_state
from purpose_agent.llm_backend.usage import Usage

TRAIN, STUDY, ANCHOR, TEST = "train", "study", "anchor", "test"
"""Kinds of jobs: an episode that teaches, a stored episode that is learned from, a frozen look at the anchor set, a
held-out task."""

ROWS = "episodes.jsonl"
"""The file of all rows in a suite's folder."""

MAX_ERROR = 300
"""Characters of an error that a row keeps."""


class Job(msgspec.Struct, frozen=True):
    """A piece of work.

    Attributes:
        kind: `TRAIN`, `STUDY`, `ANCHOR` or `TEST`.
        world: its name.
        arm: the arm of a test, else the learner.
        order: of the training stream; 0 for arms that learn nothing.
        index: position in the stream, or of the held-out task.
        repeat: of the held-out task; of an anchor: after how many quarters of the stream.
        fold: of the task.
        seed: of the task.
    """

    kind: str
    world: str
    arm: str
    order: int = 0
    index: int = 0
    repeat: int = 0
    fold: str = ""
    seed: int = 0


class Cost(msgspec.Struct, frozen=True):
    """What a role of the model cost; see `Usage`."""

    calls: int = 0
    read: int = 0
    cached: int = 0
    written: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.calls + other.calls,
            self.read + other.read,
            self.cached + other.cached,
            self.written + other.written,
        )


class SuiteRow(msgspec.Struct, frozen=True, kw_only=True):
    """A finished piece of work.

    Attributes:
        job: what it was.
        run_id: its journal is in the arm's store.
        purpose: digest of the task's purpose, its template.
        success: by the environment's verdict.
        score: final progress in [0, 1]; 1 or 0 where the environment tells only the end.
        steps: taken.
        habits: of them decided without the model.
        stop_reason: why it ended.
        seconds: wall time.
        costs: by role.
        shown: ids of memory items that were shown, in order.
        cited: ids that the model named.
        memory_tokens: of what was shown with the first state, estimated.
        traced: showings that the leakage guard followed back to their episodes.
        first_state: digest of the first state as the agent saw it.
        failed_steps: of them those in which the world raised an error instead of answering.
        step_error: the first of those errors.
        graded: whether the world said anything about how the episode went.
        read: episodes that were studied.
        unlearned: episodes, played or studied, from which learning failed.
        problem: what went wrong there, most often; of a task that could not be made, why.
    """

    job: Job
    run_id: str = ""
    purpose: str = ""
    success: bool = False
    score: float = 0.0
    steps: int = 0
    habits: int = 0
    stop_reason: str = ""
    seconds: float = 0.0
    costs: dict[str, Cost] = {}
    shown: list[str] = []
    cited: list[str] = []
    memory_tokens: int = 0
    traced: int = 0
    first_state: str = ""
    failed_steps: int = 0
    step_error: str = ""
    graded: bool = True
    read: int = 0
    unlearned: int = 0
    problem: str = ""

    @property
    def counts(self) -> bool:
        """Whether the task could be played at all."""
        return self.stop_reason != IMPOSSIBLE

    @property
    def tokens(self) -> int:
        """Read anew and written, by all roles."""
        return sum(cost.read + cost.written for cost in self.costs.values())


@dataclass
class _Reading:
    """An episode's journal, taken in event by event."""

    values: dict[str, object] = field(default_factory=dict[str, object])
    shown: dict[str, None] = field(default_factory=dict[str, None])
    cited: dict[str, None] = field(default_factory=dict[str, None])
    usage: dict[str, Usage] = field(default_factory=dict[str, Usage])
    source: str = ""
    steps: int = 0
    habits: int = 0
    errors: list[str] = field(default_factory=list[str])
    graded: bool = False
    ended: bool = False
    problems: list[str] = field(default_factory=list[str])

    def take(self, event: Event) -> None:
        match event:
            case RunStarted():
                first = restore_state(event.state).describe()
                self.values |= {
                    "run_id": event.run_id,
                    "purpose": digest(event.purpose),
                    "first_state": digest(first),
                }
                self.shown |= dict.fromkeys(event.shown)
                self.graded |= _grades(event.verdict)
            case Decided():
                self.source = event.source
                self.cited |= dict.fromkeys(event.action.cited)
            case Executed():
                self.steps += 1
                self.habits += self.source == "habit"
                self.shown |= dict.fromkeys(event.shown)
                self.errors += [] if event.error is None else [event.error]
                self.graded |= _grades(event.verdict)
                if event.verdict is not None and event.verdict.score is not None:
                    self.values["score"] = event.verdict.score
            case RunFinished():
                self.ended = True
                self.values |= {
                    "success": event.success,
                    "stop_reason": event.stop_reason,
                    "seconds": event.seconds,
                }
                self.usage |= event.usage
            case Failed():
                if self.ended and event.part in ("distiller", "memory") and not event.transient:
                    self.problems.append(event.error)
            case RunResumed():
                self.ended = False
            case Learned():
                for role, used in event.usage.items():
                    self.usage[role] = self.usage.get(role, Usage()) + used
            case _:
                pass


def _grades(verdict: VerdictRecord | None) -> bool:
    """Whether a verdict says anything."""
    return verdict is not None and not (verdict.score is None and verdict.success is None)


def row_of(job: Job, events: Sequence[Event], *, memory_tokens: int = 0, traced: int = 0) -> SuiteRow:
    """The row of an episode, from its journal."""
    reading = _Reading()
    for event in events:
        reading.take(event)
    values = {"score": float(bool(reading.values.get("success"))), **reading.values}
    return msgspec.convert(
        {
            **values,
            "job": job,
            "steps": reading.steps,
            "habits": reading.habits,
            "costs": {role: cost_of(usage) for role, usage in sorted(reading.usage.items())},
            "shown": list(reading.shown),
            "cited": list(reading.cited),
            "memory_tokens": memory_tokens,
            "traced": traced,
            "failed_steps": len(reading.errors),
            "step_error": reading.errors[0][:MAX_ERROR] if reading.errors else "",
            "graded": reading.graded,
            "unlearned": int(bool(reading.problems)),
            "problem": reading.problems[0][:MAX_ERROR] if reading.problems else "",
        },
        SuiteRow,
    )


def cost_of(usage: Usage) -> Cost:
    """A usage as a cost."""
    return Cost(usage.calls, usage.uncached_tokens, usage.cached_tokens, usage.completion_tokens)


def digest(text: str) -> str:
    """A short name for a text."""
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).hexdigest()


def of_kind(rows: Iterable[SuiteRow], kind: str, world: str) -> list[SuiteRow]:
    """The rows of one kind in one world, those of impossible tasks left out."""
    return [row for row in rows if row.job.kind == kind and row.job.world == world and row.counts]
