"""What ours learned in a world, read from its stores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import combinations

from purpose_agent.bench.report.report import AdviceReport, Estimate, ItemReport, MemoryReport
from purpose_agent.bench.suite.arms import ARMS, OURS
from purpose_agent.bench.suite.rows import SuiteRow
from purpose_agent.bench.suite.studying import Shelf, whole_episodes
from purpose_agent.memory.duplicates import say_the_same, signature
from purpose_agent.memory.library import Library
from purpose_agent.memory.values.learner import ValueLearner
from purpose_agent.store.base import Store
from purpose_agent.types import Heuristic

TOP = 20
"""Items that are listed."""

ADVICE = 12
"""Pieces of the value memory's advice that are listed."""


def what_ours_learned(shelf: Shelf, world: str, tested: Sequence[SuiteRow]) -> MemoryReport | None:
    """The memory of every order that has been begun; None where there is none.

    Args:
        shelf: the stores.
        world: its name.
        tested: held-out episodes of the world.
    """
    orders = [o for o in range(shelf.settings.orders) if shelf.store(world, OURS, o).exists()]
    by_status: Counter[str] = Counter()
    episodes = shown = unused = duplicates = 0
    items: list[ItemReport] = []
    advice: list[AdviceReport] = []
    read = [row for row in tested if ARMS[row.job.arm].learner == OURS]
    for order in orders:
        with shelf.opened(world, OURS, order) as store:
            live = list(Library(store))
            by_status.update(h.status.value for h in store.heuristics(retired=True))
            used = {id for row in read if row.job.order == order for id in row.shown}
            episodes += len(whole_episodes(store))
            shown += len(used)
            unused += sum(h.id not in used and not h.shown for h in live)
            said = [(h.tier, signature(h)) for h in live]
            duplicates += sum(a[0] == b[0] and say_the_same(a[1], b[1]) for a, b in combinations(said, 2))
            items += [_item(h, order) for h in live]
            if order == orders[0]:
                advice = _advice(store)
    if not orders or not episodes:
        return None
    return MemoryReport(
        episodes=episodes,
        by_status=dict(sorted(by_status.items())),
        shown=shown,
        unused=unused,
        cited=len({(row.job.order, id) for row in read for id in row.cited}),
        duplicates=duplicates,
        top=sorted(items, key=_rank)[:TOP],
        advice=advice,
    )


def _rank(item: ItemReport) -> tuple[float, int, str]:
    """Measured ones first, by what their uplift is at least; then by evidence."""
    return (-item.uplift.low if item.uplift is not None else 2.0, -item.evidence, item.id)


def _item(h: Heuristic, order: int) -> ItemReport:
    said = " -> ".join(h.steps) if h.steps else h.strategy
    uplift = h.uplift
    return ItemReport(
        id=h.id,
        order=order,
        tier=h.tier.value,
        status=h.status.value,
        text=f"{h.pattern}: {said}",
        source=h.source,
        evidence=len({e.episode_id for e in h.evidence}),
        shown=h.shown,
        withheld=h.withheld,
        uplift=None
        if uplift is None
        else Estimate(uplift.mean, uplift.low, uplift.high, h.shown + h.withheld),
    )


def _advice(store: Store) -> list[AdviceReport]:
    return [AdviceReport(a.text, a.value, a.n) for a in ValueLearner(store).memory.advice(ADVICE)]
