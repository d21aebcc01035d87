"""What is simulated."""

from __future__ import annotations

import msgspec

from purpose_agent.bench.simulator.scenario import Scenario, scenarios
from purpose_agent.errors import UsageError
from purpose_agent.numeric import is_whole


class SimulatorSettings(msgspec.Struct, frozen=True):
    """The options of a run.

    Attributes:
        scenarios: names, in the order in which they are simulated.
        seed: of the first replication of each; the next has the next number.
        replications: of each scenario; None for as many as it wants.

    Raises:
        UsageError: a name that is unknown or comes twice, or a number out of its range.
    """

    scenarios: tuple[str, ...]
    seed: int = 0
    replications: int | None = None

    def __post_init__(self) -> None:
        known = scenarios()
        for name in self.scenarios:
            if name not in known:
                raise UsageError(f"there is no scenario {name!r}; there are: {', '.join(known)}")
        if len(set(self.scenarios)) < len(self.scenarios):
            raise UsageError(f"each scenario is simulated once, got {', '.join(self.scenarios)!r}")
        if not is_whole(self.seed) or self.seed < 0:
            raise UsageError(f"seed must be a whole number of at least 0, got {self.seed!r}")
        wanted = self.replications
        if wanted is not None and (not is_whole(wanted) or wanted < 2):
            raise UsageError(f"replications must be a whole number of at least 2, got {wanted!r}")

    def chosen(self) -> list[Scenario]:
        """The scenarios."""
        known = scenarios()
        return [known[name] for name in self.scenarios]

    @property
    def command(self) -> str:
        """What to type to get the same numbers."""
        words = ["purpose-agent bench simulator", *(f"--scenario {name}" for name in self.scenarios)]
        if self.replications is not None:
            words.append(f"--replications {self.replications}")
        return " ".join((*words, f"--seed {self.seed}"))
