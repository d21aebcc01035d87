"""The report of a demo: what the rows say, with intervals, as one documented structure.

`DemoReport` is the contract of ``report.json``; `SCHEMA_VERSION` grows when a field changes its meaning or goes away.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from purpose_agent.bench.demo.arms import ARMS, MEMORY, MEMORY_ONLY, NO_MEMORY, RANDOM, TRAINING
from purpose_agent.bench.demo.learned import Learned
from purpose_agent.bench.demo.rows import Row
from purpose_agent.bench.demo.settings import DemoSettings
from purpose_agent.bench.machine import Machine
from purpose_agent.bench.number_text import p_text
from purpose_agent.bench.statistics import (
    Line,
    PairedDifference,
    Proportion,
    cumulative_rate,
    fit_line,
    moving_rate,
    paired_difference,
    proportion,
)

SCHEMA_VERSION = 1

WINDOW = 10
"""Episodes in the moving mean of the learning curve."""

COMPARED = (
    (MEMORY, NO_MEMORY, "what memory adds to the model"),
    (MEMORY, RANDOM, "what the whole agent adds to chance"),
    (NO_MEMORY, RANDOM, "what the model alone adds to chance"),
    (MEMORY, MEMORY_ONLY, "what the model adds to memory"),
)
"""Pairs of arms that are compared; the first is the question of the demo."""


class LearningCurve(msgspec.Struct, frozen=True):
    """Success in the training stream, in its order; every task is new when it is met.

    Attributes:
        solved: outcome of each episode.
        window: of the moving mean.
        moving: mean of the last ``window`` outcomes, after each episode.
        cumulative: mean of all outcomes so far, after each episode.
        habit_share: of each episode, the share of steps decided without the model.
    """

    solved: list[bool]
    window: int
    moving: list[float]
    cumulative: list[float]
    habit_share: list[float]


class ArmResult(msgspec.Struct, frozen=True, kw_only=True):
    """How one arm did; averages are over its tasks.

    Attributes:
        name: of the arm.
        label: for people.
        result: successes with their interval.
        mean_score: final progress in [0, 1].
        steps: taken per task.
        habit_share: share of all steps decided by the value memory without the model.
        calls: requests to the model per task.
        prompt_tokens: per task.
        uncached_tokens: prompt tokens read anew, per task.
        completion_tokens: per task.
        seconds: wall time per task.
    """

    name: str
    label: str
    result: Proportion
    mean_score: float
    steps: float
    habit_share: float
    calls: float
    prompt_tokens: float
    uncached_tokens: float
    completion_tokens: float
    seconds: float


class Comparison(msgspec.Struct, frozen=True):
    """Two arms on the same tasks.

    Attributes:
        first: name of an arm.
        second: name of an arm.
        question: what the difference answers.
        difference: first minus second.
    """

    first: str
    second: str
    question: str
    difference: PairedDifference


class PromptCost(msgspec.Struct, frozen=True):
    """Prompt tokens that the model had to read anew, by step, in the arm where it is asked at every step.

    Attributes:
        steps: step numbers, from 1.
        mean: tokens at each of them, averaged over episodes.
        n: episodes that reached each of them.
        slope: tokens per step, fitted to all requests after the first step of each episode; flat when only what is
            new is read.
    """

    steps: list[int]
    mean: list[float]
    n: list[int]
    slope: Line


class Leakage(msgspec.Struct, frozen=True):
    """What training and the held-out tasks share; zeros when all is well.

    Attributes:
        shared_tasks: tasks in both (fold and seed).
        shared_first_states: held-out tasks whose first state was met in training too.
    """

    shared_tasks: int
    shared_first_states: int


class TaskOutcome(msgspec.Struct, frozen=True):
    """A held-out task and which arms solved it."""

    fold: str
    seed: int
    solved: dict[str, bool]


class DemoReport(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a demo found.

    Attributes:
        schema_version: see the module's text.
        verdict: what came out, in one sentence.
        complete: whether every episode was played.
        settings: what was asked for.
        learning_curve: of the training stream.
        arms: in the order of `arms.ARMS`, training first.
        comparisons: paired, on the tasks that both arms have played.
        prompt_cost: None when no model was asked.
        learned: what the memory holds.
        leakage: the guard's findings.
        tasks: each held-out task.
        machine: what it ran on.
        wall_seconds: of all sessions together.
        command: runs the same demo again.
        notes: what a reader should know.
    """

    verdict: str
    complete: bool
    settings: DemoSettings
    learning_curve: LearningCurve
    arms: list[ArmResult]
    comparisons: list[Comparison]
    prompt_cost: PromptCost | None
    learned: Learned
    leakage: Leakage
    tasks: list[TaskOutcome]
    machine: Machine
    wall_seconds: float
    command: str
    notes: list[str]
    schema_version: int = SCHEMA_VERSION


