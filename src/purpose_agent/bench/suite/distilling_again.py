"""An outage of the model that distils says nothing about a memory: what it left undone is done again."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass

from purpose_agent.errors import ModelUnavailableError
from purpose_agent.events import Failed
from purpose_agent.llm_backend.usage import Usage, collect_usage
from purpose_agent.orchestrator import Orchestrator


@dataclass(frozen=True)
class Again:
    """What came of it.

    Attributes:
        usage: of the model.
        problem: why the episode was given up; "" where it was distilled.
    """

    usage: Usage
    problem: str


def distil_again(orchestrator: Orchestrator, run_id: str) -> Again | None:
    """Distil what an outage left undone after an episode; None where there was no outage.

    Raises:
        ModelUnavailableError: the outage goes on.
    """
    events = orchestrator.store.events(run_id)
    outages = [e for e in events if isinstance(e, Failed) and e.part == "distiller" and e.transient]
    if not outages:
        return None
    used: list[Usage] = []
    with collect_usage(used.append):
        report = asyncio.run(orchestrator.optimizer.aoptimize([]))
    orchestrator.sync_memory()
    for failure in report.details:
        if failure.transient:
            raise ModelUnavailableError(str(failure))
    return Again(sum(used, Usage()), outages[0].error if _given_up(orchestrator, run_id) else "")


def _given_up(orchestrator: Orchestrator, run_id: str) -> bool:
    """Whether a distiller's every attempt at the episode failed, so that it makes no more; see `Claims`."""
    episode = orchestrator.store.episode(run_id)
    marks = () if episode is None else episode.distilled_by
    failed = Counter(mark.partition(" (attempt ")[0] for mark in marks if mark.endswith(" failed)"))
    begun = Counter(mark.partition(" (attempt ")[0] for mark in marks if not mark.endswith(" failed)"))
    return any(begun[name] <= times for name, times in failed.items())
