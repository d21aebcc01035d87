"""What a check of an environment found, for people and for programs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from purpose_agent.errors import UsageError


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        severity: an ``error`` breaks the contract; a ``warning`` works but will cost somebody an evening.
        subject: the method or attribute it is about.
        message: what was seen, and the remedy.
    """

    severity: Literal["error", "warning"]
    subject: str
    message: str

    def __str__(self) -> str:
        return f"{self.severity}: {self.subject}: {self.message}"


@dataclass
class EnvironmentReport:
    """What `check_environment` found.

    Attributes:
        environment: the name of the environment's class.
        findings: in the order they were made.
        steps: how many actions were executed.
    """

    environment: str
    findings: list[Finding] = field(default_factory=list[Finding])
    steps: int = 0

    @property
    def errors(self) -> list[Finding]:
        """The findings that break the contract."""
        return [finding for finding in self.findings if finding.severity == "error"]

    @property
    def warnings(self) -> list[Finding]:
        """The other findings."""
        return [finding for finding in self.findings if finding.severity == "warning"]

    @property
    def ok(self) -> bool:
        """Whether nothing breaks the contract."""
        return not self.errors

    def raise_if_broken(self) -> None:
        """Raise when something breaks the contract.

        Raises:
            UsageError: with the whole report.
        """
        if not self.ok:
            raise UsageError(str(self))

    def __str__(self) -> str:
        count = f"{len(self.errors)} errors, {len(self.warnings)} warnings, {self.steps} actions executed"
        return "\n".join([f"{self.environment}: {count}", *(f"  {finding}" for finding in self.findings)])
