"""The words of the framework: state, action, score, step, trajectory, heuristic.

Users build `State` and `Action` freely. What the framework records are *snapshots*: deep copies that nobody
can change, with a fingerprint that is equal for equal content in every process.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from purpose_agent.freeze import (
    encodable,
    fingerprint_of,
    frozen_copy,
    json_text,
    pack,
    plain_copy,
    unpack,
)
from purpose_agent.numeric import is_number, plain, real

PHI_MAX = 10.0
"""Φ lies in [0, PHI_MAX]."""

SUCCESS_PHI = 7.0
"""Where there is no verdict, a task counts as solved when Φ is above this."""


def new_id() -> str:
    """A fresh identifier: 12 hexadecimal digits."""
    return os.urandom(6).hex()


@dataclass(eq=False)
class State:
    """What the agent and the critic can see of the world at one moment.

    Two states are equal when their content (``data`` and ``summary``) is; time and id do not count.

    Attributes:
        data: JSON-able content.
        summary: text shown instead of ``data`` where a person or a model reads the state.
        timestamp: seconds since the epoch, for display only; None: now.
        id: an identifier, for display only; None: a new one.
    """

    data: dict[str, Any]
    summary: str | None = None
    timestamp: float = field(default_factory=time.time)
    id: str = field(default_factory=new_id)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, State):
            return NotImplemented
        return self.data == other.data and self.summary == other.summary

    __hash__ = None  # type: ignore[assignment]

    def describe(self) -> str:
        """The state as text: the summary where there is one, else all of ``data`` as indented JSON."""
        if self.summary is not None:
            return self.summary
        return json_text(plain_copy(self.data), indent=2)

    @property
    def fingerprint(self) -> str:
        """32 hexadecimal digits that depend on the content alone: equal content, equal in every process."""
        return self.snapshot().fingerprint

    def snapshot(self) -> Snapshot:
        """A deep copy that raises TypeError when somebody tries to change it.

        Raises:
            TypeError: ``data`` is not a dict, or ``timestamp`` not a number.
            ValueError: ``data`` refers to itself or is nested too deeply.
        """
        return Snapshot.of(self)

    def thaw(self) -> State:
        """A deep copy that may be changed freely, with the same time and id."""
        return State(plain_copy(self.data), self.summary, self.timestamp, self.id)


class Snapshot(State):
    """A state that cannot be changed; `State.snapshot` makes it."""

    _packed: bytes
    _fingerprint: str
    _text: str | None

    @classmethod
    def of(cls, state: State) -> Snapshot:
        """The snapshot of a state; a snapshot is returned as it is."""
        if isinstance(state, Snapshot):
            return state
        data: Any = state.data
        if not isinstance(data, dict):
            raise TypeError(f"State.data must be a dict, got {type(data).__name__}: {data!r:.80}")
        summary: Any = state.summary
        frozen = frozen_copy(state.data)
        text = None if summary is None else plain_copy(str(summary))
        made = cls.__new__(cls)
        made.__dict__.update(
            data=frozen,
            summary=text,
            timestamp=_seconds(state.timestamp),
            id=_identifier(state.id),
            _packed=pack(frozen),
            _fingerprint=fingerprint_of({"data": frozen, "summary": text}),
            _text=text,
        )
        return made

    @property
    def fingerprint(self) -> str:
        """See `State.fingerprint`; computed once."""
        return self._fingerprint

    def describe(self) -> str:
        """See `State.describe`; computed once."""
        text = self._text
        if text is None:
            text = self.__dict__["_text"] = json_text(self.data, indent=2)
        return text

    def thaw(self) -> State:
        """See `State.thaw`."""
        return State(unpack(self._packed), self.summary, self.timestamp, self.id)

    def __setattr__(self, name: str, value: Any) -> None:
        raise TypeError(
            f"a snapshot cannot be changed (tried to set {name!r}); use .thaw() for a copy that can"
        )

    def __delattr__(self, name: str) -> None:
        raise TypeError(f"a snapshot cannot be changed (tried to delete {name!r})")

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild_snapshot, (unpack(self._packed), self.summary, self.timestamp, self.id))

    def __deepcopy__(self, memo: dict[int, Any]) -> State:
        return self.thaw()


def _seconds(timestamp: Any) -> float:
    """When a state was; now, where nobody says."""
    if type(timestamp) is float:
        return timestamp
    seconds = time.time() if timestamp is None else real(timestamp)
    if seconds is None:
        raise TypeError(f"State.timestamp must be a number of seconds, got {timestamp!r:.80}")
    return seconds


def _identifier(id: Any) -> str:
    return new_id() if id is None else encodable(str(id))


def _rebuild_snapshot(data: dict[str, Any], summary: str | None, timestamp: float, id: str) -> Snapshot:
    return Snapshot.of(State(data, summary, timestamp, id))


@dataclass
class Action:
    """One decision: what to do, and why the actor thinks so.

    Attributes:
        name: the action's name; in environments that list admissible actions it may be a whole command.
        params: its arguments, JSON-able.
        thought: the actor's reasoning. The critic never sees it.
        expected_delta: what the actor predicts will change. The critic never sees it.
        cited: ids of the memory items the actor says it used.
    """

    name: str
    params: dict[str, Any] = field(default_factory=dict[str, Any])
    thought: str = ""
    expected_delta: str = ""
    cited: list[str] = field(default_factory=list[str])

    def describe(self) -> str:
        """``name(json params)``, as prompts and distillers show it."""
        return f"{self.name}({json_text(plain_copy(self.params)) if self.params else '{}'})"

    @property
    def command(self) -> str:
        """The shortest unambiguous text: the bare name when there are no params, else `describe`."""
        return self.describe() if self.params else self.name

    @property
    def key(self) -> str:
        """Equal for actions that do the same thing: the name and the params in a fixed order."""
        return f"{self.name}({json_text(plain_copy(self.params), sort_keys=True) if self.params else '{}'})"

    @property
    def is_done(self) -> bool:
        """Whether this is the agent's own claim to have finished: ``DONE`` in any case."""
        return self.name.strip().upper() == "DONE"


