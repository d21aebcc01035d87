"""What is known of a world beside values: its own words, what its actions bring about, what goes with what, and which
actions tell anything new."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from purpose_agent.memory.goals.models import GoalModels
from purpose_agent.memory.phrase_likeness import PhraseLikeness
from purpose_agent.memory.task_vocabulary import TaskVocabulary
from purpose_agent.memory.values.affinities import Affinities
from purpose_agent.memory.values.consequences import Consequences
from purpose_agent.memory.values.news import News
from purpose_agent.memory.values.record import EpisodeRecord


@dataclass(frozen=True, slots=True)
class World:
    """Counted from all episodes up to some point; features are read in its light, so it is renewed as a whole."""

    vocabulary: TaskVocabulary = field(default_factory=TaskVocabulary)
    consequences: Consequences = field(default_factory=Consequences)
    affinities: Affinities = field(default_factory=Affinities)
    news: News = field(default_factory=News)

    @classmethod
    def of(cls, episodes: Sequence[EpisodeRecord], goals: GoalModels, likeness: PhraseLikeness) -> World:
        """Count ``episodes``; ``goals`` say how far those came whose score was hidden."""
        vocabulary = TaskVocabulary.of(episodes)
        return cls(
            vocabulary,
            Consequences.of(episodes, vocabulary),
            Affinities.of(episodes, goals, likeness),
            News.of(episodes),
        )
