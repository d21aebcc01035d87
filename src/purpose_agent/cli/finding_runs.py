"""Which run a command means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from purpose_agent.errors import StoreError, UsageError
from purpose_agent.types import StopReason

if TYPE_CHECKING:
    from purpose_agent.store.base import RunInfo, Store


def find_run(store: Store, given: str) -> str:
    """The id of the run that an id, a unique beginning of one, or ``last`` names.

    Raises:
        UsageError: there is none, or more than one.
    """
    runs = store.runs(1) if given == "last" else []
    if runs:
        return runs[0].run_id
    if given != "last" and given and store.event_count(given):
        return given
    found = [run.run_id for run in store.runs() if given and run.run_id.startswith(given)]
    if len(found) == 1:
        return found[0]
    if found:
        some = ", ".join(found[:4]) + (", …" if len(found) > 4 else "")
        raise UsageError(f"{given!r} is the beginning of {len(found)} runs ({some}); write more of it")
    raise UsageError(f"there is no run {given!r} in this store; `purpose-agent runs` lists them")


def newest_unfinished(store: Store) -> str:
    """The id of the newest run that may go on.

    Raises:
        UsageError: there is none.
    """
    found = next((run.run_id for run in store.runs() if is_unfinished(run)), None)
    if found is None:
        raise UsageError("every run in this store has ended; `purpose-agent runs` lists them")
    return found


def is_unfinished(run: RunInfo) -> bool:
    """Whether a run was killed or interrupted, or still goes on."""
    return run.stop_reason in ("", StopReason.INTERRUPTED)


def is_kept(store: Store, run_id: str) -> bool:
    """Whether the store has the run; a store that fails keeps nothing that could be shown."""
    try:
        return store.event_count(run_id) > 0
    except StoreError:
        return False