@dataclass(frozen=True)
class Verdict:
    """Ground truth about a state, from an environment, a person or a checker.

    Attributes:
        score: progress in [0, 1]; None when it is not known or not told, as in a world that tells only at the end
            whether the task is achieved. Φ then comes from the critics.
        success: True achieved, False not (yet) achieved, None unknown.
        reason: why, for people.

    Scalars of numpy become plain numbers and bools, and a reason that is no text becomes one.

    Raises:
        ValueError: ``score`` is not a number in [0, 1], or neither score nor success is given.
    """

    score: float | None
    success: bool | None = None
    reason: str = ""

    def __post_init__(self) -> None:
        score: Any = plain(self.score)
        if score is not None and not (is_number(score) and 0.0 <= score <= 1.0):  # nor NaN
            raise ValueError(f"Verdict.score must be a number in [0, 1] or None, got {self.score!r}")
        success: Any = plain(self.success)
        if success is not None and not isinstance(success, bool):
            raise ValueError(f"Verdict.success must be True, False or None, got {success!r}")
        reason: Any = self.reason
        reason = "" if reason is None else str(reason)
        if score is not self.score or success is not self.success or reason is not self.reason:
            self.__dict__.update(score=score, success=success, reason=reason)
        if score is None and success is None:
            raise ValueError("a Verdict needs a score or a success; where nothing is known, give None for it")

    @property
    def progress(self) -> float | None:
        """The score, 1 for a success without one; None when progress is not told."""
        return 1.0 if self.score is None and self.success else self.score


@dataclass
class PurposeScore:
    """How a step changed the potential Φ.

    Attributes:
        phi_before: Φ of the state before, in [0, 10].
        phi_after: Φ of the state after, in [0, 10].
        delta: phi_after - phi_before.
        reasoning: why, from whoever scored the state after.
        evidence: the quotation from the state after that supports the score.
        confidence: in [0, 1]; 1 for a verdict, 0 for an abstention (then Φ is carried over).
    """

    phi_before: float
    phi_after: float
    delta: float
    reasoning: str = ""
    evidence: str = ""
    confidence: float = 0.0

    @property
    def improved(self) -> bool:
        """Whether the step raised Φ."""
        return self.delta > 0


@dataclass
class TrajectoryStep:
    """One transition.

    Attributes:
        state_before: snapshot before the action.
        action: the action as executed.
        state_after: snapshot after it; the same content when the action failed.
        score: None when nothing could score the step.
        step_index: counts from 1.
        wall_time_s: seconds from the start of the decision to the record.
        error: what went wrong in the environment, if anything.
        verdict: the one that stands on ``state_after``, if any: the environment's; what it leaves open is filled by a
            person's override, and what that leaves open by a checker.
        source: who decided: ``model``, ``habit`` or ``explore`` (the value memory, by what it knows or out of
            curiosity, without asking the model), ``policy`` or ``human``.
    """

    state_before: State
    action: Action
    state_after: State
    score: PurposeScore | None = None
    step_index: int = 0
    wall_time_s: float = 0.0
    error: str | None = None
    verdict: Verdict | None = None
    source: str = "model"

    @property
    def changed_nothing(self) -> bool:
        """Whether the state after it has the content of the state before."""
        return self.state_before.fingerprint == self.state_after.fingerprint


