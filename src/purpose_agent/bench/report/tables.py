"""The tables of a report card, as rows of text that the page and the console share.

Texts of a world, a model or a user are cut to one line here; whoever shows them still escapes them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from purpose_agent.bench.number_text import p_text, percent
from purpose_agent.bench.report.report import (
    ArmSummary,
    Curve,
    Difference,
    Estimate,
    ItemReport,
    MemoryReport,
    RoleCost,
    SuiteReport,
    WorldReport,
)
from purpose_agent.bench.text_table import TextTable
from purpose_agent.prompt_text import prompt_line

NONE = "–"
_WORD, _NAME, _SENTENCE = 16, 60, 400


def name_text(name: str) -> str:
    """A name as one short line."""
    return prompt_line(name, _NAME)


def sentence_text(sentence: str) -> str:
    """A sentence as one line."""
    return prompt_line(sentence, _SENTENCE)


def share_text(estimate: Estimate) -> str:
    """A share with its interval, in percent: ``85 % [80, 90]``."""
    if not shown(estimate):
        return NONE
    return f"{percent(estimate.value)} [{100 * estimate.low:.0f}, {100 * estimate.high:.0f}]"


def points_text(estimate: Estimate | None, digits: int = 0) -> str:
    """A difference with its interval, in points: ``+30 [+20, +40]``."""
    if estimate is None or not shown(estimate):
        return NONE
    value, low, high = (f"{100 * x:+z.{digits}f}" for x in (estimate.value, estimate.low, estimate.high))
    return f"{value} [{low}, {high}]"


def shown(estimate: Estimate) -> bool:
    """Whether it rests on anything."""
    return estimate.n > 0 and all(map(math.isfinite, (estimate.value, estimate.low, estimate.high)))


def labels_of(arms: Iterable[ArmSummary]) -> dict[str, str]:
    """What each arm is called."""
    return {arm.name: name_text(arm.label) for arm in arms}


def all_labels(report: SuiteReport) -> dict[str, str]:
    """What each arm is called in the first world that has it."""
    return {name: label for world in reversed(report.worlds) for name, label in labels_of(world.arms).items()}


def difference_label(d: Difference, labels: Mapping[str, str]) -> str:
    """``first − second``."""
    return " − ".join(labels.get(name) or name_text(name) for name in (d.first, d.second))


def arms_table(world: WorldReport) -> TextTable:
    """How the arms did, costs in short."""
    attempts = max((len(arm.pass_k) for arm in world.arms), default=0)
    head = ("arm", "n", "success [95 %]", "score [95 %]", "steps", "by habit", "read anew", "seconds")
    rows = [
        (
            name_text(arm.label),
            str(arm.success.n),
            share_text(arm.success),
            share_text(arm.score),
            f"{arm.steps:.1f}",
            percent(arm.habit_share),
            f"{sum(cost.read for cost in arm.costs):,.0f}",
            f"{arm.seconds:.2f}",
            *(_pass_k(arm, k) for k in range(2, attempts + 1)),
        )
        for arm in world.arms
    ]
    note = (
        "n counts tasks, however often each was played. Steps, tokens of the model read anew and seconds are averages "
        "per task."
    )
    chance = [name_text(arm.label) for arm in world.arms if not arm.asks_model]
    if chance:
        note += (
            f" No model is asked by: {', '.join(chance)}; there chance decides what the memory leaves open."
        )
    return TextTable("Arms", (*head, *(f"pass^{k}" for k in range(2, attempts + 1))), rows, note)


def _pass_k(arm: ArmSummary, k: int) -> str:
    return percent(arm.pass_k[k - 1]) if len(arm.pass_k) >= k else NONE


def differences_table(differences: Iterable[Difference], labels: Mapping[str, str]) -> TextTable:
    """The questions that were asked, each with its answer."""
    rows = [
        (
            difference_label(d, labels),
            sentence_text(d.question),
            str(d.success.n),
            points_text(d.success),
            p_text(d.success_p),
            points_text(d.score),
            p_text(d.score_p),
            f"{d.won} : {d.lost}",
        )
        for d in differences
        if shown(d.success)
    ]
    head = ("difference", "question", "n", "success [95 %]", "p", "score [95 %]", "p of it", "won : lost")
    note = (
        "In points. Both arms of a row played the same tasks; won and lost are those that the first or the "
        "second solved in more of its plays. Intervals and p values are not corrected for their number."
    )
    return TextTable("Differences on the same tasks", head, rows, note)


def overall_table(report: SuiteReport) -> TextTable:
    """The questions over the tasks of all worlds; no rows where one world is all there is."""
    found = differences_table(report.overall if len(report.worlds) > 1 else (), all_labels(report))
    return found._replace(title="Over all worlds, each task weighing the same")


def costs_table(arms: Iterable[ArmSummary]) -> TextTable:
    """What each role of the model cost, and what an arm cost as a whole beside its first role."""
    rows: list[tuple[str, ...]] = []
    for arm in arms:
        whole = (
            f"{arm.seconds:.2f}",
            f"{arm.steps:.1f}",
            percent(arm.habit_share),
            f"{arm.memory_tokens:.0f}",
        )
        label = name_text(arm.label)
        for number, cost in enumerate(arm.costs):
            rows.append((f"{label}: {name_text(cost.role)}", *_role(cost), *(("",) * 4 if number else whole)))
        if not arm.costs:
            rows.append((label, *("",) * 4, *whole))
    head = ("arm: role", "calls", "read anew", "from cache", "written")
    whole_head = ("seconds", "steps", "by habit", "memory shown")
    note = "Averages per task; tokens of the model. What is from cache was read before and kept."
    return TextTable("What a task costs", (*head, *whole_head), rows, note)


def _role(cost: RoleCost) -> tuple[str, ...]:
    return (f"{cost.calls:.1f}", f"{cost.read:,.0f}", f"{cost.cached:,.0f}", f"{cost.written:,.0f}")


def learning_table(world: WorldReport) -> TextTable:
    """What a solved training task cost at the beginning of the stream and at its end."""
    rows = [
        (
            name_text(curve.label),
            str(curve.orders),
            str(len(curve.success)),
            _rise(curve),
            f"{_number(curve.tokens_first)} → {_number(curve.tokens_last)}",
            f"{_number(curve.steps_first)} → {_number(curve.steps_last)}",
        )
        for curve in world.curves
    ]
    head = (
        "learner",
        "orders",
        "episodes",
        "success, first → last",
        "tokens per solved task",
        "steps per solved task",
    )
    note = (
        "Success over the first and over the last episodes, in brackets how many. Tokens of the model and steps, "
        "failures included, per solved task in the first and in the last quarter of the stream."
    )
    return TextTable("While learning", head, rows, note)


def _rise(curve: Curve) -> str:
    """Success over the first and over the last episodes, and how many these are."""
    if not curve.success:
        return NONE
    many = min(curve.window, len(curve.success))
    return f"{percent(curve.success[many - 1])} → {percent(curve.success[-1])} ({many})"


def _number(value: float | None) -> str:
    return NONE if value is None else f"{value:,.0f}"


def learners_table(world: WorldReport) -> TextTable:
    """What learning took, and what it left."""
    rows = [
        (
            name_text(found.label),
            str(found.episodes) if found.episodes else NONE,
            str(found.failed),
            _number(found.items),
            NONE if found.shown is None else percent(found.shown),
            f"{found.read:,.0f}",
            f"{found.written:,.0f}",
        )
        for found in world.learners
    ]
    head = ("learner", "episodes", "failed", "kept", "shown", "read anew", "written")
    note = (
        "Over all orders: episodes that were played or read, those that could not be distilled, and tokens "
        "of the model while learning. Kept: lessons, notes, episodes or steps in the memory, the mean over orders. "
        "Shown: held-out plays in which a text of it was; values and nearest steps guide without words."
    )
    return TextTable("What learning cost", head, rows, note)


def retention_table(world: WorldReport) -> TextTable:
    """What was forgotten."""
    labels = {curve.learner: name_text(curve.label) for curve in world.curves}
    rows = [
        (
            labels.get(r.learner) or name_text(r.learner),
            ", ".join(f"after {at}: {percent(rate)}" for at, rate in zip(r.at, r.rates, strict=False)),
            points_text(r.transfer, 1),
            str(r.lost),
            str(r.n),
        )
        for r in world.retention
    ]
    head = ("learner", "success after so many episodes", "backward transfer [95 %]", "lost", "n")
    note = (
        "A fixed set of tasks, the memory frozen; transfer in points. Lost: solved at an earlier point and not at the "
        "last."
    )
    return TextTable("Retention", head, rows, note)


def items_table(items: Iterable[ItemReport]) -> TextTable:
    """The memory items with the strongest evidence."""
    rows = [
        (
            sentence_text(item.text),
            *(prompt_line(word, _WORD) for word in (item.tier, item.status, item.source)),
            str(item.evidence),
            f"{item.shown} : {item.withheld}",
            points_text(item.uplift),
            f"{item.order}, {prompt_line(item.id, _WORD)}",
        )
        for item in items
    ]
    head = ("item", "tier", "status", "by", "evidence", "shown : withheld", "uplift [95 %]")
    note = (
        "Evidence: episodes that support it. Uplift: success of training episodes with the item minus without it, "
        "where it was withheld at random, in points."
    )
    return TextTable(
        "Memory items, those with the strongest evidence first", (*head, "order, id"), rows, note
    )


def advice_table(memory: MemoryReport) -> TextTable:
    """What the value memory learned."""
    rows = [(sentence_text(a.text), f"{a.value:+.2f}", str(a.n)) for a in memory.advice]
    note = "Value: worth against the average, in score; of the first order."
    return TextTable("What the value memory learned", ("advice", "value", "times tried"), rows, note)


def memory_sentence(memory: MemoryReport) -> str:
    """The memory in numbers."""
    status = ", ".join(f"{n} {name_text(name)}" for name, n in sorted(memory.by_status.items())) or "none"
    return (
        f"Learned from {memory.episodes} episodes, all orders together. Items: {status}. {memory.shown} were shown on "
        f"held-out tasks, {memory.unused} live ones never; the model named {memory.cited} as its reason; "
        f"{memory.duplicates} pairs say the same."
    )


def leakage_sentence(world: WorldReport) -> str:
    """The guard's findings."""
    leak = world.leakage
    return (
        f"Leakage guard: {leak.checked} showings of memory were traced back to their episodes; {leak.shared_tasks} "
        f"tasks were both learned from and tested on; {leak.shared_first_states} held-out tasks begin in a state that "
        "training had met."
    )


