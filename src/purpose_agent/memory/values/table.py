"""Weights of sparse features: values, evidence, and the backward n-step Q update."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

from purpose_agent.memory.goals.models import GoalModels
from purpose_agent.memory.values.features import Feature, situation_features
from purpose_agent.memory.values.progress import EpisodeProgress
from purpose_agent.memory.values.record import EpisodeRecord
from purpose_agent.memory.values.settings import ValueSettings
from purpose_agent.memory.values.trace import EpisodeTrace
from purpose_agent.memory.values.world import World

UNKNOWN = -1
"""The id of a feature that the table has never seen in an episode it learned from."""


@dataclass(frozen=True, slots=True)
class CompiledStep:
    """One decision with its reward, features as ids."""

    options: tuple[tuple[int, ...], ...]
    """Per action of the situation: its feature ids."""
    chosen: int
    """Index of the action taken."""
    reward: float
    """What the step earned."""


@dataclass(frozen=True, slots=True)
class CompiledEpisode:
    """An episode ready for updates."""

    steps: tuple[CompiledStep, ...]
    last: tuple[tuple[int, ...], ...]
    """Options after the last step; empty when the environment ended the task."""


class ValueTable:
    """Sparse weights, and their averages over the newest episodes.

    The value of an action is the sum of its known features' weights over the root of their number. Updates of a fixed
    size never come to rest, so the newest weights are partly chance: who does not explore goes by `settled` ones.
    """

    def __init__(
        self,
        features: Sequence[Feature] = (),
        weights: Sequence[float] = (),
        averages: Sequence[float] = (),
        counts: Sequence[int] = (),
    ) -> None:
        self.ids: dict[Feature, int] = {feature: i for i, feature in enumerate(features)}
        self.weights: list[float] = list(weights)
        self.averages: list[float] = list(averages)
        self.counts: list[int] = list(counts)
        """How often each feature was a feature of an action taken."""
        self._n_averaged = len(self.averages)

    @property
    def settled(self) -> ValueTable:
        """This table with the averages for weights: to read only; it follows what this one learns later."""
        found = ValueTable()
        found.ids, found.counts = self.ids, self.counts
        found.weights = found.averages = self.averages
        return found

    def average(self, share: float) -> None:
        """Move each average by ``share`` of its distance to its weight; that of a new feature is the weight itself."""
        n = self._n_averaged
        moved = [
            average + share * (weight - average)
            for average, weight in zip(self.averages[:n], self.weights, strict=False)
        ]
        self.averages[:] = moved + self.weights[n:]
        self._n_averaged = len(self.averages)

    def lookup(self, features: Sequence[Feature]) -> tuple[int, ...]:
        """Ids of ``features``, ``UNKNOWN`` for new ones; changes nothing."""
        return tuple(self.ids.get(feature, UNKNOWN) for feature in features)

    def intern(self, features: Sequence[Feature]) -> tuple[int, ...]:
        """Ids of ``features``; new ones enter with weight 0."""
        found: list[int] = []
        for feature in features:
            known = self.ids.get(feature)
            if known is None:
                known = self.ids[feature] = len(self.weights)
                self.weights.append(0.0)
                self.averages.append(0.0)
                self.counts.append(0)
            found.append(known)
        return tuple(found)

    def value(self, ids: Sequence[int]) -> float:
        """The learned value of an action with these features, in units of score."""
        weights = self.weights
        known = [weights[i] for i in ids if i >= 0]
        return sum(known) / sqrt(len(known)) if known else 0.0

    def evidence(self, ids: Sequence[int]) -> float:
        """How many like actions were taken.

        The harmonic mean of the features' counts, each plus one, less one: the number of observations whose
        posterior variance a diagonal Gaussian would have.
        """
        if not ids:
            return 0.0
        counts = self.counts
        doubt = sum([1.0 / (1 + counts[i]) if i >= 0 else 1.0 for i in ids])
        return len(ids) / doubt - 1.0

    def count(self, episode: CompiledEpisode) -> None:
        """Add the actions taken in ``episode`` to the evidence; once per episode."""
        for step in episode.steps:
            for i in step.options[step.chosen]:
                self.counts[i] += 1

    def update(self, episode: CompiledEpisode, settings: ValueSettings) -> float:
        """One backward sweep of n-step Q-learning; returns the mean squared error before each update.

        What follows the n steps is worth a mean of the best action there (Q-learning, weight ``greed``) and of the
        one taken (Sarsa): the best of many uncertain values alone is too rosy.
        """
        steps, greed = episode.steps, settings.greed
        worth = [0.0] * (len(steps) + 1)
        worth[-1] = max(map(self.value, episode.last), default=0.0)
        total = 0.0
        for t in range(len(steps) - 1, -1, -1):
            stop = min(t + settings.n_steps, len(steps))
            target = worth[stop]
            for step in reversed(steps[t:stop]):
                target = step.reward + settings.discount * target
            options, chosen = steps[t].options, steps[t].chosen
            error = target - self.value(options[chosen])
            total += error * error
            self._move(options[chosen], settings.rate * error)
            values = [self.value(ids) for ids in options]
            worth[t] = greed * max(values) + (1.0 - greed) * values[chosen]
        return total / len(steps) if steps else 0.0

    def _move(self, ids: Sequence[int], by: float) -> None:
        if ids:
            change = by / sqrt(len(ids))
            for i in ids:
                self.weights[i] += change

    def compile(
        self,
        record: EpisodeRecord,
        world: World,
        goals: GoalModels,
        settings: ValueSettings,
    ) -> CompiledEpisode:
        """Replay ``record`` into features and rewards; new features are interned.

        A reward is the rise of the highest score so far, and a part of any loss or recovery, less the cost of a step.
        Where the score is hidden, what ``goals`` make of the episode stands for it.
        """
        progress = EpisodeProgress(goals, record.purpose, record.admissible, record.score)
        trace = EpisodeTrace(world, record.purpose)
        trace.begin(record.observation, record.admissible, progress.score)
        steps: list[CompiledStep] = []
        for step in record.steps:
            if step.action not in trace.admissible:
                trace.admissible = (*trace.admissible, step.action)
            options = tuple(self.intern(f) for f in situation_features(trace))
            chosen = trace.admissible.index(step.action)
            change, rise = trace.observe(step, progress.after(step))
            reward = rise + settings.setback * (change - rise) - settings.step_cost
            if step.success:
                reward += 1.0 - trace.best
            if step.done and step.success is False:
                reward -= settings.failure_cost
            steps.append(CompiledStep(options, chosen, reward))
        ended = bool(record.steps) and (record.steps[-1].done or record.steps[-1].success is True)
        last = () if ended else tuple(self.intern(f) for f in situation_features(trace))
        return CompiledEpisode(tuple(steps), last)
