"""The arms of a demo, and the player that plays their episodes in one process."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from purpose_agent.bench.demo.rows import Job, Row, row_of
from purpose_agent.bench.demo.settings import DemoSettings
from purpose_agent.bench.play_rules import BROKEN, IMPOSSIBLE, NEVER_EARLY, BrokenEpisode
from purpose_agent.bench.stream import DEV, TRAIN, Task, purpose_of
from purpose_agent.environments import resolve_environment
from purpose_agent.errors import PurposeAgentError, UsageError
from purpose_agent.events import RunStarted
from purpose_agent.llm_backend.base import LLMBackend
from purpose_agent.llm_backend.resolve import resolve_backend
from purpose_agent.llm_backend.uniform import UniformBackend
from purpose_agent.orchestrator import Orchestrator
from purpose_agent.result import TaskResult

DISTILLERS = ("shortest_path", "divergence")
"""Lessons are distilled without a model here: one of 135M parameters writes none that are worth its minutes."""


@dataclass(frozen=True)
class Arm:
    """One configuration.

    Attributes:
        name: in files.
        label: for people.
        fold: whose tasks it plays.
        store: file name of its store; arms that share a memory share it.
        learning: whether its episodes teach.
        uniform: whether the random policy stands in for the model.
    """

    name: str
    label: str
    fold: str
    store: str
    learning: bool = False
    uniform: bool = False


TRAINING = Arm("training", "training (learning on)", TRAIN, "memory.sqlite", learning=True)
MEMORY = Arm("memory", "frozen memory + model", DEV, "memory.sqlite")
NO_MEMORY = Arm("no_memory", "model, no memory", DEV, "no_memory.sqlite")
MEMORY_ONLY = Arm(
    "memory_only", "frozen memory, random instead of the model", DEV, "memory.sqlite", uniform=True
)
RANDOM = Arm("random", "random, no memory", DEV, "random.sqlite", uniform=True)

ARMS = {arm.name: arm for arm in (TRAINING, NO_MEMORY, RANDOM, MEMORY, MEMORY_ONLY)}
"""All arms, by name. Every arm obeys the actor's own rule: nothing is repeated in the same state while something else
is left to try."""


class Player:
    """Plays episodes of any arm, one at a time, with one world and one model.

    Args:
        settings: of the demo.
        out: its folder.
    """

    def __init__(self, settings: DemoSettings, out: Path) -> None:
        self._settings = settings
        self._out = out
        self._environment: Any = None
        self._models: dict[bool, LLMBackend] = {}
        self._orchestrators: dict[str, Orchestrator] = {}
        self._begun: dict[tuple[str, int], str] | None = None

    def play(self, job: Job) -> Row:
        """Play an episode to its end; a training episode that was begun before is continued.

        Raises:
            BrokenEpisode: the world, the model or the store failed twice.
            UsageError: the settings cannot work.
            KeyboardInterrupt: Ctrl-C; a training episode is continued by the next `play`.
        """
        arm = ARMS[job.arm]
        try:
            return self._played(arm, job)
        except BrokenEpisode:
            self.close()
            return self._played(arm, job)

    def _played(self, arm: Arm, job: Job) -> Row:
        environment = self._world()
        orchestrator = self._orchestrator(arm)
        folds = isinstance(getattr(environment, "fold", None), str)
        task = Task(job.fold, job.seed, {"fold": job.fold} if folds else None)
        begun = self._run_begun(orchestrator, task) if arm.learning else None
        if begun is not None:
            result = orchestrator.resume(begun)
        else:
            try:
                result = self._new(orchestrator, task)
            except UsageError:
                if not folds:
                    raise
                return Row(arm=job.arm, index=job.index, fold=job.fold, seed=job.seed, stop_reason=IMPOSSIBLE)
        if result.stop_reason in BROKEN:
            raise BrokenEpisode(f"{arm.label}, {job.fold} task {job.seed}: {result.error}")
        return row_of(job, orchestrator.store.events(result.run_id))

    def _new(self, orchestrator: Orchestrator, task: Task) -> TaskResult:
        return orchestrator.run_task(
            purpose_of(self._environment, task),
            max_steps=self._settings.max_steps,
            early_stop_phi=NEVER_EARLY,
            seed=task.seed,
            options=task.options,
        )

    def _run_begun(self, orchestrator: Orchestrator, task: Task) -> str | None:
        """The run of this training task in the store, from an earlier process that did not report it."""
        if self._begun is None:
            self._begun = {}
            for info in orchestrator.store.runs():
                first = orchestrator.store.events(info.run_id)[0]
                if isinstance(first, RunStarted) and first.learning and info.stop_reason not in BROKEN:
                    fold = str((first.options or {}).get("fold", TRAIN))
                    self._begun.setdefault((fold, first.seed or 0), info.run_id)
        return self._begun.pop(task.key, None)

    def _world(self) -> Any:
        if self._environment is None:
            environment = resolve_environment(self._settings.world)
            for ability, why in (("admissible_actions", "choose from"), ("verdict", "be judged by")):
                if not callable(getattr(environment, ability, None)):
                    raise UsageError(
                        f"{self._settings.world!r} has no {ability}(state) for the arms to {why}"
                    )
            self._environment = environment
        return self._environment

    def _model(self, uniform: bool) -> LLMBackend:
        if uniform not in self._models:
            plain = uniform or self._settings.model == UniformBackend.name
            self._models[uniform] = (
                UniformBackend(self._settings.seed) if plain else resolve_backend(self._settings.model)
            )
        return self._models[uniform]

    def _orchestrator(self, arm: Arm) -> Orchestrator:
        found = self._orchestrators.get(arm.name)
        if found is None:
            if not arm.learning:
                self._close_training()
            found = self._orchestrators[arm.name] = Orchestrator(
                self._model(arm.uniform or (arm.learning and self._settings.practice == "random")),
                self._world(),
                store=self._out / arm.store,
                decision="choice",
                learning=arm.learning,
                distillers=DISTILLERS,
            )
        return found

    def _close_training(self) -> None:
        """Save what was learned before others read it."""
        training = self._orchestrators.pop(TRAINING.name, None)
        if training is not None:
            training.close()
            self._begun = None

    def close(self) -> None:
        """Free the world, the models and the stores; the next `play` opens them again."""
        for orchestrator in self._orchestrators.values():
            orchestrator.close()
        self._orchestrators = {}
        self._begun = None
        environment, self._environment = self._environment, None
        if callable(getattr(environment, "close", None)):
            with contextlib.suppress(PurposeAgentError):
                environment.close()
        models, self._models = self._models, {}
        for model in models.values():
            model.close()
