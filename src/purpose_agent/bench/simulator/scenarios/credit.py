"""Forty items of which a quarter help and a quarter harm, and a critic that errs: is each given its due?"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import fmean

from purpose_agent.bench.simulator.coverage import EveryLook
from purpose_agent.bench.simulator.item_world import ItemWorld, quarters
from purpose_agent.bench.simulator.measures import (
    mean_of,
    mean_text,
    rank_correlation,
    share_of,
)
from purpose_agent.bench.simulator.noisy_critic import NoisyCritic
from purpose_agent.bench.simulator.playing import Played, play
from purpose_agent.bench.simulator.policies import (
    EqualCredit,
    LibraryPolicy,
    Oracle,
    Policy,
    Popularity,
    RandomShowing,
    ShowAll,
)
from purpose_agent.bench.simulator.scenario import Findings, Job, Target
from purpose_agent.bench.text_table import TextTable
from purpose_agent.types import HeuristicStatus

EPISODES = 2000
BLOCK = 200
"""Episodes whose mean regret is one point of the curve."""

CRITIC = NoisyCritic(0.15)

OURS = "this library"
_OTHERS: dict[str, Callable[[ItemWorld, int], Policy]] = {
    "equal credit": lambda world, seed: EqualCredit(world),
    "popularity counts": lambda world, seed: Popularity(world),
    "no gate, no withholding": lambda world, seed: ShowAll(world),
    "random showing": RandomShowing,
    "oracle": lambda world, seed: Oracle(world),
}


@dataclass(frozen=True)
class PolicyResult:
    """One policy in one replication.

    Attributes:
        regrets: mean regret of each block.
        rank: rank correlation of estimated and true effects; None when it has no estimates.
        harmful: harmful items shown in an episode of the last block.
    """

    regrets: tuple[float, ...]
    rank: float | None
    harmful: float


@dataclass(frozen=True)
class LibraryResult:
    """What else is known of the library in one replication.

    Attributes:
        raw_rank: rank correlation of the trials' own estimates with the true effects.
        harmful: items that harm.
        harmful_kept: of them, those that are active at the end.
        harmful_promoted: of them, those that were ever active.
        retired: items retired at the end, and how many of them do not harm.
        promoted: items ever active, and how many of them do not help.
        unhelpful: items that do not help.
        covered: items whose interval was right at every look, and how many were looked at.
        looks: how often it was looked.
    """

    raw_rank: float
    harmful: int
    harmful_kept: int
    harmful_promoted: int
    retired: tuple[int, int]
    promoted: tuple[int, int]
    unhelpful: int
    covered: tuple[int, int]
    looks: int


@dataclass(frozen=True)
class Replication:
    """All policies on the same tasks."""

    policies: Mapping[str, PolicyResult]
    library: LibraryResult


def replicate(seed: int, episodes: int = EPISODES) -> Replication:
    """Play all policies.

    Args:
        seed: of everything.
        episodes: for each policy.
    """
    world = quarters(seed)
    results: dict[str, PolicyResult] = {}
    ours, results[OURS] = _play_ours(world, seed, episodes)
    for name, make in _OTHERS.items():
        policy = make(world, seed)
        results[name] = _result(policy, play(policy, world, CRITIC, episodes, seed), world)
    return Replication(results, ours)


def _play_ours(world: ItemWorld, seed: int, episodes: int) -> tuple[LibraryResult, PolicyResult]:
    policy = LibraryPolicy(world, seed, CRITIC.informedness)
    credits = policy.library.credits
    coverage = EveryLook(world.effect)

    def look(number: int) -> None:
        coverage.look(policy.trials, number, credits.uplift)

    result = _result(policy, play(policy, world, CRITIC, episodes, seed, look), world)
    raw = policy.raw_estimates()
    items = policy.library.store.heuristics(retired=True)
    active = {item.id for item in items if item.status == HeuristicStatus.ACTIVE}
    retired = {item.id for item in items if item.status == HeuristicStatus.RETIRED}
    promoted = policy.ever(HeuristicStatus.ACTIVE)
    policy.close()
    helpful = {id for id, effect in world.effects.items() if effect > 0}
    harmful = {id for id, effect in world.effects.items() if effect < 0}
    found = LibraryResult(
        raw_rank=rank_correlation(list(world.effects.values()), [raw[id] for id in world.effects]),
        harmful=len(harmful),
        harmful_kept=len(harmful & active),
        harmful_promoted=len(harmful & promoted),
        retired=(len(retired), len(retired - harmful)),
        promoted=(len(promoted), len(promoted - helpful)),
        unhelpful=len(world.effects) - len(helpful),
        covered=(len(coverage.items - coverage.missed), len(coverage.items)),
        looks=coverage.looks,
    )
    return found, result


def _result(policy: Policy, played: Played, world: ItemWorld) -> PolicyResult:
    estimates = policy.estimates()
    truth = list(world.effects.values())
    blocks = range(0, len(played.regrets), BLOCK)
    return PolicyResult(
        regrets=tuple(fmean(played.regrets[begin : begin + BLOCK]) for begin in blocks),
        rank=rank_correlation(truth, [estimates[id] for id in world.effects]) if estimates else None,
        harmful=fmean(played.harmful[-BLOCK:]),
    )


class CreditScenario:
    """See the module."""

    name = "credit"
    title = "40 items, a quarter help (+.15), a quarter harm (-.15); 2,000 episodes; a critic with 15 % error"
    replications = 20

    def jobs(self, replications: int, seed: int) -> Sequence[Job]:
        """See `Scenario.jobs`."""
        return [partial(replicate, seed + number) for number in range(replications)]

    def findings(self, results: Sequence[Replication]) -> Findings:
        """See `Scenario.findings`."""
        found = [result.library for result in results]
        targets = _targets(results, found)
        data = {
            "policies": {name: _policy_data(name, results) for name in results[0].policies},
            "library": {
                "raw rank correlation": mean_of([one.raw_rank for one in found]),
                "promoted": sum(one.promoted[0] for one in found),
                "promoted wrongly": sum(one.promoted[1] for one in found),
                "retired": sum(one.retired[0] for one in found),
                "retired that do not harm": sum(one.retired[1] for one in found),
                "looks": sum(one.looks for one in found),
            },
        }
        return Findings(targets, [_table(results), _curve(results)], data, _notes(found))


def _targets(results: Sequence[Replication], found: Sequence[LibraryResult]) -> list[Target]:
    rank = mean_of([result.policies[OURS].rank or 0.0 for result in results])
    harmful = sum(one.harmful for one in found)
    gone = share_of(harmful - sum(one.harmful_kept for one in found), harmful)
    never = share_of(harmful - sum(one.harmful_promoted for one in found), harmful)
    promoted = sum(one.promoted[0] for one in found)
    false = share_of(sum(one.promoted[1] for one in found), promoted)
    wrong = share_of(sum(one.promoted[1] for one in found), sum(one.unhelpful for one in found))
    covered = share_of(sum(one.covered[0] for one in found), sum(one.covered[1] for one in found))
    ratio = mean_of([one.policies[OURS].regrets[-1] / one.policies[OURS].regrets[0] for one in results])
    return [
        Target("rank correlation of estimated and true uplift", "at least .8", rank, rank.value >= 0.8),
        Target("harmful items not active at the end", "at least 90 %", gone, gone.value >= 0.9),
        Target("harmful items never promoted", "at least 90 %", never, never.value >= 0.9),
        Target("promotions that are false", "at most 5 %", false, not false.value > 0.05),
        Target("items that do not help, ever promoted", "at most 5 %", wrong, wrong.value <= 0.05),
        Target("items covered at every look", "at least 95 %", covered, covered.value >= 0.95),
        Target("regret, last 200 episodes over first 200", "falls towards 0", ratio, ratio.high < 1.0),
    ]


def _policy_data(name: str, results: Sequence[Replication]) -> dict[str, object]:
    own = [result.policies[name] for result in results]
    ranks = [one.rank for one in own if one.rank is not None]
    return {
        "rank correlation": mean_of(ranks) if ranks else None,
        "harmful items shown in an episode, last block": mean_of([one.harmful for one in own]),
        "mean regret": mean_of([fmean(one.regrets) for one in own]),
        "regret by block": [
            round(fmean(block), 4) for block in zip(*(one.regrets for one in own), strict=True)
        ],
    }


def _table(results: Sequence[Replication]) -> TextTable:
    rows: list[tuple[str, ...]] = []
    for name in results[0].policies:
        own = [result.policies[name] for result in results]
        ranks = [one.rank for one in own if one.rank is not None]
        rows.append(
            (
                name,
                mean_text(mean_of(ranks)) if ranks else "-",
                mean_text(mean_of([one.regrets[0] for one in own]), ".3f"),
                mean_text(mean_of([one.regrets[-1] for one in own]), ".3f"),
                mean_text(mean_of([fmean(one.regrets) for one in own]), ".3f"),
                mean_text(mean_of([one.harmful for one in own])),
            )
        )
    return TextTable(
        f"Policies on the same tasks, {len(results)} replications",
        (
            "",
            "rank correlation",
            "regret, first 200",
            "regret, last 200",
            "regret, all",
            "harmful shown, last 200",
        ),
        rows,
        "Regret: chance of success below that of the oracle, per episode. Harmful shown: items in an episode.",
    )


def _curve(results: Sequence[Replication]) -> TextTable:
    blocks = len(results[0].policies[OURS].regrets)
    head = ("regret in episodes up to", *(str(BLOCK * (number + 1)) for number in range(blocks)))
    rows: list[tuple[str, ...]] = []
    for name in results[0].policies:
        curve = zip(*(result.policies[name].regrets for result in results), strict=True)
        rows.append((name, *(format(fmean(block), ".3f") for block in curve)))
    return TextTable("Regret over time", head, rows)


def _notes(found: Sequence[LibraryResult]) -> tuple[str, ...]:
    raw = mean_of([one.raw_rank for one in found])
    promoted, retired = (
        sum(pair) for pair in zip(*((f.promoted[0], f.retired[0]) for f in found), strict=True)
    )
    false, wrong = sum(one.promoted[1] for one in found), sum(one.retired[1] for one in found)
    items = sum(one.covered[1] for one in found)
    return (
        f"Raw estimates instead of posterior means: rank correlation {mean_text(raw)}.",
        f"Of {items} items {promoted} were promoted ({false} of them do not help) and {retired} retired "
        f"({wrong} of them do not harm).",
        f"With three values among the true effects no estimate can correlate by more than {_highest():.2f}.",
        f"Intervals were looked at {sum(one.looks for one in found):,} times.",
    )


def _highest() -> float:
    """The rank correlation of effects with estimates that are in the right order and all different."""
    truth = [0.0] * 10 + [1.0] * 20 + [2.0] * 10
    return math.floor(1000 * rank_correlation(truth, list(range(40)))) / 1000


SCENARIO = CreditScenario()
