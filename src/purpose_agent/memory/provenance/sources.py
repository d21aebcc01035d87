"""What a rollback's SOURCE means: an item, an episode, a trust label, an import, a distiller or an environment."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from purpose_agent.errors import UsageError
from purpose_agent.store.base import RunInfo, Store
from purpose_agent.types import Heuristic, Trust

IMPORTED = "import:"
"""Begins the ``source`` of an item that came from a file; its name follows."""

LEAST_PREFIX = 4
"""Characters of an id that name it, where they begin no other id."""

_MAX_NAMED = 8  # in an error


@dataclass(frozen=True)
class Source:
    """A source and what came from it directly.

    Attributes:
        name: as it was given, an id in full.
        kind: what it is, in words.
        items: ids of the items that it brought.
        episodes: ids of the episodes that it is.
    """

    name: str
    kind: str
    items: frozenset[str]
    episodes: frozenset[str]


def find_source(name: str, items: Sequence[Heuristic], store: Store) -> Source:
    """The source of that name; where it could be several, the first of those in the order below.

    Args:
        name: an item's id, an episode's id (of both, the beginning is enough), a trust label, a distiller's name or
            ``import:NAME``, or an environment's name or spec.
        items: all items, retired ones too.
        store: where the runs are.

    Raises:
        UsageError: nothing in memory came from it, or the beginning of an id fits several.
    """
    wanted, runs = name.strip(), store.runs()
    episodes = dict.fromkeys([*(r.run_id for r in runs), *(e.episode_id for h in items for e in h.evidence)])
    item = _named_by(wanted, (h.id for h in items), "items")
    if item is not None:
        return Source(item, "an item", frozenset({item}), frozenset())
    episode = _named_by(wanted, episodes, "episodes")
    if episode is not None:
        return Source(episode, "an episode", frozenset(), frozenset({episode}))
    found = _all_from(wanted, items, runs)
    if found is not None:
        return found
    raise UsageError(
        f"nothing in memory came from {name!r}; a source is the id of an item or a run, a trust label "
        f"({', '.join(Trust)}), who proposed items ({_listed(h.source for h in items)}), or an environment "
        f"({_listed(r.environment for r in runs)})"
    )


def _all_from(wanted: str, items: Sequence[Heuristic], runs: Sequence[RunInfo]) -> Source | None:
    """Everything of one trust label, one proposer or one environment."""
    author = "an import" if wanted.startswith(IMPORTED) else "whoever proposed it"
    for kind, brought, ran in (
        ("a trust label", [h for h in items if _labels(h) == wanted], [r for r in runs if r.trust == wanted]),
        (author, [h for h in items if h.source == wanted], []),
        ("an environment", [], [r for r in runs if wanted in (r.environment, r.environment.split(":")[0])]),
    ):
        if wanted and (brought or ran):
            return Source(wanted, kind, frozenset(h.id for h in brought), frozenset(r.run_id for r in ran))
    return None


def _labels(item: Heuristic) -> str:
    return item.trust or next((e.trust for e in item.evidence if e.trust is not None), "")


def _named_by(wanted: str, ids: Iterable[str], what: str) -> str | None:
    """The id that is meant, None when none is.

    Raises:
        UsageError: several begin like that.
    """
    if len(wanted) < LEAST_PREFIX:
        return None
    fitting = [id for id in ids if id.startswith(wanted)]
    if wanted in fitting or len(fitting) == 1:
        return wanted if wanted in fitting else fitting[0]
    if fitting:
        raise UsageError(
            f"{wanted!r} is the beginning of {len(fitting)} {what} ({', '.join(fitting[:4])}); write more of it"
        )
    return None


def _listed(names: Iterable[str]) -> str:
    known = sorted({name for name in names if name})
    return ", ".join(known[:_MAX_NAMED]) + (", …" if len(known) > _MAX_NAMED else "") or "none yet"
