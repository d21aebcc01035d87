"""What a run would know about its critics after so many train episodes: models, calibrations and skills.

The train episodes are taken in as a store's are: critics read an episode before its outcome is known, the readings are
remembered with the outcome, and maps and skills are fitted anew now and then.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from purpose_agent import calibrating
from purpose_agent.bench.critic.episodes import SeenEpisode
from purpose_agent.bench.critic.evidence import Where
from purpose_agent.calibrating import Calibrated, take_in
from purpose_agent.combination import Opinion, Said, Voice, combine
from purpose_agent.critics import Reading
from purpose_agent.evidence_critic import MIN_CONFIDENCE
from purpose_agent.memory.experience_critic import ExperienceSession
from purpose_agent.memory.goals.models import GoalModels
from purpose_agent.memory.values.record import EpisodeRecord
from purpose_agent.types import Snapshot

EXPERIENCE, EVIDENCE, COMBINED = "experience", "evidence", "combined"
"""The critics of a report, and what runs make of them together."""

MODELS_EVERY = 10
"""Train episodes between two fits of the experience critic while it is calibrated, as in a value memory."""


@dataclass(frozen=True)
class Standing:
    """What is known at some moment.

    Attributes:
        n: train episodes seen.
        successes: of them.
        goals: the experience critic.
        calibrated: how far each critic's word goes.
    """

    n: int
    successes: int
    goals: GoalModels
    calibrated: Calibrated

    def opinion(self, purpose: str, readings: Mapping[str, Reading]) -> Opinion:
        """Φ of a state, by what critics read there, as a run combines it."""
        said = [
            Said(name, Voice.of(*self.calibrated.record(name, purpose)), reading)
            for name, reading in readings.items()
        ]
        return combine(said, MIN_CONFIDENCE)


def standings(
    training: Sequence[SeenEpisode], evidence: Mapping[Where, Reading], at: Sequence[int]
) -> Iterator[Standing]:
    """What is known after each of the numbers of episodes in ``at``, which ascend.

    Args:
        training: the train episodes in the order played.
        evidence: the evidence critic's readings of some of their states.
        at: not more than there are episodes.
    """
    folded = calibrating._Folded()  # pyright: ignore[reportPrivateUsage]  # its fold, without its store
    goals = GoalModels()
    records: list[EpisodeRecord] = []
    for n in range(max(at, default=0) + 1):
        if n in at:
            won = sum(episode.success for episode in training[:n])
            yield Standing(n, won, GoalModels.fit(records), folded.calibrated)
        if n == len(training):
            break
        episode = training[n]
        if n % MODELS_EVERY == 0:
            goals = GoalModels.fit(records)
        purpose = episode.record.purpose
        readings = [
            dict(
                combine(
                    [Said(name, Voice(), reading) for name, reading in read.items()], MIN_CONFIDENCE
                ).readings
            )
            for read in readings_along(goals, episode, evidence)
        ]
        take_in(folded, f"{episode.task} {n}", purpose, episode.success, readings)
        records.append(episode.record)


def readings_along(
    goals: GoalModels, episode: SeenEpisode, evidence: Mapping[Where, Reading]
) -> list[dict[str, Reading]]:
    """What each critic reads in each open state of an episode; of the evidence critic where it was asked."""
    states = [episode.state(number) for number in episode.open_states]
    found = [{EXPERIENCE: reading} for reading in experience_readings(goals, episode.record, states)]
    for number, readings in enumerate(found):
        asked = evidence.get((episode.part, episode.index, number))
        if asked is not None:
            readings[EVIDENCE] = asked
    return found


def experience_readings(
    goals: GoalModels, record: EpisodeRecord, states: Sequence[Snapshot]
) -> list[Reading]:
    """What the experience critic, as runs have it, reads in each of an episode's first states."""
    session = ExperienceSession(goals, record.purpose)
    found: list[Reading] = []
    for number, state in enumerate(states):
        step = record.steps[number - 1] if number else None
        session.arrive(state, step.action if step else None, step.admissible if step else record.admissible)
        found.append(session.known())
    return found
