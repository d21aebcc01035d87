"""What texts named and asked for in an episode, as far as it is not to be had or cannot be done now."""

from __future__ import annotations

from typing import NamedTuple

from purpose_agent.memory.instructions import Instructions
from purpose_agent.memory.values.consequences import Consequences


class Needs(NamedTuple):
    """What is missing in one situation."""

    closed: frozenset[str]
    """The abstract actions that bring about something asked for, and are not offered."""
    named: frozenset[str]
    """The things that texts named."""
    lack: str
    """What is missing first: ``thing`` when one that was named was never offered, ``deed`` when an action is closed,
    else nothing."""

    @classmethod
    def of(cls, instructions: Instructions, known: Consequences, offered: frozenset[str]) -> Needs:
        """The needs where the abstract actions ``offered`` are offered."""
        wanted = frozenset(asked.verb for asked in instructions.pending)
        shut = known.openable - offered if wanted else frozenset[str]()
        closed = frozenset(deed for deed in shut if not wanted.isdisjoint(known.verbs(deed)))
        named = instructions.named
        lack = "thing" if named - instructions.offered else "deed" if closed else ""
        return cls(closed, named, lack)
