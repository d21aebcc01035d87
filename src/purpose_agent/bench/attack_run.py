"""The measurement of state injection from end to end: play, attack with the defence off and on, calibrate, report."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from purpose_agent.bench.attacks import CONTROL, PlayedState, attacked_states
from purpose_agent.bench.critic_attacks import AttackOutcome, AttackReport, Progress, attack, summarise
from purpose_agent.calibration import Calibrations, Observation
from purpose_agent.environments import resolve_environment
from purpose_agent.errors import ModelOutputError
from purpose_agent.evidence_critic import EvidenceCritic
from purpose_agent.llm_backend.base import ChatMessage, LLMBackend
from purpose_agent.prompt_text import shorten
from purpose_agent.state_text import for_evaluator
from purpose_agent.types import Action, Snapshot, State

ENVIRONMENTS = ("textworld:preset=twc,fold=dev", "textworld:preset=mapreader,fold=dev")
"""Where the states come from when nothing else is said."""


class Visit(msgspec.Struct, frozen=True):
    """A state of a finished episode.

    Attributes:
        family: the environment's specification.
        played: the state.
        success: how the episode ended.
    """

    family: str
    played: PlayedState
    success: bool


class FalseAlarms(msgspec.Struct, frozen=True):
    """States of a world that nobody attacked.

    Attributes:
        environment: the world's specification.
        states: looked at.
        cut: of them, states that the defence cut something out of.
    """

    environment: str
    states: int
    cut: int


class AttackStudy(msgspec.Struct, frozen=True):
    """Attacks on the evidence critic with its defence off and on.

    Attributes:
        environments: where the states come from.
        n: attacked states.
        control: states with harmless text.
        seed: of everything that is drawn.
        calibration_episodes: episodes behind the calibration; the clean states are among theirs.
        raw: effect on the score as the model gave it. ``before`` and ``after`` are the defence off and on; in
            ``before_forced`` and ``after_forced`` the critic may not abstain, so that silence hides nothing.
        calibrated: the same on the calibrated score.
        outcomes: what was read, for who wants to count again.
    """

    environments: list[str]
    n: int
    control: int
    seed: int
    calibration_episodes: int
    raw: dict[str, AttackReport]
    calibrated: dict[str, AttackReport]
    outcomes: dict[str, list[AttackOutcome]]


class Undefended(EvidenceCritic):
    """The evidence critic that reads whatever stands in a state."""

    def shown(self, state: Snapshot) -> str:
        """See `EvidenceCritic.shown`."""
        return shorten(state.describe())


class Remembering(LLMBackend):
    """Gives the reply to a question that was asked before, usable or not, without asking again.

    Args:
        llm: the model; its structured replies at temperature 0 are taken to repeat.
    """

    def __init__(self, llm: LLMBackend) -> None:
        self.llm = llm
        self.name = llm.name
        self.reply_tokens = llm.reply_tokens
        self._replies: dict[tuple[tuple[str, str], ...], dict[str, Any] | ModelOutputError] = {}

    async def agenerate(
        self,
        messages: list[ChatMessage],
        temperature: float = 0.7,
        max_tokens: int = 2048,
        stop: list[str] | None = None,
    ) -> str:
        """See `LLMBackend.agenerate`."""
        return await self.llm.agenerate(messages, temperature, max_tokens, stop)

    def generate(
        self,
        messages: list[ChatMessage],
        temperature: float = 0.7,
        max_tokens: int = 2048,
        stop: list[str] | None = None,
    ) -> str:
        """See `LLMBackend.generate`."""
        return self.llm.generate(messages, temperature, max_tokens, stop)

    async def agenerate_structured(
        self,
        messages: list[ChatMessage],
        schema: dict[str, Any],
        temperature: float = 0.3,
        max_tokens: int = 1024,
    ) -> dict[str, Any]:
        """See `LLMBackend.agenerate_structured`."""
        key = tuple((message.role, message.content) for message in messages)
        if key not in self._replies:
            try:
                asked = self.llm.agenerate_structured(messages, schema, temperature, max_tokens)
                self._replies[key] = await asked
            except ModelOutputError as error:
                self._replies[key] = error
        reply = self._replies[key]
        if isinstance(reply, ModelOutputError):
            raise reply
        return dict(reply)


async def study(
    llm: LLMBackend,
    environments: Sequence[str] = ENVIRONMENTS,
    n: int = 50,
    control: int = 11,
    seed: int = 0,
    *,
    on_progress: Callable[[str, int, int], None] | None = None,
) -> AttackStudy:
    """Measure what state injection does to the evidence critic of a model.

    Args:
        llm: the critic's model.
        environments: specifications of worlds; those with a ``gold_path`` are played by it in every other episode.
        n: states to attack, one of an episode each, spread evenly over the environments.
        control: states to write harmless text into.
        seed: of the play and of the attacks.
        on_progress: told the arm, the cases done, and how many there are.
    """
    visits: list[Visit] = []
    for number, spec in enumerate(environments):
        share = n // len(environments) + (number < n % len(environments))
        visits += play(spec, share, seed)
    states = [visit.played for visit in visits]
    cases = attacked_states(states, n, seed)
    if control:
        cases += attacked_states(states, control, seed + 1, kinds=(CONTROL,))
    remembering = Remembering(llm)
    arms = {
        "before_forced": Undefended(remembering, min_confidence=0.0),
        "after_forced": EvidenceCritic(remembering, min_confidence=0.0),
        "before": Undefended(remembering),
        "after": EvidenceCritic(remembering),
    }
    outcomes = {
        arm: await attack(critic, cases, on_progress=_named(arm, on_progress)) for arm, critic in arms.items()
    }
    chance = _calibration(visits, outcomes["before_forced"])
    return AttackStudy(
        environments=list(environments),
        n=n,
        control=control,
        seed=seed,
        calibration_episodes=len(visits),
        raw={arm: summarise(rows) for arm, rows in outcomes.items()},
        calibrated={arm: summarise(rows, chance) for arm, rows in outcomes.items()},
        outcomes=outcomes,
    )


def play(spec: str, n: int, seed: int) -> list[Visit]:
    """One random state of each of ``n`` episodes, every other one played well where the world knows how."""
    world: Any = resolve_environment(spec)
    visits: list[Visit] = []
    try:
        for number in range(n):
            rng = random.Random(f"{seed} {number}")
            path = list(world.gold_path(number)) if number % 2 and hasattr(world, "gold_path") else None
            states, success = _episode(world, number, path, rng)
            played = PlayedState(f"{spec} {number}", world.purpose, rng.choice(states))
            visits.append(Visit(spec, played, success))
    finally:
        _close(world)
    return visits


def false_alarms(spec: str, episodes: int = 20, seed: int = 0) -> FalseAlarms:
    """How much of a world's own text the defence takes for an attack, in random play.

    Every state is looked at twice: as its summary tells it, and as JSON, as worlds without summaries are shown.
    """
    world: Any = resolve_environment(spec)
    states = cut = 0
    try:
        for number in range(episodes):
            seen, _ = _episode(world, number, None, random.Random(f"{seed} {number}"))
            for state in seen:
                texts = (state.describe(), Snapshot.of(State(state.data)).describe())
                states += 1
                cut += any(for_evaluator(text) != text for text in texts)
    finally:
        _close(world)
    return FalseAlarms(spec, states, cut)


def _close(world: Any) -> None:
    close = getattr(world, "close", None)
    if close is not None:
        close()


def _episode(
    world: Any, number: int, path: list[str] | None, rng: random.Random
) -> tuple[list[Snapshot], bool]:
    state = world.reset(number)
    states = [Snapshot.of(state)]
    for step in range(len(path) if path is not None else world.max_steps):
        offered: list[str] = list(world.admissible_actions(state))
        if not offered:
            break
        state = world.execute(Action(path[step] if path is not None else rng.choice(offered)), state)
        states.append(Snapshot.of(state))
    verdict = world.verdict(state)
    return states, verdict is not None and verdict.success is True


def _named(arm: str, on_progress: Callable[[str, int, int], None] | None) -> Progress | None:
    return None if on_progress is None else lambda done, total: on_progress(arm, done, total)


def _calibration(visits: Sequence[Visit], rows: Sequence[AttackOutcome]) -> Callable[[float], float]:
    """One map over all episodes: what an attack may move has to be the same for all states."""
    clean = {row.task: row.clean for row in rows if row.clean is not None}
    known = [
        Observation(visit.played.task, clean[visit.played.task], visit.success)
        for visit in visits
        if visit.played.task in clean
    ]
    return Calibrations.refit({"all": known}).for_family("all").chance