def report_schema() -> dict[str, Any]:
    """The JSON schema of ``report.json``."""
    return msgspec.json.schema(DemoReport)


def arm_results(rows: Iterable[Row]) -> list[ArmResult]:
    """One result for each arm that has played."""
    by_arm: dict[str, list[Row]] = {name: [] for name in ARMS}
    for row in rows:
        if row.counts and row.arm in by_arm:
            by_arm[row.arm].append(row)
    return [_arm_result(name, played) for name, played in by_arm.items() if played]


def _arm_result(name: str, rows: Sequence[Row]) -> ArmResult:
    n, steps = len(rows), sum(row.steps for row in rows)
    return ArmResult(
        name=name,
        label=ARMS[name].label,
        result=proportion([row.success for row in rows]),
        mean_score=sum(row.score for row in rows) / n,
        steps=steps / n,
        habit_share=sum(row.habits for row in rows) / steps if steps else 0.0,
        calls=sum(row.calls for row in rows) / n,
        prompt_tokens=sum(row.prompt_tokens for row in rows) / n,
        uncached_tokens=sum(row.prompt_tokens - row.cached_tokens for row in rows) / n,
        completion_tokens=sum(row.completion_tokens for row in rows) / n,
        seconds=sum(row.seconds for row in rows) / n,
    )


def compare(rows: Sequence[Row]) -> list[Comparison]:
    """All comparisons, each on the tasks that both arms have played."""
    solved = {(row.arm, row.fold, row.seed): row.success for row in rows if row.counts}
    tasks = sorted({(fold, seed) for _, fold, seed in solved})
    found: list[Comparison] = []
    for first, second, question in COMPARED:
        both = [t for t in tasks if (first.name, *t) in solved and (second.name, *t) in solved]
        difference = paired_difference(
            [solved[(first.name, *t)] for t in both], [solved[(second.name, *t)] for t in both]
        )
        found.append(Comparison(first.name, second.name, question, difference))
    return found


def learning_curve(rows: Iterable[Row]) -> LearningCurve:
    """The curve of the training stream."""
    stream = sorted((r for r in rows if r.arm == TRAINING.name and r.counts), key=lambda row: row.index)
    solved = [row.success for row in stream]
    share = [row.habits / row.steps if row.steps else 0.0 for row in stream]
    return LearningCurve(solved, WINDOW, moving_rate(solved, WINDOW), cumulative_rate(solved), share)


def prompt_cost(rows: Iterable[Row]) -> PromptCost | None:
    """Uncached prompt tokens by step; None when nothing was read."""
    points = [p for row in rows if row.arm == NO_MEMORY.name for p in row.uncached_by_step]
    if not any(tokens for _, tokens in points):
        return None
    steps = sorted({step for step, _ in points})
    at = {step: [tokens for s, tokens in points if s == step] for step in steps}
    later = [(float(step), float(tokens)) for step, tokens in points if step > 1]
    return PromptCost(
        steps, [sum(at[s]) / len(at[s]) for s in steps], [len(at[s]) for s in steps], fit_line(later)
    )


def leakage(rows: Sequence[Row]) -> Leakage:
    """What training and evaluation share."""
    trained = [row for row in rows if row.arm == TRAINING.name and row.counts]
    held_out = {
        (row.fold, row.seed): row.first_state for row in rows if row.arm != TRAINING.name and row.counts
    }
    met = {row.first_state for row in trained}
    return Leakage(
        len({(row.fold, row.seed) for row in trained} & set(held_out)),
        sum(state in met for state in held_out.values()),
    )


def task_outcomes(rows: Iterable[Row]) -> list[TaskOutcome]:
    """Who solved which held-out task."""
    solved: dict[tuple[str, int], dict[str, bool]] = {}
    for row in rows:
        if row.arm != TRAINING.name and row.counts:
            solved.setdefault((row.fold, row.seed), {})[row.arm] = row.success
    return [TaskOutcome(fold, seed, arms) for (fold, seed), arms in sorted(solved.items())]


def verdict(comparison: Comparison, complete: bool) -> str:
    """The sentence that everything else supports."""
    d = comparison.difference
    if d.n == 0:
        return "Nothing to compare yet: the held-out tasks were not reached."
    numbers = (
        f"{100 * d.difference:+.0f} points [{100 * d.low:+.0f}, {100 * d.high:+.0f}] "
        f"on the same held-out tasks, n = {d.n}, p {p_text(d.p)}"
    )
    if not d.is_evidence:
        text = f"No evidence that memory helped: {numbers}."
    elif d.difference > 0:
        text = f"Memory helped: {numbers}."
    else:
        text = f"Memory hurt: {numbers}."
    return text if complete else f"{text} Not finished: more tasks are to come."
