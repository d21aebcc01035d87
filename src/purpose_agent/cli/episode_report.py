"""What came of an episode: as data, as lines, and as an exit code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from purpose_agent.cli.exit_codes import BROKEN, DONE, NOT_ACHIEVED
from purpose_agent.cli.plain_text import count_of, number, one_line, phi_bar
from purpose_agent.cli.screen import Part, Screen
from purpose_agent.events import Learned
from purpose_agent.llm_backend.usage import Usage
from purpose_agent.result import TaskResult
from purpose_agent.types import StopReason

if TYPE_CHECKING:
    from purpose_agent.cli.watching import Watch

BROKEN_STOPS = frozenset(
    {
        StopReason.MODEL_ERROR,
        StopReason.ENVIRONMENT_ERROR,
        StopReason.STORE_ERROR,
        StopReason.INTERNAL_ERROR,
    }
)
"""Ends that mean that a part is broken, not that the task was hard."""

REASONS = {
    "": "not finished",
    StopReason.DONE: "the agent said that it is done",
    StopReason.EARLY_STOP: "Φ is high enough",
    StopReason.TERMINAL: "the environment ended it",
    StopReason.MAX_STEPS: "no steps left",
    StopReason.LIMIT_MODEL_CALLS: "the limit of model calls is reached",
    StopReason.LIMIT_TOKENS: "the limit of tokens is reached",
    StopReason.LIMIT_COST: "the limit of cost is reached",
    StopReason.LIMIT_SECONDS: "the limit of time is reached",
    StopReason.ABORTED: "it was aborted",
    StopReason.INTERRUPTED: "it was interrupted",
    StopReason.MODEL_ERROR: "the model failed",
    StopReason.ENVIRONMENT_ERROR: "the environment failed",
    StopReason.STORE_ERROR: "the store failed",
    StopReason.INTERNAL_ERROR: "a defect in this package or a plugin",
}
"""Stop reasons in words."""


def exit_code(success: bool, stop_reason: str) -> int:
    """The exit code for an episode that ended so."""
    if success:
        return DONE
    return BROKEN if stop_reason in BROKEN_STOPS else NOT_ACHIEVED


def result_data(result: TaskResult, seconds: float | None, learned: Learned | None) -> dict[str, Any]:
    """An episode's outcome, for ``--json``."""
    verdict = result.verdict
    return {
        "run_id": result.run_id,
        "seed": result.trajectory.seed,
        "purpose": result.trajectory.purpose,
        "success": result.success,
        "stop_reason": result.stop_reason,
        "steps": result.total_steps,
        "final_phi": result.final_phi,
        "verdict": None
        if verdict is None
        else {"score": verdict.score, "success": verdict.success, "reason": verdict.reason},
        "seconds": seconds,
        "usage": msgspec.to_builtins(result.usage),
        "error": result.error,
        "learned": None
        if learned is None
        else {
            "added": learned.added,
            "credited": learned.credited,
            "value_memory": learned.value_memory,
        },
    }


def interrupted_data(seed: int, purpose: str | None, watch: Watch) -> dict[str, Any]:
    """What is known of an episode that Ctrl-C ended, with the keys of `result_data`.

    One that was over and was only being learned from tells how it ended.
    """
    end = watch.finished
    return {
        "run_id": watch.run_id,
        "seed": seed,
        "purpose": purpose,
        "success": end is not None and end.success and end.stop_reason != StopReason.INTERRUPTED,
        "stop_reason": StopReason.INTERRUPTED.value if end is None else end.stop_reason,
        "steps": watch.steps,
        "final_phi": None if end is None else end.final_phi,
        "verdict": None,
        "seconds": None if end is None else end.seconds,
        "usage": {} if end is None else msgspec.to_builtins(end.usage),
        "error": None if end is None else end.error,
        "learned": None,
    }


def outcome_line(success: bool, steps: int, stop_reason: str, phi: float | None) -> list[Part]:
    """``✓ achieved in 9 steps  ██████████ 10.0  the environment ended it``."""
    mark: Part = ("✓ achieved", "bold green") if success else ("✗ not achieved", "bold red")
    return [
        mark,
        f" in {count_of(steps, 'step')}  ",
        (phi_bar(phi), "cyan"),
        f" {number(phi)}  ",
        REASONS.get(stop_reason, stop_reason),
    ]


def show_usage(screen: Screen, usage: Mapping[str, Usage]) -> None:
    """One line for each role that used a model."""
    title = "usage"
    for role, used in usage.items():
        if used.calls or used.tokens:
            screen.line(f"{title:<10}{role}: {usage_text(used)}")
            title = ""


def usage_text(used: Usage) -> str:
    """``9 calls, 3,210 tokens (2,900 read, 2,100 of them cached; 310 written), $0.0021``."""
    if not used.tokens:
        return count_of(used.calls, "call")
    cached = f", {used.cached_tokens:,} of them cached" if used.cached_tokens else ""
    about = "about " if used.estimated else ""
    cost = f", ${used.cost:.4f}" if used.cost else ""
    return (
        f"{count_of(used.calls, 'call')}, {about}{used.tokens:,} tokens "
        f"({used.prompt_tokens:,} read{cached}; {used.completion_tokens:,} written){cost}"
    )


def learned_text(learned: Learned) -> str:
    """What a run taught, in one line."""
    parts = [
        f"{count_of(len(learned.added), 'new lesson')}" if learned.added else "no new lesson",
        f"{count_of(len(learned.credited), 'shown lesson')} credited" if learned.credited else "",
        "value memory updated" if learned.value_memory else "",
    ]
    return ", ".join(part for part in parts if part)


def show_verdict(screen: Screen, result: TaskResult) -> None:
    """Why the environment thinks so, where it said."""
    if result.verdict is not None and result.verdict.reason:
        screen.line(f"verdict   {one_line(result.verdict.reason, 200)}")