@dataclass
class Trajectory:
    """All steps of one attempt at one task.

    Attributes:
        task_description: the task in words.
        purpose: the goal the critic scores against.
        steps: in order.
        id: equal to the run's id.
        created_at: seconds since the epoch, for display only.
        verdict: the one that stands on the final state, if any.
        stop_reason: why the attempt ended; see `StopReason`.
        seed: the seed of the task, where there was one.
        options: what was passed to ``reset``, where anything was.
        shown: ids of the memory items that were shown during the attempt.
        withheld: ids of those that would have been shown, had they not been withheld at random.
        propensities: item id to the probability with which it was to be shown, for items that chance decided about.
        trust: `Trust.ENVIRONMENT` or `Trust.IMPORT` where strangers may have written what was observed; None where not.
    """

    task_description: str
    purpose: str
    steps: list[TrajectoryStep] = field(default_factory=list[TrajectoryStep])
    id: str = field(default_factory=new_id)
    created_at: float = field(default_factory=time.time)
    verdict: Verdict | None = None
    stop_reason: str = ""
    seed: int | None = None
    options: dict[str, Any] | None = None
    shown: list[str] = field(default_factory=list[str])
    withheld: list[str] = field(default_factory=list[str])
    propensities: dict[str, float] = field(default_factory=dict[str, float])
    trust: Trust | None = None

    @property
    def cumulative_reward(self) -> float:
        """The sum of positive deltas. For display only: an oscillating trajectory scores high on it."""
        return sum(s.score.delta for s in self.steps if s.score is not None and s.score.delta > 0)

    @property
    def total_delta(self) -> float:
        """Final Φ minus initial Φ; 0 when nothing was scored."""
        return sum(s.score.delta for s in self.steps if s.score is not None)

    @property
    def success_rate(self) -> float:
        """The share of steps that raised Φ, in [0, 1]; 0 for an empty trajectory."""
        if not self.steps:
            return 0.0
        return sum(1 for s in self.steps if s.score is not None and s.score.improved) / len(self.steps)

    @property
    def final_phi(self) -> float | None:
        """Φ after the last scored step, or None."""
        return next((s.score.phi_after for s in reversed(self.steps) if s.score is not None), None)

    @property
    def succeeded(self) -> bool:
        """The one definition of success: the verdict where there is one, else Φ > 7."""
        if self.verdict is not None and self.verdict.success is not None:
            return self.verdict.success
        phi = self.final_phi
        return phi is not None and phi > SUCCESS_PHI

    @property
    def failed_transiently(self) -> bool:
        """Whether an outage or a limit ended it, so that its failure says nothing about the task."""
        return not self.succeeded and self.stop_reason in TRANSIENT_STOPS


class StopReason(StrEnum):
    """Why a run ended. Every run has exactly one."""

    DONE = "done"
    """The actor said so."""
    EARLY_STOP = "early_stop"
    """Φ reached ``early_stop_phi``."""
    TERMINAL = "terminal"
    """The environment said so."""
    MAX_STEPS = "max_steps"
    LIMIT_MODEL_CALLS = "limit_model_calls"
    LIMIT_TOKENS = "limit_tokens"
    LIMIT_COST = "limit_cost"
    LIMIT_SECONDS = "limit_seconds"
    ABORTED = "aborted"
    """A person or a policy ended it."""
    INTERRUPTED = "interrupted"
    """The process was asked to stop; the run can be resumed."""
    MODEL_ERROR = "model_error"
    """The actor's model could not answer."""
    ENVIRONMENT_ERROR = "environment_error"
    """The environment is gone or gave something unusable."""
    STORE_ERROR = "store_error"
    """The journal could not be written; steps that were not recorded were not taken."""
    INTERNAL_ERROR = "internal_error"
    """A defect in this package or in a plugin; please report it."""


LIMIT_STOPS = frozenset(
    {
        StopReason.LIMIT_MODEL_CALLS,
        StopReason.LIMIT_TOKENS,
        StopReason.LIMIT_COST,
        StopReason.LIMIT_SECONDS,
    }
)
"""A run that used up what it was given: it teaches nothing about the task, but what was shown may be the reason."""

TRANSIENT_STOPS = LIMIT_STOPS | frozenset(
    {
        StopReason.ABORTED,
        StopReason.INTERRUPTED,
        StopReason.MODEL_ERROR,
        StopReason.ENVIRONMENT_ERROR,
        StopReason.STORE_ERROR,
        StopReason.INTERNAL_ERROR,
    }
)


