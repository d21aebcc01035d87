"""A lesson in words: what it says, where it came from, why it is believed; and what the value memory advises."""

from __future__ import annotations

from collections.abc import Sequence

from purpose_agent.cli.moments import local_time
from purpose_agent.cli.plain_text import count_of, one_line
from purpose_agent.cli.screen import Screen
from purpose_agent.cli.value_knowledge import ValueKnowledge
from purpose_agent.types import Evidence, Heuristic, HeuristicStatus

History = Sequence[tuple[float, str, str]]
"""(seconds since the epoch, status, reason) of every change, oldest first."""

_STANDING = {
    HeuristicStatus.CANDIDATE: "It is a candidate: it is not shown yet, until a second source confirms it.",
    HeuristicStatus.CANARY: "It is a canary: it is shown, and its outcomes decide whether it stays.",
    HeuristicStatus.ACTIVE: "It is active: it was shown often enough and did no worse than going without it.",
    HeuristicStatus.RETIRED: "It is retired: it is not shown any more.",
    HeuristicStatus.QUARANTINED: "It is quarantined: its source is not trusted yet, so it is not shown.",
}


def lesson_text(item: Heuristic) -> str:
    """The lesson in one line: when it applies, and what to do."""
    steps = f" [{count_of(len(item.steps), 'step')}]" if item.steps else ""
    return ": ".join(part for part in (item.pattern.strip(), item.strategy.strip()) if part) + steps


def show_item(screen: Screen, item: Heuristic, history: History) -> None:
    """Everything about a lesson."""
    screen.line("item      ", (one_line(item.id), "bold"), f"  {item.tier.value}, {item.status.value}")
    screen.line("when      ", (one_line(item.pattern), "bold"))
    screen.line("do        ", (one_line(item.strategy), "bold"))
    for n, step in enumerate(item.steps, 1):
        screen.line(f"     {n:>3}. {one_line(step)}")
    screen.line()
    for sentence in belief(item):
        screen.line(sentence)
    if item.evidence:
        screen.line()
        screen.line("It came from:")
        for evidence in item.evidence:
            screen.line(f"  {_evidence_text(evidence)}")
    if history:
        screen.line()
        screen.line("What became of it:")
        for moment, status, reason in history:
            screen.line(f"  {local_time(moment)}  {status:<11}  {one_line(reason, 400)}")


def belief(item: Heuristic) -> list[str]:
    """Why the item is believed or not, in sentences."""
    sentences = [
        _STANDING[item.status],
        _record(item),
        f"Q is {item.q_value:.2f} (0.50 when nothing is known).",
    ]
    episodes = len({e.episode_id for e in item.evidence})
    if episodes:
        sentences.append(f"{count_of(episodes, 'episode')} {'supports' if episodes == 1 else 'support'} it.")
    if item.uplift is not None:
        sentences.append(f"Its measured effect on the outcome: {item.uplift}.")
    if item.withheld:
        sentences.append(f"It was withheld {count_of(item.withheld, 'time')} to measure what it is worth.")
    if item.tainted:
        sentences.append("It is tainted: one of its sources may be written by strangers.")
    if item.source:
        sentences.append(f"It was proposed by {one_line(item.source, 100)}.")
    if item.parents:
        sentences.append(f"It is version {item.version}, made from {', '.join(map(one_line, item.parents))}.")
    return sentences


def _record(item: Heuristic) -> str:
    if not item.times_used:
        return "It was never shown, so nothing is known about its effect."
    rate = item.empirical_success_rate
    return (
        f"It was shown in {count_of(item.times_used, 'episode')}, of which {item.times_succeeded} "
        f"succeeded ({rate:.0%})."
    )


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
