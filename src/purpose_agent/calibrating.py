"""Keeps every critic's calibration and skill in step with the verified episodes of a store.

An episode whose success was told by a verdict teaches how far each critic's word goes: what it read at each state is in
the journal, made before the outcome was known. Skill is prequential (Dawid 1984): a reading is judged as the chance
that the calibration of *earlier* episodes made of it. An outage, a limit and an episode without a verdict teach
nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import msgspec

from purpose_agent.calibration import Calibration, Calibrations, Observation, Skill
from purpose_agent.episode_fold import EpisodeFold
from purpose_agent.errors import UsageError
from purpose_agent.journal import outcome_of, readings_of
from purpose_agent.memory.purpose_family import family_named_after, family_of
from purpose_agent.store.base import EpisodeInfo, Store
from purpose_agent.store.reading import readable_events
from purpose_agent.types import PHI_MAX, SUCCESS_PHI

ARTEFACT = "calibration"
JUDGED_BY = 10
"""Verified successes, and as many failures, from which on the critics' last word is judged by them."""
VERSION = 1

WINDOW = 500
"""Verified episodes that are remembered; critics, models and worlds change."""

MAX_READINGS = 16
"""Of one critic in one episode that are remembered, evenly spread; an episode counts 1 however many it has."""

REFIT_SHARE = 20
"""Maps are fitted anew when a twentieth of the remembered episodes is new, but not before `REFIT_AFTER` are."""

REFIT_AFTER = 5


class CriticRecord(msgspec.Struct, frozen=True):
    """What verified episodes say about one critic."""

    calibrations: Calibrations = msgspec.field(default_factory=Calibrations)
    skill: Skill = msgspec.field(default_factory=Skill)


class Calibrated(msgspec.Struct, frozen=True):
    """What is known about the critics at some moment; it never changes, a newer one replaces it.

    Attributes:
        critics: each one's record, by name.
        families: of purposes, by the words of the first one seen.
        episodes: verified ones behind it.
    """

    critics: dict[str, CriticRecord] = {}
    families: tuple[str, ...] = ()
    episodes: int = 0

    def record(self, critic: str, purpose: str) -> tuple[Calibration, Skill]:
        """The map of a critic for purposes like this one, and its skill; of a new critic, those of nobody."""
        known = self.critics.get(critic)
        if known is None:
            return Calibration(), Skill()
        return known.calibrations.for_family(family_of(purpose, self.families)), known.skill


class VerifiedEpisode(msgspec.Struct, frozen=True, array_like=True):
    """What is remembered of one episode.

    Attributes:
        id: the episode's.
        family: of its purpose.
        success: how it ended.
        readings: of each critic, in the order made.
        chances: what the calibration of that time made of them; empty while it had none.
    """

    id: str
    family: str
    success: bool
    readings: dict[str, tuple[float, ...]]
    chances: dict[str, tuple[float, ...]]


class _Folded(msgspec.Struct):
    """What is stored.

    Attributes:
        rows: the last verified episodes.
        unfitted: of these, since the last fit.
        calibrated: the last fit.
        version: of the stored form.
    """

    rows: list[VerifiedEpisode] = []
    unfitted: int = 0
    calibrated: Calibrated = msgspec.field(default_factory=Calibrated)
    version: int = VERSION


_decoder = msgspec.msgpack.Decoder(_Folded)


