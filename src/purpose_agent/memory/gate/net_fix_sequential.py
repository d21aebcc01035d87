"""A sequential test of whether an edit fixes more tasks than it breaks, one pair of episodes at a time.

The state is a frozen struct of numbers, so a test can be stored as JSON (msgspec) and continued elsewhere. What it
accepts and when it gives up is in its plan (`net_fix_plan`), which depends on the design alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import msgspec

from purpose_agent.errors import UsageError
from purpose_agent.memory.gate.net_fix_design import NetFixDesign, Tally
from purpose_agent.memory.gate.net_fix_plan import NetFixPlan, plan_of


class Decision(StrEnum):
    """What is to be done about an edit."""

    CONTINUE = "continue"
    """Play another pair."""
    ACCEPT = "accept"
    """It fixes more than it breaks; promote it."""
    REJECT = "reject"
    """It breaks too much, or shows no sign of the effect looked for."""
    UNDECIDED = "undecided"
    """It could not be tested; says nothing about the edit."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """A decision and its reason in words."""

    decision: Decision
    reason: str


class NetFixTest(msgspec.Struct, frozen=True):
    """A test under way.

    Attributes:
        design: laid down before the first pair and never changed.
        tally: of the pairs so far.
    """

    design: NetFixDesign
    tally: Tally = Tally()

    @property
    def plan(self) -> NetFixPlan:
        """Computed once per design."""
        return plan_of(self.design)

    @property
    def e_value(self) -> float:
        """The evidence so far; may be compared with another level too (`false_promotions`)."""
        return self.plan.e_value(self.tally)

    def after(self, without: bool, shown: bool) -> NetFixTest:
        """The test after one more pair.

        Args:
            without: success without the edit.
            shown: success with it, on the same task and seed.

        Raises:
            UsageError: an outcome that is not a bool, or a test that is decided: the pairs after a decision count
                for nothing, or the error rates would not hold.
        """
        for name, value in (("without", without), ("shown", shown)):
            if not isinstance(value, bool):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise UsageError(f"{name} must be True or False, got {value!r}; leave failed probes out")
        judgement = self.judge()
        if judgement.decision is not Decision.CONTINUE:
            raise UsageError(
                f"this test is decided: {judgement.decision.value}, {judgement.reason}; begin another"
            )
        return NetFixTest(self.design, self.tally.after(without, shown))

    def judge(self) -> Judgement:
        """What the pairs so far amount to."""
        plan, tally, budget = self.plan, self.tally, self.design.budget
        least = f"{1 / self.design.alpha:.4g}"
        if tally.regressions > budget:
            return Judgement(Decision.REJECT, f"{tally.regressions} regressed, over the budget of {budget}")
        if plan.accepts(tally):
            return Judgement(Decision.ACCEPT, f"it fixes more than it breaks: e >= {least}")
        if plan.out_of_reach(tally):
            left = self.design.max_pairs - tally.pairs
            if tally.pairs == 0:
                return Judgement(Decision.UNDECIDED, f"pairs: {left}, too few to reach e >= {least}")
            if left == 0:
                return Judgement(Decision.REJECT, f"e < {least} after all {tally.pairs} pairs")
            return Judgement(Decision.REJECT, f"pairs left: {left}, too few to reach e >= {least}")
        if plan.is_futile(tally):
            return Judgement(Decision.REJECT, f"no sign of {self.design.fix_rate:.0%} fixes")
        return Judgement(Decision.CONTINUE, f"e < {least}")
