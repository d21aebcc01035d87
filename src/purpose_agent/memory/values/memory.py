"""A memory of what came of like actions in like situations, learned from the agent's own episodes.

Actions and situations are abstracted (`action_template`, `task_vocabulary`, `trace`, `features`),
so what was learned with some objects serves with others. No language model takes part. A use of it:

    cursor = memory.episode(purpose, seed=0, explore=True)
    cursor.begin(observation, admissible)
    while acting:
        choices = cursor.shortlist()  # one: a habit; several: ask the model
        ...
        cursor.observe(action, observation, admissible, score, done, success)
    memory.learn(cursor.record())
"""

from __future__ import annotations

import random
from collections import Counter

import msgspec

from purpose_agent.embedding import Embedder
from purpose_agent.errors import UsageError
from purpose_agent.memory.action_template import is_named
from purpose_agent.memory.goals.models import GoalModels
from purpose_agent.memory.phrase_likeness import PhraseLikeness
from purpose_agent.memory.task_vocabulary import TaskVocabulary
from purpose_agent.memory.values.advice import Advice, advise
from purpose_agent.memory.values.affinities import Affinities, Pair
from purpose_agent.memory.values.consequences import Consequences
from purpose_agent.memory.values.episode import ValueEpisode
from purpose_agent.memory.values.news import News
from purpose_agent.memory.values.record import EpisodeRecord
from purpose_agent.memory.values.settings import ValueSettings
from purpose_agent.memory.values.table import CompiledEpisode, ValueTable
from purpose_agent.memory.values.world import World

__all__ = ["ValueMemory", "ValueSettings"]

_FEATURES_VERSION = 11
"""Raise it when features, their meaning or how they are learned change: older memories are then learned anew from
their records."""

_LEAST_NEW = 4  # episodes of a family before its words are counted anew
_GROWTH = 2  # one in so many new ones, of those that were known, is enough


