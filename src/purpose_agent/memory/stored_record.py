"""A record of the experience replay whose contents stay in the store until they are looked at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self, cast

from purpose_agent.store.base import EpisodeInfo
from purpose_agent.types import Heuristic, MemoryRecord, Trajectory


class StoredRecord(MemoryRecord):
    """A record that reads its trajectory and its heuristics from the store when they are first looked at."""

    @classmethod
    def of(
        cls,
        episode: EpisodeInfo,
        task_embedding: list[float] | None,
        trajectory: Callable[[], Trajectory],
        heuristics: Callable[[], list[Heuristic]],
    ) -> Self:
        """The record of an episode; the two functions are called at most once."""
        record = cls.__new__(cls)
        record.id = episode.id
        record.task_embedding = task_embedding
        record.retrieval_q_value = episode.q_value
        record.__dict__["_loaders"] = {"trajectory": trajectory, "heuristics": heuristics}
        return record

    def __getattr__(self, name: str) -> Any:
        loader = self.__dict__.get("_loaders", {}).get(name)
        if loader is None:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        self.__dict__[name] = value = loader()
        return value

    def __reduce__(self) -> tuple[Any, ...]:
        return (
            MemoryRecord,
            (self.trajectory, self.heuristics, self.task_embedding, self.retrieval_q_value, self.id),
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, MemoryRecord):
            return NotImplemented
        return self.__reduce__()[1] == StoredRecord.__reduce__(cast(StoredRecord, other))[1]

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"MemoryRecord(id={self.id!r}, retrieval_q_value={self.retrieval_q_value!r}, …)"
