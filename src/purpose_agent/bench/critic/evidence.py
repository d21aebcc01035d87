"""Asks the evidence critic about a sample of states, once each, and writes the answers as they come.

A small model takes seconds for a score, so it is asked about a sample: held-out states at fixed step numbers, task by
task, which are graded; and about as many train states, which calibrate it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import msgspec

from purpose_agent.bench.critic.episodes import HELD_OUT, TRAINING, SeenEpisode
from purpose_agent.bench.line_file import LineFile
from purpose_agent.critics import Reading
from purpose_agent.errors import ModelError, describe_error
from purpose_agent.evidence_critic import EvidenceCritic
from purpose_agent.llm_backend.usage import Usage, collect_usage

STEPS = (2, 5, 10, 18, 30, 45, 65, 90)
"""Numbers of the states of a held-out episode that are sampled: few, so that the sample reaches many episodes, and
the same in all, so that they meet at equal step numbers."""

PER_TRAIN_EPISODE = 2
"""States of a train episode that are sampled."""

MAX_FAILURES = 3
"""After so many in a row the model is not asked again."""

Where = tuple[str, int, int]
"""Part, index of the episode, number of the state."""


class EvidenceScore(msgspec.Struct, frozen=True, kw_only=True):
    """What the evidence critic said about one state.

    Attributes:
        part: of the episode.
        index: of the episode.
        number: of the state.
        progress: in [0, 1]; None for an abstention.
        confidence: its own.
        evidence: its quotation.
        reasoning: its sentence.
        seconds: wall time of the answer.
        prompt_tokens: read, cached ones included.
        completion_tokens: written.
        error: why there is no answer; empty when there is one.
    """

    part: str
    index: int
    number: int
    progress: float | None = None
    confidence: float = 0.0
    evidence: str = ""
    reasoning: str = ""
    seconds: float = 0.0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    error: str = ""

    @property
    def where(self) -> Where:
        """Which state."""
        return (self.part, self.index, self.number)

    @property
    def reading(self) -> Reading:
        """As combination needs it; an answer that did not come is an abstention."""
        return Reading(self.progress, self.confidence, self.evidence, self.reasoning)


class EvidenceScores:
    """The answers of the evidence critic.

    Args:
        path: where they are kept; None for in memory only.
    """

    def __init__(self, path: Path | None) -> None:
        self._file = LineFile(path, EvidenceScore)

    def __iter__(self) -> Iterator[EvidenceScore]:
        return iter(self._file.lines)

    def __len__(self) -> int:
        return len(self._file.lines)

    @property
    def readings(self) -> dict[Where, Reading]:
        """By state."""
        return {score.where: score.reading for score in self._file.lines}

    def add(self, score: EvidenceScore) -> None:
        """Keep an answer."""
        self._file.add([score])


class SampledState(NamedTuple):
    """A state that the model is asked about."""

    episode: SeenEpisode
    number: int

    @property
    def where(self) -> Where:
        """Which state."""
        return (self.episode.part, self.episode.index, self.number)


def sample(
    training: Sequence[SeenEpisode], held_out: Sequence[SeenEpisode], count: int, seed: int
) -> list[SampledState]:
    """At most ``count`` held-out states and as many train states, train and held-out ones in turn."""
    if not count:
        return []
    graded = [SampledState(e, n) for e in held_out for n in STEPS if n in e.open_states][:count]
    episodes = max(1, count // PER_TRAIN_EPISODE)
    calibrating: list[SampledState] = []
    for turn in range(min(episodes, len(training))):
        episode = training[turn * len(training) // min(episodes, len(training))]
        rng = Random(f"{seed} evidence {episode.index}")
        numbers = rng.sample(episode.open_states, min(PER_TRAIN_EPISODE, len(episode.open_states)))
        calibrating += [SampledState(episode, number) for number in sorted(numbers)]
    mixed: list[SampledState] = []
    for place in range(max(len(graded), len(calibrating))):
        mixed += calibrating[place : place + 1] + graded[place : place + 1]
    return mixed


def ask(
    critic: EvidenceCritic,
    states: Sequence[SampledState],
    scores: EvidenceScores,
    run: Any,
    report: Callable[[EvidenceScore], None],
) -> str:
    """Ask about the states that have no answer yet; returns why it stopped early, or nothing.

    Args:
        critic: the evidence critic.
        states: to ask about.
        scores: known answers; new ones are added.
        run: runs a coroutine.
        report: told of each answer.
    """
    known = scores.readings
    failures = 0
    for sampled in states:
        if sampled.where in known:
            continue
        score = run(_asked(critic, sampled))
        if score.error:
            failures += 1
            if failures == MAX_FAILURES:
                return f"the model failed {failures} times in a row and was not asked again: {score.error}"
            continue
        failures = 0
        scores.add(score)
        report(score)
    return ""


async def _asked(critic: EvidenceCritic, sampled: SampledState) -> EvidenceScore:
    used: list[Usage] = []
    session = critic.follow(sampled.episode.record.purpose)
    session.arrive(sampled.episode.state(sampled.number), None, ())
    part, index, number = sampled.where
    started = time.perf_counter()
    try:
        with collect_usage(used.append):
            reading = await session.read(keep=False)
    except ModelError as error:
        return EvidenceScore(part=part, index=index, number=number, error=describe_error(error)[:300])
    usage = sum(used, Usage())
    return EvidenceScore(
        part=part,
        index=index,
        number=number,
        progress=reading.progress,
        confidence=reading.confidence,
        evidence=reading.evidence,
        reasoning=reading.reasoning,
        seconds=round(time.perf_counter() - started, 4),
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
    )


def graded_states(scores: EvidenceScores) -> set[Where]:
    """Held-out states that the model has answered about."""
    return {score.where for score in scores if score.part == HELD_OUT}


def calibrating_states(scores: EvidenceScores) -> set[Where]:
    """Train states that the model has answered about."""
    return {score.where for score in scores if score.part == TRAINING}
