"""What has happened so far in an episode, kept in the form that value features ask for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

from purpose_agent.memory.action_template import ParsedAction, clauses, parse_action
from purpose_agent.memory.goals.graph import GoalGraph
from purpose_agent.memory.task_vocabulary import FamilyWords
from purpose_agent.memory.values.record import Transition
from purpose_agent.memory.values.world import World

_MAX_CLAUSES = 400  # of an episode in which arguments are looked up; the first ones count
_MAX_MENTIONS = 4  # templates kept per argument
_MAX_COMPANIONS = 6  # words kept per argument
_SCORE_STEP = 1e-9
_NOTHING = parse_action("")
_UNTOUCHED = ("untouched",)


@dataclass(slots=True)
class _Mentions:
    """Where an argument was mentioned so far."""

    sources: dict[str, None]
    """Abstract actions whose output mentioned it, first ones first."""
    companions: dict[str, None]
    """Words that shared a clause with it in the output of an action about something else."""
    read: int = 0
    """Clauses looked at."""


@dataclass(frozen=True, slots=True)
class _Clause:
    padded: str
    words: tuple[str, ...]
    source: str
    about: tuple[str, ...]


class EpisodeTrace:
    """The history of one episode, updated step by step.

    A pure function of world, purpose and transitions.
    """

    def __init__(self, world: World, purpose: str) -> None:
        family = world.vocabulary.family(purpose)
        self.vocabulary = world.vocabulary.within(purpose)
        self.kin = "" if family is None or len(world.vocabulary.families) < 2 else family.name
        """The family of tasks that this one belongs to; empty when there is one or none."""
        self.words = FamilyWords(family, purpose)
        self.world = world
        self.graph = GoalGraph(self.words)
        self.admissible: tuple[str, ...] = ()
        """The actions of the current situation."""
        self.text = ""
        """The last text."""
        self.score: float = 0.0
        self.best: float = 0.0
        """The highest score so far."""
        self.phase = "start"
        """The abstract action that last brought the score to a new height."""
        self.gains = 0
        """How often the score rose to a new height."""
        self.last: tuple[str, str] = ("start", "start")
        """The last two abstract actions, newest first."""
        self.tried: dict[str, int] = {}
        """How often each action was taken."""
        self.tried_since_gain: dict[str, int] = {}
        self.offences: dict[str, int] = {}
        """How often each action repeated its own output, or lost score."""
        self.situation: tuple[str, str] = ("", "")
        """Keys of the current situation: the text, and the set of admissible actions."""
        self.visits: dict[str, int] = {}
        """How often each text was met."""
        self.used_here: dict[tuple[str, str], int] = {}
        """How often (situation key, action) was used, for both kinds of key."""
        self.leads_to: dict[tuple[str, str], str] = {}
        """The text that came of (text, action)."""
        self.instructions = world.consequences.reader()
        """What texts asked for and named."""
        self._fate: dict[str, tuple[str, str, str]] = {}
        self._outputs: dict[str, dict[str, None]] = {}
        self._clauses: list[_Clause] = []
        self._mentions: dict[str, _Mentions] = {}
        self._known_clauses: set[tuple[str, ...]] = set()
        self._names: set[str] = set()

    def begin(self, observation: str, admissible: Sequence[str], score: float | None = 0.0) -> None:
        """Start at the first text and the first admissible actions."""
        self.score = self.best = _within(score, 0.0)
        self._arrive(observation, admissible, "start", _NOTHING)

    def observe(self, step: Transition, score: float | None) -> tuple[float, float]:
        """Take in one transition.

        Args:
            step: what was done and what came of it.
            score: progress in [0, 1] afterwards, told or estimated; None for unchanged.

        Returns:
            the change of score and the change of the highest score so far.
        """
        parsed = parse_action(step.action)
        abstract = self.vocabulary.abstract(step.action)
        score = _within(score, self.score)
        change = score - self.score
        record = max(0.0, score - self.best)
        self.score = score
        self.best += record
        self._count_use(step)
        self._judge_output(step, change)
        outcome = _outcome(change, record)
        for slot, argument in enumerate(parsed.arguments):
            self._fate[argument] = (parsed.template, str(slot), outcome)
        if outcome == "+":
            self.phase = abstract
            self.gains += 1
            self.tried_since_gain = {}
        self.last = (abstract, self.last[0])
        self._arrive(step.observation, step.admissible, abstract, parsed)
        return change, record

    def fate_of(self, argument: str) -> tuple[str, ...]:
        """What was last done with ``argument``: template and slot of the action, and whether that gained (+), regained
        (~), lost (-) or changed nothing (=); just ``untouched`` when nothing was."""
        return self._fate.get(argument, _UNTOUCHED)

    def mentions(self, argument: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Abstract actions whose outputs mentioned ``argument``, and the words that stood with it there."""
        found = self._mentions.get(argument)
        if found is None:
            found = self._mentions[argument] = _Mentions({}, {})
        if found.read < len(self._clauses):
            self._look_up(argument, found)
        return tuple(found.sources)[:_MAX_MENTIONS], tuple(found.companions)[:_MAX_COMPANIONS]

    def _look_up(self, argument: str, found: _Mentions) -> None:
        needle = f" {argument} "
        for clause in self._clauses[found.read :]:
            if needle in clause.padded:
                found.sources[clause.source] = None
                if argument not in clause.about:
                    dull, names = self.words.ubiquitous, self._names
                    found.companions.update(
                        dict.fromkeys(word for word in clause.words if word not in dull and word not in names)
                    )
        found.read = len(self._clauses)

    def _count_use(self, step: Transition) -> None:
        action = step.action
        self.tried[action] = self.tried.get(action, 0) + 1
        self.tried_since_gain[action] = self.tried_since_gain.get(action, 0) + 1
        for key in self.situation:
            self.used_here[key, action] = self.used_here.get((key, action), 0) + 1
        self.leads_to[self.situation[0], action] = step.observation

    def _judge_output(self, step: Transition, change: float) -> None:
        outputs = self._outputs.setdefault(step.action, {})
        repeated = step.observation in outputs and change <= _SCORE_STEP
        if repeated or change < -_SCORE_STEP:
            self.offences[step.action] = self.offences.get(step.action, 0) + 1
        outputs[step.observation] = None

    def _arrive(self, text: str, admissible: Sequence[str], source: str, done: ParsedAction) -> None:
        self.admissible = tuple(admissible)
        self.text = text
        self.situation = (text, "\n".join(sorted(self.admissible)))
        self.visits[text] = self.visits.get(text, 0) + 1
        self.graph.read(text)
        self.instructions.arrive(done, text, admissible)
        for action in self.admissible:
            for argument in parse_action(action).arguments:
                self._names.update(argument.split(" "))
        for clause in clauses(text):
            if clause not in self._known_clauses and len(self._clauses) < _MAX_CLAUSES:
                self._known_clauses.add(clause)
                self._clauses.append(_Clause(f" {' '.join(clause)} ", clause, source, done.arguments))


def _within(score: float | None, last: float) -> float:
    """``score`` moved into [0, 1]; the last one when it is not a number."""
    return min(1.0, max(0.0, score)) if score is not None and isfinite(score) else last


def _outcome(change: float, record: float) -> str:
    if record > _SCORE_STEP:
        return "+"
    if abs(change) <= _SCORE_STEP:
        return "="
    return "~" if change > 0 else "-"