def making_table(report: SuiteReport) -> TextTable:
    """Settings, machine, and how to run it again."""
    s = report.settings
    worlds = "; ".join(
        f"{name_text(w.name)}: {sentence_text(w.spec)}, {w.episodes} training episodes, {w.max_steps} steps at most"
        for w in s.worlds
    )
    rows = [
        ("suite", name_text(s.suite)),
        ("worlds", worlds or NONE),
        ("model", sentence_text(s.model)),
        ("arms", ", ".join(map(name_text, s.arms))),
        ("orders of training tasks", str(s.orders)),
        (
            "held-out tasks of a world",
            f"{s.tasks}, of the {name_text(report.fold)} fold"
            + (f"; {s.model_tasks} with a model at each step" if s.model != "random" else ""),
        ),
        ("repeats of a task", str(s.repeats)),
        ("tasks for retention", str(s.anchors)),
        ("training episodes of re-created systems", str(s.rival_episodes)),
        ("seed", str(s.seed)),
        ("who practises", name_text(s.practice)),
        ("machine", sentence_text(report.machine.describe())),
        ("load per core when it ended", f"{report.machine.load:g}"),
        ("date", name_text(report.date)),
        ("wall time", f"{report.wall_seconds / 60:.1f} minutes"),
        ("run it again", prompt_line(report.command, 2000)),
    ]
    return TextTable("How it was made", ("what", "value"), rows)
