"""Φ along one run: the verdict that stands on the present state, and one session of every critic.

Told are the purpose, the states, the commands that led to them and the commands that may follow. An action's thought
and prediction never come here, so none of them can move a score. The calibration is that of the run's beginning.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from purpose_agent.cancellation import is_cancelled
from purpose_agent.checkers import Checker, check
from purpose_agent.combination import Opinion, Said, Voice, checked_reading, combine, potential
from purpose_agent.critics import CriticSession, Reading
from purpose_agent.errors import ModelUnavailableError, StoreError, UsageError
from purpose_agent.evidence_critic import finite
from purpose_agent.score_cache import ScoreCache
from purpose_agent.store.base import ScoredState
from purpose_agent.types import PHI_MAX, SUCCESS_PHI, Snapshot, Verdict

HUMAN = "human"
VERDICT = "verdict"
CHECKER = "checker"

MAX_TIMEOUTS = 2
"""After so many in a row a critic is not asked again in that run."""

ASK_ANYWAY = 20
"""Of so many states one is shown to a critic that is not worth a model call, so that it can prove itself again."""

_SILENT = Reading(None, 0.0, "", "the critic could not answer")
_SPARED = Reading(None, 0.0, "", "the critic was not asked: its word has proved to be worth nothing here")

Report = Callable[[str, Exception], None]
"""Called with the part that failed and its error."""


class Follower:
    """One critic's session in one run, kept from doing harm.

    Args:
        name: the critic's.
        session: what may fail, hang or talk nonsense.
        voice: what its word is worth in this run.
        seconds: how long a reading may take; None for ever.
        report: told of each failure.
    """

    def __init__(
        self, name: str, session: CriticSession, voice: Voice, seconds: float | None, report: Report
    ) -> None:
        self.name = name
        self.voice = voice
        self._session = session
        self._seconds = seconds
        self._report = report
        self._lost = False
        self._timeouts = 0

    def arrive(self, state: Snapshot, command: str | None, admissible: Sequence[str]) -> None:
        """See `CriticSession.arrive`. A session that fails here has lost the thread and is left alone from now on."""
        if not self._lost:
            try:
                self._session.arrive(state, command, admissible)
            except StoreError:
                raise
            except Exception as e:
                self._lost = True
                self._report("critic", e)

    def known(self) -> Reading | None:
        """See `CriticSession.known`; an abstention where it cannot be asked."""
        if self._lost:
            return _SILENT
        try:
            known = self._session.known()
            if known is not None:
                return checked_reading(known, self.name)
        except StoreError:
            raise
        except Exception as e:
            self._report("critic", e)
            return _SILENT
        return _SILENT if self._timeouts >= MAX_TIMEOUTS else None

    async def read(self, *, keep: bool) -> Reading | None:
        """See `CriticSession.read`; None when it failed or gave no answer in time."""
        deadline = asyncio.timeout(self._seconds)
        try:
            async with deadline:
                reading = await self._session.read(keep=keep)
            self._timeouts = 0
            return checked_reading(reading, self.name)
        except StoreError:
            raise
        except Exception as e:
            if isinstance(e, TimeoutError) and deadline.expired():
                self._timeouts += 1
                e = ModelUnavailableError(
                    f"the critic {self.name!r} gave no answer within {self._seconds:g} s"
                )
            self._report("critic", e)
            return None
        except asyncio.CancelledError:
            if is_cancelled():
                raise
            self._report(
                "critic",
                ModelUnavailableError(f"a call of the critic {self.name!r} was cancelled from within"),
            )
            return None


class PurposeSession:
    """Φ along one run; `PurposeFunction.follow` begins it.

    Args:
        purpose: the goal.
        scores: where people's scores are.
        checker: the user's own ground truth.
        min_confidence: an opinion below it does not count.

    Attributes:
        followers: the critics.
        verdict: the one that stands on the present state: the environment's, what it leaves open filled by a
            person's, what that leaves open by the checkers'.
        given: the environment's own.
        overridden: whether a person changed that since the run arrived here.
        failures: what was not reported to anybody yet.
    """

    def __init__(
        self, purpose: str, scores: ScoreCache, checker: Checker | None, min_confidence: float
    ) -> None:
        self.purpose = purpose
        self.followers: list[Follower] = []
        self.verdict: Verdict | None = None
        self.given: Verdict | None = None
        self.overridden = False
        self.failures: list[tuple[str, Exception]] = []
        self._scores = scores
        self._checker = checker
        self._min_confidence = min_confidence
        self._told: Report | None = None
        self._state: Snapshot | None = None
        self._by = VERDICT
        self._checked: dict[str, Verdict | None] = {}
        self._opinion: Opinion | None = None
        self._readings: list[Reading | None] = []

    @property
    def state(self) -> Snapshot | None:
        """The present state; None before the first arrival."""
        return self._state

    # -- who is told of failures ---------------------------------------------------------------------------
    def report(self, part: str, error: Exception) -> None:
        """A part failed; kept until somebody wants to know."""
        if self._told is None:
            self.failures.append((part, error))
        else:
            self._told(part, error)

    def report_to(self, told: Report) -> None:
        """Tell of what failed so far, and of what fails from now on."""
        failures, self.failures = self.failures, []
        self._told = told
        for part, error in failures:
            told(part, error)

    # -- arriving ------------------------------------------------------------------------------------------
    def arrive(self, state: Snapshot, command: str | None, admissible: Sequence[str] = ()) -> None:
        """Take in a state, whose verdict is not known yet; see `CriticSession.arrive`."""
        self._state = state
        self.verdict, self.given, self._by = None, None, VERDICT
        self.overridden = False
        self._opinion = None
        self._readings = []
        for follower in self.followers:
            follower.arrive(state, command, admissible)

    async def settle(self, given: Verdict | None, *, in_thread: bool = False) -> Verdict | None:
        """Find the verdict that stands on the present state; nobody is asked about what is told already.

        Args:
            given: the environment's.
            in_thread: whether blocking checkers run in worker threads.
        """
        self.settle_by_memory(given)
        if self._checker is not None and _is_open(self.verdict):
            self._fill(await self._check(self._checker, in_thread), CHECKER)
        return self.verdict

    def settle_by_memory(self, given: Verdict | None) -> None:
        """`settle` without asking the checkers: by the environment's verdict and what people said before."""
        self.restore(given, given)
        if _is_open(given):
            self._fill(self._human(), HUMAN)

    def restore(self, standing: Verdict | None, given: Verdict | None) -> None:
        """Take the verdict that stands as known, and what the environment itself gave."""
        self.verdict, self.given, self._by = standing, given, VERDICT
        self._opinion = None

    def _fill(self, verdict: Verdict | None, by: str) -> None:
        """Let another authority tell what is open."""
        if verdict is not None:
            was_told = self.verdict is not None and self.verdict.progress is not None
            self._by = self._by if was_told else by
            self.verdict = filled(self.verdict, verdict)

    def _human(self) -> Verdict | None:
        assert self._state is not None
        scored = self._scores.get(self.purpose, self._state.fingerprint, HUMAN)
        return None if scored is None else human_verdict(scored)

    async def _check(self, checker: Checker, in_thread: bool) -> Verdict | None:
        """The checkers' verdict; they are asked once about each state of a run, unless they fail."""
        assert self._state is not None
        key = self._state.fingerprint
        if key in self._checked:
            return self._checked[key]
        failed: list[Exception] = []
        verdict = await check(checker, self._state, failed.append, in_thread=in_thread)
        for error in failed:
            self.report("checker", error)
        if not failed:
            self._checked[key] = verdict
        return verdict

    # -- Φ of the present state ----------------------------------------------------------------------------
    def known(self) -> Opinion | None:
        """Φ if it costs no model call, else None."""
        if self._opinion is None:
            if self.verdict is not None and (progress := self.verdict.progress) is not None:
                self._opinion = Opinion(potential(progress), 1.0, "", self.verdict.reason, self._by)
            elif None not in self._read_what_is_known():
                self._opinion = self._combined()
        return self._opinion

    async def judge(self, *, keep: bool = True) -> Opinion:
        """Φ, whatever it takes. A critic that fails loses its opinion, and the others' still count.

        Args:
            keep: whether new readings may be stored.
        """
        if not self._readings or self._opinion is not None:
            known = self.known()
            if known is not None:
                return known
        asked = [number for number, reading in enumerate(self._readings) if reading is None]
        if len(asked) == 1:
            answers = [await self.followers[asked[0]].read(keep=keep)]
        else:
            answers = await asyncio.gather(*(self.followers[n].read(keep=keep) for n in asked))
        for number, reading in zip(asked, answers, strict=True):
            self._readings[number] = reading
        opinion = self._combined()
        if None in self._readings:  # it may answer when the run comes here again
            self._readings = []
        else:
            self._opinion = opinion
        return opinion

    def _read_what_is_known(self) -> list[Reading | None]:
        """Each critic's reading as far as it costs nothing; asked once per arrival."""
        if not self._readings:
            self._readings = [follower.known() for follower in self.followers]
            if len(self._readings) > 1 and None in self._readings:
                self._spare()
        return self._readings

    def _spare(self) -> None:
        """Do not ask critics whose word is worth nothing when another one has an opinion for free."""
        assert self._state is not None
        if int(self._state.fingerprint[:8], 16) % ASK_ANYWAY and self._combined().phi is not None:
            for number, follower in enumerate(self.followers):
                if self._readings[number] is None and follower.voice.is_spent:
                    self._readings[number] = _SPARED

    def _combined(self) -> Opinion:
        said = [
            Said(follower.name, follower.voice, reading)
            for follower, reading in zip(self.followers, self._readings, strict=True)
            if reading is not None
        ]
        return combine(said, self._min_confidence)

    # -- a person ------------------------------------------------------------------------------------------
    @property
    def environment_told(self) -> bool:
        """Whether the environment itself told the progress, so that nobody else can."""
        return self.given is not None and self.given.progress is not None

    def override(self, phi: float, reasoning: str = "") -> Opinion | None:
        """Teach Φ a person's score of the present state; see `PurposeFunction.override`."""
        assert self._state is not None
        scored = override_score(self._scores, self.purpose, self._state, phi, reasoning)
        self.restore(self.given, self.given)
        self._fill(human_verdict(scored), HUMAN)
        self.overridden = True
        return self.known()


