"""The folder of a critic's report: one report each, and how to go on with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from purpose_agent.bench.critic.settings import CriticSettings, make_settings
from purpose_agent.bench.folder import SETTINGS
from purpose_agent.errors import StoreError, UsageError


def settings_for(out: str | Path, resume: bool, given: dict[str, Any]) -> CriticSettings:
    """The checked settings of a report, new or taken up again; nothing is written.

    Args:
        out: its folder.
        resume: whether it is there already.
        given: what the user said, by the names of `make_settings`.

    Raises:
        UsageError: the folder holds a report and ``resume`` is not said, or the other way round; or what was said
            is wrong, or differs from the report's own settings.
        StoreError: the folder's settings cannot be read.
    """
    if not str(out).strip():
        raise UsageError("out is empty; name a folder")
    folder = Path(out)
    path = folder / SETTINGS
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{str(folder)!r} is a file; name a folder")
    if not resume:
        if path.exists():
            raise UsageError(
                f"{str(folder)!r} holds a report already; add --resume to go on with it, or choose another --out"
            )
        if "env" not in given:
            raise UsageError("env is missing; name an environment, such as --env textworld:preset=twc")
        return make_settings(**given)
    if not path.exists():
        raise UsageError(f"{str(folder)!r} holds no report to go on with; leave out --resume to begin one")
    kept = _read(path)
    changed = [
        f"{name} {getattr(kept, name)!r} → {value!r}"
        for name, value in given.items()
        if value != getattr(kept, name)
    ]
    if changed:
        raise UsageError(
            f"{str(folder)!r} holds a report with other settings ({', '.join(changed)}); leave them out to go on "
            "with it, or choose another --out"
        )
    return kept


def _read(path: Path) -> CriticSettings:
    try:
        return msgspec.json.decode(path.read_bytes(), type=CriticSettings)
    except (OSError, msgspec.DecodeError) as e:
        raise StoreError(f"{str(path)!r} cannot be read: {e}; choose another folder") from e
