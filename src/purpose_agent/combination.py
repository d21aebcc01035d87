"""Several critics' readings of one state, combined to one Φ by how well each critic has proved itself.

For critic k that reads p, with calibration c and skill s (both as they were when the run began)::

    chance_k     = c(p) once c is fitted, else p
    confidence_k = how well c is known at p once it is fitted, else the critic's own
    weight_k     = s × confidence_k
    Φ            = 10 × Σ weight_k chance_k / Σ weight_k

An opinion whose confidence, the critic's own or the calibrated one, is below the bound is left out. The combined
confidence is the mean of the confidences with the same weights: how much what was said rests on, not how near Φ is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from purpose_agent.calibration import Calibration, Skill
from purpose_agent.critics import Reading
from purpose_agent.numeric import is_number
from purpose_agent.types import PHI_MAX

PRIOR_SKILL = 0.25
"""Skill that a critic is believed to have before its predictions were tested. All critics begin alike: one that knows
nothing yet says so itself, by its confidence, and weighs nothing."""

LEAST_WEIGHT = 0.01
"""Of a critic without skill: next to any other it does not count, alone it still speaks."""

SPENT_WEIGHT = 0.02
"""A critic that was tested and weighs less than this is not worth a model call."""

SPENT_EPISODES = 30
"""Verified episodes that count as tested."""

_NOBODY: Mapping[str, float] = MappingProxyType({})


class Opinion(NamedTuple):
    """Φ of one state.

    Attributes:
        phi: in [0, 10], None for an abstention.
        confidence: in [0, 1]; of several critics, the mean of theirs by weight.
        evidence: quotation from the state.
        reasoning: why.
        by: ``verdict`` (the environment's), ``human``, ``checker``, the critics' names joined by ``+``, or ``none``.
        readings: what each critic read, in [0, 1], before calibration.
    """

    phi: float | None
    confidence: float
    evidence: str
    reasoning: str
    by: str
    readings: Mapping[str, float] = _NOBODY


class Voice(NamedTuple):
    """What a critic's word is worth during one run.

    Attributes:
        calibration: from its readings to chances.
        weight: its skill, in [0, 1].
        episodes: verified episodes behind it.
    """

    calibration: Calibration = Calibration()
    weight: float = PRIOR_SKILL
    episodes: int = 0

    @classmethod
    def of(cls, calibration: Calibration, skill: Skill) -> Voice:
        """The voice of a critic with this record."""
        return cls(calibration, skill.weight(PRIOR_SKILL), skill.n)

    @property
    def is_spent(self) -> bool:
        """Whether enough was seen to know that this critic's word is worth next to nothing."""
        return self.episodes >= SPENT_EPISODES and self.weight < SPENT_WEIGHT


class Said(NamedTuple):
    """What a critic said about a state."""

    name: str
    voice: Voice
    reading: Reading


class _Word(NamedTuple):
    """An opinion that counts."""

    weight: float
    chance: float
    confidence: float
    said: Said


def combine(all_said: Sequence[Said], min_confidence: float) -> Opinion:
    """Φ by what critics said; see the module's text.

    Args:
        all_said: what each critic said, abstentions included; those that could not answer are not in it.
        min_confidence: an opinion below it does not count.
    """
    words: list[_Word] = []
    readings: dict[str, float] = {}
    for said in all_said:
        progress, confidence, _, _ = said.reading
        if progress is not None and confidence >= min_confidence:
            readings[said.name] = float(progress)
            word = _word(said, progress, confidence)
            if word.confidence >= min_confidence:
                words.append(word)
    if len(words) == 1:
        _, chance, confidence, said = words[0]
        _, _, evidence, reasoning = said.reading
        return Opinion(potential(chance), confidence, evidence, reasoning, said.name, readings)
    return _mean(words, readings) if words else _abstention(all_said, readings)


def _word(said: Said, progress: float, confidence: float) -> _Word:
    calibration, weight, _ = said.voice
    if calibration.trusted:
        progress, confidence = calibration.chance(progress), calibration.confidence(progress)
    return _Word(max(LEAST_WEIGHT, weight) * max(LEAST_WEIGHT, confidence), progress, confidence, said)


def _mean(words: Sequence[_Word], readings: dict[str, float]) -> Opinion:
    total = math.fsum(word.weight for word in words)
    chance = math.fsum(word.weight * word.chance for word in words) / total
    confidence = math.fsum(word.weight * word.confidence for word in words) / total
    heaviest = max(words, key=lambda word: word.weight).said
    reasoning = "; ".join(f"{word.said.name}: {word.said.reading.reasoning}" for word in words)
    names = "+".join(word.said.name for word in words)
    return Opinion(potential(chance), confidence, heaviest.reading.evidence, reasoning, names, readings)


def _abstention(all_said: Sequence[Said], readings: dict[str, float]) -> Opinion:
    for name, _, reading in all_said:
        return Opinion(None, reading.confidence, reading.evidence, reading.reasoning, name, readings)
    return Opinion(None, 0.0, "", "no critic could answer", "none")


def potential(progress: float) -> float:
    """Φ of a progress in [0, 1]; rounded so that what was said as 5.7 of 10 is 5.7 again."""
    return round(PHI_MAX * progress, 9)


def checked_reading(reading: Any, name: str) -> Reading:
    """The reading, if it is one.

    Raises:
        TypeError: it is none, or its numbers are not in [0, 1].
    """
    if isinstance(reading, Reading):
        progress, confidence = reading.progress, reading.confidence
        if (progress is None or _in_unit(progress)) and _in_unit(confidence):
            return reading
    raise TypeError(f"the critic {name!r} must give a Reading with numbers in [0, 1], got {reading!r:.200}")


def _in_unit(value: Any) -> bool:
    return is_number(value) and 0.0 <= value <= 1.0
