"""The experience critic at work in one episode: how far it has come, and what the likeliest goal asks for."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

from purpose_agent.memory.action_template import parse_action
from purpose_agent.memory.goals.belief import GoalBelief
from purpose_agent.memory.goals.model import GoalModel
from purpose_agent.memory.goals.odds import GoalOdds
from purpose_agent.memory.goals.trace import Arguments, GoalTrace
from purpose_agent.memory.task_vocabulary import TaskVocabulary

IN_HAND = 0.4
"""What a part of the goal counts for whose item was taken up but does not stand where it belongs; 1 when it does."""
WITHIN_REACH = 0.1
"""What is added when the action that would put it there can be taken now."""

OPENING = 0.5
"""How strongly a goal asks for what makes one of its places accessible."""

_FULL = 0.99  # only a verified success is complete


class GoalTracker:
    """A cursor over one episode. It reads a model and never changes it.

    Args:
        model: of the purpose's family.
        vocabulary: that the model was learned with.
    """

    def __init__(self, model: GoalModel, vocabulary: TaskVocabulary) -> None:
        self._model = model
        self._weight = model.weight
        goal = model.completion
        self._template = goal.template if goal else ""
        self._trace = GoalTrace(vocabulary, self._template, frozenset(goal.places) if goal else frozenset())
        self._belief = (
            GoalBelief(GoalOdds(vocabulary, goal.template, goal.weights), goal.count) if goal else None
        )

    @property
    def knows_something(self) -> bool:
        """Whether `progress` says anything."""
        return self._model.knows_something

    @property
    def confidence(self) -> float:
        """In [0, 1]: grows with the number of successes that the model rests on; 0 without one."""
        return 1.0 - 1.0 / sqrt(1.0 + self._model.n_successes) if self.knows_something else 0.0

    def begin(self, admissible: Sequence[str]) -> None:
        """Start with what may be done first."""
        self._trace.offer(admissible)
        self._believe()

    def observe(self, command: str, admissible: Sequence[str]) -> None:
        """Take in a command that led to a state which is no success, and what may follow it."""
        if self.knows_something:
            self._trace.observe(command, admissible)
            self._believe()

    def progress(self) -> float:
        """How far the episode has come, in [0, 1); 0 while nothing is known."""
        if not self._weight:
            return 0.0
        deeds = self._trace.deeds
        reached = sum(m.weight for m in self._model.milestones if (m.action, m.number) in deeds)
        if self._belief is not None:
            reached += sum(share * self._credit(part) for part, share in self._belief.likely.items())
        return _FULL * reached / self._weight

    def advice(self, command: str) -> float:
        """How strongly the likeliest goal asks for a command, in [-1, 1]; 0 while there is no goal.

        1 when the command brings an item of the goal nearer to its place, -1 when it takes one away, and `OPENING`
        when it names a place that an item in hand belongs to and cannot be put into yet.
        """
        if self._belief is None or not self._belief.best:
            return 0.0
        parsed = parse_action(command)
        change, opens = 0.0, False
        for part in self._belief.best:
            stands = self._stand(part, self._trace.fate.get(part[0]))
            if parsed.arguments and parsed.arguments[0] == part[0]:
                change += self._stand(part, (parsed.template, parsed.arguments)) - stands
            elif stands == IN_HAND and part not in self._trace.offered:
                opens = opens or not set(part[1:]).isdisjoint(parsed.arguments)
        if change:
            return 1.0 if change > 0 else -1.0
        return OPENING if opens else 0.0

    def describe(self) -> str:
        """What the progress rests on, for people."""
        if not self.knows_something:
            return ""
        deeds = self._trace.deeds
        reached = [m for m in self._model.milestones if (m.action, m.number) in deeds]
        said = [f"{m.action} (x{m.number})" if m.number > 1 else m.action for m in reached]
        if self._belief is not None and self._belief.best:
            goal = "; ".join(f"{self._template}: {', '.join(part)}" for part in self._belief.best)
            said.append(f"likeliest goal: {goal}")
        return "; ".join(said)

    def _believe(self) -> None:
        if self._belief is not None:
            self._belief.update(self._trace.possible, self._trace.standing(self._template))

    def _credit(self, part: Arguments) -> float:
        stands = self._stand(part, self._trace.fate.get(part[0]))
        return stands + WITHIN_REACH if stands == IN_HAND and part in self._trace.offered else stands

    def _stand(self, part: Arguments, fate: tuple[str, Arguments] | None) -> float:
        """What a part of the goal counts for, given what was last done with its item."""
        if fate is None:
            return 0.0
        template, arguments = fate
        if template != self._template:
            return IN_HAND
        return 1.0 if arguments == part else 0.0
