"""What changed between two states' data, path by path."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, cast

_MISSING: Any = object()


@dataclass(frozen=True)
class Change:
    """One difference.

    Attributes:
        kind: ``added``, ``removed`` or ``changed``.
        path: where, such as ``rooms.kitchen.lamp`` or ``items[2].name``; ``items[]`` is a list's element, wherever
            in the list it stands.
        before: the old value, None when it was added.
        after: the new value, None when it was removed.
    """

    kind: Literal["added", "removed", "changed"]
    path: str
    before: Any = None
    after: Any = None


def differences(before: dict[str, Any], after: dict[str, Any]) -> list[Change]:
    """The differences from ``before`` to ``after``, in the order of their keys; empty when there are none."""
    return list(_compare("", before, after))


def _compare(path: str, before: Any, after: Any) -> Iterator[Change]:
    if before is _MISSING:
        yield Change("added", path, after=after)
    elif after is _MISSING:
        yield Change("removed", path, before=before)
    elif isinstance(before, dict) and isinstance(after, dict):
        yield from _compare_dicts(path, cast(dict[str, Any], before), cast(dict[str, Any], after))
    elif isinstance(before, list) and isinstance(after, list):
        yield from _compare_lists(path, cast(list[Any], before), cast(list[Any], after))
    elif before != before and after != after:
        return  # NaN on both sides
    elif before != after or _kind(cast(object, before)) is not _kind(cast(object, after)):
        yield Change("changed", path, before, after)


def _compare_dicts(path: str, before: dict[str, Any], after: dict[str, Any]) -> Iterator[Change]:
    for key in [*before, *(k for k in after if k not in before)]:
        inner = f"{path}.{key}" if path else str(key)
        yield from _compare(inner, before.get(key, _MISSING), after.get(key, _MISSING))


def _compare_lists(path: str, before: list[Any], after: list[Any]) -> Iterator[Change]:
    if before == after:
        return
    if len(before) == len(after) and any(isinstance(e, (dict, list)) for e in before):
        for i, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from _compare(f"{path}[{i}]", old, new)
        return
    old_keys, new_keys = [_key(e) for e in before], [_key(e) for e in after]
    gone, come = Counter(old_keys) - Counter(new_keys), Counter(new_keys) - Counter(old_keys)
    if (not gone and not come) or (len(before) == len(after) and len(before) <= 4):
        yield Change("changed", path, before, after)
        return
    yield from (Change("removed", f"{path}[]", before=e) for e in _taken(before, old_keys, gone))
    yield from (Change("added", f"{path}[]", after=e) for e in _taken(after, new_keys, come))


def _taken(elements: list[Any], keys: list[str], wanted: Counter[str]) -> Iterator[Any]:
    left = Counter(wanted)
    for element, key in zip(elements, keys, strict=True):
        if left[key] > 0:
            left[key] -= 1
            yield element


def _kind(value: object) -> type[object]:
    return type(value)


def _key(element: Any) -> str:
    return json.dumps(element, sort_keys=True, ensure_ascii=False)
