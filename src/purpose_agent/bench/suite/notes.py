"""What a reader of a report card should know: how it was measured, and what went wrong on the way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from purpose_agent.bench.report.report import WorldReport
from purpose_agent.bench.suite.arms import ARMS, LEARNERS, STUDIES, learners_of
from purpose_agent.bench.suite.rows import STUDY, SuiteRow
from purpose_agent.bench.suite.settings import SuiteSettings
from purpose_agent.types import StopReason

MANY_ALIKE = 0.1
"""Share of the held-out tasks that may begin in a state that training had met without a word."""

MANY_FAILED = 0.1
"""Share of a learner's episodes from which learning may fail without a word."""


def notes_on(
    rows: Sequence[SuiteRow], settings: SuiteSettings, worlds: Sequence[WorldReport], *, complete: bool
) -> list[str]:
    """How it was measured, and what went wrong."""
    episodes = " or ".join(map(str, sorted({world.episodes for world in settings.worlds})))
    streams = f"{settings.orders} training streams" if settings.orders > 1 else "One training stream"
    notes = [
        f"{streams} of {episodes} episodes a world, of the train fold; "
        f"held-out tasks are of the {settings.fold} fold, the same for every arm and every stream.",
        "Intervals: 95 %, the wider of a bootstrap over tasks and streams and of Student's from their variances, never "
        "narrower than Wilson's (rates) or Tango's (differences) for as many tasks; p: by permutation.",
    ]
    if any(learner.how == STUDIES for learner in learners_of(settings.arms)):
        notes.append(
            "Memories that study (raw, placebo, re-created systems) read the episodes that ours played."
        )
    if settings.practice == "random":
        by_model = [learner.label for learner in learners_of(settings.arms) if "llm" in learner.distillers]
        notes.append(
            "In training, what the value memory left open was drawn at random instead of asking a model; lessons were "
            f"distilled by rules{', but: ' if by_model else ''}{', '.join(by_model)}."
        )
    asks = settings.model != "random" and any(ARMS[name].asks_model for name in settings.arms)
    if asks and settings.model_tasks < settings.tasks:
        notes.append(f"Arms that ask the model play the first {settings.model_tasks} of the held-out tasks.")
    notes += _impossible(rows)
    notes += _failed_steps(rows)
    notes += _ungraded(rows)
    unusable = sum(row.stop_reason == StopReason.MODEL_ERROR for row in rows)
    if unusable:
        notes.append(
            f"{unusable} episodes ended early, as the model's reply could not be used even when it was asked again; "
            "they count as failures."
        )
    for world in worlds:
        notes += _alike(world)
        notes += _learning(world, settings)
    if not complete:
        notes.append("This is a partial report: the suite was stopped before its end.")
    return notes


def _impossible(rows: Sequence[SuiteRow]) -> Iterator[str]:
    """Tasks that nobody could play, and why."""
    found = [row for row in rows if not row.counts]
    tasks = sorted({(row.job.world, row.job.fold, row.job.seed) for row in found})
    if tasks:
        why = next((f" ({row.problem})" for row in found if row.problem), "")
        yield f"{len(tasks)} tasks could not be made by their world{why} and count for no arm: {tasks}."


def _failed_steps(rows: Sequence[SuiteRow]) -> Iterator[str]:
    """Of each world in which an action raised an error, how often, and the first."""
    for world in dict.fromkeys(row.job.world for row in rows if row.failed_steps):
        played = [row for row in rows if row.job.world == world]
        failed, steps = sum(row.failed_steps for row in played), sum(row.steps for row in played)
        error = next(row.step_error for row in played if row.failed_steps)
        yield f"{failed} of {steps} steps failed in the world {world}: {error}"


def _ungraded(rows: Sequence[SuiteRow]) -> Iterator[str]:
    """Of each world that said nothing about some episodes, about how many."""
    for world in dict.fromkeys(row.job.world for row in rows if not row.graded):
        played = [row for row in rows if row.job.world == world and row.job.kind != STUDY and row.counts]
        silent = sum(not row.graded for row in played)
        yield (
            f"{silent} of {len(played)} episodes in {world} were never graded, as verdict() said nothing; "
            "they count as failures"
        )


def _alike(world: WorldReport) -> Iterator[str]:
    """Held-out tasks that begin like others, and so may be the same but for their numbers."""
    found = world.leakage
    if found.shared_first_states > MANY_ALIKE * found.tasks:
        yield (
            f"{found.shared_first_states} of {found.tasks} held-out tasks of {world.name} begin in a state that "
            "training had met: they may test memory rather than transfer."
        )
    if found.first_states < found.tasks:
        states = "one state" if found.first_states == 1 else f"{found.first_states} different states"
        yield (
            f"{found.tasks} held-out tasks of {world.name} begin in {states}: where their purposes are alike too, they "
            "are played alike, and the intervals are too narrow."
        )


def _learning(world: WorldReport, settings: SuiteSettings) -> Iterator[str]:
    """Memories that hold nothing, and those that could not learn from what they met."""
    for found in world.learners:
        if found.items == 0 and found.shown is not None:
            yield f"{found.label} kept {_left_with(found.learner, world.name, settings)}"
        if found.failed > MANY_FAILED * found.episodes:
            yield (
                f"{found.label} could not distil {found.failed} of {found.episodes} episodes in {world.name}: "
                f"{found.problem}"
            )


def _left_with(learner: str, world: str, settings: SuiteSettings) -> str:
    """What the arms of a memory that holds nothing play like."""
    if LEARNERS[learner].how != STUDIES:
        return f"no lessons in {world}: its arms play with values and examples alone"
    asks = settings.model != "random" and any(
        ARMS[name].learner == learner and ARMS[name].asks_model for name in settings.arms
    )
    return f"nothing in {world}: its arm plays as {'the model' if asks else 'chance'} alone does"