class ValueMemory:
    """Learned values of abstract actions in abstract situations.

    Only `learn` changes it. Deterministic: the same episodes in the same order give the same bytes in every
    process. What is known of the world is counted anew whenever a family of tasks has grown by half, after 4, 8, 12,
    18, 27 … episodes; the values are then learned again from all stored episodes, which takes seconds at most.

    One memory serves several kinds of tasks: words are counted by family of purposes, features count once for all
    tasks and once for their family, and what makes room for a new episode is the oldest one of the largest family.

    Args:
        settings: how it learns and judges.
        embedder: compares phrases by meaning, to tell what goes with what (`Affinities`); None compares their words.
    """

    def __init__(self, settings: ValueSettings | None = None, embedder: Embedder | None = None) -> None:
        self.settings = settings or ValueSettings()
        self._likeness = PhraseLikeness(embedder)
        self.n_episodes = 0
        """Episodes learned from, including those no longer kept."""
        self.world = World()
        """Words, consequences, affinities and news; counted anew as the episodes grow more."""
        self.table = ValueTable()
        self.goals = GoalModels()
        """The experience critic's knowledge; learned as soon as an episode's score was hidden."""
        self._records: list[EpisodeRecord] = []
        self._turns: dict[str, int] = {}  # episodes learned from, by name of their family
        self._uncounted: dict[str, int] = {}  # of these, those since all was learned anew
        self._compiled: dict[int, CompiledEpisode] = {}

    def episode(
        self, purpose: str, *, seed: int = 0, explore: bool = False, heed_texts: bool = True
    ) -> ValueEpisode:
        """A cursor over one episode; it reads this memory and never changes it.

        Args:
            purpose: the goal in natural language.
            seed: decides the order of ties.
            explore: whether what an action would teach counts beside its value: always until such a task gained
                anything, then in one of `ValueSettings.explore_every` episodes of its family.
            heed_texts: whether what texts ask for is worth a try; not where strangers may write them.
        """
        if explore and self._turns.get(self._family_name(purpose), 0) % self.settings.explore_every:
            explore = not self._has_gained(purpose)
        return ValueEpisode(
            self.world,
            self.table if explore else self.table.settled,
            self.goals,
            self.settings,
            purpose,
            seed=seed,
            explore=explore,
            heed_texts=heed_texts,
            fatal=frozenset() if explore else self._fatal(),
        )

    def _family_name(self, purpose: str) -> str:
        """Of the tasks that a purpose is one of; empty where it is like no other."""
        family = self.world.vocabulary.family(purpose)
        return "" if family is None else family.name

    def _has_gained(self, purpose: str) -> bool:
        """Whether an episode of the family got anywhere: before that there is nothing to go on from."""
        family = self.world.vocabulary.family
        own = family(purpose)
        return any(record.gained and family(record.purpose) == own for record in self._records)

    def _fatal(self) -> frozenset[str]:
        """Kinds of action with which a task failed on something that its purpose named."""
        failed = [
            (record.purpose, record.steps[-1].action)
            for record in self._records
            if record.steps and record.steps[-1].done and record.steps[-1].success is False
        ]
        return frozenset(
            self.world.vocabulary.within(purpose).abstract(action)
            for purpose, action in failed
            if is_named(action, purpose)
        )

    def learn(self, record: EpisodeRecord) -> None:
        """Learn from a finished episode, and again from some older ones.

        Raises:
            UsageError: ``record`` holds values of wrong types.
        """
        self._records.append(_canonical(record))
        self.n_episodes += 1
        name = self._family_name(record.purpose)
        self._turns[name] = self._turns.get(name, 0) + 1
        if len(self._records) > self.settings.capacity:
            self._forget(self._most_spared())
        estimated = self.settings.learned_progress and any(r.hidden for r in self._records)
        if estimated and _is_refit(self.n_episodes):
            self.goals = GoalModels.fit(self._records)
            self._rebuild()
        elif self._has_grown(record.purpose):
            self._rebuild()
        else:
            self._learn_newest()

    def advice(self, k: int = 10) -> list[Advice]:
        """The ``k`` most telling things learned, in words, strongest first; reads all stored episodes."""
        return advise(self.table.settled, (self._compile(i) for i in range(len(self._records))), k)

    def to_bytes(self) -> bytes:
        """Everything that decides later behaviour, as msgpack; a few kB per stored episode."""
        saved = _Saved(
            _FEATURES_VERSION,
            self.settings,
            self.n_episodes,
            self.world.vocabulary,
            list(self.table.ids),
            self.table.weights,
            self.table.counts,
            self._records,
            self.goals,
            self._uncounted,
            self.world.consequences,
            self.world.affinities.pairs,
            self._likeness.name if self.world.affinities.pairs else "",
            self.world.news,
            self.table.averages,
            self._turns,
        )
        return msgspec.msgpack.encode(saved)

    @classmethod
    def from_bytes(cls, data: bytes, embedder: Embedder | None = None) -> ValueMemory:
        """The memory that `to_bytes` saved; it goes on bit for bit as the saved one would have.

        With another embedder than it was saved with, its values are learned again from its episodes.

        Raises:
            UsageError: ``data`` is not a saved value memory.
        """
        try:
            saved = msgspec.msgpack.decode(data, type=_Saved)
        except (msgspec.MsgspecError, UnicodeDecodeError, UsageError) as error:
            raise UsageError(
                f"not a saved value memory ({error}): {data[:40]!r}; learn it anew from its episodes"
            ) from error
        sizes = {len(set(saved.features)), len(saved.weights), len(saved.averages), len(saved.counts)}
        if sizes != {len(saved.features)}:
            raise UsageError(
                "not a saved value memory (its table is damaged); learn it anew from its episodes"
            )
        memory = cls(saved.settings, embedder)
        memory.n_episodes = saved.n_episodes
        memory._records = saved.records
        alike = not saved.pairs or saved.likeness == memory._likeness.name
        if alike and saved.features_version == _FEATURES_VERSION:
            affinities = Affinities(saved.pairs, memory._likeness)
            memory.world = World(saved.vocabulary, saved.consequences, affinities, saved.news)
            memory.table = ValueTable(saved.features, saved.weights, saved.averages, saved.counts)
            memory.goals = saved.goals
            memory._uncounted = saved.uncounted
            memory._turns = saved.turns
        else:
            if saved.settings.learned_progress and any(record.hidden for record in saved.records):
                memory.goals = GoalModels.fit(saved.records)
            memory._rebuild()
        return memory

    def _has_grown(self, purpose: str) -> bool:
        """Count an episode; whether its family has half as many new ones as known ones.

        At least 4, and a sixteenth of all episodes: tasks that have no kin must not renew everything all the time.
        """
        family = self.world.vocabulary.family(purpose)
        name, known = (family.name, family.n) if family is not None else ("", 0)
        self._uncounted[name] = new = self._uncounted.get(name, 0) + 1
        return new >= max(_LEAST_NEW, known // _GROWTH, self.n_episodes // 16)

    def _most_spared(self) -> int:
        """Index of the oldest episode of the family with the most episodes."""
        names = [self._family_name(record.purpose) for record in self._records]
        return names.index(max(names, key=names.count))

    def _forget(self, index: int) -> None:
        del self._records[index]
        self._compiled = {i - (i > index): found for i, found in self._compiled.items() if i != index}

    def _learn_newest(self) -> None:
        newest = len(self._records) - 1
        self.table.count(self._compile(newest))
        rng = random.Random(self.n_episodes)
        for _ in range(self.settings.sweeps):
            self._update(newest)
            for index in rng.sample(range(newest), min(self.settings.replays, newest)):
                self._update(index)
        self.table.average(self.settings.averaging)

    def _rebuild(self) -> None:
        self.world = World.of(self._records, self.goals, self._likeness)
        self.table = ValueTable()
        self._compiled = {}
        self._uncounted = {}
        counted = Counter(self._family_name(record.purpose) for record in self._records)
        self._turns = {name: max(n, self._turns.get(name, 0)) for name, n in counted.items()}
        order = list(range(len(self._records)))
        for index in order:
            self.table.count(self._compile(index))
        rng = random.Random(self.n_episodes)
        half = self.settings.rebuild_sweeps // 2
        for number in range(self.settings.rebuild_sweeps):
            rng.shuffle(order)
            for index in order:
                self._update(index)
            if number >= half:  # the averages are the means of what the later half of the sweeps left
                self.table.average(1 / (number - half + 1))

    def _compile(self, index: int) -> CompiledEpisode:
        found = self._compiled.get(index)
        if found is None:
            found = self._compiled[index] = self.table.compile(
                self._records[index], self.world, self.goals, self.settings
            )
        return found

    def _update(self, index: int) -> None:
        self.table.update(self._compile(index), self.settings)


class _Saved(msgspec.Struct, frozen=True, array_like=True):
    features_version: int
    settings: ValueSettings
    n_episodes: int
    vocabulary: TaskVocabulary
    features: list[tuple[str, ...]]
    weights: list[float]
    counts: list[int]
    records: list[EpisodeRecord]
    goals: GoalModels = GoalModels()
    uncounted: dict[str, int] = {}
    consequences: Consequences = Consequences()
    pairs: tuple[Pair, ...] = ()
    likeness: str = ""
    news: News = News()
    averages: list[float] = []
    turns: dict[str, int] = {}


def _is_refit(n: int) -> bool:
    """Whether it is learned anew what completes a task: every 5 episodes, later about every twentieth part of them."""
    return n % max(5, n // 20) == 0


def _canonical(record: EpisodeRecord) -> EpisodeRecord:
    """The record as it will be after saving and loading: tuples for lists, floats for integers."""
    try:
        return msgspec.msgpack.decode(msgspec.msgpack.encode(record), type=EpisodeRecord)
    except (msgspec.MsgspecError, TypeError, UnicodeEncodeError) as error:
        raise UsageError(f"not an episode that can be learned from ({error}): {record!r:.200}") from error
