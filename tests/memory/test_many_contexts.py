"""The first of the pitfalls: with many kinds of tasks an oracle's lessons must still be found and kept."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from fakes.episodes import episode, keep, lesson
from purpose_agent.llm_backend import MockLLMBackend
from purpose_agent.memory.library import Library
from purpose_agent.memory.retrieval import select
from purpose_agent.optimizer import HeuristicOptimizer
from purpose_agent.store import open_store
from purpose_agent.types import Heuristic, MemoryTier, Trajectory

CHANCE = 0.3
SYLLABLES = ("ba", "ko", "mi", "tu", "re", "sa", "lo")


class Oracle:
    """Knows the lesson of each kind of task once it has seen a success."""

    name = "oracle"

    async def distill(self, trajectory: Trajectory, existing: Sequence[Heuristic]) -> list[Heuristic]:
        word = trajectory.purpose.split()[-1].rstrip(".")
        advice = lesson(f"a machine of the kind {word}", f"press {word[::-1]}", episode_id=trajectory.id)
        return [advice] if trajectory.succeeded else []


def play(contexts: int, passes: int, room: int) -> list[float]:
    """Success rate of each pass over all contexts, in random order."""
    dice = random.Random(contexts)
    words = [a + b + c for a in SYLLABLES for b in SYLLABLES for c in SYLLABLES][:contexts]
    store = open_store(None)
    library = Library(store, room)
    optimizer = HeuristicOptimizer(MockLLMBackend(), library=library, distillers=[Oracle()])
    rates: list[float] = []
    for number in range(passes):
        won = 0
        for word in dice.sample(words, contexts):
            purpose = f"Repair the machine of the kind {word}."
            shown = select(library.by_tier(MemoryTier.STRATEGIC), query=purpose)
            told = any(f"press {word[::-1]}" == h.strategy for h in shown.strategic)
            success = told or dice.random() < CHANCE
            won += success
            trajectory = keep(
                store, episode(("try", word), purpose=purpose, success=success, id=f"{number}-{word}")
            )
            library.credit(shown.prefix_ids, success)
            optimizer.optimize([trajectory])
        rates.append(won / contexts)
    optimizer.close()
    store.close()
    return rates


@pytest.mark.parametrize("contexts", [1, 10, 20, 50])
def test_success_rises_however_many_contexts_there_are(contexts: int) -> None:
    rates = play(contexts, passes=8, room=100)
    assert sum(rates[-3:]) / 3 > 0.8


def test_a_small_library_keeps_what_it_learned_first() -> None:
    rates = play(30, passes=6, room=10)
    assert sum(rates[-3:]) / 3 > CHANCE + 0.6 * (10 / 30) * (1 - CHANCE)
