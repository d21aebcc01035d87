"""The folder of a suite or a critic's report: what it holds, and the guard against mixing two in one."""

from __future__ import annotations

from pathlib import Path

import msgspec

from purpose_agent.errors import StoreError, StoreReadOnlyError, UsageError

SETTINGS = "settings.json"
"""The file that says what a folder holds."""


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
        changed = ", ".join(
            f"{name} {getattr(kept, name)!r:.100} → {getattr(settings, name)!r:.100}"
            for name in settings.__struct_fields__
            if getattr(kept, name) != getattr(settings, name)
        )
        raise UsageError(
            f"{str(folder)!r} holds a {what} with other settings ({changed}); choose another folder, "
            "or the same settings to continue it"
        )
    return folder
