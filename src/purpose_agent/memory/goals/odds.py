"""Which arguments complete a task: a log-linear choice model, learned from verified ends.

The odds of a choice depend on words of the item, on the place, and on pairs of both, so that what was learned with
*dirty grey shirt in laundry basket* serves for *dirty red dress*. Two kinds of evidence move them: a success says
that its arguments were right and all other possible ones of the moment were not; a state in which everything
seemed done and that yet was no success says that at least one of its arguments was wrong (a noisy AND; the
blame is shared out by the probability that the others were right). Updates are stochastic gradient steps on the
(pseudo-)likelihood (Besag 1975) with AdaGrad's step sizes (Duchi, Hazan & Singer 2011).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, prod, sqrt

from purpose_agent.memory.goals.trace import Arguments
from purpose_agent.memory.task_vocabulary import TaskVocabulary

NOTHING: Arguments = ()
"""The choice that none of the possible arguments is right."""

_SWEEPS = 20
_RATE = 0.3
_DECAY = 0.01
_LARGEST = 12.0  # log odds beyond this are no longer told apart
_SMALLEST = 1e-4  # probabilities below this move nothing


@dataclass(frozen=True)
class Choice:
    """What was right among what was possible.

    Attributes:
        right: one of ``among``.
        among: the possible arguments, `NOTHING` included.
        weight: of this choice in learning.
    """

    right: Arguments
    among: Sequence[Arguments]
    weight: float = 1.0


@dataclass(frozen=True)
class FailedTest:
    """Arguments that were not all right at once.

    Attributes:
        parts: each with what was possible in its place.
    """

    parts: Sequence[tuple[Arguments, Sequence[Arguments]]]


class GoalOdds:
    """Log odds of arguments of one action template.

    Args:
        vocabulary: says which arguments are the world's own.
        template: of the action.
        weights: learned before.
    """

    def __init__(
        self, vocabulary: TaskVocabulary, template: str, weights: dict[str, float] | None = None
    ) -> None:
        self._vocabulary = vocabulary
        self._template = template
        self.weights: dict[str, float] = dict(weights or {})
        self._squares: dict[str, float] = {}
        self._features: dict[Arguments, list[str]] = {}

    def log_odds(self, arguments: Arguments) -> float:
        """Log odds up to a constant that is the same for all arguments; 0 for what nothing is known of."""
        weights = self.weights
        total = sum([weights.get(feature, 0.0) for feature in self._features_of(arguments)])
        return max(-_LARGEST, min(_LARGEST, total))

    def shares(self, among: Sequence[Arguments]) -> list[float]:
        """The probability that each is the right one, if exactly one is."""
        odds = [self.log_odds(arguments) for arguments in among]
        top = max(odds)
        raw = [exp(value - top) for value in odds]
        total = sum(raw)
        return [value / total for value in raw]

    def fit(self, evidence: Sequence[Choice | FailedTest]) -> None:
        """Learn from evidence in the order given."""
        for _ in range(_SWEEPS):
            for piece in evidence:
                if isinstance(piece, Choice):
                    self._move(piece.among, self.shares(piece.among), piece.right, piece.weight)
                else:
                    self._blame(piece)

    def _blame(self, test: FailedTest) -> None:
        shares = [self.shares(among) for _, among in test.parts]
        right = [
            share[list(among).index(arguments)]
            for (arguments, among), share in zip(test.parts, shares, strict=True)
        ]
        for i, ((arguments, among), share) in enumerate(zip(test.parts, shares, strict=True)):
            others = prod(right[:i]) * prod(right[i + 1 :])  # were they right, then this one was wrong
            mine = min(0.95, right[i])
            self._move(among, share, arguments, -others * mine / (1.0 - mine * others))

    def _move(
        self, among: Sequence[Arguments], shares: Sequence[float], right: Arguments, weight: float
    ) -> None:
        gradient: dict[str, float] = {}
        for feature in self._features_of(right):
            gradient[feature] = gradient.get(feature, 0.0) + weight
        for arguments, share in zip(among, shares, strict=True):
            if share > _SMALLEST:
                for feature in self._features_of(arguments):
                    gradient[feature] = gradient.get(feature, 0.0) - weight * share
        for feature, slope in gradient.items():
            if slope:
                old = self.weights.get(feature, 0.0)
                slope -= _DECAY * old
                square = self._squares.get(feature, 0.1) + slope * slope
                self._squares[feature] = square
                self.weights[feature] = old + _RATE * slope / sqrt(square)

    def _features_of(self, arguments: Arguments) -> list[str]:
        found = self._features.get(arguments)
        if found is None:
            found = self._features[arguments] = self._describe(arguments)
        return found

    def _describe(self, arguments: Arguments) -> list[str]:
        if not arguments:
            return ["nothing"]
        item, places = arguments[0], arguments[1:]
        words = item.split(" ")
        found: list[str] = []
        for slot, argument in enumerate(arguments):
            own = self._vocabulary.is_literal(self._template, slot, argument)
            found += [f"own|{slot}|{own}", f"argument|{slot}|{argument}"]
        found += [f"word|{word}" for word in words]
        for place in places:
            found += [f"word at|{word}|{place}" for word in words]
        if places:
            found.append("all|" + "|".join(arguments))
        return found
