"""Checkpoints: a run as one JSON file, complete enough to go on with it in another process and another store."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

import msgspec

from purpose_agent.errors import UsageError
from purpose_agent.events import (
    Decided,
    Event,
    Executed,
    RunStarted,
    Scored,
    StateRecord,
    VerdictRecord,
)
from purpose_agent.freeze import plain_copy
from purpose_agent.hitl.checkpoint_steps import StateEntry, StepEntry, steps_of
from purpose_agent.journal import record_state, restore_action, restore_state, restore_verdict
from purpose_agent.types import Heuristic, State, new_id


@dataclass
class Checkpoint:
    """Where a run was left.

    Attributes:
        step_index: finished steps.
        current_state: ``data`` of the last state.
        state_summary: its summary, "" where it has none.
        trajectory_steps: the finished steps: states before and after, action, score, verdict, usage.
        purpose: the goal.
        task_description: the task in words.
        history: the steps in short: dicts with ``action``, ``result`` and ``score``.
        heuristics: the library at that moment.
        timestamp: seconds since the epoch.
        checkpoint_id: names it.
        run_id: the run that it was taken from.
        decision: ``react`` or ``choice``; "" leaves it to the orchestrator that resumes.
        seed: of the task.
        options: passed to ``reset``.
        verdict: the environment's verdict on the first state, if any.
        shown: ids of the memory items in the prompt's prefix.
        example: id of the episode that was shown as an example.
    """

    step_index: int
    current_state: dict[str, Any]
    state_summary: str
    trajectory_steps: list[dict[str, Any]]
    purpose: str
    task_description: str
    history: list[dict[str, Any]]
    heuristics: list[dict[str, Any]]
    timestamp: float = field(default_factory=time.time)
    checkpoint_id: str = ""
    run_id: str = ""
    decision: str = ""
    seed: int | None = None
    options: dict[str, Any] | None = None
    verdict: dict[str, Any] | None = None
    shown: list[str] = field(default_factory=list[str])
    example: str | None = None

    def save(self, path: str | Path) -> None:
        """Write it as JSON; the file is complete or, if anything goes wrong, not there (or what it was).

        Raises:
            OSError: the folder cannot be written.
        """
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(plain_copy(asdict(self)), ensure_ascii=False, indent=1)
        unfinished = target.with_name(f".{target.name}.{new_id()}.tmp")
        try:
            with unfinished.open("x", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.replace(unfinished, target)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a file that `save` wrote.

        Raises:
            UsageError: there is no such file, or it is truncated or something else than a checkpoint.
        """
        given: Any = path
        if not isinstance(given, (str, Path)) and not hasattr(given, "__fspath__"):
            raise UsageError(f"a checkpoint is named by its path or its id, got {given!r:.80}")
        try:
            content = json.loads(Path(path).read_bytes().decode("utf-8"))
        except OSError as e:
            raise UsageError(f"the checkpoint {str(path)!r} cannot be read: {e.strerror or e}") from e
        except ValueError as e:
            raise UsageError(f"{str(path)!r} is no checkpoint: it is truncated or not JSON ({e})") from e
        except RecursionError as e:
            raise UsageError(f"{str(path)!r} is no checkpoint: it is nested too deeply") from e
        try:
            loaded = msgspec.convert(content, cls)
            loaded.check()
        except (msgspec.ValidationError, UsageError, RecursionError) as e:
            raise UsageError(f"{str(path)!r} is no checkpoint: {e}") from e
        return loaded

    # -- what it holds -------------------------------------------------------------------------------------
    def check(self) -> None:
        """Refuse to go on from something that is no run.

        Raises:
            UsageError: a part of it is not what a checkpoint holds.
        """
        try:
            self.steps()
            self.first_state()
            self.first_verdict()
            self.restored_heuristics()
        except UsageError:
            raise
        except (ValueError, TypeError, RecursionError) as e:
            raise UsageError(f"it cannot be restored: {e}") from e

    def steps(self) -> list[StepEntry]:
        """The finished steps, checked.

        Raises:
            UsageError: they are not what a checkpoint holds, or do not lead to ``current_state``.
        """
        try:
            steps = msgspec.convert(plain_copy(self.trajectory_steps), list[StepEntry])
            for step in steps:
                restore_verdict(step.verdict)
        except (msgspec.ValidationError, ValueError) as e:
            raise UsageError(f"trajectory_steps: {e}") from e
        if steps and steps[-1].state_after.data != plain_copy(self.current_state):
            raise UsageError("current_state is not the state after the last of trajectory_steps")
        return steps

    def restored_heuristics(self) -> list[Heuristic]:
        """The heuristics as objects.

        Raises:
            UsageError: they are not what a checkpoint holds.
        """
        try:
            given = msgspec.convert(plain_copy(self.heuristics), list[dict[str, Any]])
            return msgspec.convert([{"steps": list[str](), **item} for item in given], list[Heuristic])
        except msgspec.ValidationError as e:
            raise UsageError(f"heuristics: {e}") from e

    def events(self, started: RunStarted) -> list[Event]:
        """The journal of a run that begins with ``started`` and was left where the checkpoint was taken."""
        steps = self.steps()
        events: list[Event] = [started]
        before = started.state
        for number, step in enumerate(steps, 1):
            after = step.state_after.record()
            same = (after.data, after.summary) == (before.data, before.summary)
            events.append(Decided(number, step.action, step.source, step.offered))
            events.append(
                Executed(
                    step=number,
                    state=None if same else after,
                    error=step.error,
                    verdict=step.verdict,
                    terminal=step.terminal,
                    seconds=step.seconds,
                    usage=step.usage,
                    shown=step.shown,
                )
            )
            if step.score is not None:
                events.append(Scored(number, step.score, step.scored_by))
            before = before if same else after
        return events

    def first_state(self) -> StateRecord:
        """The state that the run began in."""
        steps = self.steps()
        if steps:
            return steps[0].state_before.record()
        return record_state(State(self.current_state, self.state_summary or None))

    def first_verdict(self) -> VerdictRecord | None:
        """The environment's verdict on that state.

        Raises:
            UsageError: it is not what a checkpoint holds.
        """
        try:
            record = msgspec.convert(plain_copy(self.verdict), VerdictRecord | None)
            restore_verdict(record)
        except (msgspec.ValidationError, ValueError) as e:
            raise UsageError(f"verdict: {e}") from e
        return record


