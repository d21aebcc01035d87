"""What a run gives back."""

from __future__ import annotations

from purpose_agent.llm_backend.usage import Usage
from purpose_agent.types import State, Trajectory, Verdict


class TaskResult:
    """The result of one run; every run has one, whatever went wrong.

    Attributes:
        trajectory: all finished steps.
        final_state: the true last state.
        run_id: identifier, for `resume` and ``purpose-agent show``.
        stop_reason: why it ended; a `StopReason` value.
        usage: what the models used, by role (``actor``, ``critic``, ``distiller``).
        verdict: the one that stands on the final state, if any; see `TrajectoryStep`.
        error: what went wrong, None when nothing did.
    """

    def __init__(
        self,
        trajectory: Trajectory,
        final_state: State,
        *,
        usage: dict[str, Usage] | None = None,
        error: str | None = None,
    ) -> None:
        self.trajectory = trajectory
        self.final_state = final_state
        self.usage = dict(usage or {})
        self.error = error

    @property
    def run_id(self) -> str:
        """Identifier of the run; the trajectory's too."""
        return self.trajectory.id

    @property
    def stop_reason(self) -> str:
        """Why the run ended; a `StopReason` value."""
        return self.trajectory.stop_reason

    @property
    def verdict(self) -> Verdict | None:
        """The verdict that stands on the final state, if any; see `TrajectoryStep`."""
        return self.trajectory.verdict

    @property
    def success(self) -> bool:
        """By the one definition of success: the verdict where there is one, else Φ > 7."""
        return self.trajectory.succeeded

    @property
    def total_steps(self) -> int:
        """How many steps were taken, DONE included."""
        return len(self.trajectory.steps)

    @property
    def cumulative_reward(self) -> float:
        """The sum of positive deltas; for display only."""
        return self.trajectory.cumulative_reward

    @property
    def final_phi(self) -> float | None:
        """Φ of the final state, None when nothing was scored."""
        return self.trajectory.final_phi

    def summary(self) -> str:
        """Eight lines for a person."""
        phi = self.final_phi
        return "\n".join(
            [
                f"Task: {_one_line(self.trajectory.task_description)}",
                f"Purpose: {_one_line(self.trajectory.purpose)}",
                f"Steps: {self.total_steps}",
                f"Success Rate: {self.trajectory.success_rate:.1%}",
                f"Cumulative Reward: {self.cumulative_reward:.2f}",
                f"Net Delta: {self.trajectory.total_delta:.2f}",
                f"Final Φ: {phi:.2f}" if phi is not None else "Final Φ: N/A",
                f"Task Success: {'✓' if self.success else '✗'}",
            ]
        )


def _one_line(text: str) -> str:
    return " ".join(text.split())
