"""The folder of a suite or a critic's report: what it holds, and the guard against mixing two in one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import msgspec

from purpose_agent.errors import StoreError, StoreReadOnlyError, UsageError

SETTINGS = "settings.json"
"""The file that says what a folder holds."""

_LONGEST = 100


def claim_folder(out: str | Path, settings: msgspec.Struct, what: str) -> Path:
    """Make a folder, or find the one that the same settings made.

    Args:
        out: the folder.
        settings: everything that decides the results.
        what: is played, for people.

    Raises:
        UsageError: the folder holds something with other settings, or is no folder.
        StoreError: it cannot be written, or its settings cannot be read.
    """
    folder = Path(out)
    if not str(out).strip():
        raise UsageError("out is empty; name a folder")
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{str(folder)!r} is a file; name a folder")
    path = folder / SETTINGS
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.write_bytes(msgspec.json.format(msgspec.json.encode(settings), indent=2) + b"\n")
            return folder
        kept = msgspec.json.decode(path.read_bytes(), type=type(settings))
    except OSError as e:
        raise StoreReadOnlyError(
            f"{str(folder)!r} cannot be written: {e.strerror or e}; choose another folder"
        ) from e
    except msgspec.DecodeError as e:
        raise StoreError(f"{str(path)!r} cannot be read: {e}; choose another folder") from e
    if kept != settings:
        changed = "; ".join(_differences(kept, settings))
        raise UsageError(
            f"{str(folder)!r} holds a {what} with other settings ({changed}); choose another folder, "
            "or the same settings to continue it"
        )
    return folder


def _differences(kept: msgspec.Struct, wanted: msgspec.Struct) -> Iterator[str]:
    """What differs between two settings, in words."""
    for name in kept.__struct_fields__:
        old, new = getattr(kept, name), getattr(wanted, name)
        if old == new:
            continue
        before, after = _by_name(old), _by_name(new)
        if list(before) != list(after) or not before:
            yield f"{name.replace('_', ' ')} {_text(list(before) or old)} → {_text(list(after) or new)}"
        for each in (name for name in before if name in after):
            yield from (f"{each}: {difference}" for difference in _differences(before[each], after[each]))


def _by_name(value: Any) -> dict[str, msgspec.Struct]:
    """Settings that belong to something with a name, such as the worlds of a suite; empty where these are none."""
    found: tuple[Any, ...] = cast("tuple[Any, ...]", value) if isinstance(value, tuple) else ()
    return {each.name: each for each in found if hasattr(each, "name")}


def _text(value: Any) -> str:
    if isinstance(value, list | tuple):
        value = ", ".join(map(str, cast("list[Any]", value)))
    text = {"True": "yes", "False": "no", "None": "none", "": "none"}.get(str(value), str(value))
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
