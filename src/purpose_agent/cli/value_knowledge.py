"""What the value memory of a store has learned."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from purpose_agent.memory.values.advice import Advice
    from purpose_agent.store.base import Store

MAX_ADVICE = 10
"""Pieces of advice that are told."""


@dataclass(frozen=True)
class ValueKnowledge:
    """What a value memory knows.

    Attributes:
        episodes: that it learned from.
        advice: the most telling things, strongest first.
    """

    episodes: int
    advice: list[Advice]

    def data(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)


def knowledge_of(store: Store) -> ValueKnowledge:
    """What the value memory of a store knows; nothing is written."""
    from purpose_agent.memory.values.learner import ValueLearner

    memory = ValueLearner(store).memory
    return ValueKnowledge(memory.n_episodes, memory.advice(MAX_ADVICE))
