"""One goal model per family of purposes, so that one store can serve many kinds of tasks."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from purpose_agent.memory.goals.model import GoalModel
from purpose_agent.memory.goals.tracker import GoalTracker
from purpose_agent.memory.task_vocabulary import TaskVocabulary
from purpose_agent.memory.values.record import EpisodeRecord


class GoalModels(msgspec.Struct, frozen=True, array_like=True):
    """All that was learned about goals from verified episodes; without arguments, that is nothing.

    Immutable and deterministic: the same episodes in the same order give the same models in every process.
    """

    vocabulary: TaskVocabulary = TaskVocabulary()
    families: tuple[tuple[tuple[str, ...], GoalModel], ...] = ()
    """(signature of the family, its model)."""

    @classmethod
    def fit(cls, records: Sequence[EpisodeRecord]) -> GoalModels:
        """Learn from episodes; those whose end was not verified count for the vocabulary only."""
        vocabulary = TaskVocabulary.of(records)
        groups: dict[tuple[str, ...], list[EpisodeRecord]] = {}
        for record in records:
            groups.setdefault(_family(vocabulary, record.purpose), []).append(record)
        return cls(
            vocabulary,
            tuple(
                (family, GoalModel.fit(members, vocabulary.within(members[0].purpose)))
                for family, members in groups.items()
            ),
        )

    def model(self, purpose: str) -> GoalModel:
        """The model of the family that a purpose belongs to; an ignorant one for a family never seen."""
        wanted = _family(self.vocabulary, purpose)
        return next((model for family, model in self.families if family == wanted), GoalModel())

    def follow(self, purpose: str) -> GoalTracker:
        """A cursor over an episode under a purpose."""
        return GoalTracker(self.model(purpose), self.vocabulary.within(purpose))


def _family(vocabulary: TaskVocabulary, purpose: str) -> tuple[str, ...]:
    family = vocabulary.family(purpose)
    return family.signature if family is not None else ()
