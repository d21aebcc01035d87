"""The recorded form of an episode: all that a value memory needs to learn from it, now or years later."""

from __future__ import annotations

import msgspec


class Transition(msgspec.Struct, frozen=True, array_like=True):
    """One step: the action taken and what came of it."""

    action: str
    """The action as it was listed among the admissible ones."""
    observation: str
    """The text that the action returned."""
    admissible: tuple[str, ...]
    """The actions that may follow, without duplicates."""
    score: float | None
    """Task progress in [0, 1] after the action; None when the environment does not tell it."""
    done: bool
    """True when the environment ended the task. False at a step limit: a truncated episode is not a failed one."""
    success: bool | None
    """The environment's verdict; None when it gave none."""


class EpisodeRecord(msgspec.Struct, frozen=True, array_like=True):
    """A whole episode: where it began and its transitions in order."""

    purpose: str
    """The goal in natural language."""
    observation: str
    """The first text."""
    admissible: tuple[str, ...]
    """The first admissible actions."""
    steps: tuple[Transition, ...]
    """What was done, in order."""
    score: float | None = 0.0
    """Task progress in [0, 1] before the first action; None when the environment tells only the end."""

    @property
    def hidden(self) -> bool:
        """Whether the environment tells no progress before the end."""
        return self.score is None

    @property
    def verified(self) -> bool:
        """Whether ground truth says how it ended: the environment tells the end, or told it."""
        return bool(self.steps) and (self.score is None or self.steps[-1].success is not None)

    @property
    def success(self) -> bool:
        """True when the last step was verified as a success."""
        return bool(self.steps) and self.steps[-1].success is True

    @property
    def gained(self) -> bool:
        """Whether it got anywhere, as far as the environment told: the score rose, or it was a success."""
        first = self.score or 0.0
        return self.success or any(step.score is not None and step.score > first for step in self.steps)
