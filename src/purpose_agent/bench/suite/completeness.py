"""Whether a store still holds what was learned in it: rows outlive a store that somebody deleted."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from purpose_agent.bench.line_file import LineFile
from purpose_agent.bench.suite.arms import LEARNERS
from purpose_agent.bench.suite.rows import ROWS, STUDY, TRAIN, SuiteRow
from purpose_agent.errors import StoreError
from purpose_agent.other_memory import KNOWN
from purpose_agent.store.base import Store

_ANEW = "begin anew in another folder"


class Completeness:
    """Compares stores with the rows of a suite.

    Args:
        out: the suite's folder.
    """

    def __init__(self, out: Path) -> None:
        self._path = out / ROWS

    def check_played(self, store: Store, world: str, learner: str, order: int) -> None:
        """Make sure that the journals of all training episodes are there.

        Raises:
            StoreError: some are missing.
        """
        rows = [row for row in self._taught(TRAIN, world, learner, order) if row.run_id]
        held = sum(store.event_count(row.run_id) > 0 for row in rows)
        if held < len(rows):
            label = LEARNERS[learner].label
            raise StoreError(
                f"the store of {label}, order {order}, in {world} holds {held} of {len(rows)} episodes; {_ANEW}"
            )

    def check_studied(self, store: Store, world: str, learner: str, order: int, name: str) -> None:
        """Make sure that what was learned by studying is there.

        Args:
            store: its store.
            world: where.
            learner: who studied.
            order: of the stream.
            name: under which the memory keeps what it knows.

        Raises:
            StoreError: it is missing, or is older than the last study.
        """
        rows = sum(1 for _ in self._taught(STUDY, world, learner, order))
        kept = store.artefact(KNOWN + name)
        held = 0 if kept is None else kept[1]
        if held < rows:
            label = LEARNERS[learner].label
            raise StoreError(
                f"the store of {label}, order {order}, in {world} holds {held} of {rows} studies; {_ANEW}"
            )

    def _taught(self, kind: str, world: str, learner: str, order: int) -> Iterable[SuiteRow]:
        wanted = (kind, learner, order)
        for row in LineFile(self._path, SuiteRow, repair=False).lines:
            job = row.job
            if (job.kind, job.arm, job.order) == wanted and (LEARNERS[learner].mixed or job.world == world):
                yield row
