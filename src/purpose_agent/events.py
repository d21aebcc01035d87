"""What happens in a run, as a tagged union of frozen events.

The loop emits them and nothing else: the journal, streaming, the page, resume and the experience replay all read
these. An event holds what changed, never a copy of what came before.
"""

from __future__ import annotations

from typing import Any

import msgspec

from purpose_agent.llm_backend.usage import Usage


class StateRecord(msgspec.Struct, frozen=True):
    """A state as it is stored; see `State` for the fields."""

    data: dict[str, Any]
    summary: str | None
    timestamp: float
    id: str


class ActionRecord(msgspec.Struct, frozen=True):
    """An action as it is stored; see `Action` for the fields."""

    name: str
    params: dict[str, Any]
    thought: str = ""
    expected_delta: str = ""
    cited: list[str] = []


class VerdictRecord(msgspec.Struct, frozen=True):
    """A verdict as it is stored; see `Verdict` for the fields."""

    score: float | None
    success: bool | None = None
    reason: str = ""


class ScoreRecord(msgspec.Struct, frozen=True):
    """A purpose score as it is stored; see `PurposeScore` for the fields."""

    phi_before: float
    phi_after: float
    delta: float
    reasoning: str = ""
    evidence: str = ""
    confidence: float = 0.0


class RunStarted(msgspec.Struct, frozen=True, tag="run_started"):
    """A run began.

    Attributes:
        run_id: identifier; the episode's too.
        purpose: the goal.
        task: the task in words.
        state: the first state.
        verdict: the one that stands on it, if any.
        max_steps: the bound that was asked for.
        early_stop_phi: where Φ ends the run.
        decision: ``react`` or ``choice``.
        learning: whether the run teaches.
        seed: of the task and of every random draw in the run.
        options: passed to ``reset``.
        limits: the bounds that are set.
        environment: what it ran in: a spec where there is one, else a class name.
        model: what decided.
        shown: ids of the memory items in the prompt's prefix.
        created_at: seconds since the epoch, for display only.
        example: id of the solved episode that was shown as an example.
        propensities: id of each item that was selected to the probability with which it was to be shown.
        withheld: ids of those that belong into the prompt's prefix and were withheld at random.
        withheld_tips: ids of the tips that will not come with their action's observations.
        trust: a `Trust` value where strangers may write what the environment shows; "" where not.
        held_out: whether nothing was used that earlier attempts at this very task taught.
        probing: id of the item that was tried out in this run; it was shown when it is in ``shown``.
    """

    run_id: str
    purpose: str
    task: str
    state: StateRecord
    verdict: VerdictRecord | None
    max_steps: int
    early_stop_phi: float
    decision: str
    learning: bool
    seed: int | None
    options: dict[str, Any] | None
    limits: dict[str, float]
    environment: str
    model: str
    shown: list[str]
    created_at: float
    example: str | None = None
    propensities: dict[str, float] = {}
    withheld: list[str] = []
    withheld_tips: list[str] = []
    trust: str = ""
    held_out: bool = False
    probing: str = ""


class RunResumed(msgspec.Struct, frozen=True, tag="run_resumed"):
    """A run that was left went on after ``step`` finished steps."""

    step: int
    created_at: float


class StepStarted(msgspec.Struct, frozen=True, tag="step_started"):
    """The actor is asked for the action of this step."""

    step: int


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """A proposed action was not carried out and the actor was told why.

    ``by`` is ``schema`` (not offered, wrong params, unreadable), ``human`` or ``policy``.
    """

    step: int
    proposal: str
    reason: str
    by: str


class Recalled(msgspec.Struct, frozen=True, tag="recalled"):
    """The actor read the body of a procedural item; it cost no step of the environment."""

    step: int
    memory_id: str
    found: bool


UNASKED = frozenset({"habit", "explore"})
"""Sources of decisions that were taken without asking the model, so that it was shown nothing."""


