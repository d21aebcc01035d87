"""Raw-episode retrieval: the most similar episode that succeeded is shown as it happened.

The strong cheap baseline of every claim that lessons are better than experience itself (ExpRAG). Nothing is distilled.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from purpose_agent.bench.controls.stored_texts import KeptTexts
from purpose_agent.llm_backend.usage import estimate_tokens
from purpose_agent.memory_system import Recalled
from purpose_agent.prompt_text import prompt_line
from purpose_agent.types import Action, Snapshot, Trajectory

TOKENS = 400
"""Room for the episode; twice what lessons are given, since it is not condensed."""

_OUTCOME_CHARS = 120


class Kept(msgspec.Struct, frozen=True):
    """An episode that succeeded.

    Attributes:
        id: of the episode.
        about: its task, goal and first state.
        text: what was done and what came of it.
    """

    id: str
    about: str
    text: str


class RawEpisodes:
    """Keeps the episodes that succeeded, and shows the nearest one."""

    name = "raw_episodes"

    def __init__(self) -> None:
        self._kept = KeptTexts(Kept, lambda kept: kept.about)

    @property
    def entries(self) -> int:
        """Episodes that are kept."""
        return len(self._kept)

    def recall(self, task: str, purpose: str, state: Snapshot) -> Recalled:
        """The nearest episode, as an example."""
        if not self._kept:
            return Recalled()
        near = self._kept.near(_about(task, purpose, state.describe()), 1)
        found = near[0][0] if near else self._kept.newest()
        return Recalled(example=found.text, example_id=found.id)

    async def learn(self, trajectory: Trajectory, admissible: Sequence[Sequence[Action]]) -> Sequence[str]:
        """Keep the episode, if it succeeded."""
        if not trajectory.succeeded or not trajectory.steps:
            return []
        first = trajectory.steps[0].state_before.describe()
        about = _about(trajectory.task_description, trajectory.purpose, first)
        self._kept.add([Kept(trajectory.id, about, as_happened(trajectory))])
        return [trajectory.id]

    def dump(self) -> bytes:
        """All kept episodes."""
        return self._kept.dump()

    def load(self, payload: bytes) -> None:
        """See `MemorySystem.load`."""
        self._kept.load(payload)


def as_happened(trajectory: Trajectory, tokens: int = TOKENS) -> str:
    """An episode as it happened, the end of it where there is not room for all."""
    lines = [
        f"> {step.action.command}\n{prompt_line(step.error or step.state_after.describe(), _OUTCOME_CHARS)}"
        for step in trajectory.steps
        if not step.action.is_done
    ]
    kept: list[str] = []
    room = tokens
    for line in reversed(lines):
        room -= estimate_tokens(line)
        if room < 0 and kept:
            break
        kept.append(line)
    return "A similar task was solved like this:\n" + "\n".join(reversed(kept))


def _about(task: str, purpose: str, state: str) -> str:
    return f"{purpose}\n{task if task != purpose else ''}\n{state}"
