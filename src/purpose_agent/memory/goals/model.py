"""What distinguishes verified successes: a potential learned from final outcomes alone, no model of language.

Per family of purposes, two things are learned from the episodes whose end was verified:

- *Milestones*: deeds that nearly every success has, more often than failures and not by chance (contrastive; the
  weight is the difference of the two rates).
- *The completing action*: the action that successes end with, how many different items it must have been done with,
  and the odds of its arguments (`goal_odds`). Within an episode they become a posterior over goals (`goal_belief`).

Progress is the weighted share of milestones reached and of the goal fulfilled. It is a potential: it depends on what
was done and offered so far, never on the clock, on the actor's words or on a score of the environment.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec

from purpose_agent.memory.action_template import WILDCARD, parse_action
from purpose_agent.memory.goals.odds import NOTHING, Choice, FailedTest, GoalOdds
from purpose_agent.memory.goals.trace import Arguments, GoalTrace
from purpose_agent.memory.task_vocabulary import TaskVocabulary
from purpose_agent.memory.values.record import EpisodeRecord

_SHARE = 0.9  # of the successes that have what all successes need
_CHANCE = 0.15  # greatest probability that a milestone is in all successes by chance
_FEW = 2  # successes before a completing action is believed
_NAMELESS = 0.5  # weight of a choice that was not possible yet


class Milestone(msgspec.Struct, frozen=True, array_like=True):
    """A deed that successes have and failures lack."""

    action: str
    """The abstract action."""
    number: int
    """With how many different items it must be done."""
    weight: float
    """Share of the successes that have it minus share of the failures that have it."""


class Completion(msgspec.Struct, frozen=True, array_like=True):
    """The action that successes end with."""

    template: str
    count: int
    """With how many different items it must stand at the end."""
    places: tuple[str, ...]
    """Arguments that it was ever offered with, beside the item."""
    weights: dict[str, float]
    """Log odds by feature; see `GoalOdds`."""


class GoalModel(msgspec.Struct, frozen=True, array_like=True):
    """What distinguishes the successes of one family of purposes."""

    milestones: tuple[Milestone, ...] = ()
    completion: Completion | None = None
    n_episodes: int = 0
    """Verified episodes that it rests on."""
    n_successes: int = 0

    @property
    def knows_something(self) -> bool:
        """Whether it has an opinion on any state."""
        return bool(self.milestones) or self.completion is not None

    @property
    def weight(self) -> float:
        """What full progress adds up to."""
        goal = self.completion.count if self.completion else 0
        return sum(milestone.weight for milestone in self.milestones) + goal

    @classmethod
    def fit(cls, records: Sequence[EpisodeRecord], vocabulary: TaskVocabulary) -> GoalModel:
        """Learn from the episodes of one family whose end was verified."""
        verified = [record for record in records if record.verified]
        traces = [_trace(record, vocabulary) for record in verified]
        won = [trace for record, trace in zip(verified, traces, strict=True) if record.success]
        lost = [trace for record, trace in zip(verified, traces, strict=True) if not record.success]
        if not won:
            return cls(n_episodes=len(verified))
        completion = _completion(verified, won, vocabulary) if len(won) >= _FEW else None
        milestones = _milestones(won, lost)
        if completion is not None:
            named = (completion.template, completion.count)
            milestones = [m for m in milestones if m.action != named[0] or m.number > named[1]]
        return cls(tuple(milestones), completion, len(verified), len(won))


def _milestones(won: list[GoalTrace], lost: list[GoalTrace]) -> list[Milestone]:
    having = Counter(deed for trace in won for deed in trace.deeds)
    lacking = Counter(deed for trace in lost for deed in trace.deeds)
    found: list[Milestone] = []
    for (action, number), n in having.items():
        among_won = n / len(won)
        among_lost = (lacking[action, number] + 0.5) / (len(lost) + 1)
        if among_won >= _SHARE and among_won > among_lost and among_lost ** len(won) < _CHANCE:
            found.append(Milestone(action, number, among_won - among_lost))
    return found


def _completion(
    verified: Sequence[EpisodeRecord], won: list[GoalTrace], vocabulary: TaskVocabulary
) -> Completion | None:
    last = Counter(parse_action(record.steps[-1].action).template for record in verified if record.success)
    template, n = last.most_common(1)[0]
    if n < _SHARE * len(won) or WILDCARD not in template:
        return None
    standing = sorted(len(trace.standing(template)) for trace in won)
    count = max(1, standing[int((1.0 - _SHARE) * len(standing))])
    places = frozenset(
        argument
        for record in verified
        for place in _trace(record, vocabulary, template).places
        for argument in place
    )
    odds = GoalOdds(vocabulary, template)
    ordered = sorted(verified, key=lambda record: not record.success)
    odds.fit(
        [piece for record in ordered for piece in _evidence(record, vocabulary, template, places, count)]
    )
    return Completion(template, count, tuple(sorted(places)), odds.weights)


def _trace(record: EpisodeRecord, vocabulary: TaskVocabulary, template: str = "") -> GoalTrace:
    trace = GoalTrace(vocabulary, template)
    trace.offer(record.admissible)
    for step in record.steps:
        trace.observe(step.action, step.admissible)
    return trace


def _evidence(
    record: EpisodeRecord, vocabulary: TaskVocabulary, template: str, places: frozenset[str], count: int
) -> list[Choice | FailedTest]:
    """What an episode says about the arguments of the completing action."""
    final = _trace(record, vocabulary).standing(template)[-count:] if record.success else []
    trace = GoalTrace(vocabulary, template, places)
    trace.offer(record.admissible)
    tests: list[Choice | FailedTest] = []
    choices: list[Choice | FailedTest] = []
    tested: set[tuple[Arguments, ...]] = set()
    offered = 0
    for number, step in enumerate(record.steps, 1):
        trace.observe(step.action, step.admissible)
        possible, standing = trace.possible, trace.standing(template)
        if final and len(possible) != offered:
            offered = len(possible)
            choices += [_choice(right, final, possible) for right in final]
        ended = record.success and number == len(record.steps)
        key = tuple(sorted(standing))
        if len(standing) == count and not ended and key not in tested:
            tested.add(key)
            tests.append(FailedTest([(mine, _rivals(mine, standing, possible)) for mine in standing]))
    return tests + choices


def _choice(right: Arguments, final: Sequence[Arguments], possible: Sequence[Arguments]) -> Choice:
    among = _rivals(right, final, possible)
    if right in possible:
        return Choice(right, among)
    return Choice(NOTHING, [arguments for arguments in among if arguments != right], _NAMELESS)


def _rivals(
    mine: Arguments, all_of_it: Sequence[Arguments], possible: Sequence[Arguments]
) -> list[Arguments]:
    """What could stand in the place of ``mine``: the arguments without the other items, and `NOTHING`."""
    others = {arguments[0] for arguments in all_of_it if arguments is not mine}
    among = [arguments for arguments in possible if arguments[0] not in others]
    return [*among, *([] if mine in among else [mine]), NOTHING]