class Decided(msgspec.Struct, frozen=True, tag="decided"):
    """The action of this step, about to be executed.

    ``source`` is as in `TrajectoryStep`; ``offered`` is the number of admissible actions,
    0 where the environment lists none.
    """

    step: int
    action: ActionRecord
    source: str
    offered: int = 0


class Executed(msgspec.Struct, frozen=True, tag="executed"):
    """The environment answered: the step is finished and durable from here on.

    Attributes:
        step: counts from 1.
        state: the new state, None when its content is that of the state before.
        error: what the environment raised, if it did.
        verdict: the one that stands on the new state, if any: the environment's, then a person's, then a checker's.
        terminal: whether it says the episode is over.
        seconds: from the start of the decision.
        usage: model usage by role since the last event that reports usage.
        shown: ids of memory items shown with this step's observation.
        withheld: ids of those that belong to it and were withheld at random.
    """

    step: int
    state: StateRecord | None
    error: str | None
    verdict: VerdictRecord | None
    terminal: bool
    seconds: float
    usage: dict[str, Usage]
    shown: list[str] = []
    withheld: list[str] = []


class Scored(msgspec.Struct, frozen=True, tag="scored"):
    """Φ of the step's new state.

    Attributes:
        step: whose new state it is.
        score: Φ before and after.
        by: ``verdict`` (the environment's), ``human``, ``checker``, or the critics' names joined by ``+``.
        readings: what each critic read, in [0, 1], before calibration.
        verdict: the one that stands from now on, where a person changed it; None where nobody did.
    """

    step: int
    score: ScoreRecord
    by: str
    readings: dict[str, float] = {}
    verdict: VerdictRecord | None = None


class Compacted(msgspec.Struct, frozen=True, tag="compacted"):
    """The conversation grew too long: its ``turns`` oldest turns were replaced by a summary."""

    step: int
    turns: int


class HumanDecided(msgspec.Struct, frozen=True, tag="human_decided"):
    """A person decided something; ``kind`` is an `InterruptType` value."""

    step: int
    kind: str
    approved: bool
    message: str = ""


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """A part failed and the run dealt with it.

    ``part`` is ``actor``, ``critic``, ``checker``, ``environment``, ``distiller``, ``memory``, ``callback``,
    ``policy`` or ``engine``.
    """

    step: int
    part: str
    error: str
    transient: bool = False


class RunFinished(msgspec.Struct, frozen=True, tag="run_finished"):
    """A run ended, for good unless ``stop_reason`` is ``interrupted``.

    Attributes:
        stop_reason: a `StopReason` value.
        success: by the one definition of success.
        final_phi: None when nothing was scored.
        steps: finished steps.
        seconds: wall time of the whole run.
        usage: usage by role of the whole run.
        error: what went wrong, if it ended in an error.
        detail: what a person should know beyond that, e.g. which limit.
    """

    stop_reason: str
    success: bool
    final_phi: float | None
    steps: int
    seconds: float
    usage: dict[str, Usage]
    error: str | None = None
    detail: str = ""


class Learned(msgspec.Struct, frozen=True, tag="learned"):
    """What the run taught, after it ended.

    Attributes:
        added: ids of new heuristics.
        credited: ids of the items whose statistics the outcome changed.
        value_memory: whether the value memory took the episode in.
        usage: what the distillers' models used.
    """

    added: list[str]
    credited: list[str]
    value_memory: bool
    usage: dict[str, Usage] = {}


Event = (
    RunStarted
    | RunResumed
    | StepStarted
    | Refused
    | Recalled
    | Decided
    | Executed
    | Scored
    | Compacted
    | HumanDecided
    | Failed
    | RunFinished
    | Learned
)
"""Everything that can happen in a run."""

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Event] = msgspec.msgpack.Decoder(Event)


def encode_event(event: Event) -> bytes:
    """The event as msgpack."""
    return _encoder.encode(event)


def decode_event(payload: bytes) -> Event:
    """The event of `encode_event`'s bytes.

    Raises:
        msgspec.ValidationError, msgspec.DecodeError: the bytes are not an event.
    """
    return _decoder.decode(payload)
