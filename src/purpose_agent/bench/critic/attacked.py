"""The part of a critic's report that attacks: text written into held-out states, which the evidence critic reads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from purpose_agent.bench.critic.attacks import AttackOutcome, AttackReport, attack, summarise
from purpose_agent.bench.critic.episodes import SeenEpisode
from purpose_agent.bench.critic.injections import CONTROL, AttackCase, PlayedState, attacked_states
from purpose_agent.bench.line_file import LineFile
from purpose_agent.bench.remembering import Remembering
from purpose_agent.calibration import Calibration
from purpose_agent.evidence_critic import EvidenceCritic
from purpose_agent.llm_backend.base import LLMBackend

CONTROLS = 10
"""States with harmless text beside those that are attacked."""


class AttackedState(msgspec.Struct, frozen=True):
    """What the evidence critic made of one case.

    Attributes:
        plain: as in a run.
        forced: the same answers, where the critic may not abstain.
    """

    plain: AttackOutcome
    forced: AttackOutcome


class Attacks(msgspec.Struct, frozen=True):
    """What text inside a state does to the evidence critic; see `bench.critic.attacks`.

    Attributes:
        raw: on the score as the model gave it.
        forced: the same where the critic may not abstain, so that silence hides nothing.
        calibrated: on the score after calibration on all train episodes; None while there is no calibration.
    """

    raw: AttackReport
    forced: AttackReport
    calibrated: AttackReport | None


def cases_of(held_out: Sequence[SeenEpisode], count: int, seed: int) -> list[AttackCase]:
    """Held-out states to attack, and some with harmless text."""
    played = [
        PlayedState(episode.task, episode.record.purpose, episode.state(number))
        for episode in held_out
        for number in episode.open_states
    ]
    cases = attacked_states(played, count, seed)
    return cases + attacked_states(played, CONTROLS, seed + 1, kinds=(CONTROL,))


def play_attacks(
    llm: LLMBackend,
    cases: Sequence[AttackCase],
    file: LineFile[AttackedState],
    run: Any,
    report: Callable[[], None],
) -> None:
    """Let the evidence critic read the cases that are left, and write down what it made of each.

    Args:
        llm: its model.
        cases: in their order.
        file: of what is done.
        run: runs a coroutine.
        report: told of each.
    """
    remembering = Remembering(llm)
    plain, forced = EvidenceCritic(remembering), EvidenceCritic(remembering, min_confidence=0.0)
    for case in cases[len(file.lines) :]:
        (as_it_is,) = run(attack(plain, [case]))
        (must_answer,) = run(attack(forced, [case]))
        file.add([AttackedState(as_it_is, must_answer)])
        report()


def attacks_of(done: Sequence[AttackedState], calibration: Calibration | None) -> Attacks | None:
    """The report on what was done so far; None when that is nothing."""
    if not done:
        return None
    plain = [state.plain for state in done]
    trusted = calibration is not None and calibration.trusted
    return Attacks(
        raw=summarise(plain),
        forced=summarise([state.forced for state in done]),
        calibrated=summarise(plain, calibration.chance) if calibration is not None and trusted else None,
    )
