"""What goes with what: *key* with *key holder*, *straw hat* with *hat rack*, because *cap* went there.

An action about two things may be right for a pair never tried: a phrase goes with another one as far as its like did,
and as the two are alike themselves (nearest neighbours in a space of meaning). Whether that predicts anything is
asked of the known pairs, each from the others: in a game where it does not, nothing is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from math import sqrt

from purpose_agent.memory.action_template import parse_action
from purpose_agent.memory.goals.models import GoalModels
from purpose_agent.memory.phrase_likeness import PhraseLikeness
from purpose_agent.memory.values.progress import EpisodeProgress
from purpose_agent.memory.values.record import EpisodeRecord

Pair = tuple[str, str, str]
"""An action's template and its first two arguments."""

_MOST = 400  # pairs of a template that are looked at, the latest
_MOST_KEPT = 10_000  # first arguments compared with all second ones
_ERRORS = 3.0  # standard errors beyond chance
_RISE = 1e-9


class Affinities:
    """Pairs that brought progress, and what they say of other pairs.

    Args:
        pairs: each once, in the order in which they were found.
        likeness: compares arguments.
    """

    def __init__(self, pairs: Sequence[Pair] = (), likeness: PhraseLikeness | None = None) -> None:
        self.pairs = tuple(pairs)
        likeness = likeness or PhraseLikeness()
        grouped: dict[str, list[tuple[str, str]]] = {}
        for template, first, second in self.pairs:
            grouped.setdefault(template, []).append((first, second))
        self._templates = {
            template: _KnownPairs(known[-_MOST:], likeness) for template, known in grouped.items()
        }

    @classmethod
    def of(cls, episodes: Sequence[EpisodeRecord], goals: GoalModels, likeness: PhraseLikeness) -> Affinities:
        """The pairs of all actions in ``episodes`` after which a score was higher than ever before."""
        return cls(
            tuple(dict.fromkeys(pair for episode in episodes for pair in _gaining(episode, goals))), likeness
        )

    def rank(self, template: str, first: str, second: str, among: Iterable[str] | None = None) -> int | None:
        """How many second arguments go better with ``first`` than ``second`` does.

        Args:
            template: of the action.
            first: its first argument.
            second: its second one.
            among: the second arguments to compare with; None for all that are known.

        Returns:
            None where too little is known, or where affinity does not tell what is right.
        """
        known = self._templates.get(template)
        return known.rank(first, second, among) if known is not None and known.is_telling else None


class _KnownPairs:
    """The known pairs of one template."""

    def __init__(self, pairs: Sequence[tuple[str, str]], likeness: PhraseLikeness) -> None:
        self._pairs = pairs
        self._likeness = likeness
        self._firsts: dict[str, list[str]] = {}
        for first, second in pairs:
            self._firsts.setdefault(second, []).append(first)
        self._affinities: dict[str, dict[str, float]] = {}

    @cached_property
    def is_telling(self) -> bool:
        """Whether it agrees with the known pairs, each judged by those of other firsts, beyond chance (Cohen 1960): by
        three standard errors more often than if its guesses had nothing to do with what was right."""
        n = len(self._pairs)
        guesses = [self._guess(first) for first, _ in self._pairs]
        hits = sum(guess == second for guess, (_, second) in zip(guesses, self._pairs, strict=True))
        chance = sum(len(self._firsts.get(guess, ())) for guess in guesses) / n
        return hits - chance > _ERRORS * sqrt(chance * (1.0 - chance / n))

    def rank(self, first: str, second: str, among: Iterable[str] | None) -> int:
        """How many of some seconds, or of those known, have a greater affinity to ``first`` than ``second`` has."""
        known = self._known(first)

        def affinity(other: str) -> float:
            return known[other] if other in known else self._affinity(first, other)

        own = affinity(second)
        return sum(affinity(other) > own for other in (known if among is None else among))

    def _guess(self, first: str) -> str:
        """The second that goes best with ``first``; empty where several do."""
        known = self._known(first)
        best = max(known.values())
        found = [second for second, affinity in known.items() if affinity == best]
        return found[0] if len(found) == 1 else ""

    def _known(self, first: str) -> dict[str, float]:
        """The affinity of ``first`` to each known second."""
        found = self._affinities.get(first)
        if found is None:
            if len(self._affinities) >= _MOST_KEPT:
                self._affinities.clear()
            found = self._affinities[first] = {each: self._affinity(first, each) for each in self._firsts}
        return found

    def _affinity(self, first: str, second: str) -> float:
        """Likeness to what went with ``second``, and to ``second`` itself. A pair says nothing of itself: what is
        known of it shows in other features, and would make all known pairs seem certain."""
        of = self._likeness.of
        others = [of(first, other) for other in self._firsts.get(second, ()) if other != first]
        return max(others, default=0.0) + of(first, second)


def _gaining(episode: EpisodeRecord, goals: GoalModels) -> Iterator[Pair]:
    progress = EpisodeProgress(goals, episode.purpose, episode.admissible, episode.score)
    best = progress.score
    for step in episode.steps:
        now = progress.after(step)
        parsed = parse_action(step.action)
        if len(parsed.arguments) > 1 and (now > best + _RISE or step.success):
            yield parsed.template, parsed.arguments[0], parsed.arguments[1]
        best = max(best, now)
