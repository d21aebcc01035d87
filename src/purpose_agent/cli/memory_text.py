"""A lesson in words: what it says, where it came from, why it is believed; and what the value memory advises."""

from __future__ import annotations

from collections.abc import Sequence

from purpose_agent.cli.memory_belief import Standing, belief, origin, uplift_text
from purpose_agent.cli.moments import local_time
from purpose_agent.cli.plain_text import count_of, one_line
from purpose_agent.cli.screen import Screen
from purpose_agent.cli.value_knowledge import ValueKnowledge
from purpose_agent.types import Evidence, Heuristic


def lesson_text(item: Heuristic) -> str:
    """The lesson in one line: when it applies, and what to do."""
    steps = f" [{count_of(len(item.steps), 'step')}]" if item.steps else ""
    return ": ".join(part for part in (item.pattern.strip(), item.strategy.strip()) if part) + steps


def show_items(screen: Screen, items: Sequence[Heuristic]) -> None:
    """A table of lessons."""
    if not items:
        screen.line("no lessons")
        return
    rows = [
        (
            one_line(item.id),
            item.tier.value,
            item.status.value,
            uplift_text(item.uplift),
            str(item.times_used),
            str(item.times_succeeded),
            str(item.withheld),
            str(len({e.episode_id for e in item.evidence})),
            "tainted" if item.tainted else "",
            one_line(lesson_text(item)),
        )
        for item in items
    ]
    columns = ["item", "tier", "status", "uplift", ">shown", ">good", ">withheld", ">from", "taint", "lesson"]
    screen.table(columns, rows)


def show_item(screen: Screen, item: Heuristic, standing: Standing) -> None:
    """Everything about a lesson."""
    screen.line("item      ", (one_line(item.id), "bold"), f"  {item.tier.value}, {item.status.value}")
    screen.line("when      ", (one_line(item.pattern), "bold"))
    screen.line("do        ", (one_line(item.strategy), "bold"))
    for n, step in enumerate(item.steps, 1):
        screen.line(f"     {n:>3}. {one_line(step)}")
    screen.line()
    for sentence in belief(item, standing):
        screen.line(sentence)
    told = origin(item, standing)
    if told:
        screen.line()
        for sentence in told:
            screen.line(sentence)
    if item.evidence:
        screen.line()
        screen.line("It came from:")
        for evidence in item.evidence:
            screen.line(f"  {_evidence_text(evidence)}")
    if standing.history:
        screen.line()
        screen.line("What became of it:")
        for moment, status, reason in standing.history:
            screen.line(f"  {local_time(moment)}  {status:<11}  {one_line(reason, 400)}")


def _evidence_text(evidence: Evidence) -> str:
    steps = ""
    if evidence.steps:
        word = "step" if len(evidence.steps) == 1 else "steps"
        steps = f", {word} {', '.join(map(str, evidence.steps))}"
    return (
        f"run {one_line(evidence.episode_id)}{steps}   (purpose-agent show {one_line(evidence.episode_id)})"
    )


def show_advice(screen: Screen, knowledge: ValueKnowledge) -> None:
    """What the value memory advises, if it knows anything."""
    if not knowledge.episodes:
        screen.line("value memory: empty")
        return
    screen.line(f"value memory: learned from {count_of(knowledge.episodes, 'episode')}")
    for advice in knowledge.advice:
        style = "green" if advice.value > 0 else "red"
        screen.line(
            "  ",
            (f"{advice.value:+.2f}", style),
            f"  {one_line(advice.text)}  ({count_of(advice.n, 'time')})",
        )
    if not knowledge.advice:
        screen.line("  nothing stands out yet")
