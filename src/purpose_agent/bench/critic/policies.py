"""Who plays the episodes that critics are measured on: chance, a model, a learner and an expert."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Protocol

from purpose_agent.actor import ActorSession, Briefing
from purpose_agent.errors import UsageError
from purpose_agent.llm_backend.base import LLMBackend
from purpose_agent.memory.values.memory import ValueMemory
from purpose_agent.memory.values.record import EpisodeRecord
from purpose_agent.types import Action, Snapshot

RANDOM, MODEL, LEARNED, EXPERT = "random", "model", "learned", "expert"
"""The policies, in the order in which they take turns."""

LABELS: Mapping[str, str] = {
    RANDOM: "uniform random",
    MODEL: "model without memory",
    LEARNED: "learned (value memory)",
    EXPERT: "expert (gold path, half of the time with detours)",
}

DETOUR = 0.25
"""Chance that an expert who strays does something else before the next command of its path."""


@dataclass(frozen=True)
class Arrival:
    """Where a policy is.

    Attributes:
        state: the present state, without a score.
        text: it in words, or what went wrong.
        offered: what may be done.
        score: true progress; None for those who may not know.
        done: whether the world ended the episode.
        success: the verdict.
        error: what went wrong with the last command.
    """

    state: Snapshot
    text: str
    offered: Sequence[Action]
    score: float | None
    done: bool
    success: bool
    error: str | None = None

    @property
    def commands(self) -> tuple[str, ...]:
        """What may be done, as commands."""
        return tuple(action.command for action in self.offered)


class Policy(Protocol):
    """Plays one episode."""

    told_score: bool
    """Whether it is told the environment's score."""

    async def begin(self, purpose: str, first: Arrival) -> None:
        """Take in the first state."""
        ...

    async def choose(self, now: Arrival) -> Action:
        """What to do next; a command that is not offered may be refused by the world."""
        ...

    async def observe(self, before: Arrival, action: Action, after: Arrival) -> None:
        """Take in what an action led to."""
        ...


class RandomPolicy:
    """Picks uniformly among what is offered.

    Args:
        rng: decides.
    """

    told_score = False

    def __init__(self, rng: Random) -> None:
        self._rng = rng

    async def begin(self, purpose: str, first: Arrival) -> None:
        """See `Policy.begin`."""

    async def choose(self, now: Arrival) -> Action:
        """See `Policy.choose`."""
        return self._rng.choice(now.offered)

    async def observe(self, before: Arrival, action: Action, after: Arrival) -> None:
        """See `Policy.observe`."""


class ExpertPolicy(RandomPolicy):
    """Follows a solution; a straying one does other things in between, and may not find back.

    Args:
        path: commands that solve the task.
        strays: whether it makes detours.
        rng: decides about them.
    """

    def __init__(self, path: Sequence[str], strays: bool, rng: Random) -> None:
        super().__init__(rng)
        self._path = list(path)
        self._strays = strays

    async def choose(self, now: Arrival) -> Action:
        """See `Policy.choose`."""
        if not self._path or (self._strays and self._rng.random() < DETOUR):
            return self._rng.choice(now.offered)
        command = self._path.pop(0)
        return next((action for action in now.offered if action.command == command), Action(command))


class ModelPolicy:
    """A model without memory: the actor as runs have it.

    Args:
        llm: the model.
    """

    told_score = False

    def __init__(self, llm: LLMBackend) -> None:
        self._llm = llm
        self._session: ActorSession | None = None
        self._reply = ""

    async def begin(self, purpose: str, first: Arrival) -> None:
        """See `Policy.begin`."""
        briefing = Briefing(purpose, "", first.state, decision="choice", may_finish=False)
        self._session = ActorSession(self._llm, briefing)

    async def choose(self, now: Arrival) -> Action:
        """See `Policy.choose`."""
        assert self._session is not None
        self._session.compact()
        proposal = await self._session.propose(now.state, now.offered)
        assert proposal.action is not None  # in `choice` every reply is an offered action
        self._reply = proposal.reply
        return proposal.action

    async def observe(self, before: Arrival, action: Action, after: Arrival) -> None:
        """See `Policy.observe`."""
        assert self._session is not None
        self._session.observe(before.state, action, self._reply, after.state, after.error)


class LearnedPolicy:
    """What a value memory leaves to choose from, drawn at random.

    Args:
        memory: only read.
        explore: whether what an action would teach counts.
        rng: draws.
        progress: ``visible``: it is told the environment's score; ``hidden``: it is told the end only, and estimates
            progress from experience where it can; ``zero``: its progress is 0 until the end.
    """

    def __init__(self, memory: ValueMemory, explore: bool, rng: Random, progress: str = "hidden") -> None:
        if progress not in ("visible", "hidden", "zero"):
            raise UsageError(f"progress must be 'visible', 'hidden' or 'zero', got {progress!r}")
        self.told_score = progress == "visible"
        self._memory = memory
        self._explore = explore
        self._rng = rng
        self._zero = progress == "zero"
        self._cursor = memory.episode("")

    def _begin(self, purpose: str) -> None:
        self._cursor = self._memory.episode(purpose, seed=self._rng.randrange(2**31), explore=self._explore)

    def record(self) -> EpisodeRecord:
        """The episode so far, with what was told of progress."""
        return self._cursor.record()

    async def begin(self, purpose: str, first: Arrival) -> None:
        """See `Policy.begin`."""
        self._begin(purpose)
        self._cursor.begin(first.text, first.commands, self._told(first))

    async def choose(self, now: Arrival) -> Action:
        """See `Policy.choose`."""
        return now.offered[self._rng.choice(self._cursor.shortlist())]

    async def observe(self, before: Arrival, action: Action, after: Arrival) -> None:
        """See `Policy.observe`."""
        success = after.success if after.done else None
        self._cursor.observe(
            action.command, after.text, after.commands, self._told(after), after.done, success
        )

    def _told(self, now: Arrival) -> float | None:
        return float(now.success) if self._zero else now.score
