"""An episode that somebody else ran: whether it can be kept, and read again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import NoneType
from typing import Any

from purpose_agent.errors import UsageError, describe_error
from purpose_agent.journal import events_of
from purpose_agent.numeric import real
from purpose_agent.store.packing import pack
from purpose_agent.task_arguments import checked_options, checked_seed
from purpose_agent.types import Action, PurposeScore, State, Trajectory, TrajectoryStep, Trust, Verdict

_Types = tuple[type, ...]

_TRAJECTORY: Mapping[str, _Types] = {
    "task_description": (str,),
    "purpose": (str,),
    "id": (str,),
    "steps": (list, tuple),
    "created_at": (float,),
    "verdict": (Verdict, NoneType),
    "stop_reason": (str,),
    "shown": (list, tuple),
    "withheld": (list, tuple),
    "propensities": (dict,),
    "trust": (Trust, NoneType),
}
_STEP: Mapping[str, _Types] = {
    "state_before": (State,),
    "action": (Action,),
    "state_after": (State,),
    "score": (PurposeScore, NoneType),
    "wall_time_s": (float,),
    "error": (str, NoneType),
    "verdict": (Verdict, NoneType),
    "source": (str,),
}
_ACTION: Mapping[str, _Types] = {"name": (str,), "params": (dict,), "cited": (list, tuple)}
_SCORE: Mapping[str, _Types] = {
    "phi_before": (float,),
    "phi_after": (float,),
    "delta": (float,),
    "confidence": (float,),
}


def check_trajectory(given: Any) -> Trajectory:
    """The trajectory, if it is one that can be stored and read again.

    Raises:
        UsageError: it is not; the message names the field and the value.
    """
    if not isinstance(given, Trajectory):
        raise UsageError(f"an episode must be a Trajectory, got {type(given).__name__}: {given!r:.80}")
    wrong = next(_wrong(given), None)
    if wrong is not None:
        raise UsageError(f"the episode cannot be kept: {wrong}")
    checked_seed(given.seed)
    checked_options(given.options)
    try:
        pack(events_of(given))
    except Exception as e:
        raise UsageError(f"the episode cannot be kept: {describe_error(e)}") from e
    return given


def _wrong(trajectory: Trajectory) -> Iterator[str]:
    """What is wrong with it, if anything."""
    yield from _wrong_fields("Trajectory", trajectory, _TRAJECTORY)
    for id in (*trajectory.shown, *trajectory.withheld):
        if type(id) is not str:
            yield f"Trajectory.shown and withheld must hold str, got {id!r:.80}"
    for id, chance in trajectory.propensities.items():
        if type(id) is not str or real(chance) is None:
            yield f"Trajectory.propensities must map str to numbers, got {id!r:.80}: {chance!r:.80}"
    for number, step in enumerate(trajectory.steps):
        where = f"steps[{number}]"
        if not isinstance(step, TrajectoryStep):  # pyright: ignore[reportUnnecessaryIsInstance]
            yield f"{where} must be a TrajectoryStep, got {step!r:.80}"
            return
        yield from _wrong_fields(where, step, _STEP)
        yield from _wrong_fields(f"{where}.action", step.action, _ACTION)
        if step.score is not None:
            yield from _wrong_fields(f"{where}.score", step.score, _SCORE)


def _wrong_fields(where: str, value: Any, fields: Mapping[str, _Types]) -> Iterator[str]:
    for name, types in fields.items():
        given = getattr(value, name)
        if not (real(given) is not None if types == (float,) else isinstance(given, types)):
            wanted = " or ".join("None" if t is NoneType else t.__name__ for t in types)
            yield f"{where}.{name} must be {wanted}, got {given!r:.80}"
