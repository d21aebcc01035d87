"""The charts of a demo's report, told apart by marker and line style as well as by colour.

They need matplotlib (extra ``report``), which is imported when the first one is drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from purpose_agent.bench.charts import BLUE, DARK, GREY, ORANGE, svg
from purpose_agent.bench.demo.report import ArmResult, LearningCurve, PromptCost
from purpose_agent.bench.html_page import printable


def learning_chart(curve: LearningCurve) -> str:
    """Success in the training stream: every episode, the moving mean, the cumulative mean, and habits.

    Raises:
        MissingDependencyError: matplotlib is not installed.
    """

    def draw(axes: Any) -> None:
        numbers = range(1, len(curve.solved) + 1)
        axes.plot(
            numbers,
            [1.0 if solved else 0.0 for solved in curve.solved],
            "|",
            color=GREY,
            markersize=9,
            label="episode solved (top) or not",
        )
        axes.plot(
            numbers, curve.moving, "-", color=BLUE, linewidth=2.5, label=f"last {curve.window} episodes"
        )
        axes.plot(numbers, curve.cumulative, "--", color=DARK, linewidth=1.8, label="all so far")
        axes.plot(numbers, curve.habit_share, ":", color=ORANGE, linewidth=2, label="steps by habit")
        axes.set(xlabel="training episode (each a new task)", ylabel="share", ylim=(-0.05, 1.05))
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, 1.3), ncols=2, fontsize=10.5)

    return svg("learning", draw)


def arms_chart(arms: Sequence[ArmResult]) -> str:
    """Success of each arm with its interval.

    Raises:
        MissingDependencyError: matplotlib is not installed.
    """

    def draw(axes: Any) -> None:
        for place, arm in enumerate(reversed(arms)):
            r = arm.result
            axes.plot([r.low, r.high], [place, place], "-", color=BLUE, linewidth=2)
            axes.plot([r.low, r.high], [place, place], "|", color=BLUE, markersize=11)
            axes.plot([r.rate], [place], "os^Dv"[place % 5], color=DARK, markersize=8)
            label = printable(f"{arm.label}: {r.successes}/{r.n}")
            axes.text(0, place + 0.2, label, fontsize=11, parse_math=False)
        axes.set(xlim=(-0.02, 1.02), ylim=(-0.5, len(arms) - 0.3), yticks=[])
        axes.set_xlabel("share of tasks solved, with 95 % interval")

    return svg("arms", draw)


def prompt_chart(cost: PromptCost) -> str:
    """Prompt tokens read anew at each step.

    Raises:
        MissingDependencyError: matplotlib is not installed.
    """

    def draw(axes: Any) -> None:
        axes.plot(
            cost.steps, cost.mean, "o-", color=BLUE, linewidth=1.5, markersize=5, label="mean of episodes"
        )
        later = [step for step in cost.steps if step > 1]
        if later:
            ends = [later[0], later[-1]]
            line = [cost.slope.intercept + cost.slope.slope * x for x in ends]
            axes.plot(
                ends,
                line,
                "--",
                color=DARK,
                linewidth=2,
                label=f"fit: {cost.slope.slope:+.2f} tokens per step",
            )
        axes.set(
            xlabel="step of the episode", ylabel="prompt tokens read anew", ylim=(0, max(cost.mean) * 1.1)
        )
        axes.legend(loc="upper right", fontsize=10.5)

    return svg("prompt", draw)
