"""The suite that every environment must pass.

Subclass it in a test module of your own; pytest collects it there::

    from purpose_agent.conformance.environment import EnvironmentConformance

    class TestMyWorld(EnvironmentConformance):
        def make_environment(self):
            return MyWorld()
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from purpose_agent.environment_check import check_environment
from purpose_agent.environment_report import EnvironmentReport
from purpose_agent.types import Action


class EnvironmentConformance:
    """Tests of one environment.

    Attributes:
        seeds: the episodes that are played.
        options: passed to ``reset``.
        steps: how many actions are executed in each.
        actions: what to execute in an environment that lists no admissible actions.
    """

    seeds: Sequence[int] = (0, 1)
    options: dict[str, Any] | None = None
    steps: int = 10
    actions: Sequence[Action | str] = ()

    def make_environment(self) -> Any:
        """A fresh environment; it is closed by the check."""
        raise NotImplementedError("return the environment under test")

    def _reports(self) -> list[EnvironmentReport]:
        return [
            check_environment(
                self.make_environment(),
                seed=seed,
                options=self.options,
                steps=self.steps,
                actions=self.actions,
            )
            for seed in self.seeds
        ]

    def test_the_contract_is_kept(self) -> None:
        """No check finds an error."""
        for report in self._reports():
            report.raise_if_broken()
            assert report.steps > 0, "no action was executed; list admissible actions or set `actions`"
