"""A person at the terminal who is asked before every action."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from purpose_agent.hitl.lessons import add_human_lesson
from purpose_agent.hitl.policy import HumanPolicy
from purpose_agent.hitl.terminal import CLIInputHandler
from purpose_agent.types import Evidence, Heuristic

if TYPE_CHECKING:
    from purpose_agent.cli.watching import Watch
    from purpose_agent.orchestrator import Orchestrator


def ask_before_actions(orchestrator: Orchestrator, watch: Watch, *, as_json: bool) -> None:
    """Let the orchestrator's runs ask a person.

    Args:
        orchestrator: whose runs; it is changed.
        watch: knows which run it is, for the evidence of lessons that the person brings.
        as_json: whether standard output is kept for data, so that questions go to standard error.
    """

    def keep(lesson: Heuristic, step: int) -> None:
        evidence = None if watch.run_id is None else Evidence(watch.run_id, (step,))
        add_human_lesson(orchestrator.library, lesson, evidence)
        orchestrator.sync_memory()

    handler = CLIInputHandler(read=_read_quietly, write=_write) if as_json else CLIInputHandler()
    person = HumanPolicy(
        handler=handler,
        approve_actions=True,
        review_scores=False,
        every=0,
        left_at=0,
        inject=keep,
        checkpoint=lambda: None,
    )
    runner = orchestrator.runner
    runner.engine = runner.engine.with_policy(person)


def _read_quietly(question: str) -> str:
    print(question, end="", file=sys.stderr, flush=True)
    line = sys.stdin.readline()
    if not line:
        raise EOFError
    return line


def _write(line: str) -> None:
    print(line, file=sys.stderr)
