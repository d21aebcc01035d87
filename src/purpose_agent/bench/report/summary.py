"""What the rows say: from finished jobs to the tables of a report card."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from itertools import combinations

from purpose_agent.bench.number_text import p_text
from purpose_agent.bench.report.report import (
    ArmSummary,
    Curve,
    Difference,
    Estimate,
    Leakage,
    Retention,
    RoleCost,
)
from purpose_agent.bench.report.statistics import Cells, difference_estimate, mean_estimate, pass_k
from purpose_agent.bench.statistics import CONFIDENCE, moving_rate
from purpose_agent.bench.suite.arms import ARMS, LEARNERS, OURS, QUESTIONS, STUDIES
from purpose_agent.bench.suite.rows import ANCHOR, TEST, TRAIN, Cost, SuiteRow, of_kind
from purpose_agent.bench.suite.settings import QUARTERS, SuiteSettings, World

WINDOW = 10
"""Episodes in the moving mean of a curve."""

TaskKey = tuple[str, str, int]
"""World, fold, seed."""


def task_of(row: SuiteRow) -> TaskKey:
    """What tells tasks apart."""
    return (row.job.world, row.job.fold, row.job.seed)


def cells(rows: Iterable[SuiteRow], *, score: bool = False) -> dict[Hashable, dict[int, float]]:
    """task -> order -> mean success, or mean final score, over repeats."""
    found: dict[Hashable, dict[int, list[float]]] = {}
    for row in rows:
        value = row.score if score else float(row.success)
        found.setdefault(task_of(row), {}).setdefault(row.job.order, []).append(value)
    return {
        task: {order: sum(values) / len(values) for order, values in sorted(by_order.items())}
        for task, by_order in sorted(found.items(), key=lambda pair: str(pair[0]))
    }


def clusters(rows: Iterable[SuiteRow], worlds: Mapping[str, World]) -> dict[Hashable, Hashable]:
    """task -> the template that it belongs to; see `World.template`."""
    return {
        task_of(row): (row.job.world, row.purpose)
        if worlds[row.job.world].template == "purpose"
        else task_of(row)
        for row in rows
    }


def arm_summaries(rows: Sequence[SuiteRow], settings: SuiteSettings) -> list[ArmSummary]:
    """One for each arm that played, in the order of the tables."""
    worlds = {world.name: world for world in settings.worlds}
    by_arm = {name: [row for row in rows if row.job.arm == name] for name in settings.arms}
    return [_arm(name, played, worlds, settings) for name, played in by_arm.items() if played]


def _arm(
    name: str, rows: Sequence[SuiteRow], worlds: Mapping[str, World], settings: SuiteSettings
) -> ArmSummary:
    n, steps, belongs = len(rows), sum(row.steps for row in rows), clusters(rows, worlds)
    solved, scores = cells(rows), cells(rows, score=True)
    success = mean_estimate(solved, belongs, rate=True)
    attempts: dict[tuple[TaskKey, int], list[bool]] = {}
    for row in rows:
        attempts.setdefault((task_of(row), row.job.order), []).append(row.success)
    return ArmSummary(
        name=name,
        label=ARMS[name].label,
        asks_model=ARMS[name].asks_model and settings.model != "random",
        success=success,
        score=success if scores == solved else mean_estimate(scores, belongs, rate=False),
        plays=n,
        pass_k=pass_k([(sum(a), len(a)) for a in attempts.values()], settings.repeats),
        steps=steps / n,
        habit_share=sum(row.habits for row in rows) / steps if steps else 0.0,
        costs=_costs(rows),
        seconds=sum(row.seconds for row in rows) / n,
        memory_tokens=sum(row.memory_tokens for row in rows) / n,
    )


def _costs(rows: Sequence[SuiteRow]) -> list[RoleCost]:
    roles = sorted({role for row in rows for role in row.costs})
    found: list[RoleCost] = []
    for role in roles:
        costs = [row.costs.get(role, Cost()) for row in rows]
        sums = [sum(getattr(cost, name) for cost in costs) / len(rows) for name in Cost.__struct_fields__]
        if any(sums[1:]):  # chance costs nothing
            found.append(RoleCost(role, *sums))
    return found


def differences(rows: Sequence[SuiteRow], settings: SuiteSettings) -> list[Difference]:
    """All questions that the arms which have played can answer."""
    worlds = {world.name: world for world in settings.worlds}
    by_arm: dict[str, list[SuiteRow]] = {}
    for row in rows:
        by_arm.setdefault(row.job.arm, []).append(row)
    played = [
        (first, second)
        for first, second in combinations(settings.arms, 2)
        if _common(by_arm.get(first, ()), by_arm.get(second, ()))
    ]
    either_way = {*played, *((b, a) for a, b in played)}
    asked = [(a, b, question) for a, b, question in QUESTIONS if (a, b) in either_way]
    asked = asked or [(b, a, "how they differ") for a, b in played]
    return [_difference(first, second, question, by_arm, worlds) for first, second, question in asked]


def _common(first: Sequence[SuiteRow], second: Sequence[SuiteRow]) -> bool:
    """Whether there is a task that both played, in the same stream where both learn."""
    return bool(_met(first, second) & _met(second, first))


def _met(rows: Sequence[SuiteRow], others: Sequence[SuiteRow]) -> set[tuple[TaskKey, int]]:
    both = all(ARMS[row.job.arm].learner for row in (*rows[:1], *others[:1]))
    return {(task_of(row), row.job.order if both else 0) for row in rows}


def _difference(
    first: str,
    second: str,
    question: str,
    by_arm: Mapping[str, Sequence[SuiteRow]],
    worlds: Mapping[str, World],
) -> Difference:
    a, b = by_arm[first], by_arm[second]
    if ARMS[first].learner and ARMS[second].learner:
        shared = {row.job.order for row in a} & {row.job.order for row in b}
        a, b = ([row for row in rows if row.job.order in shared] for rows in (a, b))
    belongs = clusters([*a, *b], worlds)
    solved_a, solved_b = cells(a), cells(b)
    score_a, score_b = cells(a, score=True), cells(b, score=True)
    success, success_p = difference_estimate(solved_a, solved_b, belongs, rate=True)
    score, score_p = success, success_p
    if (score_a, score_b) != (solved_a, solved_b):
        score, score_p = difference_estimate(score_a, score_b, belongs, rate=False)
    both = [(_share(solved_a[t]), _share(solved_b[t])) for t in solved_a if t in solved_b]
    return Difference(
        first=first,
        second=second,
        question=question,
        success=success,
        success_p=success_p,
        score=score,
        score_p=score_p,
        lost=sum(x < y for x, y in both),
        won=sum(x > y for x, y in both),
    )


def _share(by_order: Mapping[int, float]) -> float:
    return sum(by_order.values()) / len(by_order)


def is_evidence(difference: Difference) -> bool:
    """Whether the arms differ in success: the interval excludes 0 and the test agrees."""
    d = difference.success
    return difference.success_p <= 1 - CONFIDENCE and not d.low <= 0 <= d.high


def verdict(found: Sequence[Difference], complete: bool, orders: int) -> str:
    """The sentence that everything else supports: about the first question that could be answered.

    Args:
        found: the questions with their answers.
        complete: whether everything was played.
        orders: training streams; of a single one the sentence says so, as no interval knows how others would differ.
    """
    if not found:
        return "Nothing to compare yet: no two arms have played the same held-out task."
    first = found[0]
    d = first.success
    alone = "; one training stream" if orders == 1 else ""
    numbers = (
        f"{points(d)} on the same held-out tasks, n = {d.n}, p {p_text(first.success_p)} "
        f"({ARMS[first.first].label} against {ARMS[first.second].label}{alone})"
    )
    memory = ARMS[first.first].learner == OURS and ARMS[first.second].learner in ("", "placebo")
    if not is_evidence(first):
        text = f"No evidence {'that memory helped' if memory else 'of a difference'}: {numbers}.{_of_score(first)}"
    elif memory:
        text = f"Memory {'helped' if d.value > 0 else 'hurt'}: {numbers}."
    else:
        text = f"They differ: {numbers}."
    return text if complete else f"{text} Not finished: more is to come."


def _of_score(difference: Difference) -> str:
    """What can be said of the mean score where successes do not tell; empty where it does not tell either."""
    d, p = difference.score, difference.score_p
    if d == difference.success or p > 1 - CONFIDENCE or d.low <= 0 <= d.high:
        return ""
    return f" But the mean score {'rose' if d.value > 0 else 'fell'}: {points(d)}, p {p_text(p)}."


def points(d: Estimate) -> str:
    """A difference of rates as ``+12 points [+3, +20]``."""
    return f"{100 * d.value:+z.0f} points [{100 * d.low:+z.0f}, {100 * d.high:+z.0f}]"


def curves(rows: Sequence[SuiteRow]) -> list[Curve]:
    """Of each learner that played episodes of its own in one world.

    Args:
        rows: training episodes of that world.
    """
    names = [name for name, learner in LEARNERS.items() if learner.how != STUDIES]
    streams = {name: _streams([row for row in rows if row.job.arm == name]) for name in names}
    return [_curve(name, found) for name, found in streams.items() if found]


def _streams(rows: Iterable[SuiteRow]) -> list[list[SuiteRow]]:
    by_order: dict[int, list[SuiteRow]] = {}
    for row in sorted(rows, key=lambda r: r.job.index):
        by_order.setdefault(row.job.order, []).append(row)
    return [by_order[order] for order in sorted(by_order)]


def _curve(name: str, streams: Sequence[Sequence[SuiteRow]]) -> Curve:
    moving = [moving_rate([row.success for row in stream], WINDOW) for stream in streams]
    habit = [_moving([r.habits / r.steps if r.steps else 0.0 for r in stream]) for stream in streams]
    quarters = [_quarter(streams, 0), _quarter(streams, QUARTERS - 1)]
    tokens = [_per_solved(q, tokens=True) for q in quarters]
    steps = [_per_solved(q, tokens=False) for q in quarters]
    return Curve(
        learner=name,
        label=LEARNERS[name].label,
        orders=len(streams),
        window=WINDOW,
        success=_across(moving, _mean),
        low=_across(moving, min),
        high=_across(moving, max),
        score=_across([_moving([row.score for row in stream]) for stream in streams], _mean),
        habit_share=_across(habit, _mean),
        tokens_first=tokens[0],
        tokens_last=tokens[1],
        steps_first=steps[0],
        steps_last=steps[1],
    )


def _moving(values: Sequence[float]) -> list[float]:
    return [_mean(values[max(0, i + 1 - WINDOW) : i + 1]) for i in range(len(values))]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _across(series: Sequence[Sequence[float]], combine: Callable[[Sequence[float]], float]) -> list[float]:
    """Orders combined, position by position; where some are shorter, by those that reach so far."""
    longest = max(map(len, series))
    return [combine([s[i] for s in series if i < len(s)]) for i in range(longest)]


def _quarter(streams: Sequence[Sequence[SuiteRow]], number: int) -> list[SuiteRow]:
    return [
        row
        for stream in streams
        for row in stream[number * len(stream) // QUARTERS : (number + 1) * len(stream) // QUARTERS]
    ]


def _per_solved(rows: Sequence[SuiteRow], *, tokens: bool) -> float | None:
    spent, solved = sum(row.tokens if tokens else row.steps for row in rows), sum(row.success for row in rows)
    return spent / solved if spent and solved else None


def retention(rows: Sequence[SuiteRow], episodes: int) -> list[Retention]:
    """Of each learner that was looked at in one world.

    Args:
        rows: looks at the anchor set of that world.
        episodes: of the training stream.
    """
    names = sorted({row.job.arm for row in rows})
    return [_retention(name, [row for row in rows if row.job.arm == name], episodes) for name in names]


def _retention(name: str, rows: Sequence[SuiteRow], episodes: int) -> Retention:
    quarters = sorted({row.job.repeat for row in rows})
    solved: dict[tuple[int, int], dict[int, bool]] = {}
    for row in rows:
        solved.setdefault((row.job.order, row.job.index), {})[row.job.repeat] = row.success
    whole = {key: by for key, by in solved.items() if len(by) == len(quarters)}
    orders = sorted({order for order, _ in whole})
    rates = {
        order: [_mean([float(by[q]) for (o, _), by in whole.items() if o == order]) for q in quarters]
        for order in orders
    }
    best = {order: quarters[r.index(max(r[:-1]))] for order, r in rates.items() if len(r) > 1}
    kept = {anchor: by for anchor, by in sorted(whole.items()) if anchor[0] in best}
    last: Cells = {anchor: {0: float(by[quarters[-1]])} for anchor, by in kept.items()}
    earlier: Cells = {anchor: {0: float(by[best[anchor[0]]])} for anchor, by in kept.items()}
    streams: dict[Hashable, Hashable] = {anchor: anchor[0] for anchor in kept}
    transfer = Estimate(0.0, 0.0, 0.0, 0)
    if kept:  # each stream has anchors of its own, which what became of its memory moves together
        transfer, _ = difference_estimate(last, earlier, streams, rate=True, apart=len(kept))
    return Retention(
        learner=name,
        at=[math.ceil(q * episodes / QUARTERS) for q in quarters],
        rates=[_mean([rates[order][i] for order in orders]) for i in range(len(quarters))] if orders else [],
        transfer=transfer,
        lost=sum(any(by[q] for q in quarters[:-1]) and not by[quarters[-1]] for by in whole.values()),
        n=len(whole),
    )


def leakage(rows: Sequence[SuiteRow], world: str) -> Leakage:
    """What training and the held-out tasks share."""
    taught = of_kind(rows, TRAIN, world)
    tested = of_kind(rows, TEST, world)
    learned = {task_of(row) for row in [*taught, *of_kind(rows, ANCHOR, world)]}
    met = {row.first_state for row in taught}
    held = {task_of(row): row.first_state for row in tested}
    return Leakage(
        sum(row.traced for row in tested),
        len(learned & set(held)),
        sum(first in met for first in held.values()),
        len(held),
        len(set(held.values())),
    )
