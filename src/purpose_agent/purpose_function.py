"""Φ, the purpose function: how close a state is to the purpose, in [0, 10], from somebody other than the actor.

Φ is a function of the purpose, the states and the commands between them. It never sees the actor's thoughts and
predictions or its memory, so no rewriting of those can move it. Deltas are potential differences (Ng, Harada & Russell
1999): they telescope, and a loop earns nothing.

Order of authority: the environment's verdict, a person's override, the user's checkers, the critics. What one leaves
open (the score, or whether it is a success) the next one tells. `purpose_session` finds the verdict that stands,
`combination` makes one Φ of several critics' readings.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from purpose_agent.calibrating import Calibrator
from purpose_agent.checkers import Checker, one_checker
from purpose_agent.combination import Opinion, Voice
from purpose_agent.critics import Critic
from purpose_agent.errors import StoreError, UsageError
from purpose_agent.evidence_critic import MIN_CONFIDENCE, EvidenceCritic
from purpose_agent.llm_backend.base import LLMBackend
from purpose_agent.llm_backend.sync_front import run_sync
from purpose_agent.numeric import is_number
from purpose_agent.purpose_session import HUMAN, Follower, PurposeSession, override_score
from purpose_agent.score_cache import ScoreCache
from purpose_agent.store.base import Store
from purpose_agent.types import Action, PurposeScore, Snapshot, State, Verdict

__all__ = ["Opinion", "PurposeFunction", "PurposeSession"]

SECONDS_PER_SCORE = 60.0
"""How long a critic may take for one reading, where nothing else is said."""


class PurposeFunction:
    """Scores states.

    A critic's reading is calibrated on verdicts and weighed by how well its earlier readings foretold success. A model
    whose word has proved to be worth nothing is not asked while another critic has an opinion for free; such a state
    costs no call and has no reading of the model. One state in twenty is still shown to it, so that it can prove
    itself again.

    Args:
        llm: the model of the evidence critic; not used when ``critics`` are given.
        score_cache_size: how many scores are held in memory; the store, where there is one, holds all.
        require_evidence: whether quoted evidence is looked up in the state.
        min_confidence: below this a critic is taken to abstain; when all do, Φ is carried over from the state before.
        store: where scores are kept between processes; a `ScoreCache` shares what is held in memory.
        critics: who reads states where no verdict tells; default: the evidence critic alone.
        checkers: the user's own ground truth: one checker, or several that must all be content.
        calibrator: knows how far each critic's word goes; None takes it as it is.
        seconds_per_score: how long a critic may take for one reading; None for ever.

    Raises:
        UsageError: two critics have one name, a checker is not callable, or ``seconds_per_score`` is not positive.
    """

    def __init__(
        self,
        llm: LLMBackend | None,
        score_cache_size: int = 1000,
        require_evidence: bool = True,
        min_confidence: float = MIN_CONFIDENCE,
        *,
        store: Store | ScoreCache | None = None,
        critics: Sequence[Critic] | None = None,
        checkers: Checker | Iterable[Checker] | None = (),
        calibrator: Calibrator | None = None,
        seconds_per_score: float | None = SECONDS_PER_SCORE,
    ) -> None:
        if seconds_per_score is not None and not (is_number(seconds_per_score) and seconds_per_score > 0):
            raise UsageError(
                f"seconds_per_score must be a positive number or None, got {seconds_per_score!r}"
            )
        self.min_confidence = min_confidence
        self.seconds_per_score = seconds_per_score
        self.scores = ScoreCache.of(store, score_cache_size)
        if critics is None:
            if llm is None:
                raise UsageError("PurposeFunction needs an llm or critics")
            critics = [EvidenceCritic(llm, self.scores, require_evidence=require_evidence,
                                      min_confidence=min_confidence)]  # fmt: skip
        self.critics: tuple[Critic, ...] = tuple(critics)
        if len({critic.name for critic in self.critics}) < len(self.critics):
            raise UsageError(f"critics need different names, got {[c.name for c in self.critics]!r}")
        self.checker = one_checker(checkers)
        self.calibrator = calibrator
        self._trajectory_phis: list[float] = []

    # -- along a run ---------------------------------------------------------------------------------------
    def follow(self, purpose: str) -> PurposeSession:
        """Begin to follow a run. What was learned so far holds for the whole of it.

        A critic that cannot even begin is left out, and the failure is in the session.
        """
        self.scores.prepare(purpose)
        return self._begin(purpose)

    def _begin(self, purpose: str) -> PurposeSession:
        calibrated = None if self.calibrator is None else self.calibrator.current
        session = PurposeSession(purpose, self.scores, self.checker, self.min_confidence)
        for critic in self.critics:
            voice = Voice() if calibrated is None else Voice.of(*calibrated.record(critic.name, purpose))
            try:
                followed = critic.follow(purpose)
            except StoreError:
                raise
            except Exception as e:
                session.report("critic", e)
                continue
            session.followers.append(
                Follower(critic.name, followed, voice, self.seconds_per_score, session.report)
            )
        return session

    # -- one state -----------------------------------------------------------------------------------------
    def known(self, state: State, purpose: str, verdict: Verdict | None = None) -> Opinion | None:
        """The score of a state outside of a run, if it can be had without asking a model or a checker."""
        session = self._begin(purpose)
        session.arrive(Snapshot.of(state), None)
        session.settle_by_memory(verdict)
        return session.known()

    async def ascore(
        self, state: State, purpose: str, verdict: Verdict | None = None, *, keep: bool = True
    ) -> Opinion:
        """The score of a state outside of a run: from a verdict, a person, a checker, the cache, or the critics.

        Args:
            state: what to score.
            purpose: the goal.
            verdict: the environment's ground truth about the state; it outranks everything.
            keep: whether new readings may be written to the store.

        Raises:
            Exception: what a critic raised, when that left nobody with an opinion.
        """
        session = self._begin(purpose)
        return await _scored(session, state, None, verdict, keep)

    def override(self, state: State, purpose: str, phi: float, reasoning: str = "") -> Opinion:
        """Teach Φ a person's score of a state: a verdict from then on, below the environment's and above all else.

        Raises:
            UsageError: ``phi`` is not a number in [0, 10].
        """
        scored = override_score(self.scores, purpose, Snapshot.of(state), phi, reasoning)
        return Opinion(scored.phi, scored.confidence, scored.evidence, scored.reasoning, HUMAN)

    # -- one transition ------------------------------------------------------------------------------------
    def transition(self, before: float | None, after: Opinion) -> PurposeScore:
        """The score of a step. An unknown Φ before counts as 0; an abstention after carries it over."""
        phi_before = 0.0 if before is None else before
        phi_after = phi_before if after.phi is None else after.phi
        confidence = after.confidence if after.phi is not None else 0.0
        return PurposeScore(
            phi_before, phi_after, phi_after - phi_before, after.reasoning, after.evidence, confidence
        )

    def evaluate(self, state_before: State, action: Action, state_after: State, purpose: str) -> PurposeScore:
        """The score of a transition outside of a run; of the action only its command is looked at.

        Raises:
            Exception: what a critic raised, when that left nobody with an opinion.
        """

        async def both() -> PurposeScore:
            session = self._begin(purpose)
            before = await _scored(session, state_before, None)
            after = await _scored(session, state_after, action.command)
            score = self.transition(before.phi, after)
            self._trajectory_phis.append(score.phi_after)
            return score

        return run_sync(both())

    # -- statistics of what `evaluate` scored, for display ---------------------------------------------------------
    def get_normalized_phi(self, raw_phi: float) -> float:
        """``raw_phi`` in standard deviations from the mean of this trajectory's scores; 0 while they do not vary."""
        scores = self._trajectory_phis
        if len(scores) < 2:
            return 0.0
        mean = sum(scores) / len(scores)
        deviation = math.sqrt(sum((x - mean) ** 2 for x in scores) / len(scores))
        return (raw_phi - mean) / deviation if deviation > 0 else 0.0

    def reset_trajectory_stats(self) -> None:
        """Forget the scores that `get_normalized_phi` compares with."""
        self._trajectory_phis.clear()


async def _scored(
    session: PurposeSession,
    state: State,
    command: str | None,
    verdict: Verdict | None = None,
    keep: bool = True,
) -> Opinion:
    session.arrive(Snapshot.of(state), command)
    await session.settle(verdict)
    opinion = session.known() or await session.judge(keep=keep)
    if opinion.phi is None and session.failures:
        raise session.failures[0][1]
    return opinion