def checkpoint_of(events: Sequence[Event], heuristics: Iterable[Heuristic]) -> Checkpoint:
    """The checkpoint of a run after its last finished step.

    Args:
        events: its journal so far.
        heuristics: the library.

    Raises:
        ValueError: the events are no run.
    """
    if not events or not isinstance(started := events[0], RunStarted):
        raise ValueError("these events are no run: they do not begin with 'run_started'")
    steps = steps_of(started, events)
    last = steps[-1].state_after if steps else StateEntry.of(started.state)
    return Checkpoint(
        step_index=len(steps),
        current_state=last.data,
        state_summary=last.summary or "",
        trajectory_steps=[msgspec.to_builtins(step) for step in steps],
        purpose=started.purpose,
        task_description=started.task,
        history=[_history_entry(step) for step in steps],
        heuristics=[msgspec.to_builtins(h) for h in heuristics],
        checkpoint_id=new_id(),
        run_id=started.run_id,
        decision=started.decision,
        seed=started.seed,
        options=plain_copy(started.options),
        verdict=None if started.verdict is None else msgspec.to_builtins(started.verdict),
        shown=list(started.shown),
        example=started.example,
    )


def _history_entry(step: StepEntry) -> dict[str, Any]:
    state = restore_state(step.state_after.record())
    return {
        "action": restore_action(step.action).describe(),
        "result": step.error or state.describe()[:200],
        "score": "N/A" if step.score is None else f"Δ={step.score.delta:+.2f}",
    }
