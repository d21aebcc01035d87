"""What happened in an episode as far as goals go: what was done, how often, and what became of each thing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from purpose_agent.memory.action_template import WILDCARD, parse_action
from purpose_agent.memory.task_vocabulary import TaskVocabulary

Arguments = tuple[str, ...]
"""The arguments of an action: the first is the item that it is about, the others say where or with what."""

Deed = tuple[str, int]
"""(abstract action, k): it was done with the k-th different item; k is 1 where it has no free argument."""


class GoalTrace:
    """The deeds of one episode; a pure function of the vocabulary, the commands and what was offered.

    Args:
        vocabulary: says which arguments are the world's own.
        template: the action template whose offered arguments are remembered; empty for none.
        places: arguments that are known to be a place for this template: they count as offered as soon as any action
            names them (the cupboard that is still closed).
    """

    def __init__(
        self, vocabulary: TaskVocabulary, template: str = "", places: frozenset[str] = frozenset()
    ) -> None:
        self._vocabulary = vocabulary
        self._template = template
        self._known_places = places
        self.deeds: dict[Deed, None] = {}
        """What was done so far, in order of first doing."""
        self.fate: dict[str, tuple[str, Arguments]] = {}
        """Per item: template and arguments of the last action on it; latest last."""
        self.offered: frozenset[Arguments] = frozenset()
        """Arguments with which the template can be carried out now."""
        self._items: dict[str, None] = {}
        self._places: dict[Arguments, None] = {}
        self._done_with: dict[str, set[str]] = {}
        self._admissible: tuple[str, ...] = ()

    def offer(self, admissible: Sequence[str]) -> None:
        """Take in what may be done now."""
        if not self._template or tuple(admissible) == self._admissible:
            return
        self._admissible = tuple(admissible)
        now: list[Arguments] = []
        for command in admissible:
            parsed = parse_action(command)
            if parsed.template == self._template:
                now.append(parsed.arguments)
                self._items[parsed.arguments[0]] = None
                self._places[parsed.arguments[1:]] = None
            if self._known_places:
                self._places.update(((a,), None) for a in parsed.arguments if a in self._known_places)
        self.offered = frozenset(now)

    def observe(self, command: str, admissible: Sequence[str]) -> None:
        """Take in a command and what may follow it."""
        parsed = parse_action(command)
        item = parsed.arguments[0] if parsed.arguments else ""
        if item:
            self.fate.pop(item, None)
            self.fate[item] = (parsed.template, parsed.arguments)
        for name in dict.fromkeys((self._vocabulary.abstract(command), parsed.template)):
            items = self._done_with.setdefault(name, set())
            items.add(item)
            self.deeds.setdefault((name, len(items) if WILDCARD in name else 1))
        self.offer(admissible)

    def standing(self, template: str) -> list[Arguments]:
        """Arguments of the items whose last action was of this template, in order: how things stand."""
        return [arguments for last, arguments in self.fate.values() if last == template]

    @property
    def possible(self) -> list[Arguments]:
        """Every item with every place that the template was offered with so far."""
        return [(item, *place) for item in self._items for place in self._places]

    @property
    def places(self) -> Iterable[Arguments]:
        """The places that the template was offered with so far."""
        return self._places
