"""From a store to files: JSON lines with everything, or one Agent Skills folder for each procedure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from purpose_agent.errors import UsageError
from purpose_agent.memory.exchange.item_record import item_record
from purpose_agent.memory.exchange.skill_text import FILE_NAME, skill_name, write_skill
from purpose_agent.memory.library import Library
from purpose_agent.memory.life_cycle import is_shown
from purpose_agent.types import Heuristic, MemoryTier


def item_lines(library: Library) -> Iterator[str]:
    """Every item of a library, retired ones too, as a line of JSON without its newline."""
    ids = [h.id for h in library.store.heuristics(retired=True)]
    for item in (library.get(id) for id in ids):
        if item is not None:
            yield json.dumps(item_record(library, item), ensure_ascii=True, allow_nan=False)


def export_skills(library: Library, folder: Path) -> dict[str, Heuristic]:
    """Write each procedure that is in use as a skill, in a folder of its own.

    Args:
        library: whose.
        folder: where the skills' folders go; made where it is missing.

    Returns:
        The folders' names and the items.

    Raises:
        UsageError: a skill's folder is there already, or the place cannot be written; of the first, nothing is written.
    """
    skills: dict[str, Heuristic] = {}
    for item in library.by_tier(MemoryTier.PROCEDURAL):
        if item.steps and is_shown(item):
            skills[skill_name(item, skills)] = item
    present = [name for name in skills if (folder / name).exists()]
    if present:
        raise UsageError(
            f"{str(folder / present[0])!r} is there already; export to another folder, or remove it first"
        )
    try:
        for name, item in skills.items():
            place = folder / name
            place.mkdir(parents=True)
            (place / FILE_NAME).write_text(write_skill(item, name, _metadata(item)), "utf-8", "replace")
    except OSError as e:
        raise UsageError(f"the skills cannot be written to {str(folder)!r}: {e}") from e
    return skills


def _metadata(item: Heuristic) -> dict[str, str]:
    known = {
        "id": item.id,
        "version": str(item.version),
        "status": item.status.value,
        "source": item.source,
        "trust": item.trust or "",
        "tainted": "true" if item.tainted else "",
        "parents": " ".join(item.parents),
        "episodes": " ".join(dict.fromkeys(e.episode_id for e in item.evidence)),
        "uplift": "" if item.uplift is None else str(item.uplift),
        "shown": str(item.shown),
        "succeeded": str(item.times_succeeded),
    }
    return {f"purpose-agent-{key}": value for key, value in known.items() if value}
