"""Memories that learn from the episodes that ours played: where their stores are, and how they read them."""

from __future__ import annotations

import contextlib
import inspect
import re
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from purpose_agent.actor import Actor
from purpose_agent.bench.play_rules import is_broken_run
from purpose_agent.bench.rivals.asking import noting_misfits
from purpose_agent.bench.suite.arms import LEARNERS, OURS, OWN_MEMORY, STUDIES, Learner
from purpose_agent.bench.suite.named_memory import LearningFailedError, NamedMemory, memory_failed
from purpose_agent.bench.suite.rows import MAX_ERROR, Job
from purpose_agent.bench.suite.settings import SuiteSettings
from purpose_agent.environments import find_object
from purpose_agent.errors import ModelOutputError, UsageError, describe_error
from purpose_agent.experience_replay import ExperienceReplay
from purpose_agent.llm_backend.base import LLMBackend
from purpose_agent.llm_backend.mock import MockLLMBackend
from purpose_agent.llm_backend.usage import estimate_tokens
from purpose_agent.memory.library import Library
from purpose_agent.memory.rendering import memory_block
from purpose_agent.memory.selection import Selection
from purpose_agent.memory.values.learner import RECORD
from purpose_agent.memory.values.record import EpisodeRecord
from purpose_agent.memory_system import Example, MemorySystem
from purpose_agent.other_memory import KNOWN, OtherMemory
from purpose_agent.store import open_store
from purpose_agent.store.base import EpisodeInfo, Store
from purpose_agent.task_memory import TaskMemory
from purpose_agent.types import Action, Heuristic, Snapshot, Trajectory

_UNCOUNTED = ("placebo", OWN_MEMORY)
"""Memories whose entries mean nothing, or are nobody else's business."""


@dataclass(frozen=True)
class Shelf:
    """The stores of a suite.

    Attributes:
        out: the suite's folder.
        settings: of the suite.
    """

    out: Path
    settings: SuiteSettings

    def store(self, world: str, name: str, order: int) -> Path:
        """The file of a learner's or an arm's store."""
        folder = self.out / "stores"
        folder.mkdir(parents=True, exist_ok=True)
        world = "all" if name in LEARNERS and LEARNERS[name].mixed else world
        return folder / f"{re.sub(r'[^a-z0-9]+', '-', world.lower())}--{name}--{order}.sqlite"

    @contextlib.contextmanager
    def opened(self, world: str, name: str, order: int) -> Generator[Store]:
        """A store, for reading."""
        store = open_store(self.store(world, name, order))
        try:
            yield store
        finally:
            store.close()

    def other_world(self, world: str) -> str | None:
        """The next world of the suite; None where there is only one."""
        names = [w.name for w in self.settings.worlds]
        return names[(names.index(world) + 1) % len(names)] if len(names) > 1 else None


@dataclass(frozen=True)
class Studied:
    """What was read.

    Attributes:
        succeeded: whether the last episode had.
        problem: what went wrong, most often.
        read: episodes.
        failed: of them those from which nothing could be learned, for such a problem.
    """

    succeeded: bool = False
    problem: str = ""
    read: int = 0
    failed: int = 0


async def study(shelf: Shelf, job: Job, learner: Learner, llm: LLMBackend | None) -> Studied:
    """Let a memory learn from one of the episodes of ours, or from all of them where that costs no model calls.

    An episode that it has learned from before is passed over.
    """
    with (
        shelf.opened(job.world, OURS, job.order) as source,
        shelf.opened(job.world, learner.name, job.order) as own,
    ):
        system = make_system(shelf, job.world, learner, job.order, llm)
        memory = OtherMemory(system, ExperienceReplay(store=own), own)
        if (
            not learner.asks_model
        ):  # it reads everything, so what an earlier process left unreported counts once
            memory.system = system = make_system(shelf, job.world, learner, job.order, llm)
        replay = ExperienceReplay(store=source)
        episodes = whole_episodes(source)
        wanted = episodes[job.index : job.index + 1] if learner.asks_model else episodes
        known = {episode.id for episode in own.episodes()}
        succeeded, read = False, 0
        problems: list[str] = []
        for episode in wanted:
            record = replay.get(episode.id)
            if record is None or episode.id in known:
                continue
            trajectory = record.trajectory
            trajectory.shown = _would_have_shown(system, trajectory)
            succeeded, read = trajectory.succeeded, read + 1
            problem = await _learned(system, trajectory, _admissible(source, trajectory))
            problems += [problem] if problem else []
            if learner.asks_model:
                memory.keep(trajectory)
        memory.save()
        return Studied(succeeded, most_frequent(problems), read, len(problems))


def whole_episodes(store: Store) -> list[EpisodeInfo]:
    """The episodes in a store, in their order, without those that broke off and were played again."""
    return [e for e in store.episodes() if not (e.transient and is_broken_run(store.events(e.id)))]


async def _learned(
    system: MemorySystem, trajectory: Trajectory, admissible: Sequence[Sequence[Action]]
) -> str:
    """Let a memory learn from an episode; what kept it from learning anything, "" where nothing did.

    Raises:
        ModelError: the model could not be reached.
    """
    with noting_misfits() as misfits:
        try:
            changed = await system.learn(trajectory, admissible)
        except (ModelOutputError, LearningFailedError) as e:
            return str(e)[:MAX_ERROR]
    return str(misfits[0])[:MAX_ERROR] if misfits and not changed else ""


