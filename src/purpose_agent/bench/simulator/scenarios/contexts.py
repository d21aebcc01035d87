"""An oracle's lessons about many kinds of tasks: are they kept, found, shown, and cheap to withhold?

Each kind of machine is met once in a pass. An ideal learner knows a machine from its first success on, so in pass k it
succeeds with chance 1 − (1 − luck)^k. Actor, distiller and verdicts are scripted (`oracle_world`); the orchestrator,
the model's distiller, deduplication, library, retrieval, withholding and rendering are the package's own.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from statistics import fmean

from purpose_agent.bench.simulator.measures import mean_of, mean_text
from purpose_agent.bench.simulator.oracle_world import (
    COLOURS,
    LUCK,
    TRIES,
    Machines,
    Script,
    kinds,
    purpose_for,
)
from purpose_agent.bench.simulator.scenario import Findings, Job, Target
from purpose_agent.bench.text_table import TextTable
from purpose_agent.orchestrator import Orchestrator
from purpose_agent.task_memory import TaskMemory

SIZES = (1, 5, 20, 50, 200)
PASSES = 6

IDEAL = fmean(1.0 - (1.0 - LUCK) ** number for number in range(2, PASSES + 1))
"""Expected success of the ideal learner in passes 2 to 6: .74."""

TOLERANCE = 0.06
TOKENS = 1500


@dataclass(frozen=True)
class Replication:
    """All passes over ``n`` kinds of machines.

    Attributes:
        n: kinds.
        rates: success in each pass.
        shortfall: share of the episodes of passes 2 to 6 that failed although the ideal learner, with the same guesses,
            would have succeeded.
        withheld: share of them in which the machine was known and its lesson was withheld.
        not_chosen: … in which its lesson was in the library and was not chosen.
        lost: … in which its lesson had left the library.
        others: lessons about other machines that were chosen, per episode.
        calls: of the distiller in one episode, at most.
        tokens: of the memory block in a prompt, at most.
    """

    n: int
    rates: tuple[float, ...]
    shortfall: float
    withheld: float
    not_chosen: float
    lost: float
    others: float
    calls: int
    tokens: int


def replicate(n: int, seed: int) -> Replication:
    """Play all passes over ``n`` kinds of machines."""
    dice = random.Random(seed)
    right = {kind: dice.choice(COLOURS) for kind in kinds(n)}
    script = Script(seed)
    with Orchestrator(
        script.model(), Machines(right), seed=1_000_003 * seed, distillers=["llm"]
    ) as orchestrator:
        memory = orchestrator.runner.memory
        assert isinstance(memory, TaskMemory)
        memory.vectors = None  # by words alone: equal numbers whatever extras are installed
        return _Passes(orchestrator, script, right, dice).played()


class _Passes:
    """Plays, and compares with the ideal learner.

    Args:
        orchestrator: the agent.
        script: what its model says.
        right: the machines.
        dice: of their order.
    """

    def __init__(
        self, orchestrator: Orchestrator, script: Script, right: dict[str, str], dice: random.Random
    ) -> None:
        self._agent = orchestrator
        self._script = script
        self._right = right
        self._dice = dice
        self._known: set[str] = set()
        self._counts = dict.fromkeys(("short", "withheld", "not chosen", "lost", "others"), 0)
        self._calls = 0

    def played(self) -> Replication:
        """Play all passes."""
        n = len(self._right)
        rates: list[float] = []
        for number in range(PASSES):
            self._script.pass_number = number
            rates.append(
                fmean(self._episode(kind, number) for kind in self._dice.sample(sorted(self._right), n))
            )
        counted = {name: count / (n * (PASSES - 1)) for name, count in self._counts.items()}
        return Replication(
            n,
            tuple(rates),
            counted["short"],
            counted["withheld"],
            counted["not chosen"],
            counted["lost"],
            counted["others"],
            self._calls,
            self._script.memory_tokens,
        )

    def _episode(self, kind: str, number: int) -> bool:
        self._script.told = False
        calls = self._script.distilled
        lessons = {item.id for item in self._agent.library if kind in item.pattern.split()}
        result = self._agent.run_task(purpose_for(kind), max_steps=TRIES, options={"kind": kind})
        self._calls = max(self._calls, self._script.distilled - calls)
        if number:
            chosen = set(result.trajectory.propensities)
            self._counts["others"] += len(chosen - lessons)
            if kind in self._known and not self._script.told:
                self._counts["short"] += not result.success
                why = "lost" if not lessons else "withheld" if lessons & chosen else "not chosen"
                self._counts[why] += 1
        if result.success:
            self._known.add(kind)
        return result.success


class ContextsScenario:
    """See the module."""

    name = "contexts"
    title = "an oracle's lessons about 1, 5, 20, 50 and 200 kinds of tasks, through the whole agent"
    replications = 20

    def jobs(self, replications: int, seed: int) -> Sequence[Job]:
        """See `Scenario.jobs`. With few kinds more are made, with many fewer: a mean needs as many episodes."""
        return [
            partial(replicate, n, seed + number)
            for n in SIZES
            for number in range(max(4, math.ceil(replications * 20 / n)))
        ]

    def findings(self, results: Sequence[Replication]) -> Findings:
        """See `Scenario.findings`."""
        found = {n: [r for r in results if r.n == n] for n in SIZES}
        targets = [_target(n, own) for n, own in found.items()]
        calls = mean_of([float(r.calls) for r in results])
        tokens = mean_of([float(r.tokens) for r in results])
        most_calls, most_tokens = max(r.calls for r in results), max(r.tokens for r in results)
        targets += [
            Target(
                "calls of the distiller in an episode", f"at most 1, was {most_calls}", calls, most_calls <= 1
            ),
            Target(
                "tokens of memory in a prompt",
                f"at most {TOKENS}, was {most_tokens}",
                tokens,
                most_tokens <= TOKENS,
            ),
        ]
        data = {str(n): _data(own) for n, own in found.items()}
        notes = (
            f"Ideal learner {IDEAL:.3f}, without learning {LUCK:.3f}. Expected success is the ideal less the shortfall "
            "on the same guesses, which varies less than the success itself.",
        )
        return Findings(targets, [_table(found)], data, notes)


def _target(n: int, results: Sequence[Replication]) -> Target:
    expected = mean_of([IDEAL - r.shortfall for r in results])
    least = IDEAL - TOLERANCE
    return Target(
        f"success in passes 2 to 6, {n} kinds", f"at least {least:.2f}", expected, expected.value >= least
    )


def _table(found: dict[int, list[Replication]]) -> TextTable:
    rows = [
        (
            str(n),
            str(len(own)),
            mean_text(mean_of([fmean(r.rates[1:]) for r in own]), ".3f"),
            mean_text(mean_of([IDEAL - r.shortfall for r in own]), ".3f"),
            *(
                f"{100 * fmean(values):.1f} %"
                for values in (
                    [r.withheld for r in own],
                    [r.not_chosen for r in own],
                    [r.lost for r in own],
                )
            ),
            f"{fmean(r.others for r in own):.2f}",
            str(max(r.tokens for r in own)),
        )
        for n, own in found.items()
    ]
    head = (
        "kinds", "replications", "success, passes 2–6", "expected", "known, withheld", "known, not chosen",
        "known, lost", "other lessons chosen", "tokens",
    )  # fmt: skip
    return TextTable("An oracle's lessons", head, rows)


def _data(results: Sequence[Replication]) -> dict[str, object]:
    return {
        "success by pass": [
            round(fmean(rates), 4) for rates in zip(*(r.rates for r in results), strict=True)
        ],
        "success": mean_of([fmean(r.rates[1:]) for r in results]),
        "shortfall": mean_of([r.shortfall for r in results]),
        "withheld": mean_of([r.withheld for r in results]),
        "not chosen": mean_of([r.not_chosen for r in results]),
        "lost": mean_of([r.lost for r in results]),
        "other lessons chosen": mean_of([r.others for r in results]),
    }


SCENARIO = ContextsScenario()
