"""Between the objects of a run and its events: what is recorded, and how a trajectory is read back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from purpose_agent.events import (
    UNASKED,
    ActionRecord,
    Decided,
    Event,
    Executed,
    Recalled,
    Refused,
    RunFinished,
    RunResumed,
    RunStarted,
    Scored,
    ScoreRecord,
    StateRecord,
    VerdictRecord,
)
from purpose_agent.freeze import encodable, plain_copy
from purpose_agent.types import (
    Action,
    PurposeScore,
    Snapshot,
    State,
    Trajectory,
    TrajectoryStep,
    Trust,
    Verdict,
)


def record_state(state: State) -> StateRecord:
    """A state for the journal."""
    snapshot = Snapshot.of(state)
    return StateRecord(snapshot.data, snapshot.summary, snapshot.timestamp, snapshot.id)


def restore_state(record: StateRecord) -> Snapshot:
    """The snapshot that `record_state` recorded."""
    return Snapshot.of(State(record.data, record.summary, record.timestamp, record.id))


def record_action(action: Action) -> ActionRecord:
    """An action for the journal."""
    return ActionRecord(
        encodable(str(action.name)),
        plain_copy(action.params) if action.params else {},
        encodable(str(action.thought or "")),
        encodable(str(action.expected_delta or "")),
        [encodable(str(i)) for i in action.cited or ()],
    )


def restore_action(record: ActionRecord) -> Action:
    """The action that `record_action` recorded."""
    return Action(record.name, dict(record.params), record.thought, record.expected_delta, list(record.cited))


def record_verdict(verdict: Verdict | None) -> VerdictRecord | None:
    """A verdict for the journal."""
    if verdict is None:
        return None
    score = None if verdict.score is None else float(verdict.score)
    return VerdictRecord(score, verdict.success, encodable(verdict.reason))


def restore_verdict(record: VerdictRecord | None) -> Verdict | None:
    """The verdict that `record_verdict` recorded."""
    return None if record is None else Verdict(record.score, record.success, record.reason)


def record_score(score: PurposeScore) -> ScoreRecord:
    """A purpose score for the journal."""
    return ScoreRecord(
        float(score.phi_before),
        float(score.phi_after),
        float(score.delta),
        encodable(str(score.reasoning)),
        encodable(str(score.evidence)),
        float(score.confidence),
    )


def restore_score(record: ScoreRecord) -> PurposeScore:
    """The score that `record_score` recorded."""
    return PurposeScore(
        record.phi_before,
        record.phi_after,
        record.delta,
        record.reasoning,
        record.evidence,
        record.confidence,
    )


def trajectory_of(events: Iterable[Event]) -> Trajectory:
    """The trajectory that a run's events tell, finished steps only, scores as they came last.

    Raises:
        ValueError: the events do not begin with a `RunStarted`.
    """
    iterator = iter(events)
    first = next(iterator, None)
    if not isinstance(first, RunStarted):
        raise ValueError("these events are no run: they do not begin with 'run_started'")
    trajectory = Trajectory(
        task_description=first.task,
        purpose=first.purpose,
        id=first.run_id,
        created_at=first.created_at,
        verdict=restore_verdict(first.verdict),
        seed=first.seed,
        options=first.options,
        shown=list(first.shown),
        withheld=list(first.withheld),
        propensities=dict(first.propensities),
        trust=Trust(first.trust) if first.trust else None,
    )
    asked = False
    state = restore_state(first.state)
    decided: Decided | None = None
    for event in iterator:
        asked = asked or asks_model(event)
        if isinstance(event, Decided):
            decided = event
        elif isinstance(event, Executed) and decided is not None:
            state = _add_step(trajectory, state, decided, event)
            decided = None
        elif isinstance(event, Scored):
            if 0 < event.step <= len(trajectory.steps):
                _add_score(trajectory, event)
        elif isinstance(event, RunFinished):
            trajectory.stop_reason = event.stop_reason
        elif isinstance(event, RunResumed):
            trajectory.stop_reason = ""
    if not asked:  # a prompt that nobody read showed nothing
        trajectory.shown, trajectory.withheld = [], []
    return trajectory


def asks_model(event: Event) -> bool:
    """Whether the event shows that the actor's model was asked, and so read what memory shows."""
    return isinstance(event, (Refused, Recalled)) or (
        isinstance(event, Decided) and event.source not in UNASKED
    )


