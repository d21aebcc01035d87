"""What a store has learned, in words: the value memory's strongest features and the procedures."""

from __future__ import annotations

from pathlib import Path

import msgspec

from purpose_agent.memory.library import Library
from purpose_agent.memory.values.features import Feature
from purpose_agent.memory.values.learner import ValueLearner
from purpose_agent.memory.values.memory import ValueMemory
from purpose_agent.store import open_store
from purpose_agent.types import Heuristic, MemoryTier

LEAST_COUNT = 5
"""Actions with a feature that must have been taken before it is worth showing."""

SHOWN = 8
"""Entries of each list."""

_WORDS = {
    "action": "{0}",
    "after": "{0}, right after {1}",
    "phase": "{0}, {1}",
    "gains": "{0}, after {1} gains of score",
    "tried": "{0}, done {1} times before",
    "goal rank": "{0}: what is {2} to goal {1}, {3}",
    "mentioned by": "{0}: what {2} had mentioned",
    "verb stands with": "an action on what was told of together with its own verb",
    "goal named": "{0}: what goal {2} names",
}
"""How the kinds of feature that tell a person something read; the others only fine-tune. The numbers are the parts
after the kind. Goals are the spans of words in which tasks differ, in the order of the purpose, from 1."""

_PHASE = {"phase": 1, "goal rank": 3}
_GOAL = {"goal rank": 1, "goal named": 2}
_START = "start"
_NOTHING = "nothing"


class Tendency(msgspec.Struct, frozen=True):
    """A feature of the value memory.

    Attributes:
        text: in words; ``*`` stands for any object.
        weight: what it adds to an action's value, in units of score.
        count: actions taken that had it.
    """

    text: str
    weight: float
    count: int


class Lesson(msgspec.Struct, frozen=True):
    """An item of the library.

    Attributes:
        tier: procedural, strategic or tool.
        pattern: when it applies.
        strategy: what to do.
        steps: the procedure.
        source: the distiller.
        episodes: how many it came from.
        id: of the item.
        status: in its life cycle.
        shown: episodes that showed it.
        withheld: episodes in which it was withheld at random.
        uplift: (estimate, lower and upper end of a 95 % interval), in success rate; None without trials.
    """

    tier: str
    pattern: str
    strategy: str
    steps: list[str]
    source: str
    episodes: int
    id: str = ""
    status: str = ""
    shown: int = 0
    withheld: int = 0
    uplift: tuple[float, float, float] | None = None

    @property
    def record(self) -> str:
        """What is known of its worth, in words."""
        if self.uplift is None:
            return "not measured yet"
        mean, low, high = (f"{100 * value:+.0f}" for value in self.uplift)
        return f"uplift {mean} points [{low}, {high}], shown {self.shown}, withheld {self.withheld} times"


class Learned(msgspec.Struct, frozen=True):
    """What was learned.

    Attributes:
        episodes: the value memory learned from.
        features: it holds.
        do: features that raise an action's value most.
        avoid: features that lower it most.
        lessons: items of the library, best supported first.
    """

    episodes: int = 0
    features: int = 0
    do: list[Tendency] = []
    avoid: list[Tendency] = []
    lessons: list[Lesson] = []


def what_was_learned(path: Path) -> Learned:
    """Read it from a store; nothing when there is no store yet."""
    if not path.exists():
        return Learned()
    store = open_store(path)
    try:
        memory = ValueLearner(store).memory
        do, avoid = tendencies(memory)
        lessons = sorted(map(_lesson, Library(store)), key=lambda item: (item.tier, -item.episodes))
        procedures = [item for item in lessons if item.tier == MemoryTier.PROCEDURAL]
        others = [item for item in lessons if item.tier != MemoryTier.PROCEDURAL]
        return Learned(memory.n_episodes, len(memory.table.ids), do, avoid, (procedures + others)[:SHOWN])
    finally:
        store.close()


def tendencies(memory: ValueMemory, shown: int = SHOWN) -> tuple[list[Tendency], list[Tendency]]:
    """The features that raise and that lower an action's value most, among those with enough evidence."""
    table = memory.table.settled
    found: dict[tuple[float, int], Tendency] = {}
    for feature, i in table.ids.items():
        if table.counts[i] >= LEAST_COUNT and feature[0] in _WORDS:
            tendency = Tendency(in_words(feature), table.weights[i], table.counts[i])
            same = (
                tendency.weight,
                tendency.count,
            )  # features that always came together: the shortest speaks for all
            if same not in found or len(tendency.text) < len(found[same].text):
                found[same] = tendency
    ordered = sorted(found.values(), key=lambda t: (-t.weight, t.text))
    do = [t for t in ordered if t.weight > 0][:shown]
    avoid = [t for t in reversed(ordered) if t.weight < 0][:shown]
    return do, avoid


def in_words(feature: Feature) -> str:
    """A feature as a phrase; one of a kind that has no words as its parts."""
    kind, parts = feature[0], [part or _NOTHING for part in feature[1:]]
    phase = _PHASE.get(kind)
    if phase is not None and len(parts) > phase:
        parts[phase] = (
            "before any progress"
            if parts[phase] == _START
            else f"when the last progress came from {parts[phase]}"
        )
    goal = _GOAL.get(kind)
    if goal is not None and len(parts) > goal and parts[goal].isdecimal():
        parts[goal] = str(int(parts[goal]) + 1)
    parts = ["the first text" if part == _START else part for part in parts]
    try:
        return _WORDS[kind].format(*parts)
    except (KeyError, IndexError):
        return " · ".join(feature)


def _lesson(item: Heuristic) -> Lesson:
    return Lesson(
        tier=item.tier.value,
        pattern=item.pattern,
        strategy=item.strategy,
        steps=list(item.steps),
        source=item.source,
        episodes=len({e.episode_id for e in item.evidence}) or 1,
        id=item.id,
        status=item.status.value,
        shown=item.shown,
        withheld=item.withheld,
        uplift=None if item.uplift is None else (item.uplift.mean, item.uplift.low, item.uplift.high),
    )