def most_frequent(problems: Sequence[str]) -> str:
    """The message that comes most often, of equals the first; "" where there is none."""
    return Counter(problems).most_common(1)[0][0] if problems else ""


def entries_kept(shelf: Shelf, world: str, learner: Learner, order: int) -> int | None:
    """How many lessons, notes, episodes or steps a memory holds; None where that cannot be told."""
    if not shelf.store(world, learner.name, order).exists():
        return None
    with shelf.opened(world, learner.name, order) as store:
        if learner.how != STUDIES:
            return len(list(Library(store)))
        if learner.name in _UNCOUNTED:
            return None
        system: Any = make_system(shelf, world, learner, order, MockLLMBackend())
        kept = store.artefact(KNOWN + system.name)
        if kept is None:
            return None
        system.load(kept[0])
        return system.entries


def _would_have_shown(system: MemorySystem, trajectory: Trajectory) -> list[str]:
    """Ids of the items that a memory would have shown: a reader of somebody else's episode judges its own notes."""
    if not trajectory.steps:
        return []
    first = trajectory.steps[0].state_before.snapshot()
    return [item.id for item in system.recall(trajectory.task_description, trajectory.purpose, first).items]


def make_system(
    shelf: Shelf, world: str, learner: Learner, order: int, llm: LLMBackend | None
) -> MemorySystem:
    """A memory that studies.

    Raises:
        UsageError: it needs a model and there is none.
    """
    if learner.asks_model and llm is None:
        raise UsageError(f"{learner.label} distils with a language model; give --model another than 'random'")
    match learner.name:
        case "raw_steps":
            from purpose_agent.bench.controls.raw_steps import RawSteps

            return RawSteps()
        case "raw_episodes":
            from purpose_agent.bench.controls.raw_episodes import RawEpisodes

            return RawEpisodes()
        case "placebo":
            from purpose_agent.bench.controls.placebo import Placebo

            return Placebo(_TokensLike(shelf, world, order), _unrelated(shelf, world, order))
        case "expel":
            from purpose_agent.bench.rivals.expel import ExpeL

            return ExpeL(_given(llm))
        case "reasoning_bank":
            from purpose_agent.bench.rivals.reasoning_bank import ReasoningBank

            return ReasoningBank(_given(llm))
        case "ace":
            from purpose_agent.bench.rivals.ace import ACE

            return ACE(_given(llm))
        case "own_memory":
            return _own(shelf.settings.memory, world, llm)
        case _:
            raise UsageError(f"{learner.name!r} does not study")


def find_memory(spec: str) -> Callable[..., Any]:
    """The factory of a user's memory.

    Raises:
        UsageError: there is none of that name.
    """
    module, _, target = spec.partition(":")
    if not module or not target:
        raise UsageError(f"memory must be module:factory, got {spec!r}")
    factory = find_object(module, target, spec)
    if not callable(factory):
        raise UsageError(f"{spec!r} is no function or class that makes a memory")
    return factory


def _own(spec: str, world: str, llm: LLMBackend | None) -> MemorySystem:
    """A user's memory; its factory gets the model where it has a parameter ``llm``.

    Raises:
        UsageError: what it makes is no memory.
        MemoryFailedError: it cannot be made.
    """
    factory = find_memory(spec)
    try:
        takes_model = "llm" in inspect.signature(factory).parameters
        made = factory(llm=llm) if takes_model else factory()
    except Exception as e:
        raise memory_failed(spec, "__init__", world, describe_error(e)) from e
    if not isinstance(made, MemorySystem):
        raise UsageError(
            f"{spec!r} made {made!r:.80}, which is no memory: it needs a name and the methods recall, learn, dump, load"
        )
    return NamedMemory(made, world)


class _TokensLike:
    """How many tokens ours would show for a task."""

    def __init__(self, shelf: Shelf, world: str, order: int) -> None:
        self._shelf = shelf
        self._ours = (world, OURS, order)

    def __call__(self, task: str, purpose: str, state: Snapshot) -> int:
        with self._shelf.opened(*self._ours) as store:
            memory = TaskMemory(Actor(MockLLMBackend()), ExperienceReplay(store=store), Library(store))
            memory.sync_actor()
            selection, example = memory.for_task(task, purpose, state, "choice", None)
        return shown_tokens(selection, example)


def shown_tokens(memory: Selection, example: Example | None) -> int:
    """Estimated tokens of what a memory shows with the first state to an actor that chooses."""
    text = memory_block(memory, inline_procedures=True) + (example.text if example else "")
    return estimate_tokens(text) if text else 0


def _unrelated(shelf: Shelf, world: str, order: int) -> list[Heuristic]:
    """Live items that ours learned in another world, without their evidence: they are shown for their length."""
    other = shelf.other_world(world)
    if other is None:
        return []
    with shelf.opened(other, OURS, order) as store:
        return [Heuristic(h.pattern, h.strategy, list(h.steps), h.tier, id=h.id) for h in Library(store)]


def _admissible(store: Store, trajectory: Trajectory) -> Sequence[Sequence[Action]]:
    """What could be done at each point of a stored episode."""
    kept = store.artefact(RECORD + trajectory.id)
    if kept is None:
        return []
    record = msgspec.msgpack.decode(kept[0], type=EpisodeRecord)
    offered = [record.admissible, *(step.admissible for step in record.steps)]
    return [[Action(command) for command in commands] for commands in offered]


def _given(llm: LLMBackend | None) -> LLMBackend:
    assert llm is not None  # `make_system` has looked
    return llm
