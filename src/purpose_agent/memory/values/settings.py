"""How a value memory learns and judges."""

from __future__ import annotations

from dataclasses import dataclass, fields

from purpose_agent.errors import UsageError
from purpose_agent.numeric import is_whole

_COUNTS = frozenset(("n_steps", "replays", "sweeps", "rebuild_sweeps", "capacity", "explore_every"))
_SHARES = frozenset(("rate", "discount", "greed", "setback", "averaging"))


@dataclass(frozen=True, slots=True)
class ValueSettings:
    """Settings of a value memory. One set of defaults served every world that was tried.

    Raises:
        UsageError: a setting is out of its range.
    """

    rate: float = 0.2
    """Share of its error that an action's value makes good per update, in [0, 1]."""
    discount: float = 0.9
    """Worth of a gain one step later, in [0, 1]."""
    n_steps: int = 3
    """Steps whose rewards are seen before a learned value stands for the rest, at least 1."""
    greed: float = 0.5
    """Weight of the best next action against the one taken in what follows those steps, in [0, 1]."""
    averaging: float = 0.25
    """Share of their distance by which the averaged weights, which decide when it does not explore, follow the newest
    ones after each episode, in [0, 1]; with 1 there is no averaging."""
    replays: int = 12
    """Older episodes learned from again in each pass after a new one, at least 0."""
    sweeps: int = 1
    """Passes over the newest and some older episodes after each episode, at least 0."""
    rebuild_sweeps: int = 6
    """Passes over all stored episodes when the vocabulary is renewed, at least 0."""
    capacity: int = 256
    """Episodes kept for replay, at least 1; the oldest leave first."""
    step_cost: float = 0.01
    """Taken from the reward of every step, in units of score."""
    setback: float = 0.3
    """Share of a loss of score, and of its recovery, that counts as reward; new heights always count in full."""
    failure_cost: float = 0.1
    """Taken from the reward of the step with which a task fails, beside the score that it loses, in units of score."""
    curiosity: float = 0.1
    """Exploration bonus of an action never taken in any like situation that always has news, in units of score."""
    novelty: float = 0.03
    """Worth of an action that always has news and was not taken in this episode yet, in units of score; it counts
    whether or not the episode explores: who knows of nothing better to do looks around."""
    explore_every: int = 2
    """Of so many learning episodes one explores, at least 1; the others do what is held to be best, and so get to
    where there is more to learn."""
    first_try: float = 0.3
    """Worth of a first try of what the purpose names or texts asked for, while nothing is known of the like, in units
    of score."""
    repeat_cost: float = 0.1
    """Penalty per time an action repeated its own output or lost score in this episode, in units of score."""
    advice: float = 0.3
    """Worth of an action that brings the likeliest goal nearer, where progress is not told, in units of score."""
    learned_progress: bool = True
    """Whether an own estimate of progress stands in where progress is not told; False only to see what it is worth."""
    tolerance: float = 0.01
    """Values this close are ties, in units of score."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value, name = getattr(self, field.name), field.name
            if name in _COUNTS:
                least = 1 if name in ("n_steps", "capacity", "explore_every") else 0
                if not is_whole(value) or value < least:
                    raise UsageError(
                        f"ValueSettings.{name} must be an integer of at least {least}, got {value!r}"
                    )
            elif name == "learned_progress":
                if not isinstance(value, bool):
                    raise UsageError(f"ValueSettings.{name} must be True or False, got {value!r}")
            elif name in _SHARES:
                if not 0 <= value <= 1:
                    raise UsageError(f"ValueSettings.{name} must lie between 0 and 1, got {value!r}")
            elif not 0 <= value < float("inf"):
                raise UsageError(f"ValueSettings.{name} must be a number of at least 0, got {value!r}")
