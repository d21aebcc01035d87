"""An item that helped begins to harm: how soon is it no longer believed in?"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from purpose_agent.bench.simulator.item_world import ItemWorld, eight_items, quarters, with_change
from purpose_agent.bench.simulator.measures import percent_text, quantile, share_of
from purpose_agent.bench.simulator.noisy_critic import NoisyCritic
from purpose_agent.bench.simulator.playing import play
from purpose_agent.bench.simulator.policies import LibraryPolicy
from purpose_agent.bench.simulator.scenario import Findings, Job, Target
from purpose_agent.bench.text_table import TextTable
from purpose_agent.memory.credit.withholding import propensity
from purpose_agent.types import HeuristicStatus

CHANGE_AT = 1000
AFTER = 1000
"""Episodes after the change."""

WITHIN = 200
"""Episodes after the change in which an item must be demoted."""


@dataclass(frozen=True)
class Setting:
    """A world and a critic.

    Attributes:
        name: in the table.
        world: from a seed to the world without a change.
        critic: judges.
        changes: how many items change, of those that help most.
    """

    name: str
    world: Callable[[int], ItemWorld]
    critic: NoisyCritic
    changes: int


SETTINGS = (
    Setting("8 items, ±.3, verifier", eight_items, NoisyCritic(), 1),
    Setting("8 items, ±.3, critic with 15 % error", eight_items, NoisyCritic(0.15), 1),
    Setting("40 items, ±.15, verifier", quarters, NoisyCritic(), 2),
    Setting("40 items, ±.15, critic with 15 % error", quarters, NoisyCritic(0.15), 2),
)
"""From the one where it is possible to the one where it is not."""


@dataclass(frozen=True)
class Watched:
    """One item that might change.

    Attributes:
        believed: whether it was shown more often than not when the moment came.
        promoted: whether it was active by then.
        delay: episodes after the moment until it was demoted; None when it never was.
    """

    believed: bool
    promoted: bool
    delay: int | None


@dataclass(frozen=True)
class Replication:
    """One setting with the same seed twice.

    Attributes:
        changed: the items that began to harm.
        unchanged: the same items where nothing changed.
        promoted: items that were ever active where nothing changed, and how many of them do not help.
    """

    changed: tuple[Watched, ...]
    unchanged: tuple[Watched, ...]
    promoted: tuple[int, int]


def replicate(setting: Setting, seed: int) -> Replication:
    """Play a setting with and without the change."""
    world = setting.world(seed)
    watched = _candidates(world)[: setting.changes]
    turned = with_change(world, CHANGE_AT, lambda id, effect: -effect if id in watched else None)
    changed, _ = _play(setting, turned, watched, seed)
    unchanged, promoted = _play(setting, world, watched, seed)
    return Replication(changed, unchanged, promoted)


def _candidates(world: ItemWorld) -> list[str]:
    """Those that help most, one of each family in which another harmful item still leaves a chance of success."""
    found: list[str] = []
    for family in world.families:
        harm = -sum(min(0.0, world.effects[id]) for id in family.items)
        best = max(family.items, key=lambda id: world.effects[id])
        if harm + world.effects[best] <= 0.5 + 1e-9:
            found.append(best)
    return found


def _play(
    setting: Setting, world: ItemWorld, watched: Sequence[str], seed: int
) -> tuple[tuple[Watched, ...], tuple[int, int]]:
    policy = LibraryPolicy(world, seed, setting.critic.informedness)
    demotions = _Demotions(policy, watched)
    play(policy, world, setting.critic, CHANGE_AT + AFTER, seed, demotions.look)
    promoted = policy.ever(HeuristicStatus.ACTIVE)
    policy.close()
    wrongly = sum(world.effects[id] <= 0 for id in promoted)
    return demotions.watched(), (len(promoted), wrongly)


class _Demotions:
    """Notes when items are demoted: retired, no longer active, or shown less often than not.

    Args:
        policy: the library.
        watched: ids of the items.
    """

    def __init__(self, policy: LibraryPolicy, watched: Sequence[str]) -> None:
        self._library = policy.library
        self._at_change: dict[str, tuple[bool, bool]] = {}
        self._delays: dict[str, int | None] = dict.fromkeys(watched)

    def look(self, number: int) -> None:
        """Look after an episode."""
        if number < CHANGE_AT - 1:
            return
        for id, delay in self._delays.items():
            if delay is not None:
                continue
            item = self._library.get(id)
            assert item is not None
            credit, belief = self._library.credits.of(id), self._library.credits.beliefs([item])[id]
            believed = (
                item.status != HeuristicStatus.RETIRED and propensity(belief, credit.n, credit.suspect) >= 0.5
            )
            active = item.status == HeuristicStatus.ACTIVE
            if number == CHANGE_AT - 1:
                self._at_change[id] = believed, active
            elif not believed or (self._at_change[id][1] and not active):
                self._delays[id] = number - CHANGE_AT + 1

    def watched(self) -> tuple[Watched, ...]:
        """What was noted, in the order given."""
        return tuple(Watched(*self._at_change[id], delay) for id, delay in self._delays.items())


class DriftScenario:
    """See the module."""

    name = "drift"
    title = "helpful items become harmful at episode 1,000 of 2,000"
    replications = 20

    def jobs(self, replications: int, seed: int) -> Sequence[Job]:
        """See `Scenario.jobs`."""
        return [partial(replicate, setting, seed + n) for setting in SETTINGS for n in range(replications)]

    def findings(self, results: Sequence[Replication]) -> Findings:
        """See `Scenario.findings`."""
        each = len(results) // len(SETTINGS)
        found = [(s, results[each * n : each * (n + 1)]) for n, s in enumerate(SETTINGS)]
        targets = [_target(setting, own) for setting, own in found[:2]]
        rows = [_row(setting, own) for setting, own in found]
        head = (
            "", "believed in", "promoted", "demoted within 200", "delay, median", "90 %", "never", "false alarms",
            "promotions, false",
        )  # fmt: skip
        note = (
            "Delays are of the items that were believed in when they began to harm. False alarms: the same items "
            "demoted within as many episodes where nothing changed. Demoted: retired, no longer active, or shown with "
            "a probability below one half."
        )
        table = TextTable(f"One item in a family turns, {each} replications", head, rows, note)
        data = {setting.name: _data(own) for setting, own in found}
        return Findings(targets, [table], data)


def _believed(results: Sequence[Replication], changed: bool = True) -> list[Watched]:
    return [w for r in results for w in (r.changed if changed else r.unchanged) if w.believed]


def _soon(watched: Sequence[Watched], within: int = WITHIN) -> int:
    return sum(w.delay is not None and w.delay <= within for w in watched)


def _target(setting: Setting, results: Sequence[Replication]) -> Target:
    watched = _believed(results)
    share = share_of(_soon(watched), len(watched))
    return Target(
        f"demoted within {WITHIN} episodes ({setting.name})", "at least 90 %", share, share.value >= 0.9
    )


def _row(setting: Setting, results: Sequence[Replication]) -> tuple[str, ...]:
    watched, calm = _believed(results), _believed(results, changed=False)
    everybody = [w for r in results for w in r.changed]
    delays = [float(w.delay) if w.delay is not None else math.inf for w in watched]
    promoted, false = (sum(r.promoted[k] for r in results) for k in (0, 1))
    return (
        setting.name,
        f"{len(watched)} of {len(everybody)}",
        str(sum(w.promoted for w in everybody)),
        percent_text(share_of(_soon(watched), len(watched))),
        _episodes(quantile(delays, 0.5)),
        _episodes(quantile(delays, 0.9)),
        str(sum(w.delay is None for w in watched)),
        percent_text(share_of(_soon(calm, AFTER), len(calm))),
        f"{promoted}, {false}",
    )


def _episodes(delay: float) -> str:
    return "-" if math.isnan(delay) else "never" if math.isinf(delay) else f"{delay:.0f}"


def _data(results: Sequence[Replication]) -> dict[str, object]:
    return {
        "delays": [w.delay for w in _believed(results)],
        "delays without a change": [w.delay for w in _believed(results, changed=False)],
        "items": sum(len(r.changed) for r in results),
        "promoted": sum(r.promoted[0] for r in results),
        "promoted wrongly": sum(r.promoted[1] for r in results),
    }


SCENARIO = DriftScenario()
