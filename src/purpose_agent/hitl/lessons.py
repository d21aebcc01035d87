"""Lessons that a person brings: active at once, marked as human, and never lost to a twin that was there before."""

from __future__ import annotations

from dataclasses import replace

from purpose_agent.errors import UsageError
from purpose_agent.memory.duplicates import say_the_same, signature
from purpose_agent.memory.intake import checked, next_version
from purpose_agent.memory.library import Library
from purpose_agent.types import Evidence, Heuristic, HeuristicStatus, Trust

HUMAN = "human"


def add_human_lesson(library: Library, lesson: Heuristic, evidence: Evidence | None = None) -> Heuristic:
    """Keep a lesson; a lesson of another source that says the same becomes its earlier version.

    Args:
        library: where it is kept.
        lesson: what the person said; its status and source are set here.
        evidence: where it was said, if it was during a run.

    Returns:
        The lesson as it is kept.

    Raises:
        UsageError: it has no advice or no tier, a part of it is no text, or its tier is full of lessons that are
            worth more.
    """
    where = "" if evidence is None else f" at step {evidence.steps[0]} of run {evidence.episode_id}"
    item = checked(
        replace(
            lesson,
            source=HUMAN,
            trust=Trust.HUMAN,
            tainted=False,
            status=HeuristicStatus.ACTIVE,
            evidence=[*lesson.evidence, *([evidence] if evidence is not None else [])],
        )
    )  # as it will be stored, so that it is compared with what is
    own = signature(item)
    alike = [h for h in library if say_the_same(own, signature(h))]
    twin = next((h for h in alike if not h.tainted), None)
    if twin is not None and twin.source == HUMAN and twin.status == HeuristicStatus.ACTIVE:
        return twin
    if twin is not None:
        item = replace(next_version(twin, item), trust=Trust.HUMAN)
    for known in alike:  # of a stranger's nothing is taken over: the words are the person's from now on
        library.retire(known.id, f"a person said the same{where}; replaced by {item.id}")
    kept = library.add([item], f"injected by a person{where}")
    if not kept:
        raise UsageError(
            f"there is no room for {lesson.pattern!r:.80}: {library.max_per_tier} lessons of tier {lesson.tier} "
            "are worth more; retire one"
        )
    return kept[0]
