"""How far things are from the goal: words linked by the clauses in which they were seen together."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

from purpose_agent.memory.action_template import clauses
from purpose_agent.memory.task_vocabulary import FamilyWords

FAR = 99
"""The distance of what is not known to be linked to the goal."""

_MAX_CLAUSES = 2000  # of an episode that are linked; the first ones count


class GoalGraph:
    """Links of one episode between words that are rare across tasks, and distances from the goal's words.

    A goal is a span of words of the purpose that varies between tasks. Two rare words of one clause are one link
    apart. A word that is common across tasks (a direction, a kind of furniture) means what it stood with when it was
    mentioned last: that is how an action such as *go north* gets a place in the graph.
    """

    def __init__(self, vocabulary: FamilyWords) -> None:
        self._words = vocabulary
        self._links: dict[str, dict[str, None]] = {}
        self._meaning: dict[str, tuple[str, ...]] = {}
        self._seen: dict[tuple[str, ...], None] = {}
        self._distances: list[dict[str, int]] | None = None

    @property
    def n_goals(self) -> int:
        """How many goals the purpose has; 0 when its words do not vary between tasks."""
        return len(self._words.goals)

    def read(self, text: str) -> None:
        """Link the words of ``text``."""
        if not self.n_goals:
            return
        common = self._words.common
        meaning: dict[str, list[str]] = {}
        for clause in clauses(text):
            rare = tuple(dict.fromkeys(word for word in clause if word not in common))
            for word in clause:
                if word in common:
                    meaning.setdefault(word, []).extend(rare)
            if len(rare) > 1 and rare not in self._seen and len(self._seen) < _MAX_CLAUSES:
                self._seen[rare] = None
                self._link(rare)
        for word, rare_words in meaning.items():
            self._meaning[word] = tuple(dict.fromkeys(rare_words))

    def distances(self, arguments: Iterable[str]) -> list[int]:
        """Per goal: links between the nearest word that ``arguments`` mean and the goal; ``FAR`` when unknown."""
        targets: dict[str, None] = {}
        for argument in arguments:
            for word in argument.split(" "):
                if word in self._words.common:
                    targets.update(dict.fromkeys(self._meaning.get(word, ())))
                else:
                    targets[word] = None
        return [min((found.get(word, FAR) for word in targets), default=FAR) for found in self._all()]

    def _link(self, rare: Sequence[str]) -> None:
        self._distances = None
        head = rare[0]
        for word in rare[1:]:
            self._links.setdefault(head, {})[word] = None
            self._links.setdefault(word, {})[head] = None

    def _all(self) -> list[dict[str, int]]:
        if self._distances is None:
            self._distances = [self._from(goal) for goal in self._words.goals]
        return self._distances

    def _from(self, goal: tuple[str, ...]) -> dict[str, int]:
        found = dict.fromkeys(goal, 0)
        queue = deque(goal)
        while queue:
            word = queue.popleft()
            for other in self._links.get(word, ()):
                if other not in found:
                    found[other] = found[word] + 1
                    queue.append(other)
        return found
