"""A cheap lint, and no protection: a lesson that repeats what was observed is the observation's, not a model's."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

from purpose_agent.types import Heuristic, Trajectory

WORDS = 8
"""This many words in a row are a quotation."""

_WORD = re.compile(r"[^\W_]+")

Passage = tuple[str, ...]


def quotes_observation(item: Heuristic, trajectory: Trajectory) -> bool:
    """Whether a lesson repeats `WORDS` words in a row of what was observed.

    Words that the task, the purpose or the agent's own actions have in the same order are nobody else's.
    """
    said = {p for text in (item.pattern, item.strategy, *item.steps) for p in _passages(text)}
    if not said:
        return False
    own = (trajectory.task_description, trajectory.purpose, *(s.action.describe() for s in trajectory.steps))
    for text in own:
        said.difference_update(_passages(text))
    return any(not said.isdisjoint(_passages(text)) for text in _observations(trajectory))


def _observations(trajectory: Trajectory) -> Iterator[str]:
    seen: set[str] = set()
    for step in trajectory.steps:
        for state in (step.state_before, step.state_after):
            if state.fingerprint not in seen:
                seen.add(state.fingerprint)
                yield state.describe()
        if step.error is not None:
            yield step.error


def _passages(text: str) -> Iterable[Passage]:
    words = _WORD.findall(unicodedata.normalize("NFKC", text).casefold())
    return (tuple(words[i : i + WORDS]) for i in range(len(words) - WORDS + 1))
