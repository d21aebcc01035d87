"""What the texts of an episode ask to be done, what of it is done, and which things they name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from purpose_agent.memory.action_template import ParsedAction, parse_action, phrases, requests

_MAX_WORDS = 8  # of an instruction, or of a name
_MAX_KEPT = 400  # of each in an episode; the first ones count


class Instruction(NamedTuple):
    """One thing to be done, such as *slice the apple*."""

    verb: str
    """The first word."""
    thing: str
    """The rest, without articles: the full name of something that actions are about."""


class Instructions:
    """What texts asked for and named in one episode, in the order in which it was read.

    A clause is an instruction when it is a word and the name of something that actions were offered for, when no
    article stands first (*a raw carrot* is a thing, *roast a carrot* is not), and when it did not come of an action
    about that thing. It is done when an action of these words was carried out, or when what came of an action about
    the thing says the instruction's verb and the thing's name in one clause: after *roast the carrot*, ``cook carrot in
    oven`` that returns *You roast the carrot with the oven*.

    A text names a thing in an instruction, or in a clause that is just its name, as on a list.

    Args:
        verbs: of what texts asked for in earlier episodes.
        things: that actions were offered for in earlier episodes.
    """

    def __init__(self, verbs: frozenset[str] = frozenset(), things: frozenset[str] = frozenset()) -> None:
        self.pending: tuple[Instruction, ...] = ()
        """Not yet done, in the order of reading."""
        self.done: tuple[Instruction, ...] = ()
        self.offered: set[str] = set()
        """The things that actions were offered for."""
        self._verbs = verbs
        self._known = things
        self._read: dict[
            Instruction, bool
        ] = {}  # clauses that may be instructions, and whether they are done
        self._names: dict[str, None] = {}  # clauses that may be names

    @property
    def named(self) -> frozenset[str]:
        """The things that texts named: known ones, and any that an instruction with a known verb is about."""
        listed = (name for name in self._names if name in self._known or name in self.offered)
        meant = (
            asked.thing
            for asked in self._read
            if asked.verb in self._verbs or asked.thing in self._known or asked.thing in self.offered
        )
        return frozenset((*listed, *meant))

    def arrive(self, action: ParsedAction, text: str, admissible: Sequence[str]) -> None:
        """Take in what ``action`` led to; before the first one it is the empty action."""
        for option in admissible:
            self.offered.update(parse_action(option).arguments)
        self._tick_off(action, phrases(text))
        for request in requests(text):
            if 0 < len(request) <= _MAX_WORDS:
                self._read_request(action, request)
        meant = [(asked, done) for asked, done in self._read.items() if asked.thing in self.offered]
        self.pending = tuple(asked for asked, done in meant if not done)
        self.done = tuple(asked for asked, done in meant if done)

    def _read_request(self, action: ParsedAction, request: tuple[str, ...]) -> None:
        name = " ".join(request)
        if name not in action.arguments and len(self._names) < _MAX_KEPT:
            self._names[name] = None
        new = Instruction(request[0], " ".join(request[1:]))
        known = new in self._read or len(self._read) >= _MAX_KEPT
        if new.thing and new.thing not in action.arguments and not known:
            self._read[new] = False

    def _tick_off(self, action: ParsedAction, found: Iterable[tuple[str, ...]]) -> None:
        if not action.arguments:
            return
        said = [f" {' '.join(phrase)} " for phrase in found]
        for asked in self._read:
            if asked.thing not in action.arguments:
                continue
            named = asked == (action.verb, action.arguments[0])
            if named or any(f" {asked.verb} " in s and f" {asked.thing} " in s for s in said):
                self._read[asked] = True