def _add_step(trajectory: Trajectory, before: Snapshot, decided: Decided, event: Executed) -> Snapshot:
    after = before if event.state is None else restore_state(event.state)
    verdict = restore_verdict(event.verdict)
    trajectory.steps.append(
        TrajectoryStep(
            state_before=before,
            action=restore_action(decided.action),
            state_after=after,
            step_index=event.step,
            wall_time_s=event.seconds,
            error=event.error,
            verdict=verdict,
            source=decided.source,
        )
    )
    trajectory.verdict = verdict
    trajectory.shown.extend(i for i in event.shown if i not in trajectory.shown)
    trajectory.withheld.extend(i for i in event.withheld if i not in trajectory.withheld)
    return after


def _add_score(trajectory: Trajectory, event: Scored) -> None:
    step = trajectory.steps[event.step - 1]
    step.score = restore_score(event.score)
    if event.verdict is not None:
        step.verdict = restore_verdict(event.verdict)
        if event.step == len(trajectory.steps):
            trajectory.verdict = step.verdict


def outcome_of(events: Iterable[Event]) -> bool | None:
    """Whether a run succeeded, by the last verdict that says so; None when none did."""
    success: bool | None = None
    for event in events:
        if isinstance(event, (RunStarted, Executed)):
            success = None if event.verdict is None else event.verdict.success
        elif isinstance(event, Scored) and event.verdict is not None:
            success = event.verdict.success
    return success


def readings_of(events: Iterable[Event]) -> list[dict[str, float]]:
    """What each critic read after each scored step, in the order of the steps."""
    readings = {event.step: event.readings for event in events if isinstance(event, Scored)}
    return [readings[step] for step in sorted(readings)]


def events_of(trajectory: Trajectory, **details: Any) -> list[Event]:
    """The events of a finished trajectory that no engine ran, so that it can be stored like any other.

    Args:
        trajectory: with at least the first state known, so not empty unless ``details`` has ``state``.
        details: fields of `RunStarted` that a trajectory does not know.
    """
    steps = trajectory.steps
    first = steps[0].state_before if steps else State(data={})
    events: list[Event] = [
        RunStarted(
            run_id=trajectory.id,
            purpose=trajectory.purpose,
            task=trajectory.task_description,
            state=record_state(first),
            verdict=None,
            max_steps=details.get("max_steps", len(steps)),
            early_stop_phi=details.get("early_stop_phi", 10.0),
            decision=details.get("decision", ""),
            learning=True,
            seed=trajectory.seed,
            options=plain_copy(trajectory.options),
            limits={},
            environment=details.get("environment", ""),
            model=details.get("model", ""),
            shown=list(trajectory.shown),
            created_at=trajectory.created_at,
            propensities=dict(trajectory.propensities),
            withheld=list(trajectory.withheld),
            trust=trajectory.trust or "",
        )
    ]
    before = Snapshot.of(first)
    for number, step in enumerate(steps, 1):
        after = Snapshot.of(step.state_after)
        changed = after.fingerprint != before.fingerprint
        verdict = step.verdict
        if number == len(steps) and verdict is None:
            verdict = trajectory.verdict
        events.append(Decided(number, record_action(step.action), step.source))
        events.append(
            Executed(
                step=number,
                state=record_state(after) if changed else None,
                error=step.error,
                verdict=record_verdict(verdict),
                terminal=number == len(steps),
                seconds=step.wall_time_s,
                usage={},
            )
        )
        if step.score is not None:
            events.append(Scored(number, record_score(step.score), "import"))
        before = after
    events.append(
        RunFinished(
            stop_reason=trajectory.stop_reason,
            success=trajectory.succeeded,
            final_phi=trajectory.final_phi,
            steps=len(steps),
            seconds=sum(s.wall_time_s for s in steps),
            usage={},
        )
    )
    return events
