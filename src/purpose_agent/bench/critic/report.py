"""The critic's report: everything that was measured, with the settings and the command that measure it again."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

import msgspec

from purpose_agent.bench.critic.attacked import Attacks
from purpose_agent.bench.critic.curve import CriticCost, CriticPoint
from purpose_agent.bench.critic.episodes import SeenEpisode
from purpose_agent.bench.critic.gain import Gain
from purpose_agent.bench.critic.policies import LABELS
from purpose_agent.bench.critic.settings import CriticSettings
from purpose_agent.bench.machine import Machine

VERSION = 1
"""Of the form of ``critic.json``."""


class PolicyResult(msgspec.Struct, frozen=True):
    """How the episodes of one policy went.

    Attributes:
        part: ``train`` or ``held_out``.
        policy: its name.
        label: for people.
        n: episodes.
        successes: of them.
        steps: mean number of steps.
    """

    part: str
    policy: str
    label: str
    n: int
    successes: int
    steps: float


class CriticReport(msgspec.Struct, frozen=True, kw_only=True):
    """The report; ``critic.json`` holds exactly this.

    Attributes:
        complete: whether everything that was asked for was measured.
        troubles: what could not be measured because a part failed.
        settings: that decide the numbers.
        command: that measures them again.
        notes: what one must know to read them.
        policies: how the episodes went.
        points: every critic after so many train episodes, on held-out tasks.
        costs: of a score.
        gain: of a learner; None when not asked for or not done yet.
        attacks: on the evidence critic; None when not asked for, not done yet, or without a model.
        seconds: wall time of each part, of this session.
        machine: it was measured on.
        version: of this form.
    """

    complete: bool
    troubles: list[str]
    settings: CriticSettings
    command: str
    notes: list[str]
    policies: list[PolicyResult]
    points: list[CriticPoint]
    costs: list[CriticCost]
    gain: Gain | None
    attacks: Attacks | None
    seconds: dict[str, float]
    machine: Machine
    version: int = VERSION

    @property
    def last(self) -> list[CriticPoint]:
        """The points after most train episodes."""
        most = max((point.n for point in self.points), default=0)
        return [point for point in self.points if point.n == most]


def policy_results(episodes: Sequence[SeenEpisode]) -> list[PolicyResult]:
    """How the episodes of each part and policy went."""
    groups: dict[tuple[str, str], list[SeenEpisode]] = {}
    for episode in episodes:
        groups.setdefault((episode.part, episode.policy), []).append(episode)
    order = list(LABELS)
    return [
        PolicyResult(
            part,
            policy,
            LABELS[policy],
            len(rows),
            sum(row.success for row in rows),
            sum(len(row.record.steps) for row in rows) / len(rows),
        )
        for (part, policy), rows in sorted(
            groups.items(), key=lambda item: (item[0][0] != "train", order.index(item[0][1]))
        )
    ]


def command_of(settings: CriticSettings, out: str) -> str:
    """The command line that measures it again, in another folder."""
    s = settings
    words = ["purpose-agent", "bench", "critic", "--env", s.env, "--model", s.model]
    words += ["--episodes", str(s.episodes), "--tasks", str(s.tasks), "--at", ",".join(map(str, s.at))]
    words += ["--fold", s.fold, "--seed", str(s.seed), "--evidence-states", str(s.evidence_states)]
    words += ["--gain", "--gain-seeds", str(s.gain_seeds)] if s.gain else ["--no-gain"]
    words += ["--attacks" if s.attacks else "--no-attacks", "--out", out]
    return shlex.join(words)


def resume_command(out: str) -> str:
    """The command line that goes on."""
    return shlex.join(["purpose-agent", "bench", "critic", "--out", out, "--resume"])
