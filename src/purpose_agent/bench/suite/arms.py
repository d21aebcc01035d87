"""Who is compared: learners, which have training streams, and arms, which play held-out tasks with what was learned.

Every arm obeys the actor's own rule (nothing is repeated in the same state while something else is left to try), plays
the same tasks with the same seeds, and is graded by the environment alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from purpose_agent.errors import UsageError

STRUCTURAL = ("shortest_path", "divergence", "dead_ends", "value_tips")
"""Distillers that need no model."""

PLAYS, WATCHES, STUDIES = "plays", "watches", "studies"
"""How a learner comes to its episodes: it plays them, an expert plays every other one, or it reads those of ours."""


@dataclass(frozen=True)
class Learner:
    """A memory in the making.

    Attributes:
        name: in files.
        label: for people.
        how: `PLAYS`, `WATCHES` or `STUDIES`.
        distillers: of our own memory.
        without: parts of our own memory that are left out; see `purpose_agent.orchestrator.PARTS`.
        asks_model: whether learning asks a language model; such a learner studies a part of the stream only.
        unrelated: whether it needs what ours learned in another world.
        mixed: whether one memory learns from the streams of all worlds, in turns.
    """

    name: str
    label: str
    how: str = PLAYS
    distillers: tuple[str, ...] = STRUCTURAL
    without: tuple[str, ...] = ()
    asks_model: bool = False
    unrelated: bool = False
    mixed: bool = False


@dataclass(frozen=True)
class Arm:
    """One configuration on held-out tasks.

    Attributes:
        name: in files.
        label: for people.
        learner: whose memory it reads, frozen; "" for none.
        asks_model: whether a language model decides what the memory leaves open; else chance does.
        without: parts of our memory that are not read.
    """

    name: str
    label: str
    learner: str = ""
    asks_model: bool = True
    without: tuple[str, ...] = ()


OURS, OWN_MEMORY = "ours", "own_memory"

LEARNERS = {
    learner.name: learner
    for learner in (
        Learner(OURS, "ours"),
        Learner("mixed", "ours, one memory for all worlds", mixed=True),
        Learner("with_llm", "ours, an LLM distils too", distillers=(*STRUCTURAL, "llm"), asks_model=True),
        Learner("no_structural", "ours, only an LLM distils", distillers=("llm",), asks_model=True),
        Learner("no_credit", "ours without credit", without=("credit",)),
        Learner("no_gate", "ours without the gate", without=("gate",)),
        Learner("no_critic", "ours without the experience critic", without=("experience_critic",)),
        Learner("oracle", "ours, every other episode an expert's", WATCHES),
        Learner("raw_steps", "raw steps", STUDIES),
        Learner("raw_episodes", "raw episodes", STUDIES),
        Learner("placebo", "placebo", STUDIES, unrelated=True),
        Learner(OWN_MEMORY, "your memory", STUDIES),
        Learner("expel", "ExpeL", STUDIES, asks_model=True),
        Learner("reasoning_bank", "ReasoningBank", STUDIES, asks_model=True),
        Learner("ace", "ACE", STUDIES, asks_model=True),
    )
}
"""All learners, by name."""

ARMS = {
    arm.name: arm
    for arm in (
        Arm("random", "random", asks_model=False),
        Arm("no_memory", "model, no memory"),
        Arm("raw_steps", "nearest raw steps, no model", "raw_steps", asks_model=False),
        Arm("raw_episodes", "model + raw episode", "raw_episodes"),
        Arm("placebo", "model + placebo memory", "placebo"),
        Arm("placebo_only", "placebo memory, no model", "placebo", asks_model=False),
        Arm(OWN_MEMORY, "model + your memory", OWN_MEMORY),
        Arm("expel", "model + ExpeL (re-created)", "expel"),
        Arm("reasoning_bank", "model + ReasoningBank (re-created)", "reasoning_bank"),
        Arm("ace", "model + ACE (re-created)", "ace"),
        Arm("memory_only", "ours, no model", OURS, asks_model=False),
        Arm("ours", "model + ours", OURS),
        Arm("mixed", "ours, one memory for all worlds, no model", "mixed", asks_model=False),
        Arm("with_llm", "model + ours, an LLM distils too", "with_llm"),
        Arm("no_structural", "model + ours, only an LLM distils", "no_structural"),
        Arm("no_credit", "model + ours − credit", "no_credit"),
        Arm("no_gate", "model + ours − gate", "no_gate"),
        Arm("no_values", "model + ours, its lessons alone", OURS, without=("values",)),
        Arm("no_critic", "ours − experience critic, no model", "no_critic", asks_model=False),
        Arm("oracle", "ours, half of the episodes an expert's, no model", "oracle", asks_model=False),
    )
}
"""All arms, by name, in the order of the tables."""

QUESTIONS = (
    ("ours", "no_memory", "what memory adds to the model"),
    ("memory_only", "random", "what memory adds to chance"),
    ("ours", "memory_only", "what the model adds to memory"),
    ("ours", "raw_episodes", "ours against raw episodes"),
    ("memory_only", "raw_steps", "ours against nearest raw steps"),
    ("ours", "placebo", "ours against a placebo of as many tokens"),
    ("memory_only", "placebo_only", "ours against a placebo, no model"),
    ("placebo", "no_memory", "what a placebo adds"),
    (OWN_MEMORY, "no_memory", "what your memory adds to the model"),
    ("ours", OWN_MEMORY, "ours against your memory"),
    ("mixed", "memory_only", "one memory for all worlds against one for each"),
    ("ours", "expel", "ours against ExpeL"),
    ("ours", "reasoning_bank", "ours against ReasoningBank"),
    ("ours", "ace", "ours against ACE"),
    ("no_values", "no_memory", "what lessons alone add to the model"),
    ("no_values", "expel", "our lessons alone against ExpeL"),
    ("no_values", "reasoning_bank", "our lessons alone against ReasoningBank"),
    ("no_values", "ace", "our lessons alone against ACE"),
    ("ours", "with_llm", "what is lost without LLM distillers"),
    ("ours", "no_structural", "what structural distillers add"),
    ("ours", "no_credit", "what credit adds"),
    ("ours", "no_gate", "what the gate adds"),
    ("ours", "no_values", "what the value memory adds"),
    ("memory_only", "no_critic", "what the experience critic adds"),
    ("oracle", "memory_only", "how far the ceiling is"),
    ("no_memory", "random", "what the model alone adds to chance"),
    ("raw_episodes", "no_memory", "what raw episodes add to the model"),
    ("raw_steps", "random", "what nearest raw steps add to chance"),
    ("expel", "no_memory", "what ExpeL adds to the model"),
    ("reasoning_bank", "no_memory", "what ReasoningBank adds to the model"),
    ("ace", "no_memory", "what ACE adds to the model"),
    ("ours", "random", "what the whole agent adds to chance"),
)
"""Pairs that are compared where both were played; the first that was is what the verdict is about."""


def chosen(names: Sequence[str]) -> tuple[str, ...]:
    """Arms in the order of the tables.

    Raises:
        UsageError: a name is not known, or there is nothing to compare.
    """
    unknown = [name for name in names if name not in ARMS]
    if unknown:
        raise UsageError(f"there is no arm {unknown[0]!r}; there are {', '.join(ARMS)}")
    if len(set(names)) < 2:
        raise UsageError(f"one arm is no comparison, got {list(names)!r}; name at least two")
    return tuple(name for name in ARMS if name in names)


def learners_of(arms: Sequence[str]) -> tuple[Learner, ...]:
    """The learners that arms need, ours first wherever another studies its episodes."""
    wanted = {ARMS[name].learner for name in arms} - {""}
    if any(LEARNERS[name].how == STUDIES for name in wanted):
        wanted.add(OURS)
    return tuple(learner for name, learner in LEARNERS.items() if name in wanted)
