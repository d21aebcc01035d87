"""What learning took in a world, and what it left: from rows and stores to a line for each learner."""

from __future__ import annotations

from collections.abc import Sequence

from purpose_agent.bench.report.report import LearnerReport
from purpose_agent.bench.suite.arms import ARMS, STUDIES, Learner, learners_of
from purpose_agent.bench.suite.rows import STUDY, TEST, TRAIN, SuiteRow
from purpose_agent.bench.suite.studying import Shelf, entries_kept, most_frequent


def learner_reports(shelf: Shelf, world: str, rows: Sequence[SuiteRow]) -> list[LearnerReport]:
    """One for each learner that has begun.

    Args:
        shelf: the stores.
        world: its name.
        rows: of all worlds.
    """
    here = [row for row in rows if row.job.world == world and row.counts]
    reports: list[LearnerReport] = []
    for learner in learners_of(shelf.settings.arms):
        taught = [row for row in here if row.job.kind in (TRAIN, STUDY) and row.job.arm == learner.name]
        if taught:
            tested = [
                row for row in here if row.job.kind == TEST and ARMS[row.job.arm].learner == learner.name
            ]
            reports.append(_report(shelf, world, learner, taught, tested))
    return reports


def _report(
    shelf: Shelf, world: str, learner: Learner, taught: Sequence[SuiteRow], tested: Sequence[SuiteRow]
) -> LearnerReport:
    orders = sorted({row.job.order for row in taught})
    kept = [n for order in orders if (n := entries_kept(shelf, world, learner, order)) is not None]
    costs = [cost for row in taught for cost in row.costs.values()]
    return LearnerReport(
        learner=learner.name,
        label=learner.label,
        episodes=sum(map(_read, taught)) if learner.how == STUDIES else len(taught),
        failed=sum(map(_failed, taught)),
        problem=most_frequent([row.problem or row.stop_reason for row in taught if _failed(row)]),
        items=sum(kept) / len(kept) if kept else None,
        shown=sum(bool(row.shown or row.memory_tokens) for row in tested) / len(tested) if tested else None,
        read=sum(cost.read for cost in costs),
        written=sum(cost.written for cost in costs),
    )


def _read(row: SuiteRow) -> int:
    """Episodes that were studied; rows of earlier versions tell only that the model was asked about one."""
    return row.read or int(bool(row.costs))


def _failed(row: SuiteRow) -> int:
    """Episodes from which learning failed; a study of an earlier version tells it as the reason why it ended."""
    return row.unlearned or int(row.job.kind == STUDY and bool(row.stop_reason))
