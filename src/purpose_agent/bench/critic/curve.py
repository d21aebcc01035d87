"""How good each critic is after so many train episodes: the points of a report's curves."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import msgspec

from purpose_agent.bench.critic.bins import ece_equal_width
from purpose_agent.bench.critic.episodes import SeenEpisode
from purpose_agent.bench.critic.evidence import EvidenceScores, Where, graded_states
from purpose_agent.bench.critic.quality import (
    CriticQuality,
    Estimate,
    ScoredState,
    auroc_within_steps,
    quality,
    rank_correlation,
)
from purpose_agent.bench.critic.standing import (
    COMBINED,
    EVIDENCE,
    EXPERIENCE,
    Standing,
    experience_readings,
    readings_along,
)
from purpose_agent.critics import Reading
from purpose_agent.types import PHI_MAX

ALL, SAMPLE = "all", "sample"
"""Which held-out states: all of them, or those that the model was asked about."""

Truth = Mapping[tuple[str, int], Sequence[float]]
"""The dense score of every state of an episode, by the episode's key."""


class CriticPoint(msgspec.Struct, frozen=True, kw_only=True):
    """One critic after so many train episodes.

    Attributes:
        n: train episodes seen.
        successes: of them.
        critic: ``experience``, ``evidence`` or ``combined``.
        states: ``all`` held-out states in which a run would ask a critic, or the ``sample`` that the model was asked
            about; critics are to be compared on the same states only.
        quality: of Φ after calibration.
        rank_correlation_with_verdict: the rank correlation with the last state counted where the world ended the
            episode: there Φ is the verdict, as in a run. None on a sample.
        ece_equal_width: calibration error over bins of equal width; see `bench.critic.bins`.
    """

    n: int
    successes: int
    critic: str
    states: str
    quality: CriticQuality
    rank_correlation_with_verdict: Estimate | None = None
    ece_equal_width: Estimate | None = None


class CriticCost(msgspec.Struct, frozen=True, kw_only=True):
    """What a critic's scores cost.

    Attributes:
        critic: who.
        scores: how many the averages are over.
        prompt_tokens: per score.
        completion_tokens: per score.
        seconds: per score.
    """

    critic: str
    scores: int
    prompt_tokens: float
    completion_tokens: float
    seconds: float


def measure(
    standing: Standing, held_out: Sequence[SeenEpisode], truth: Truth, evidence: EvidenceScores, seed: int
) -> list[CriticPoint]:
    """Every critic on the held-out episodes; where a model was asked, also side by side on its sample."""
    sampled = graded_states(evidence)
    readings = evidence.readings
    wanted: list[tuple[str, str, tuple[str, ...]]] = [(ALL, EXPERIENCE, (EXPERIENCE,))]
    if sampled:
        wanted += [(SAMPLE, name, (name,)) for name in (EXPERIENCE, EVIDENCE)]
        wanted.append((SAMPLE, COMBINED, (EXPERIENCE, EVIDENCE)))
    read = [readings_along(standing.goals, episode, readings) for episode in held_out]
    points: list[CriticPoint] = []
    for states, critic, names in wanted:
        among = None if states == ALL else sampled
        rows = [
            row
            for episode, along in zip(held_out, read, strict=True)
            for row in _rows(standing, episode, truth[episode.key], along, names, among)
        ]
        ends = [] if among else [end for e in held_out for end in _end(e, truth[e.key])]
        points.append(
            CriticPoint(
                n=standing.n,
                successes=standing.successes,
                critic=critic,
                states=states,
                quality=quality(rows, seed=seed),
                rank_correlation_with_verdict=rank_correlation([*rows, *ends], seed=seed) if ends else None,
                ece_equal_width=ece_equal_width(rows, seed=seed),
            )
        )
    return points


def _rows(
    standing: Standing,
    episode: SeenEpisode,
    dense: Sequence[float],
    along: Sequence[Mapping[str, Reading]],
    names: Sequence[str],
    among: set[Where] | None,
) -> list[ScoredState]:
    rows: list[ScoredState] = []
    for number, readings in enumerate(along):
        if among is not None and (*episode.key, number) not in among:
            continue
        said = {name: readings[name] for name in names if name in readings}
        phi = standing.opinion(episode.record.purpose, said).phi
        rows.append(_row(episode, number, phi, dense[number]))
    return rows


def _end(episode: SeenEpisode, dense: Sequence[float]) -> list[ScoredState]:
    """The last state of an episode that the world ended, with the verdict as its score."""
    if not episode.ended:
        return []
    return [_row(episode, len(dense) - 1, PHI_MAX * dense[-1], dense[-1])]


def _row(episode: SeenEpisode, number: int, phi: float | None, dense: float) -> ScoredState:
    return ScoredState(episode.task, f"{episode.policy} {episode.index}", number, phi, episode.success, dense)


def step_score_auroc(held_out: Sequence[SeenEpisode], truth: Truth, seed: int) -> Estimate | None:
    """AUROC at equal steps of the environment's own step score, which no critic sees: what there is to be known."""
    return auroc_within_steps(
        [
            _row(episode, number, PHI_MAX * truth[episode.key][number], truth[episode.key][number])
            for episode in held_out
            for number in episode.open_states
        ],
        seed=seed,
    )


def costs(standing: Standing, held_out: Sequence[SeenEpisode], evidence: EvidenceScores) -> list[CriticCost]:
    """What a score costs with each critic; that of the experience critic is measured here."""
    played = [(e.record, [e.state(number) for number in e.open_states]) for e in held_out]
    started = time.perf_counter()
    n = sum(len(experience_readings(standing.goals, record, states)) for record, states in played)
    seconds = time.perf_counter() - started
    found = [
        CriticCost(
            critic=EXPERIENCE, scores=n, prompt_tokens=0, completion_tokens=0, seconds=seconds / max(1, n)
        )
    ]
    asked = list(evidence)
    if asked:
        found.append(
            CriticCost(
                critic=EVIDENCE,
                scores=len(asked),
                prompt_tokens=sum(s.prompt_tokens for s in asked) / len(asked),
                completion_tokens=sum(s.completion_tokens for s in asked) / len(asked),
                seconds=sum(s.seconds for s in asked) / len(asked),
            )
        )
    return found