def override_score(
    scores: ScoreCache, purpose: str, state: Snapshot, phi: float, reasoning: str
) -> ScoredState:
    """Keep a person's score of a state for good.

    Raises:
        UsageError: ``phi`` is not a number in [0, 10].
    """
    number = finite(phi)
    if number is None or not 0 <= number <= PHI_MAX:
        raise UsageError(f"an overridden Φ must be a number in [0, 10], got {phi!r}")
    scored = ScoredState(number, 1.0, "", str(reasoning or "set by a person"))
    scores.put(purpose, state.fingerprint, HUMAN, scored, keep=True)
    return scored


def human_verdict(scored: ScoredState) -> Verdict:
    """A person's score as a verdict; it says that the task is achieved when it is above `SUCCESS_PHI`."""
    return Verdict(scored.phi / PHI_MAX, scored.phi > SUCCESS_PHI, scored.reasoning)


def filled(first: Verdict | None, second: Verdict) -> Verdict:
    """The first verdict, with what it leaves open told by the second."""
    if first is None:
        return second
    score = first.progress
    if score is None:  # not what a success of the second implies, where the first denies it
        score = second.score if first.success is False else second.progress
    success = second.success if first.success is None else first.success
    return Verdict(score, success, "; ".join(v.reason for v in (first, second) if v.reason))


def _is_open(verdict: Verdict | None) -> bool:
    return verdict is None or verdict.success is None or verdict.progress is None
