"""The procedure behind a success: its actions without detours, with variables in place of what is this task's own."""

from __future__ import annotations

from collections.abc import Sequence

from purpose_agent.memory.action_template import words
from purpose_agent.memory.distillers.abstraction import (
    MAX_LITERAL_CHARS,
    Call,
    Slot,
    Variables,
    abstract_text,
    occurs_in,
    read_call,
    read_step,
)
from purpose_agent.types import PHI_MAX, Evidence, Heuristic, MemoryTier, Trajectory, TrajectoryStep

MAX_STEPS = 30
"""A longer way is no procedure that anybody reads."""

MAX_PATTERN_CHARS = 200
_ROUNDING = 1e-9
_SUMMARY_STEPS = 3
_SUMMARY_CHARS = 120


class ShortestPathDistiller:
    """Proposes one procedural item from a successful episode; needs no model.

    When the library has the same procedure for other objects, the proposal is the next version of that item, with
    variables where the two differ.
    """

    name = "shortest_path"
    reads_observations = False

    async def distill(self, trajectory: Trajectory, existing: Sequence[Heuristic]) -> list[Heuristic]:
        """See `Distiller.distill`."""
        if not trajectory.succeeded:
            return []
        path = shortest_path(trajectory.steps)
        if not path or len(path) > MAX_STEPS:
            return []
        task = trajectory.task_description.strip() or trajectory.purpose
        calls = [read_call(step.action) for step in path]
        variables = Variables()
        steps = _abstract(calls, words(f"{trajectory.purpose}\n{task}"), variables)
        proposal = Heuristic(
            pattern=abstract_text(task, variables)[:MAX_PATTERN_CHARS],
            strategy=_summary(steps),
            steps=steps,
            tier=MemoryTier.PROCEDURAL,
            source_trajectory_id=trajectory.id,
            evidence=[Evidence(trajectory.id, tuple(step.step_index for step in path))],
            source=self.name,
        )
        return [_generalised(proposal, existing)]


def shortest_path(steps: Sequence[TrajectoryStep]) -> list[TrajectoryStep]:
    """The steps that led somewhere: without errors, steps that changed nothing, and ways back to where one was.

    A way back during which the verdict's score rose is no detour: something happened that the state does not show.
    """
    path: list[TrajectoryStep] = []
    score = _first_score(steps)
    scores = [score]  # at each place on the path
    position = {steps[0].state_before.fingerprint: 0} if steps else {}
    for step in steps:
        before, score = score, _told(step, score)
        if step.action.is_done or step.error is not None:
            continue
        after = step.state_after.fingerprint
        if after == step.state_before.fingerprint and score <= before + _ROUNDING:
            continue
        start = position.get(after)
        if start is not None and score <= scores[start] + _ROUNDING:
            del path[start:], scores[start + 1 :]
            position = {state: length for state, length in position.items() if length <= start}
        else:
            path.append(step)
            scores.append(score)
            position[after] = len(path)
        if step.verdict is not None and step.verdict.success:
            break
    return path


def _told(step: TrajectoryStep, otherwise: float) -> float:
    """The progress that a step's verdict tells."""
    told = step.verdict.progress if step.verdict is not None else None
    return otherwise if told is None else told


def _first_score(steps: Sequence[TrajectoryStep]) -> float:
    """The verdict's score of the first state, as far as an episode tells: its Φ, else the first verdict in it."""
    if steps and steps[0].score is not None:
        return steps[0].score.phi_before / PHI_MAX
    return next((told for told in (_told(step, -1.0) for step in steps) if told >= 0.0), 0.0)


def _abstract(calls: Sequence[Call], task_words: Sequence[str], variables: Variables) -> list[str]:
    """The calls as steps, with variables for the values that the task names and for long content."""

    def variable(slot: Slot) -> str | None:
        if len(slot.value) > MAX_LITERAL_CHARS or occurs_in(slot.value, task_words):
            return variables.name(slot.value.casefold(), slot.label)
        return None

    return [call.write([variable(slot) for slot in call.slots]) for call in calls]


def _generalised(proposal: Heuristic, existing: Sequence[Heuristic]) -> Heuristic:
    """The proposal as the next version of an item that differs from it in values only, else as it is."""
    for item in existing:
        same_kind = item.source == proposal.source and item.pattern == proposal.pattern
        if not same_kind or len(item.steps) != len(proposal.steps) or item.steps == proposal.steps:
            continue
        pairs = [(read_step(a), read_step(b)) for a, b in zip(item.steps, proposal.steps, strict=True)]
        if any(a.form != b.form or len(a.slots) != len(b.slots) for a, b in pairs):
            continue
        steps = _anti_unified(pairs)
        if steps == item.steps:  # it is covered already; the library counts it as evidence
            return _with(proposal, steps, proposal.id)
        return _with(proposal, steps, item.id)
    return proposal


def _anti_unified(pairs: Sequence[tuple[Call, Call]]) -> list[str]:
    """The most specific steps that both procedures are cases of (Plotkin 1970)."""
    variables = Variables()
    steps: list[str] = []
    for a, b in pairs:
        names: list[str | None] = []
        for mine, other in zip(a.slots, b.slots, strict=True):
            if mine.value == other.value:
                names.append(mine.value.strip("<>") if mine.is_variable else None)
            else:
                label = mine.value.strip("<>") if mine.is_variable else mine.label
                names.append(variables.name((mine.value, other.value), label))
        steps.append(a.write(names))
    return steps


def _with(proposal: Heuristic, steps: list[str], id: str) -> Heuristic:
    proposal.steps, proposal.strategy, proposal.id = steps, _summary(steps), id
    return proposal


def _summary(steps: Sequence[str]) -> str:
    shown = "; ".join(step if len(step) <= 50 else f"{step[:49]}…" for step in steps[:_SUMMARY_STEPS])
    return shown[:_SUMMARY_CHARS] + ("; …" if len(steps) > _SUMMARY_STEPS else "")
