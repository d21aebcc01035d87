"""A distiller that proposes the same lessons again and again in other words: does the library grow or lose anything?"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from purpose_agent.bench.simulator.measures import mean_of, mean_text
from purpose_agent.bench.simulator.scenario import Findings, Job, Target
from purpose_agent.bench.text_table import TextTable
from purpose_agent.llm_backend.mock import MockLLMBackend
from purpose_agent.memory.library import MAX_EVIDENCE, Library
from purpose_agent.optimizer import HeuristicOptimizer
from purpose_agent.store import open_store
from purpose_agent.store.base import Trial
from purpose_agent.store.terms import word_set
from purpose_agent.types import (
    Action,
    Evidence,
    Heuristic,
    MemoryTier,
    State,
    Trajectory,
    TrajectoryStep,
    Verdict,
)

LESSONS = (
    ("the kitchen cupboard is locked", "look for the small brass key near the oven and open the cupboard with it"),
    ("the lamp in the cellar flickers", "tighten the loose bulb and clean its socket with a dry cloth"),
    ("a parcel is too heavy for the shelf", "store the parcel on the floor and label its side with red chalk"),
    ("the garden gate sticks in winter", "warm the frozen hinge with the lantern and oil the bolt"),
    ("the printer reports a paper jam", "lift the rear cover and pull the torn sheet along its path"),
    ("an invoice lacks the order number", "search the mailbox for the customer name and copy the number from there"),
    ("the old radio stays silent", "replace the blown fuse and tune the dial to a strong station"),
    ("a plant has yellow leaves", "move the pot into the shade and water it with rain from the barrel"),
    ("the boat leaks at the stern", "dry the crack with a rag and press warm tar into the gap"),
    ("the file cannot be opened", "ask the owner for read access and retry with the full path"),
    ("the soup tastes of nothing", "add a pinch of salt and the juice of half a lemon"),
    ("the clock on the tower is late", "wind the large spring and push the minute hand to the church time"),
)  # fmt: skip
"""Pattern and strategy of each true lesson."""

ROUNDS = 20
"""How often each is proposed."""

_THINGS = word_set("key bulb parcel hinge sheet number fuse pot rag owner pinch spring")
"""What may be several, one in each strategy."""


def as_it_is(text: str, dice: random.Random) -> str:
    """The very same words."""
    return text


def punctuated(text: str, dice: random.Random) -> str:
    """Other capitals and punctuation."""
    words = [word.capitalize() if dice.random() < 0.3 else word for word in text.split()]
    return "".join(word + dice.choice((" ", " ", ", ", "; ")) for word in words).strip(" ,;") + dice.choice(
        ".!"
    )


def reordered(text: str, dice: random.Random) -> str:
    """Now and then the two halves of the sentence change places."""
    if dice.random() < 0.5:
        return text
    first, joint, second = text.partition(" and ")
    return f"{second}{joint}{first}"


def in_plural(text: str, dice: random.Random) -> str:
    """Now and then one thing becomes several."""
    if dice.random() < 0.5:
        return text
    words = text.split()
    place = next(n for n, word in enumerate(words) if word in _THINGS)
    return " ".join((*words[:place], f"{words[place]}s", *words[place + 1 :]))


REWORDINGS: dict[str, Callable[[str, random.Random], str]] = {
    "the same words": as_it_is,
    "capitals and punctuation": punctuated,
    "reordered": reordered,
    "one word in plural": in_plural,
}


@dataclass
class Parrot:
    """A distiller that proposes one lesson for each episode, in its own words.

    Attributes:
        reword: how.
        dice: of its words.
    """

    reword: Callable[[str, random.Random], str]
    dice: random.Random
    name: str = "parrot"

    async def distill(self, trajectory: Trajectory, existing: Sequence[Heuristic]) -> list[Heuristic]:
        """See `Distiller.distill`."""
        pattern, strategy = LESSONS[int(trajectory.id.split()[-1]) % len(LESSONS)]
        return [
            Heuristic(
                pattern if self.reword is not punctuated else punctuated(pattern, self.dice),
                self.reword(strategy, self.dice),
                [],
                MemoryTier.STRATEGIC,
                evidence=[Evidence(trajectory.id)],
                source=self.name,
            )
        ]


@dataclass(frozen=True)
class Replication:
    """One way of rewording.

    Attributes:
        rewording: which.
        per_lesson: live items at the end for each true lesson.
        evidence_lost: episodes that supported a lesson and are the evidence of no item, of those there is room for.
        trials_lost: trials of items that are not live any more.
    """

    rewording: str
    per_lesson: float
    evidence_lost: int
    trials_lost: int


def replicate(rewording: str, seed: int) -> Replication:
    """Let the parrot propose every lesson `ROUNDS` times, and try all items after each round."""
    store = open_store(None)
    library = Library(store, max_per_tier=1000)
    parrot = Parrot(REWORDINGS[rewording], random.Random(f"{seed} {rewording}"))
    optimizer = HeuristicOptimizer(MockLLMBackend(), library=library, distillers=[parrot])
    order = list(range(len(LESSONS)))
    for number in range(ROUNDS):
        random.Random(seed + number).shuffle(order)
        for which in order:
            optimizer.optimize([_episode(f"episode {number * len(LESSONS) + which}")])
        for item in library:
            library.record([Trial(item.id, f"{number} {item.id}", "a family", bool(number % 2), 0.5, 1.0)])
    live = {item.id: item for item in library}
    kept = [len(item.evidence) for item in live.values()]
    lost = sum(trial.heuristic not in live for trial in store.trials())
    optimizer.close()
    store.close()
    room = min(MAX_EVIDENCE, ROUNDS) * len(LESSONS)
    return Replication(rewording, len(live) / len(LESSONS), max(0, room - sum(kept)), lost)


def _episode(id: str) -> Trajectory:
    state = State({"done": True})
    step = TrajectoryStep(state, action=Action("work"), state_after=state, step_index=1)
    return Trajectory("anything", "anything", [step], id=id, verdict=Verdict(1.0, success=True))


class DuplicatesScenario:
    """See the module."""

    name = "duplicates"
    title = f"{len(LESSONS)} lessons, each proposed {ROUNDS} times in other words"
    replications = 5

    def jobs(self, replications: int, seed: int) -> Sequence[Job]:
        """See `Scenario.jobs`."""
        return [partial(replicate, name, seed + n) for name in REWORDINGS for n in range(replications)]

    def findings(self, results: Sequence[Replication]) -> Findings:
        """See `Scenario.findings`."""
        found = {name: [r for r in results if r.rewording == name] for name in REWORDINGS}
        items = {name: mean_of([r.per_lesson for r in own]) for name, own in found.items()}
        targets = [
            Target(f"items per lesson ({name})", "1", mean, mean.value <= 1.0) for name, mean in items.items()
        ]
        lost = mean_of([float(r.evidence_lost + r.trials_lost) for r in results])
        targets.append(Target("evidence and trials lost", "none", lost, lost.value == 0))
        rows = [
            (
                name,
                mean_text(items[name]),
                str(sum(r.evidence_lost for r in own)),
                str(sum(r.trials_lost for r in own)),
            )
            for name, own in found.items()
        ]
        table = TextTable(
            "The same lessons again", ("", "items per lesson", "evidence lost", "trials lost"), rows
        )
        return Findings(targets, [table], {name: {"items per lesson": mean} for name, mean in items.items()})


SCENARIO = DuplicatesScenario()
