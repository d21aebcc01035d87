"""Which words are the world's own, and which vary from task to task: what abstraction needs to know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property

import msgspec

from purpose_agent.memory.action_template import WILDCARD, parse_action, words
from purpose_agent.memory.duplicates import jaccard
from purpose_agent.memory.values.record import EpisodeRecord

_LITERAL_SHARE = 0.3  # of the episodes that offered the template
_PURPOSE_SHARE = 0.3  # of a family's episodes
_TEXT_SHARE = 0.5
_UBIQUITOUS_SHARE = 0.7
KINSHIP = 0.4
"""Least Jaccard similarity of the words of two purposes of one family."""

_MAX_GOALS = 3


class TaskFamily(msgspec.Struct, frozen=True):
    """Word statistics of tasks whose purposes are worded alike."""

    signature: tuple[str, ...]
    """The words that most of its purposes share; decides whether a new purpose belongs to it."""
    n: int
    """Episodes counted."""
    purpose_common: tuple[str, ...]
    """Words in at least 30 % of its purposes. The other words of a purpose name what this task is about."""
    text_common: tuple[str, ...]
    """Words in the texts of at least half of its episodes, such as directions. A place that every third task has must
    not be one: it may lie on the way to the goal."""
    text_ubiquitous: tuple[str, ...]
    """Words in the texts of at least 70 % of its episodes: they tell tasks apart no better than a full stop."""
    literal: tuple[tuple[str, ...], ...] = ()
    """(template, slot, argument) kept literally: in at least 30 % of its episodes that offered the template."""

    @property
    def name(self) -> str:
        """The signature as one text."""
        return " ".join(self.signature)


class FamilyWords:
    """A family's words as sets, for one episode."""

    def __init__(self, family: TaskFamily | None, purpose: str) -> None:
        self.common = frozenset(family.text_common if family else ())
        self.ubiquitous = frozenset(family.text_ubiquitous if family else ())
        self.goals: tuple[tuple[str, ...], ...] = _goals(family, purpose)
        """Spans of words of the purpose that vary between the family's tasks, in order, at most three."""


class TaskVocabulary(msgspec.Struct, frozen=True, dict=True):
    """Word statistics of all episodes seen up to some point; it never changes, a newer one replaces it."""

    families: tuple[TaskFamily, ...] = ()
    """In order of first appearance."""
    literal: tuple[tuple[str, ...], ...] = ()
    """What is kept literally of tasks that belong to no family, counted over all episodes."""

    @cached_property
    def _own(self) -> dict[str, TaskVocabulary]:
        return {}

    @cached_property
    def _literals(self) -> frozenset[tuple[str, ...]]:
        return frozenset(self.literal)

    @cached_property
    def _abstracted(self) -> dict[str, str]:
        return {}

    def within(self, purpose: str) -> TaskVocabulary:
        """This vocabulary with what the family of ``purpose`` keeps literally."""
        family = self.family(purpose)
        if family is None or len(self.families) == 1:
            return self
        own = self._own.get(family.name)
        if own is None:
            own = self._own[family.name] = TaskVocabulary(self.families, family.literal)
        return own

    def abstract(self, action: str) -> str:
        """The action with every argument that is not the world's own replaced by ``*``."""
        known = self._abstracted.get(action)
        if known is None:
            parsed = parse_action(action)
            flags = tuple(self.is_literal(parsed.template, i, a) for i, a in enumerate(parsed.arguments))
            known = parsed.fill(flags)
            if len(self._abstracted) < 8192:
                self._abstracted[action] = known
        return known

    def is_literal(self, template: str, slot: int, argument: str) -> bool:
        """Whether ``argument`` is the world's own in that slot of that template."""
        return (template, str(slot), argument) in self._literals

    @cached_property
    def _families(self) -> dict[str, TaskFamily | None]:
        return {}

    def family(self, purpose: str) -> TaskFamily | None:
        """The family whose purposes are worded most like ``purpose``; None when none is alike."""
        if purpose not in self._families:
            if len(self._families) >= 8192:
                self._families.clear()
            self._families[purpose] = self._find_family(purpose)
        return self._families[purpose]

    def _find_family(self, purpose: str) -> TaskFamily | None:
        own = frozenset(words(purpose))
        best, best_similarity = None, KINSHIP
        for family in self.families:
            similarity = jaccard(own, frozenset(family.signature))
            if similarity > best_similarity or (best is None and similarity >= KINSHIP):
                best, best_similarity = family, similarity
        return best

    @classmethod
    def of(cls, episodes: Sequence[EpisodeRecord]) -> TaskVocabulary:
        """Count the words of ``episodes``."""
        groups: list[tuple[frozenset[str], list[EpisodeRecord]]] = []
        for episode in episodes:
            own = frozenset(words(episode.purpose))
            best = max(groups, key=lambda group: jaccard(own, group[0]), default=None)
            if best is None or jaccard(own, best[0]) < KINSHIP:
                groups.append((own, [episode]))
            else:
                best[1].append(episode)
        return cls(tuple(_count_family(members) for _, members in groups), _count_literals(episodes))


def _goals(family: TaskFamily | None, purpose: str) -> tuple[tuple[str, ...], ...]:
    if family is None or family.n < 2:
        return ()
    common = frozenset(family.purpose_common)
    goals: list[tuple[str, ...]] = []
    span: list[str] = []
    for word in (*words(purpose), ""):
        if word and word not in common:
            span.append(word)
        elif span:
            goals.append(tuple(span))
            span = []
    return tuple(dict.fromkeys(goals))[:_MAX_GOALS]


def _frequent(bags: Sequence[Iterable[str]], share: float) -> tuple[str, ...]:
    """Words of at least two bags and of at least ``share`` of them, sorted."""
    counts = Counter(word for bag in bags for word in set(bag))
    least = max(2.0, share * len(bags))
    return tuple(sorted(word for word, count in counts.items() if count >= least))


def _episode_words(episode: EpisodeRecord) -> set[str]:
    found = set(words(episode.observation))
    for step in episode.steps:
        found.update(words(step.observation))
    return found


def _count_family(members: Sequence[EpisodeRecord]) -> TaskFamily:
    purposes = [words(episode.purpose) for episode in members]
    texts = [_episode_words(episode) for episode in members]
    return TaskFamily(
        signature=_frequent(purposes, 0.5) or tuple(sorted(set(purposes[0]))),
        n=len(members),
        purpose_common=_frequent(purposes, _PURPOSE_SHARE),
        text_common=_frequent(texts, _TEXT_SHARE),
        text_ubiquitous=_frequent(texts, _UBIQUITOUS_SHARE),
        literal=_count_literals(members),
    )


def _count_literals(episodes: Sequence[EpisodeRecord]) -> tuple[tuple[str, ...], ...]:
    offered: Counter[str] = Counter()
    filled: Counter[tuple[str, ...]] = Counter()
    for episode in episodes:
        actions = set(episode.admissible).union(*(step.admissible for step in episode.steps))
        parsed = [parse_action(action) for action in actions]
        offered.update({p.template for p in parsed if WILDCARD in p.template})
        filled.update({(p.template, str(i), a) for p in parsed for i, a in enumerate(p.arguments)})
    return tuple(sorted(key for key, n in filled.items() if n >= 2 and n >= _LITERAL_SHARE * offered[key[0]]))