class MemoryTier(StrEnum):
    """Where a heuristic belongs."""

    STRATEGIC = "strategic"
    """A dilemma and a strategy; shown in the prompt's prefix."""
    PROCEDURAL = "procedural"
    """A procedure with steps; shown as an index, its body by ``recall(id)``."""
    TOOL = "tool"
    """A tip about one action; comes back with the observation of that action."""


class HeuristicStatus(StrEnum):
    """The life cycle of a heuristic."""

    CANDIDATE = "candidate"
    CANARY = "canary"
    ACTIVE = "active"
    RETIRED = "retired"
    QUARANTINED = "quarantined"


class Trust(StrEnum):
    """Whose words a memory item is made of; taint follows from it and never fades by rewriting."""

    ACTIONS = "actions"
    """The agent's own actions and what a verifier said of them; nobody else can write these."""
    HUMAN = "human"
    """A person in the loop."""
    MODEL = "model"
    """A model's reading of an episode that a verifier called a success."""
    ENVIRONMENT = "environment"
    """Text that the environment showed, or a model's reading of it: strangers may have written it."""
    TOOL = "tool"
    """What a tool returned."""
    IMPORT = "import"
    """A file or an episode from elsewhere."""

    @property
    def tainted(self) -> bool:
        """Whether such a source must be verified or corroborated before it may influence anything."""
        return self in (Trust.ENVIRONMENT, Trust.TOOL, Trust.IMPORT)


@dataclass(frozen=True)
class Evidence:
    """Where a heuristic came from: an episode and the steps in it (counted from 1)."""

    episode_id: str
    steps: tuple[int, ...] = ()
    trust: Trust | None = None
    """Whose words it rests on; None where nobody recorded it."""


@dataclass(frozen=True)
class Uplift:
    """What showing an item is worth: the chance of success with it less the chance without it.

    Attributes:
        mean: the estimate, in [-1, 1].
        low: lower end of a 95 % interval that holds however often one looks.
        high: its upper end.
        n: randomised episodes that it rests on.
    """

    mean: float
    low: float
    high: float
    n: int = 0

    def __str__(self) -> str:
        return f"{self.mean:+.2f} [{self.low:+.2f}, {self.high:+.2f}], n = {self.n}"


@dataclass
class Heuristic:
    """A lesson.

    Attributes:
        pattern: when it applies; for a tool tip the action's name.
        strategy: what to do.
        steps: the procedure, for the procedural tier.
        tier: where it belongs.
        source_trajectory_id: the episode it was first distilled from.
        q_value: in [0, 1], a running estimate of success when shown.
        times_used: how often it was shown.
        times_succeeded: how often the episode that showed it succeeded.
        id: identifier.
        status: where it is in its life cycle.
        evidence: the episodes and steps it came from.
        source: who proposed it: a distiller's name, ``human`` or ``import``.
        tainted: whether it came from a source that is not trusted yet.
        version: counts from 1; a new version is a new record.
        parents: ids of the items it was made from.
        uplift: the causal estimate, None until there is one.
        withheld: how often it was selected and withheld.
        trust: whose words it is made of; None where nobody recorded it.
    """

    pattern: str
    strategy: str
    steps: list[str]
    tier: MemoryTier
    source_trajectory_id: str = ""
    q_value: float = 0.5
    times_used: int = 0
    times_succeeded: int = 0
    id: str = field(default_factory=new_id)
    status: HeuristicStatus = HeuristicStatus.CANARY
    evidence: list[Evidence] = field(default_factory=list[Evidence])
    source: str = ""
    tainted: bool = False
    version: int = 1
    parents: list[str] = field(default_factory=list[str])
    uplift: Uplift | None = None
    withheld: int = 0
    trust: Trust | None = None

    @property
    def shown(self) -> int:
        """How often it was shown; the same as ``times_used``."""
        return self.times_used

    @property
    def empirical_success_rate(self) -> float:
        """times_succeeded / times_used; 0 when it was never used."""
        return self.times_succeeded / self.times_used if self.times_used else 0.0

    def update_q_value(self, reward: float, alpha: float = 0.1) -> None:
        """Move ``q_value`` towards ``reward`` (both in [0, 1]) by the fraction ``alpha``."""
        self.q_value += alpha * (reward - self.q_value)


@dataclass
class MemoryRecord:
    """An episode in the experience replay, with its value."""

    trajectory: Trajectory
    heuristics: list[Heuristic] = field(default_factory=list[Heuristic])
    task_embedding: list[float] | None = None
    retrieval_q_value: float = 0.5
    id: str = field(default_factory=new_id)
