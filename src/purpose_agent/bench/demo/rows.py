"""One line per finished episode, written as they come: what a demo has done, and what a rerun need not repeat."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import msgspec

from purpose_agent.bench.play_rules import IMPOSSIBLE
from purpose_agent.events import Decided, Event, Executed, RunFinished, RunStarted, Scored
from purpose_agent.journal import restore_state
from purpose_agent.llm_backend.usage import Usage


class Job(msgspec.Struct, frozen=True):
    """An episode to be played.

    Attributes:
        arm: name of the arm.
        index: position in the arm's stream, from 0.
        fold: of the task.
        seed: of the task.
    """

    arm: str
    index: int
    fold: str
    seed: int


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A finished episode.

    Attributes:
        arm: name of the arm.
        index: position in the arm's stream, from 0.
        fold: of the task.
        seed: of the task.
        run_id: its journal is in the arm's store.
        success: by the environment's verdict.
        score: final progress in [0, 1].
        steps: taken.
        habits: of them decided by the value memory alone.
        stop_reason: why it ended.
        seconds: wall time.
        calls: requests to the actor's model.
        prompt_tokens: of all requests.
        cached_tokens: of these, not read anew.
        completion_tokens: written.
        uncached_by_step: (step, prompt tokens read anew) of every step in which the model was asked.
        first_state: digest of the first state as the agent saw it.
    """

    arm: str
    index: int
    fold: str
    seed: int
    run_id: str = ""
    success: bool = False
    score: float = 0.0
    steps: int = 0
    habits: int = 0
    stop_reason: str = ""
    seconds: float = 0.0
    calls: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    uncached_by_step: list[tuple[int, int]] = []
    first_state: str = ""

    @property
    def counts(self) -> bool:
        """Whether the task could be played at all."""
        return self.stop_reason != IMPOSSIBLE


def row_of(job: Job, events: Sequence[Event]) -> Row:
    """The row of an episode, from its journal."""
    usage = Usage()
    digest = run_id = stop_reason = source = ""
    success, score, seconds, habits, steps = False, 0.0, 0.0, 0, 0
    asked: list[tuple[int, int]] = []
    for event in events:
        match event:
            case RunStarted():
                run_id, first = event.run_id, restore_state(event.state).describe()
                digest = hashlib.blake2b(first.encode("utf-8", "replace"), digest_size=8).hexdigest()
            case Decided():
                source = event.source  # of the last decision: one that was interrupted is made again
            case Executed():
                steps += 1
                habits += source == "habit"
                used = event.usage.get("actor", Usage())
                usage += used
                if used.calls:
                    asked.append((event.step, used.uncached_tokens))
            case Scored():
                score = event.score.phi_after / 10
            case RunFinished():
                success, stop_reason, seconds = event.success, event.stop_reason, event.seconds
            case _:
                pass
    return Row(
        arm=job.arm,
        index=job.index,
        fold=job.fold,
        seed=job.seed,
        run_id=run_id,
        success=success,
        score=score,
        steps=steps,
        habits=habits,
        stop_reason=stop_reason,
        seconds=seconds,
        calls=usage.calls,
        prompt_tokens=usage.prompt_tokens,
        cached_tokens=usage.cached_tokens,
        completion_tokens=usage.completion_tokens,
        uncached_by_step=asked,
        first_state=digest,
    )
