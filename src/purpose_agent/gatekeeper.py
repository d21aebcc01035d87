"""The gate at work: past tasks are played again, with an item and without it, and the outcome decides about the item.

Where an environment can be reset to past tasks this is quicker and safer than waiting for chance: a candidate is tried
where it can do no harm. Probe runs teach nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import comb

from purpose_agent.episode import RunSpec
from purpose_agent.errors import UsageError
from purpose_agent.events import RunStarted
from purpose_agent.memory.gate.net_fix_design import NetFixDesign
from purpose_agent.memory.gate.net_fix_plan import plan_of
from purpose_agent.memory.gate.net_fix_sequential import Decision
from purpose_agent.memory.gate.probe_plan import PastEpisode, ProbeTask, probe_tasks
from purpose_agent.memory.gate.probing import GateReport, probe
from purpose_agent.memory.library import Library
from purpose_agent.runner import Runner
from purpose_agent.store.base import Store
from purpose_agent.store.reading import readable_events
from purpose_agent.types import LIMIT_STOPS, TRANSIENT_STOPS, Heuristic, HeuristicStatus, new_id

ProbeListener = Callable[[Heuristic, ProbeTask, bool, bool | None], None]
"""Told of a probe run: the item, the task, whether the item was shown, and whether the task was solved."""

WAITING = (HeuristicStatus.CANDIDATE, HeuristicStatus.QUARANTINED)
"""Statuses of items that are not shown until something speaks for them."""

MOST_PAIRS = 96
"""Pairs of episodes that a probe may take; most need a part of them."""

_EFFECTS = (0.25, 0.35, 0.5, 0.7)  # shares of tasks that an item may mend
_WANTED_POWER = 0.8

RECENT = 400
"""Past episodes among which tasks are looked for."""


@dataclass
class Gatekeeper:
    """Probes items.

    Attributes:
        runner: plays the probe runs.
        library: whose items they are.
        template: the options that probe runs share; purpose, task, seed, options and id are replaced.
        told: called after each probe run, for progress.
    """

    runner: Runner
    library: Library
    template: RunSpec
    told: ProbeListener | None = None

    async def probe(self, id: str, *, max_pairs: int = MOST_PAIRS, seed: int = 0) -> GateReport:
        """Probe an item and act on the outcome.

        Args:
            id: of a live item, quarantined ones included.
            max_pairs: bound on the pairs of episodes.
            seed: of the choice and the order of the tasks.

        Raises:
            UsageError: there is no such live item, or the environment cannot be reset to past tasks.
        """
        item = self.library.get(id)
        if item is None or item.status == HeuristicStatus.RETIRED:
            raise UsageError(f"there is no live memory item {id!r}; `purpose-agent memory list` lists them")
        if not self.runner.host.can_replay:
            raise UsageError(
                f"{self.runner.host.name} cannot be reset to past tasks: its reset() takes neither seed nor options; "
                "the item is judged by withholding instead"
            )
        tasks = probe_tasks(
            past_episodes(self.runner.store),
            derived_from=[e.episode_id for e in item.evidence],
            limit=max_pairs,
            seed=seed,
        )

        async def play(task: ProbeTask, shown: bool) -> bool | None:
            spec = replace(
                self.template,
                run_id=new_id(),
                purpose=task.purpose,
                task=task.task,
                seed=task.seed,
                options=None if task.options is None else dict(task.options),
                learning=False,
                probing=(item, shown),
            )
            result = await self.runner.run(spec)
            outage = result.stop_reason in TRANSIENT_STOPS - LIMIT_STOPS
            outcome = None if outage else result.success
            if self.told is not None:
                self.told(item, task, shown, outcome)
            return outcome

        alpha = self.library.probe_level(id, new_id())
        effect = _detectable(alpha, len(tasks), max_pairs)
        report = await probe(item, tasks, play, alpha=alpha, max_pairs=max_pairs, fix_rate=effect, seed=seed)
        self._act(item, report)
        return report

    async def probe_waiting(self, *, max_pairs: int = MOST_PAIRS, seed: int = 0) -> list[GateReport]:
        """Probe every item that waits for it, candidates and quarantined ones, in the order of adding.

        Raises:
            UsageError: the environment cannot be reset to past tasks.
        """
        waiting = [h.id for h in self.library if h.status in WAITING]
        return [await self.probe(id, max_pairs=max_pairs, seed=seed) for id in waiting]

    def _act(self, item: Heuristic, report: GateReport) -> None:
        """A rejected candidate is out and remembered; one in use goes only if it breaks more than it mends."""
        if report.decision is Decision.ACCEPT:
            self.library.verified(item.id, report.to_text())
            self.library.prove(item.id, report.to_text())
        elif report.decision is Decision.REJECT and (
            item.status in WAITING or _breaks_more(report.fixes, report.regressions)
        ):
            self.library.retire(item.id, report.to_text())


def _detectable(alpha: float, tasks: int, max_pairs: int) -> float:
    """The smallest effect that so many tasks can prove; where they are few, a test aims at large effects."""
    pairs = max(1, min(tasks, max_pairs))
    for effect in _EFFECTS:
        if plan_of(NetFixDesign(alpha, max_pairs=pairs, fix_rate=effect)).power >= _WANTED_POWER:
            return effect
    return _EFFECTS[-1]


def _breaks_more(fixes: int, regressions: int) -> bool:
    """Whether an item breaks more than it mends, and not by chance alone: a sign test at 5 %."""
    n = fixes + regressions
    return n > 0 and sum(comb(n, k) for k in range(regressions, n + 1)) / 2**n <= 0.05


def past_episodes(store: Store) -> list[PastEpisode]:
    """The newest `RECENT` episodes of the replay, oldest first, with what it takes to play them again."""
    found: list[PastEpisode] = []
    for episode in store.episodes()[-RECENT:]:
        events = readable_events(store, episode.id)
        if events and isinstance(started := events[0], RunStarted):
            found.append(
                PastEpisode(
                    id=episode.id,
                    purpose=episode.purpose,
                    task=episode.task,
                    seed=started.seed,
                    options=started.options,
                    success=episode.success,
                    transient=episode.transient,
                )
            )
    return found
