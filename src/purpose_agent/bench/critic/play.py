"""Plays the episodes of mixed quality that critics learn from and are graded on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from purpose_agent.bench.critic.episodes import (
    HELD_OUT,
    TRAINING,
    EpisodeFiles,
    SeenEpisode,
    SeenState,
    TrueCourse,
)
from purpose_agent.bench.critic.policies import (
    EXPERT,
    LEARNED,
    MODEL,
    RANDOM,
    ExpertPolicy,
    LearnedPolicy,
    ModelPolicy,
    Policy,
    RandomPolicy,
)
from purpose_agent.bench.critic.stage import Course, Stage
from purpose_agent.bench.critic.tasks import TaskSupply
from purpose_agent.bench.gold_path import gold_path
from purpose_agent.bench.stream import Task
from purpose_agent.errors import UsageError
from purpose_agent.llm_backend.base import LLMBackend
from purpose_agent.memory.values.memory import ValueMemory

Report = Callable[[SeenEpisode], None]
"""Is told of each episode that ended."""


class Company:
    """The policies of a report, on one stage.

    Args:
        stage: where they play.
        llm: for the policy by model; None for none.
        seed: of all draws.
    """

    def __init__(self, stage: Stage, llm: LLMBackend | None, seed: int) -> None:
        self._stage = stage
        self._llm = llm
        self._seed = seed
        self.memory = ValueMemory()
        """Of the learned policy."""
        there = {RANDOM: True, MODEL: llm is not None, LEARNED: True, EXPERT: stage.has_gold}
        self.policies = [name for name, is_there in there.items() if is_there]
        """Who takes part, in the order of turns."""

    def play(self, name: str, part: str, index: int, task: Task) -> tuple[SeenEpisode, TrueCourse]:
        """Play an episode.

        Raises:
            UsageError: the world cannot make the task.
        """
        rng = Random(f"{self._seed} {part} {index} {name}")
        course = self._stage.play(task, self._policy(name, part, index, task, rng), rng)
        return _seen(course, name, part, index, task), TrueCourse(part, index, course.dense)

    def learn(self, episode: SeenEpisode) -> None:
        """Let the learned policy learn from a train episode, whoever played it."""
        self.memory.learn(episode.record)

    def _policy(self, name: str, part: str, index: int, task: Task, rng: Random) -> Policy:
        if name == MODEL:
            assert self._llm is not None
            return ModelPolicy(self._llm)
        if name == LEARNED:
            return LearnedPolicy(self.memory, part == TRAINING, rng)
        if name == EXPERT:
            turn = index // len(self.policies)
            return ExpertPolicy(gold_path(self._stage.world, task), turn % 2 == 1, rng)
        return RandomPolicy(rng)


def play_training(
    company: Company, supply: TaskSupply, count: int, files: EpisodeFiles, report: Report
) -> None:
    """Play the train episodes that are left, the policies in turn; the learned one learns from all."""
    for episode in files.of(TRAINING):
        company.learn(episode)
    for index in range(len(files.of(TRAINING)), count):
        name = company.policies[index % len(company.policies)]
        while True:
            task = supply.train(index)
            try:
                seen, true = company.play(name, TRAINING, index, task)
                break
            except UsageError as error:
                supply.refuse(task, error)
        files.add(seen, true)
        company.learn(seen)
        report(seen)


def play_held_out(company: Company, supply: TaskSupply, files: EpisodeFiles, report: Report) -> None:
    """Play what is left of the held-out tasks, every one by every policy; nothing is learned."""
    done = {episode.index for episode in files.of(HELD_OUT)}
    place = 0
    while place < len(supply.held_out()):
        task = supply.held_out()[place]
        try:
            for turn, name in enumerate(company.policies):
                index = place * len(company.policies) + turn
                if index not in done:
                    seen, true = company.play(name, HELD_OUT, index, task)
                    files.add(seen, true)
                    report(seen)
            place += 1
        except UsageError as error:
            supply.refuse(task, error)


def successes(episodes: Sequence[SeenEpisode]) -> int:
    """How many of the episodes succeeded."""
    return sum(episode.success for episode in episodes)


def _seen(course: Course, name: str, part: str, index: int, task: Task) -> SeenEpisode:
    return SeenEpisode(
        part=part,
        index=index,
        fold=task.fold,
        seed=task.seed,
        policy=name,
        record=course.record(),
        states=[SeenState.of(now.state, now.commands) for now in course.arrivals],
        success=course.success,
        seconds=round(course.seconds, 4),
    )
