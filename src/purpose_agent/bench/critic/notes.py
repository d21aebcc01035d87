"""What one must know to read a critic's report."""

from __future__ import annotations

from collections.abc import Sequence

from purpose_agent.bench.critic.episodes import SeenEpisode
from purpose_agent.bench.critic.policies import EXPERT, LABELS, MODEL
from purpose_agent.bench.critic.quality import Estimate
from purpose_agent.bench.critic.settings import CriticSettings
from purpose_agent.bench.critic.tasks import TaskSupply
from purpose_agent.bench.stream import TEST


def notes_on(
    settings: CriticSettings,
    training: Sequence[SeenEpisode],
    held_out: Sequence[SeenEpisode],
    supply: TaskSupply,
    policies: Sequence[str],
    troubles: Sequence[str],
    ceiling: Estimate | None,
) -> list[str]:
    """The notes, most important first; ``ceiling`` is the AUROC at equal steps of the step score itself."""
    notes = [f"{trouble}; the report is partial." for trouble in troubles]
    train_tasks, tasks = {e.task for e in training}, {e.task for e in held_out}
    fold = f"{settings.fold} fold" + (" (the final report)" if settings.fold == TEST else "")
    notes.append(
        f"Learned from {len(training)} episodes on {len(train_tasks)} train tasks, graded on {len(held_out)} "
        f"episodes on {len(tasks)} tasks of the {fold}; {len(train_tasks & tasks)} tasks are in both. Critics see "
        "purpose, states without their score, commands and the final verdict; the score grades and never trains."
    )
    if ceiling is not None:
        notes.append(
            "For comparison: the environment's own step score, which no critic sees, has an AUROC at equal steps of "
            f"{ceiling.value:.2f} [{ceiling.low:.2f}, {ceiling.high:.2f}] on the same states."
        )
    if MODEL not in policies:
        notes.append(
            f"With model {settings.model!r} there is no model: the policy by model is left out (it would be the "
            "uniform one again), and so are the evidence critic and attacks on it."
        )
    if EXPERT not in policies:
        notes.append(f"The environment knows no solutions: the {LABELS[EXPERT]} is left out.")
    if settings.has_model and not settings.evidence_states:
        notes.append("The evidence critic was not asked: evidence_states is 0.")
    if 0 < len(tasks) < settings.tasks:
        notes.append(f"Of {settings.tasks} held-out tasks wished for there are {len(supply.held_out())}.")
    if 0 < len(train_tasks) < len(training):
        notes.append(f"There are {len(train_tasks)} train tasks, so some were played more than once.")
    if supply.refused:
        named = ", ".join(f"{task.fold} {task.seed}" for task in supply.refused[:10])
        notes.append(
            f"{len(supply.refused)} tasks could not be made by the world and were passed over: {named}."
        )
    if held_out and len({episode.success for episode in held_out}) == 1:
        notes.append("All held-out episodes ended alike, so nothing can be said about discrimination.")
    return notes
