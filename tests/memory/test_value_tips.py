"""What the value memory learned, as tips: few, tied to their verb, and only about what stands out."""

from __future__ import annotations

import asyncio

from fakes.episodes import episode
from fakes.worlds import GridTreasure
from purpose_agent import Orchestrator
from purpose_agent.llm_backend.uniform import UniformBackend
from purpose_agent.memory.distillers.value_tips import EVERY, ValueTipDistiller
from purpose_agent.memory.values.learner import ValueLearner
from purpose_agent.store import open_store
from purpose_agent.types import MemoryTier, Trust

PURPOSE = "Find the treasure and dig it up."


def test_do_and_avoid_become_tips_about_their_verb() -> None:
    orch = Orchestrator(UniformBackend(0), GridTreasure(4), seed=0, distillers=["value_tips"])
    for n in range(1, 5 * EVERY + 1):
        before = len(orch.library)
        orch.run_task(PURPOSE, max_steps=20)
        assert len(orch.library) - before <= (2 if n % EVERY == 0 else 0)
    tips = list(orch.library)
    assert tips, "in forty episodes something stands out"
    for tip in tips:
        assert tip.tier == MemoryTier.TOOL
        assert tip.trust == Trust.ACTIONS
        assert tip.pattern in ("dig", "north", "south", "east", "west")
        assert tip.strategy.startswith(("do: ", "avoid: "))
        assert f"`{tip.pattern}" in tip.strategy
        assert tip.evidence


def test_nothing_is_said_before_anything_was_learned() -> None:
    distiller = ValueTipDistiller(ValueLearner(open_store(None)))
    assert asyncio.run(distiller.distill(episode(("dig", "found")), [])) == []