class Calibrator(EpisodeFold[_Folded]):
    """The calibration of one store; several processes may share it.

    Args:
        store: where episodes, journals and the calibration are.
    """

    def __init__(self, store: Store) -> None:
        super().__init__(store, ARTEFACT)

    @property
    def current(self) -> Calibrated:
        """What all episodes in the store say, up to the last fit."""
        with self._lock:
            return self._caught_up().calibrated

    @property
    def informedness(self) -> float | None:
        """How much of an effect on success shows in what the critics together call a success; see `informedness`."""
        with self._lock:
            return informedness(self._caught_up().rows)

    def _fresh(self) -> _Folded:
        return _Folded()

    def _encode(self, folded: _Folded) -> bytes:
        return msgspec.msgpack.encode(folded)

    def _decode(self, payload: bytes) -> _Folded | None:
        try:
            folded = _decoder.decode(payload)
        except (msgspec.MsgspecError, UsageError):
            return None
        return folded if folded.version == VERSION else None

    def _learn(self, folded: _Folded, episode: EpisodeInfo) -> None:
        if episode.transient:
            return
        events = readable_events(self._store, episode.id)
        success, readings = outcome_of(events), readings_of(events)
        if success is not None and any(readings):
            take_in(folded, episode.id, episode.purpose, success, readings)


def informedness(rows: Sequence[VerifiedEpisode]) -> float | None:
    """Sensitivity + specificity − 1 (Youden 1950) of the critics' last word against the verdict, in [-1, 1].

    Their word is the mean of their calibrated chances, each from a map of earlier episodes. None while fewer than
    `JUDGED_BY` successes or failures are known.
    """
    said: dict[bool, list[bool]] = {True: [], False: []}
    for row in rows:
        last = [chances[-1] for chances in row.chances.values() if chances]
        if last:
            said[row.success].append(sum(last) / len(last) > SUCCESS_PHI / PHI_MAX)
    if min(len(said[True]), len(said[False])) < JUDGED_BY:
        return None
    return sum(said[True]) / len(said[True]) - sum(said[False]) / len(said[False])


def take_in(
    folded: _Folded, id: str, purpose: str, success: bool, readings: Sequence[dict[str, float]]
) -> None:
    """Remember one verified episode, and fit the maps anew when it is time."""
    known = tuple(dict.fromkeys(row.family for row in folded.rows))
    family = family_of(purpose, known) or family_named_after(purpose)
    read: dict[str, tuple[float, ...]] = {}
    chances: dict[str, tuple[float, ...]] = {}
    for critic in dict.fromkeys(name for one in readings for name in one):
        raws = _thinned([one[critic] for one in readings if critic in one])
        read[critic] = raws
        calibration, _ = folded.calibrated.record(critic, purpose)
        if calibration.trusted:
            chances[critic] = tuple(calibration.chance(raw) for raw in raws)
    folded.rows.append(VerifiedEpisode(id, family, success, read, chances))
    del folded.rows[:-WINDOW]
    folded.unfitted += 1
    if folded.unfitted >= max(REFIT_AFTER, len(folded.rows) // REFIT_SHARE):
        folded.calibrated = calibrate(folded.rows)
        folded.unfitted = 0


@dataclass
class _Observed:
    """Of one critic, while its maps are fitted."""

    rows: dict[str, list[Observation]] = field(default_factory=dict[str, list[Observation]])
    skill: Skill = field(default_factory=Skill)


def calibrate(rows: Iterable[VerifiedEpisode]) -> Calibrated:
    """Fit every critic's maps and skill to episodes, in the order they ended."""
    kept = list(rows)
    critics = {name: _Observed() for name in sorted({name for row in kept for name in row.readings})}
    for row in kept:
        for name, observed in critics.items():
            observed.skill = observed.skill.after(row.chances.get(name, ()), row.success)
            own = observed.rows.setdefault(row.family, [])
            own += [Observation(row.id, raw, row.success) for raw in row.readings.get(name, ())]
    return Calibrated(
        {
            name: CriticRecord(Calibrations.refit(observed.rows), observed.skill)
            for name, observed in critics.items()
        },
        tuple(dict.fromkeys(row.family for row in kept)),
        len(kept),
    )


def _thinned(raws: Sequence[float]) -> tuple[float, ...]:
    """At most `MAX_READINGS` of them, evenly spread, the first and the last among them."""
    if len(raws) <= MAX_READINGS:
        return tuple(raws)
    last = len(raws) - 1
    return tuple(raws[round(i * last / (MAX_READINGS - 1))] for i in range(MAX_READINGS))
