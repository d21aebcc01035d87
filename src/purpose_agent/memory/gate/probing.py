"""Playing past tasks with and without an item until the test has decided."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from purpose_agent.errors import UsageError
from purpose_agent.memory.gate.net_fix_design import NetFixDesign
from purpose_agent.memory.gate.net_fix_sequential import Decision, Judgement, NetFixTest
from purpose_agent.memory.gate.probe_plan import ProbeTask
from purpose_agent.numeric import is_number, is_whole
from purpose_agent.types import Heuristic

Play = Callable[[ProbeTask, bool], Awaitable[bool | None]]
"""Plays one episode of a task, True: with the item, False: without, everything else being equal, and tells whether it
was solved; None, or an exception whose ``transient`` is true, for an outage. It must learn nothing. Where world and
agent are deterministic it may remember what came of a task without the item."""

_DEFAULTS = NetFixDesign(0.05)


@dataclass(frozen=True, slots=True)
class GateReport:
    """What a probe found out.

    Attributes:
        item_id: of the item.
        decision: ``accept``, ``reject`` or ``undecided``.
        reason: in words.
        e_value: evidence that the item fixes more than it breaks.
        alpha: the level it was tested at; 1/alpha was needed.
        pairs: that count.
        fixes: of them, solved with the item only.
        regressions: of them, solved without it only.
        episodes: played, those that were dropped included.
        dropped: pairs that an outage spoilt.
        power: chance that an item with the effect looked for is accepted on so many tasks.
    """

    item_id: str
    decision: Decision
    reason: str
    e_value: float
    alpha: float
    pairs: int
    fixes: int
    regressions: int
    episodes: int
    dropped: int
    power: float

    def to_text(self) -> str:
        """One line for the item's history."""
        needed = 1 / self.alpha
        relation = ">=" if self.e_value >= needed else "<"
        found = (
            f"probed on {_counted(self.pairs, 'pair')}: {_counted(self.fixes, 'fix', 'fixes')}, "
            f"{_counted(self.regressions, 'regression')}, e = {self.e_value:.3g} {relation} {needed:.3g}"
        )
        return found if self.decision is Decision.ACCEPT else f"{found}; {self.decision.value}: {self.reason}"


async def probe(
    item: Heuristic,
    tasks: Sequence[ProbeTask],
    play: Play,
    *,
    alpha: float,
    budget: int = _DEFAULTS.budget,
    max_pairs: int = _DEFAULTS.max_pairs,
    fix_rate: float = _DEFAULTS.fix_rate,
    regression_rate: float = _DEFAULTS.regression_rate,
    power: float = _DEFAULTS.power,
    least_power: float = 0.2,
    max_drops: int = 8,
    seed: int = 0,
) -> GateReport:
    """Play pairs, one after another, until the test has decided.

    Which arm of a pair is played first is a seeded coin, so that what changes from one episode to the next (a cache, a
    tired service) favours neither.

    Args:
        item: what is probed.
        tasks: in the order of `probe_tasks`, each played as one pair.
        play: see `Play`; any other exception, and cancellation, ends the probe and is passed on.
        alpha: the level, from `false_promotions.level`.
        budget: see `NetFixDesign`; so are the next four.
        max_pairs: pairs at most; also no more than there are tasks.
        fix_rate: the effect looked for.
        regression_rate: the effect looked for.
        power: what stopping for futility must leave.
        least_power: with so few tasks or so strict a level that the effect is found with a smaller chance than this,
            nothing is played: an item must not be rejected for want of tasks.
        max_drops: pairs that outages may spoil; one more ends the probe undecided.
        seed: of the coins.

    Raises:
        UsageError: a number out of its range, or an outcome that is not a bool or None.
    """
    design = NetFixDesign(alpha, budget, max_pairs, fix_rate, regression_rate, power)
    if not (is_whole(max_drops) and max_drops >= 0):
        raise UsageError(f"max_drops must be a whole number of pairs, at least 0, got {max_drops!r}")
    if not (is_number(least_power) and 0.0 <= least_power <= 1.0):
        raise UsageError(f"least_power must be a number in [0, 1], got {least_power!r}")
    if 0 < len(tasks) < max_pairs:
        design = replace(design, max_pairs=len(tasks))
    test, episodes, dropped = NetFixTest(design), 0, 0
    judgement = test.judge()
    if not tasks:
        judgement = Judgement(Decision.UNDECIDED, "no past task can be played again")
    elif test.plan.power < least_power:
        why = f"on {_counted(len(tasks), 'task')} {fix_rate:.0%} fixes are found with a chance of {test.plan.power:.0%}"
        judgement = Judgement(Decision.UNDECIDED, why)
    coins = random.Random(seed)
    for task in tasks:
        if judgement.decision is not Decision.CONTINUE or dropped > max_drops:
            break
        first = coins.random() < 0.5
        outcomes: dict[bool, bool] = {}
        for shown in (first, not first):
            outcome = await _outcome(play, task, shown)
            episodes += 1
            if outcome is None:
                dropped += 1
                break
            outcomes[shown] = outcome
        else:
            test = test.after(outcomes[False], outcomes[True])
            judgement = test.judge()
    if judgement.decision is Decision.CONTINUE:
        judgement = Judgement(
            Decision.UNDECIDED, f"outages spoilt {_counted(dropped, 'pair')} of {len(tasks)}"
        )
    return _report(item, test, judgement, episodes, dropped)


async def _outcome(play: Play, task: ProbeTask, shown: bool) -> bool | None:
    """One episode; None when it failed for a transient cause."""
    try:
        outcome = await play(task, shown)
    except Exception as e:
        if getattr(e, "transient", False) is True:
            return None
        raise
    if outcome is not None and not isinstance(outcome, bool):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise UsageError(f"play must return True, False or None, got {outcome!r}")
    return outcome


def _report(
    item: Heuristic, test: NetFixTest, judgement: Judgement, episodes: int, dropped: int
) -> GateReport:
    tally = test.tally
    return GateReport(
        item_id=item.id,
        decision=judgement.decision,
        reason=judgement.reason,
        e_value=test.e_value,
        alpha=test.design.alpha,
        pairs=tally.pairs,
        fixes=tally.fixes,
        regressions=tally.regressions,
        episodes=episodes,
        dropped=dropped,
        power=test.plan.power,
    )


def _counted(n: int, one: str, many: str | None = None) -> str:
    return f"{n} {one if n == 1 else many or one + 's'}"
