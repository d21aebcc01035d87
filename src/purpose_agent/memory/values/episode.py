"""One episode as a value memory sees it: values of the admissible actions, and a shortlist."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from random import Random

from purpose_agent.memory.action_template import is_named, parse_action
from purpose_agent.memory.goals.models import GoalModels
from purpose_agent.memory.values.features import ASKED_FOR, Feature, situation_features
from purpose_agent.memory.values.progress import EpisodeProgress
from purpose_agent.memory.values.record import EpisodeRecord, Transition
from purpose_agent.memory.values.settings import ValueSettings
from purpose_agent.memory.values.table import ValueTable
from purpose_agent.memory.values.trace import EpisodeTrace
from purpose_agent.memory.values.world import World


@dataclass(frozen=True, slots=True)
class ActionValue:
    """What the memory thinks of one admissible action."""

    action: str
    value: float
    """Learned value and, where progress is not told, what the likeliest goal asks for; in units of score."""
    first_try: float
    """Worth of a first try of what the purpose names or texts ask for; it fades with ``n``, in units of score. 0
    for a kind of action with which a task failed on what its purpose named, except when exploring."""
    novelty: float
    """Worth of what it may show that is new in this episode, in units of score."""
    bonus: float
    """What trying it would teach, in units of score; counts when exploring."""
    n: float
    """Like actions taken in like situations."""
    penalty: float
    """For having repeated its own output or lost score in this episode, in units of score."""


class ValueEpisode:
    """A cursor over one episode. It reads what was learned, never changes it, and records what happens."""

    def __init__(
        self,
        world: World,
        table: ValueTable,
        goals: GoalModels,
        settings: ValueSettings,
        purpose: str,
        *,
        seed: int,
        explore: bool,
        heed_texts: bool,
        fatal: frozenset[str],
    ) -> None:
        self._world = world
        self._table = table
        self._goals = goals
        self._settings = settings
        self._purpose = purpose
        self._explore = explore
        self._heed_texts = heed_texts
        self._fatal = fatal
        self._seed = seed
        self.begin("", ())

    def begin(self, observation: str, admissible: Sequence[str], score: float | None = 0.0) -> None:
        """Start at the first text and the first admissible actions.

        Args:
            observation: the first text.
            admissible: what may be done first.
            score: progress in [0, 1]; None when the environment tells only the end, whatever `observe` is given.
        """
        self._first = (observation, tuple(admissible), score)
        self._steps: list[Transition] = []
        self._random = Random(self._seed)
        self._progress = EpisodeProgress(self._goals, self._purpose, admissible, score)
        self._trace = EpisodeTrace(self._world, self._purpose)
        self._trace.begin(observation, admissible, self._progress.score)

    def observe(
        self,
        action: str,
        observation: str,
        admissible: Sequence[str],
        score: float | None,
        done: bool,
        success: bool | None,
    ) -> None:
        """Take in what ``action`` led to.

        Args:
            action: as it was listed.
            observation: the text that came back.
            admissible: what may be done next.
            score: task progress in [0, 1]; None when it is not known, which counts as unchanged.
            done: whether the environment ended the task; False at a step limit.
            success: the verdict, None when there is none.
        """
        hidden = self._progress.goal is not None
        told = None if hidden else self._progress.score if score is None else score
        step = Transition(action, observation, tuple(admissible), told, done, success)
        self._steps.append(step)
        self._trace.observe(step, self._progress.after(step))

    def record(self) -> EpisodeRecord:
        """The episode so far, for `ValueMemory.learn` and for the store."""
        observation, admissible, score = self._first
        return EpisodeRecord(self._purpose, observation, admissible, tuple(self._steps), score)

    def appraise(self) -> list[ActionValue]:
        """What the memory thinks of each current admissible action, in the order given."""
        table, settings = self._table, self._settings
        found: list[ActionValue] = []
        goal = self._progress.goal
        for action, features in zip(self._trace.admissible, situation_features(self._trace), strict=True):
            ids = table.lookup(features)
            n = table.evidence(ids)
            advice = settings.advice * goal.advice(action) if goal is not None else 0.0
            penalty = settings.repeat_cost * self._trace.offences.get(action, 0)
            doubt = 1.0 / sqrt(1.0 + n)
            first_try = settings.first_try * doubt if self._is_called_for(action, features) else 0.0
            news = self._world.news.rate(parse_action(action).template)
            novelty = settings.novelty * news / (1 + self._trace.tried.get(action, 0))
            bonus = settings.curiosity * news * doubt
            found.append(
                ActionValue(action, table.value(ids) + advice, first_try, novelty, bonus, n, penalty)
            )
        return found

    def _is_called_for(self, action: str, features: Sequence[Feature]) -> bool:
        """Whether the purpose or a text calls for a first try of ``action``."""
        trace = self._trace
        if action in trace.tried or trace.vocabulary.abstract(action) in self._fatal:
            return False
        return is_named(action, self._purpose) or (self._heed_texts and not ASKED_FOR.isdisjoint(features))

    def shortlist(self, appraised: Sequence[ActionValue] | None = None) -> list[int]:
        """Indices of the actions that are not clearly worse than the best, best first; empty when there are none.

        One index is a habit: nobody needs to be asked. Values closer than ``tolerance`` are ties; exact ties come in an
        order that the seed decides.

        Args:
            appraised: what `appraise` said of the current situation; None to ask it.
        """
        if appraised is None:
            appraised = self.appraise()
        if not appraised:
            return []
        merits = [
            a.value + a.first_try + a.novelty - a.penalty + (a.bonus if self._explore else 0.0)
            for a in appraised
        ]
        order = list(range(len(merits)))
        self._random.shuffle(order)
        order.sort(key=lambda i: -merits[i])
        best = merits[order[0]]
        return [i for i in order if best - merits[i] <= self._settings.tolerance]
