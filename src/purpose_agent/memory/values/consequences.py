"""What actions bring about and make possible, learned from what came of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import cached_property

import msgspec

from purpose_agent.memory.action_template import ParsedAction, clauses, is_article, parse_action
from purpose_agent.memory.instructions import Instructions
from purpose_agent.memory.task_vocabulary import TaskVocabulary
from purpose_agent.memory.values.record import EpisodeRecord

_USUAL = 2  # one in so many outcomes says what an action does
_FREQUENT = 3  # one in so many outcomes offers what an action makes possible


class Consequences(msgspec.Struct, frozen=True, dict=True):
    """What kinds of action led to in all episodes seen up to some point; it never changes, a newer one replaces it.

    Texts may ask for something by another name than the action that does it has: after *roast the carrot*, it is
    ``cook carrot in oven`` that returns *You roast the carrot*. And what is asked for may not be offered yet:
    ``slice carrot`` is, once a knife was taken. Both show in any episode, whether it went well or not.
    """

    asked: tuple[str, ...] = ()
    """Verbs of what texts asked for."""
    brings: tuple[tuple[str, str], ...] = ()
    """Abstract actions, each with a verb of ``asked`` that is usually said of what they were about afterwards."""
    opens: tuple[tuple[str, str], ...] = ()
    """Abstract actions, each with another one that was not offered before and often was after it."""
    things: tuple[str, ...] = ()
    """What actions were offered for."""

    @cached_property
    def _verbs(self) -> dict[str, frozenset[str]]:
        return _grouped(self.brings)

    @cached_property
    def _opened(self) -> dict[str, frozenset[str]]:
        return _grouped(self.opens)

    @cached_property
    def _things(self) -> frozenset[str]:
        return frozenset(self.things)

    def reader(self) -> Instructions:
        """A reader of the texts of a new episode, who knows what earlier ones asked for and were about."""
        return Instructions(frozenset(self.asked), self._things)

    def verbs(self, abstract: str) -> frozenset[str]:
        """The asked-for verbs that an abstract action brings about; its own word is one of them."""
        own = abstract.partition(" ")[0]
        known = self._verbs.get(abstract, frozenset())
        return known | {own} if own in self.asked else known

    @cached_property
    def openable(self) -> frozenset[str]:
        """All abstract actions that others make possible."""
        return frozenset(second for _, second in self.opens)

    def opened(self, abstract: str) -> frozenset[str]:
        """The abstract actions that an abstract action often makes possible."""
        return self._opened.get(abstract, frozenset())

    @classmethod
    def of(cls, episodes: Sequence[EpisodeRecord], vocabulary: TaskVocabulary) -> Consequences:
        """Count what came of the actions of ``episodes``."""
        asked: set[str] = set()
        things: set[str] = set()
        taken: Counter[str] = Counter()
        said: Counter[tuple[str, str]] = Counter()
        offered: Counter[tuple[str, str]] = Counter()
        for episode in episodes:
            abstract = vocabulary.within(episode.purpose).abstract
            instructions = Instructions()
            instructions.arrive(parse_action(""), episode.observation, episode.admissible)
            before = episode.admissible
            for step in episode.steps:
                parsed = parse_action(step.action)
                instructions.arrive(parsed, step.observation, step.admissible)
                if parsed.arguments:
                    deed = abstract(step.action)
                    taken[deed] += 1
                    said.update((deed, verb) for verb in _said_of(parsed, step.observation))
                    offered.update((deed, new) for new in _new(before, step.admissible, abstract))
                before = step.admissible
            things |= instructions.offered
            asked.update(each.verb for each in (*instructions.pending, *instructions.done))
        return cls(
            tuple(sorted(asked)),
            tuple(sorted((a, v) for (a, v), n in said.items() if v in asked and n * _USUAL >= taken[a])),
            tuple(sorted((a, o) for (a, o), n in offered.items() if n * _FREQUENT >= taken[a])),
            tuple(sorted(things)),
        )


def _grouped(pairs: Sequence[tuple[str, str]]) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for first, second in pairs:
        found.setdefault(first, set()).add(second)
    return {first: frozenset(seconds) for first, seconds in found.items()}


def _said_of(action: ParsedAction, text: str) -> set[str]:
    """The words that stand right before what the action was about; not in *a raw carrot*, where it is an adjective."""
    thing = tuple(action.arguments[0].split(" "))
    found: set[str] = set()
    for clause in clauses(text):
        for start in range(1, len(clause) - len(thing) + 1):
            if clause[start : start + len(thing)] != thing:
                continue
            verb = start - 2 if is_article(clause[start - 1]) else start - 1
            if verb >= 0 and not (verb > 0 and is_article(clause[verb - 1])):
                found.add(clause[verb])
    return found


def _new(before: Sequence[str], after: Sequence[str], abstract: Callable[[str], str]) -> set[str]:
    """The abstract actions that are offered now and were not."""
    had = frozenset(before)
    added = {abstract(action) for action in after if action not in had}
    return added - {abstract(action) for action in before} if added else added
