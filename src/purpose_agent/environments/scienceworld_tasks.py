"""The tasks of ScienceWorld: names, numbers, splits, simplifications and presets, checked before anything starts."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from purpose_agent.environments.checks import asked_seed, check_known
from purpose_agent.errors import UsageError
from purpose_agent.numeric import is_whole

FOLDS = ("train", "dev", "test")
"""The library's own splits of a task's variations: half, a quarter, and the rest, in this order."""


@dataclass(frozen=True)
class ScienceTask:
    """One of the library's tasks.

    Attributes:
        number: as the library's paper counts it, such as ``1-1``.
        name: as the library spells it.
        variations: how many there are over all folds.
        purpose: the task in words, the same for every episode (each episode's own words say more).
    """

    number: str
    name: str
    variations: int
    purpose: str

    @property
    def electrical(self) -> bool:
        """Whether it cannot be done without connecting things."""
        return "power-component" in self.name or "conductivity" in self.name

    def fold_size(self, fold: str) -> int:
        """How many variations a fold has; its seeds are 0 to one less."""
        quarter = self.variations // 4
        return {"train": 2 * quarter, "dev": quarter, "test": self.variations - 3 * quarter}[fold]

    def variation(self, fold: str, seed: int) -> int:
        """The library's own number of a seed of a fold."""
        return {"train": 0, "dev": 2, "test": 3}[fold] * (self.variations // 4) + seed


_TASKS = (
    ScienceTask("1-1", "boil", 30, "boil a substance"),
    ScienceTask("1-2", "melt", 30, "melt a substance"),
    ScienceTask("1-3", "freeze", 30, "freeze a substance"),
    ScienceTask("1-4", "change-the-state-of-matter-of", 30, "change the state of matter of a substance"),
    ScienceTask("2-1", "use-thermometer", 540, "measure a temperature and act on it"),
    ScienceTask(
        "2-2", "measure-melting-point-known-substance", 436, "measure a known substance's melting point"
    ),
    ScienceTask(
        "2-3", "measure-melting-point-unknown-substance", 300, "measure an unknown substance's melting point"
    ),
    ScienceTask("3-1", "power-component", 20, "build a circuit that powers a component"),
    ScienceTask(
        "3-2",
        "power-component-renewable-vs-nonrenewable-energy",
        20,
        "power a component from the right kind of energy",
    ),
    ScienceTask("3-3", "test-conductivity", 900, "find out whether a known thing conducts electricity"),
    ScienceTask(
        "3-4",
        "test-conductivity-of-unknown-substances",
        600,
        "find out whether an unknown substance conducts electricity",
    ),
    ScienceTask("4-1", "find-living-thing", 300, "find a living thing and put it into the named box"),
    ScienceTask("4-2", "find-non-living-thing", 300, "find a non-living thing and put it into the named box"),
    ScienceTask("4-3", "find-plant", 300, "find a plant and put it into the named box"),
    ScienceTask("4-4", "find-animal", 300, "find an animal and put it into the named box"),
    ScienceTask("5-1", "grow-plant", 126, "grow a plant from a seed"),
    ScienceTask("5-2", "grow-fruit", 126, "grow a fruit"),
    ScienceTask("6-1", "chemistry-mix", 32, "make a substance by mixing others"),
    ScienceTask("6-2", "chemistry-mix-paint-secondary-color", 36, "mix paints to a secondary colour"),
    ScienceTask("6-3", "chemistry-mix-paint-tertiary-color", 36, "mix paints to a tertiary colour"),
    ScienceTask("7-1", "lifespan-longest-lived", 125, "find the animal that lives longest"),
    ScienceTask("7-2", "lifespan-shortest-lived", 125, "find the animal that lives shortest"),
    ScienceTask(
        "7-3",
        "lifespan-longest-lived-then-shortest-lived",
        125,
        "find the animal that lives longest, then the one that lives shortest",
    ),
    ScienceTask("8-1", "identify-life-stages-1", 14, "show the life stages of an animal, in order"),
    ScienceTask("8-2", "identify-life-stages-2", 10, "show the life stages of a plant, in order"),
    ScienceTask("9-1", "inclined-plane-determine-angle", 168, "find the steeper of two inclined planes"),
    ScienceTask(
        "9-2", "inclined-plane-friction-named-surfaces", 1386, "compare the friction of two known surfaces"
    ),
    ScienceTask(
        "9-3", "inclined-plane-friction-unnamed-surfaces", 162, "compare the friction of two unknown surfaces"
    ),
    ScienceTask(
        "10-1",
        "mendelian-genetics-known-plant",
        120,
        "find out whether a known plant's trait is dominant or recessive",
    ),
    ScienceTask(
        "10-2",
        "mendelian-genetics-unknown-plant",
        480,
        "find out whether an unknown plant's trait is dominant or recessive",
    ),
)

TASKS: dict[str, ScienceTask] = {task.name: task for task in _TASKS}
"""The tasks by name."""

SIMPLIFICATIONS: dict[str, str] = {
    "teleportAction": "go to any room at once",
    "openDoors": "all doors are open",
    "openContainers": "all containers are open",
    "selfWateringFlowerPots": "plants need no watering",
    "noElectricalAction": "nothing can be connected, so not for the electrical tasks",
}
"""What can be made easier, each with an explanation."""

EASY = "easy"
"""All simplifications but openContainers; the electrical tasks keep their actions."""

_SHORT_TASKS = (
    ("lifespan-longest-lived", "focus on", 10),
    ("find-living-thing", "focus on+pick up+move", 15),
    ("find-non-living-thing", "focus on+pick up+move", 15),
    ("find-plant", "focus on+pick up+move", 15),
    ("find-animal", "focus on+pick up+move", 15),
    ("lifespan-longest-lived-then-shortest-lived", "focus on", 10),
    ("use-thermometer", "focus on+pick up+move+use", 15),
)

PRESETS: dict[str, dict[str, str | int]] = {
    task: {"task": task, "simplification": EASY, "actions": "plain", "verbs": verbs, "max_steps": steps}
    for task, verbs, steps in _SHORT_TASKS
}
"""Short tasks worth comparing on, with enough variations to tell. Only the kinds of command are listed that the
library's own solutions of the task use (a solution takes 2 to 9 of them), and the ways to other rooms."""


def find_task(name: object) -> ScienceTask:
    """The task of that name or number.

    Raises:
        UsageError: there is none.
    """
    found = next((task for task in _TASKS if name in (task.name, task.number)), None)
    if found is None:
        near = difflib.get_close_matches(str(name), TASKS, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        listed = ", ".join(f"{task.name} ({task.number})" for task in _TASKS)
        raise UsageError(f"{name!r} is not a task of ScienceWorld; {hint}choose one of {listed}")
    return found


def check_simplification(given: object, task: ScienceTask) -> str:
    """The simplifications in a fixed order, joined by ``+``; ``none`` where there are none.

    Raises:
        UsageError: one is unknown, or makes the task impossible.
    """
    if given in (None, "", "none"):
        return "none"
    if given == EASY:
        return EASY
    asked = [part.strip() for part in given.split("+")] if isinstance(given, str) else [given]
    for part in asked:
        if part not in SIMPLIFICATIONS:
            raise UsageError(
                f"simplification={given!r}: {part!r} is not known; choose none, {EASY}, or some of "
                f"{', '.join(SIMPLIFICATIONS)}, joined by +"
            )
    if task.electrical and "noElectricalAction" in asked:
        raise UsageError(
            f"simplification={given!r} makes {task.name} impossible; leave noElectricalAction out, or take {EASY}"
        )
    return "+".join(name for name in SIMPLIFICATIONS if name in asked)


@dataclass(frozen=True)
class Task:
    """What determines an episode completely.

    Attributes:
        science: the library's task.
        fold: ``train``, ``dev`` or ``test``.
        seed: from 0 within the fold.
        simplification: as `check_simplification` returns it.
    """

    science: ScienceTask
    fold: str
    seed: int
    simplification: str

    @property
    def variation(self) -> int:
        """The library's own number of this seed of this fold."""
        return self.science.variation(self.fold, self.seed)

    @property
    def simplification_text(self) -> str:
        """The simplifications as the library reads them."""
        return "" if self.simplification == "none" else self.simplification.replace("+", ",")


def make_task(base: Task, seed: int | None, options: Mapping[str, Any] | None, next_seed: int) -> Task:
    """The task that a call of ``reset`` asks for.

    Args:
        base: what holds where the options say nothing; its seed is ignored.
        seed: the seed within the fold, or None.
        options: ``task``, ``fold``, ``seed`` and ``simplification``.
        next_seed: the seed when neither names one; it starts anew at the end of the fold.

    Raises:
        UsageError: an option is unknown or impossible, or the two seeds differ.
    """
    rest = dict(options or {})
    science = find_task(rest.pop("task", base.science.name))
    fold = check_known("fold", rest.pop("fold", base.fold), FOLDS)
    simplification = check_simplification(rest.pop("simplification", base.simplification), science)
    asked = rest.pop("seed", None)
    if rest:
        raise UsageError(
            f"{', '.join(map(repr, rest))}: no such option; there are task, fold, seed and simplification"
        )
    size = science.fold_size(fold)
    chosen = asked_seed(seed, asked, next_seed % size)
    if not is_whole(chosen) or not 0 <= chosen < size:
        raise UsageError(
            f"seed={chosen!r} is not a seed; {science.name} has the seeds 0 to {size - 1} in the fold {fold}"
        )
    return Task(science, fold, chosen, simplification)


def explain_parameters() -> dict[str, str]:
    """What may be written in a specification, name by name, for people."""
    return {
        "task": "; ".join(f"{task.name} or {task.number} ({task.purpose})" for task in _TASKS),
        "preset": f"instead of task: {', '.join(PRESETS)}; short tasks with simplification={EASY}, "
        "actions=plain, and the verbs and max_steps that fit",
        "fold": f"{', '.join(FOLDS)}: the library's splits of each task's variations; a seed counts within its fold "
        "(default train)",
        "simplification": f"none (default), {EASY}, or some of these joined by +: "
        + "; ".join(f"{name} ({text})" for name, text in SIMPLIFICATIONS.items()),
        "actions": "which list of admissible commands: short (default), plain (about half of it: without looking at "
        "things, closing, mixing, doors), all (the library's own, hundreds), "
        "none (the actor writes commands itself, and steps are faster)",
        "verbs": "all (default), or commands such as focus on, pick up, move, joined by +: only these are listed, and "
        "the ways to other rooms",
        "hide_score": "true: the score is not told before the end, only whether the task is achieved (default false)",
        "max_steps": "where an episode ends on its own (default 100)",
    }
