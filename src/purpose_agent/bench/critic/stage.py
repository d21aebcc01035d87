"""Where the episodes of a critic's report are played: one world, driven without an orchestrator around it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from random import Random
from typing import Any

from purpose_agent.bench.critic.episodes import without_score
from purpose_agent.bench.critic.policies import Arrival, Policy
from purpose_agent.bench.stream import Task, purpose_of
from purpose_agent.bridge import SyncBridge
from purpose_agent.environment_host import EnvironmentHost
from purpose_agent.errors import EnvironmentFailure, UsageError
from purpose_agent.memory.values.record import EpisodeRecord, Transition
from purpose_agent.types import Action, Snapshot

MAX_STEPS = 25
"""Of an episode where the world does not say."""


@dataclass
class Course:
    """An episode that was played.

    Attributes:
        purpose: of the task.
        arrivals: the first state and the one after each step.
        commands: what led from one to the next.
        dense: true progress of each state.
        seconds: wall time.
    """

    purpose: str
    arrivals: list[Arrival] = field(default_factory=list[Arrival])
    commands: list[str] = field(default_factory=list[str])
    dense: list[float] = field(default_factory=list[float])
    seconds: float = 0.0

    @property
    def success(self) -> bool:
        """The verdict of the last state."""
        return self.arrivals[-1].success

    def record(self) -> EpisodeRecord:
        """The episode without any score but the end's."""
        first, *rest = self.arrivals
        steps = [
            Transition(command, now.text, now.commands, None, now.done, now.success if now.done else None)
            for command, now in zip(self.commands, rest, strict=True)
        ]
        return EpisodeRecord(self.purpose, first.text, first.commands, tuple(steps), None)


class Stage:
    """Plays episodes.

    Args:
        world: the environment.

    Raises:
        UsageError: it does not verify, or does not list what may be done.
    """

    def __init__(self, world: Any) -> None:
        self.world = world
        self._host = EnvironmentHost(world)
        self._bridge = SyncBridge()
        self.max_steps = self._host.max_steps or MAX_STEPS
        for able, what in (
            (self._host.verifies, "verdicts to grade critics with"),
            (self._host.lists_admissible, "admissible actions to choose from"),
        ):
            if not able:
                raise UsageError(f"{self._host.name} offers no {what}; choose another environment")

    @property
    def has_gold(self) -> bool:
        """Whether the world knows solutions."""
        return callable(getattr(self.world, "gold_path", None))

    @property
    def run(self) -> Any:
        """Runs a coroutine on this stage's event loop."""
        return self._bridge.run

    def close(self) -> None:
        """End the world."""
        self._bridge.run(self._host.close())
        self._bridge.close()

    def play(self, task: Task, policy: Policy, rng: Random) -> Course:
        """Play an episode to its end, or to the step limit.

        Raises:
            UsageError: the world cannot make the task.
            EnvironmentFailure: it broke, or does not tell its score.
            ModelError: the policy's model could not answer.
        """
        return self._bridge.run(self._play(task, policy, rng))

    async def _play(self, task: Task, policy: Policy, rng: Random) -> Course:
        started = time.perf_counter()
        state = await self._host.reset(task.seed, task.options)
        purpose = getattr(self.world, "purpose", None)
        course = Course(purpose if isinstance(purpose, str) and purpose else purpose_of(self.world, task))
        now = await self._arrive(course, state, None, policy)
        await policy.begin(course.purpose, now)
        while len(course.commands) < self.max_steps and not now.done and now.offered:
            action = await policy.choose(now)
            outcome = await self._host.execute(action, state)
            if outcome.error is not None and action.command not in now.commands:
                action = rng.choice(now.offered)
                outcome = await self._host.execute(action, state)
            state = outcome.state
            course.commands.append(action.command)
            after = await self._arrive(course, state, outcome.error, policy)
            await policy.observe(now, action, after)
            now = after
        course.seconds = time.perf_counter() - started
        return course

    async def _arrive(self, course: Course, state: Snapshot, error: str | None, policy: Policy) -> Arrival:
        verdict = await self._host.verdict(state)
        if verdict is None or verdict.score is None:
            raise EnvironmentFailure(
                f"{self._host.name} does not tell its score in the state {state.describe()!r:.100}; "
                "critics cannot be graded there"
            )
        success = verdict.success is True
        done = success or await self._host.is_terminal(state)
        offered: list[Action] = [] if done else await self._host.admissible(state)
        course.dense.append(float(verdict.score))
        seen = without_score(state)
        score = float(verdict.score) if policy.told_score else None
        now = Arrival(seen, error or seen.describe(), offered, score, done, success, error)
        course.arrivals.append(now)
        return now
