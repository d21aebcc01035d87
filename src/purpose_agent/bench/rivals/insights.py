"""A list of insights that operations vote on (ExpeL, Zhao et al. 2023, arXiv 2308.10144, section 4.2 and its code).

A new insight has strength 2. AGREE and EDIT add one; REMOVE takes one, or three once the list is full; what has no
strength left is dropped. Operations are applied in the order REMOVE, AGREE, EDIT, ADD, and the list is sorted by
strength. An EDIT that reproduces an insight is an AGREE with it, an ADD that does is discarded, and so is what refers
to an insight that does not exist.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Annotated, NamedTuple

import msgspec

from purpose_agent.bench.rivals.similarity import says_the_same

FULL = 20
"""So many insights are a full list; the published code begins to remove faster five later."""

FIRST_STRENGTH, VOTE, REMOVAL_WHEN_FULL = 2, 1, 3


class Kind(StrEnum):
    """What an operation does; in the order in which they are applied."""

    REMOVE = "REMOVE"
    AGREE = "AGREE"
    EDIT = "EDIT"
    ADD = "ADD"


class Operation(NamedTuple):
    """One vote.

    Attributes:
        kind: what it does.
        insight: id of the insight it is about; "" for an ADD.
        text: the new text, for EDIT and ADD.
    """

    kind: Kind
    insight: str = ""
    text: str = ""


class Insight(msgspec.Struct):
    """A rule and how often it was confirmed.

    Attributes:
        id: stays the same when the text is edited.
        text: one sentence.
        strength: at least 1.
        episodes: ids of those whose operations made or confirmed it.
    """

    id: str
    text: Annotated[str, msgspec.Meta(min_length=1)]
    strength: Annotated[int, msgspec.Meta(ge=1)] = FIRST_STRENGTH
    episodes: list[str] = []


class Insights(msgspec.Struct):
    """The list, strongest first.

    Attributes:
        entries: the insights.
        made: how many there ever were; numbers the next one.
    """

    entries: list[Insight] = []
    made: Annotated[int, msgspec.Meta(ge=0)] = 0

    @property
    def full(self) -> bool:
        """Whether REMOVE takes three."""
        return len(self.entries) >= FULL

    def apply(self, operations: Iterable[Operation], episodes: Sequence[str]) -> list[str]:
        """Apply operations; returns the ids of insights that are new or changed and still there.

        Args:
            operations: in any order.
            episodes: ids of those that gave rise to them.
        """
        removal = REMOVAL_WHEN_FULL if self.full else VOTE
        touched: list[str] = []
        order = list(Kind)
        for given in sorted(operations, key=lambda o: order.index(o.kind)):
            operation = self._sensible(given)
            found = self._new(operation.text) if operation.kind == Kind.ADD else self._find(operation.insight)
            if found is None:
                continue
            if operation.kind == Kind.REMOVE:
                found.strength -= removal
            else:
                self._confirm(found, operation, episodes)
            touched.append(found.id)
        kept = [insight for insight in self.entries if insight.strength > 0]
        self.entries = sorted(kept, key=lambda insight: -insight.strength)
        return [id for id in dict.fromkeys(touched) if self._find(id) is not None]

    def _sensible(self, operation: Operation) -> Operation:
        """An EDIT that reproduces an insight as the AGREE that it is, one that says nothing as one about nothing."""
        if operation.kind != Kind.EDIT:
            return operation
        same = self._same(operation.text)
        if same is not None:
            return Operation(Kind.AGREE, same.id)
        return operation if operation.text else Operation(Kind.EDIT)

    def _confirm(self, insight: Insight, operation: Operation, episodes: Sequence[str]) -> None:
        if operation.kind == Kind.EDIT:
            insight.text = operation.text
        if operation.kind != Kind.ADD:
            insight.strength += VOTE
        insight.episodes = list(dict.fromkeys((*insight.episodes, *episodes)))

    def _new(self, text: str) -> Insight | None:
        if not text or self._same(text) is not None:
            return None
        self.made += 1
        self.entries.append(Insight(f"insight-{self.made}", text))
        return self.entries[-1]

    def _find(self, id: str) -> Insight | None:
        return next((insight for insight in self.entries if insight.id == id), None)

    def _same(self, text: str) -> Insight | None:
        place = says_the_same(text, [insight.text for insight in self.entries]) if text else None
        return None if place is None else self.entries[place]
