"""Which defences of memory against strangers are on: all, except where an attack suite measures what each does."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Defences:
    """What a library and those around it do about text that strangers may have written.

    Attributes:
        labels: every item is labelled with whose words it is made of, and labels separate tainted items from others.
        quarantine: a tainted item is not shown until it is verified or corroborated.
        allow_list: an item that names an action that is not offered is not shown.
    """

    labels: bool = True
    quarantine: bool = True
    allow_list: bool = True


DEFENDED = Defences()
"""As everywhere."""

UNDEFENDED = Defences(labels=False, quarantine=False, allow_list=False)
"""As in a memory that believes whatever it reads; for experiments only."""
