"""What an episode teaches once it has ended: replay, credit, values, calibration, lessons."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from purpose_agent.calibrating import Calibrator
from purpose_agent.errors import describe_error
from purpose_agent.events import Failed, Learned
from purpose_agent.experience_replay import ExperienceReplay
from purpose_agent.memory.library import Library
from purpose_agent.memory.provenance.labels import outcome_trust
from purpose_agent.memory.values.learner import ValueLearner
from purpose_agent.optimizer import HeuristicOptimizer
from purpose_agent.types import LIMIT_STOPS, Action, Trajectory

LEAST_INFORMED = 0.1
"""An outcome that is judged by critics less informed than this credits nothing; see `Trial.informedness`."""


@dataclass
class Learner:
    """Takes finished episodes in.

    Attributes:
        replay: the evidence.
        library: the lessons.
        optimizer: makes lessons of episodes.
        values: the value memory.
        every: episodes between two optimisations.
        calibrator: how far the critics' words go, if anybody keeps count.
    """

    replay: ExperienceReplay
    library: Library
    optimizer: HeuristicOptimizer
    values: ValueLearner
    every: int = 1
    calibrator: Calibrator | None = None
    waiting: list[Trajectory] = field(default_factory=list[Trajectory])

    @property
    def tasks_since_optimize(self) -> int:
        """Episodes taken in since the last optimisation."""
        return len(self.waiting)

    async def take_in(
        self,
        trajectory: Trajectory,
        *,
        admissible: Sequence[Sequence[Action]] = (),
        example_id: str | None = None,
        seconds: float | None = None,
    ) -> tuple[Learned, list[Failed]]:
        """Store, credit and, when it is time, distil. A part that fails is reported; the others go on.

        Args:
            trajectory: the episode; `Trajectory.shown` says which items it was shown.
            admissible: what could be done in the first state and after each step.
            example_id: the episode that was shown as an example, if any.
            seconds: how long distilling may take; None for ever.
        """
        failures: list[Failed] = []
        step = len(trajectory.steps)
        added: list[str] = []
        credited: list[str] = []
        learned_values = kept = False

        @contextmanager
        def reported(part: str) -> Generator[None]:
            try:
                yield
            except Exception as e:
                failures.append(Failed(step, part, describe_error(e)))

        with reported("memory"):
            self.values.keep(trajectory, admissible)
        with reported("memory"):
            self.replay.add(trajectory)
            kept = True
            if not trajectory.failed_transiently or trajectory.stop_reason in LIMIT_STOPS:
                credited = self._credit(trajectory)
            told = not (trajectory.failed_transiently or outcome_trust(trajectory).tainted)
            if example_id is not None and told:
                self.replay.update_q_value(example_id, float(trajectory.succeeded))
            learned_values = self.values.catch_up() and not trajectory.failed_transiently
        if self.calibrator is not None:
            with reported("critic"):
                self.calibrator.catch_up()
        if kept:  # lessons of an episode that nobody can look up would have no evidence
            self.waiting.append(trajectory)
        if len(self.waiting) >= self.every:
            waiting, self.waiting = self.waiting, []
            with reported("distiller"):
                report = await self.optimizer.aoptimize(waiting, seconds=seconds)
                added = [h.id for h in report.added]
                failures += [Failed(step, "distiller", str(f), f.transient) for f in report.details]
        return Learned(added, credited, learned_values), failures

    def _credit(self, trajectory: Trajectory) -> list[str]:
        """Credit what was shown, and what was withheld at random; nothing else.

        A run that hit a limit counts as a trial, or an item that makes runs too long would go unnoticed.
        """
        if outcome_trust(trajectory).tainted:  # strangers say how it ended, or even what was shown
            return []
        informed = self._informedness(trajectory)
        tried: list[str] = []
        if informed >= LEAST_INFORMED:
            tried = self.library.record(self.library.credits.trials_of(trajectory, informed))
        if trajectory.failed_transiently:
            return tried
        others = [id for id in trajectory.shown if id not in trajectory.propensities]
        return tried + self.library.credit(others, trajectory.succeeded)

    def _informedness(self, trajectory: Trajectory) -> float:
        """Of whoever says how the episode ended; 1 for critics that no verdict ever tested."""
        verified = trajectory.verdict is not None and trajectory.verdict.success is not None
        if verified or self.calibrator is None:
            return 1.0
        known = self.calibrator.informedness
        return 1.0 if known is None else known
