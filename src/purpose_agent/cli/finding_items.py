"""Which memory item a person means."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from purpose_agent.memory.library import Library
    from purpose_agent.types import Heuristic


def find_item(library: Library, given: str) -> Heuristic:
    """The item of that id, or whose id begins like that.

    Raises:
        UsageError: there is none, or there are several.
    """
    from purpose_agent.errors import UsageError

    exact = library.get(given)
    if exact is not None:
        return exact
    found = [h.id for h in library.store.heuristics(retired=True) if given and h.id.startswith(given)]
    if len(found) > 1:
        raise UsageError(
            f"{given!r} is the beginning of {len(found)} items ({', '.join(found[:4])}); write more of it"
        )
    match = library.get(found[0]) if found else None
    if match is None:
        raise UsageError(f"there is no memory item {given!r}; `purpose-agent memory list --all` lists them")
    return match
