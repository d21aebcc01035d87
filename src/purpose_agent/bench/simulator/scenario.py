"""What a scenario of the simulator is, and which ones there are."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol, cast

import msgspec

from purpose_agent.bench.simulator.measures import Mean
from purpose_agent.bench.text_table import TextTable


class Target(msgspec.Struct, frozen=True):
    """Something that the memory must reach.

    Attributes:
        name: what is measured.
        wanted: the bound, in words.
        value: what was measured.
        met: whether the estimate is within the bound.
    """

    name: str
    wanted: str
    value: Mean
    met: bool


class Findings(NamedTuple):
    """What came of a scenario.

    Attributes:
        targets: what it must reach, and whether it does.
        tables: for people.
        data: all numbers, as plain data.
        notes: what a reader must know.
    """

    targets: list[Target]
    tables: list[TextTable]
    data: dict[str, Any]
    notes: tuple[str, ...] = ()


Job = Callable[[], Any]
"""One replication: takes nothing, returns what is wanted of it."""


class Scenario(Protocol):
    """Something that is simulated. Each module of `scenarios` has one as ``SCENARIO``."""

    name: str
    """On the command line."""

    title: str
    """In one line."""

    replications: int
    """How many are made unless a user says otherwise."""

    def jobs(self, replications: int, seed: int) -> Sequence[Job]:
        """The replications, in order; each follows from ``seed`` and its place alone."""
        ...

    def findings(self, results: Sequence[Any]) -> Findings:
        """What the results of all `jobs`, in their order, say."""
        ...


def scenarios() -> dict[str, Scenario]:
    """All scenarios by name, in alphabetical order of their modules."""
    from purpose_agent.bench.simulator import scenarios as package

    names = sorted(module.name for module in pkgutil.iter_modules(package.__path__))
    modules = [importlib.import_module(f"{package.__name__}.{name}") for name in names]
    found = [cast(Scenario, module.SCENARIO) for module in modules]
    return {scenario.name: scenario for scenario in found}
