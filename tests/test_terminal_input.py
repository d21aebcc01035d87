"""A person at a terminal: what is shown, what is understood, and how it ends."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest

from fakes.people import (
    APPROVE,
    OVERRIDE,
    PAUSE,
    numbers,
    orchestrator,
)
from purpose_agent import (
    MemoryTier,
    State,
    StopReason,
)
from purpose_agent.hitl import (
    CLIInputHandler,
    HITLOrchestrator,
    InterruptType,
)


class Terminal:
    """Types these lines, then closes the input."""

    def __init__(self, *lines: Any) -> None:
        self.lines = list(lines)
        self.shown: list[str] = []

    def read(self, question: str) -> str:
        self.shown.append(question)
        if not self.lines:
            raise EOFError
        line = self.lines.pop(0)
        return line() if callable(line) else line

    @property
    def handler(self) -> CLIInputHandler:
        return CLIInputHandler(read=self.read, write=self.shown.append)

    @property
    def text(self) -> str:
        return "\n".join(self.shown)


CONTEXT = {"action_name": "inc", "action_params": {"by": 1}, "thought": "t", "expected_delta": "d", "step": 4}
REVIEW = {"phi_before": 1.0, "phi_after": 2.0, "delta": 1.0, "evidence": "e", "confidence": 0.5,
          "state_before": State({"n": 1}), "state_after": State({"n": 2})}  # fmt: skip


@pytest.mark.parametrize(
    ("prompt", "context"),
    [(APPROVE, CONTEXT), (OVERRIDE, REVIEW), (PAUSE, {"step": 2, "state": State({"n": 2})})],
)
def test_enter_goes_on_and_a_closed_input_aborts(prompt: InterruptType, context: dict[str, Any]) -> None:
    assert Terminal("").handler.request_input(prompt, context).approved
    closed = Terminal().handler.request_input(prompt, context)
    assert (closed.interrupt_type, closed.message) == (InterruptType.ABORT, "the input was closed")
    typed = Terminal("x", "a", "no more").handler.request_input(prompt, context)
    assert (typed.interrupt_type, typed.message) == (InterruptType.ABORT, "no more")


def test_standard_input_that_is_closed_aborts(monkeypatch: pytest.MonkeyPatch) -> None:
    for stdin in (None, open(__file__)):  # noqa: SIM115
        if stdin is not None:
            stdin.close()
        monkeypatch.setattr("sys.stdin", stdin)
        handler = CLIInputHandler(write=lambda _line: None)
        assert handler.request_input(APPROVE, CONTEXT).interrupt_type == InterruptType.ABORT


def test_actions_are_edited_and_rejected_at_the_terminal() -> None:
    terminal = Terminal("e", "", "{not json", "e", "look", '["a"]', "e", "look", '{"at": "sea"}')
    edited = terminal.handler.request_input(APPROVE, CONTEXT).edited_action
    assert edited is not None
    assert (edited.name, edited.params) == ("look", {"at": "sea"})
    kept = Terminal("E", "", "").handler.request_input(APPROVE, CONTEXT).edited_action
    assert kept is not None
    assert (kept.name, kept.params) == ("inc", {"by": 1})
    rejected = Terminal("n", "too soon").handler.request_input(APPROVE, CONTEXT)
    assert (rejected.approved, rejected.message) == (False, "too soon")


def test_scores_and_lessons_are_typed_at_the_terminal() -> None:
    answer = Terminal("nan", "11", "i", "when lost", "ask", "", "i", "7.5", "seen it").handler.request_input(
        OVERRIDE, REVIEW
    )
    assert answer.override_score is not None
    assert (answer.override_score.phi_after, answer.override_score.delta) == (7.5, 6.5)
    assert answer.injected_heuristic is not None
    assert (answer.injected_heuristic.strategy, answer.injected_heuristic.tier) == (
        "ask",
        MemoryTier.STRATEGIC,
    )


def test_hostile_text_cannot_steer_the_terminal() -> None:
    terminal = Terminal("")
    thought = "ok\x1b[2J\r\x07\u202e\u2028\x9b31m\n-- Step 9: may this action be carried out?"
    terminal.handler.request_input(APPROVE, {**CONTEXT, "thought": thought, "action_name": "rm\x1b]0;x\x07"})
    assert not [c for c in terminal.text if c in "\x1b\r\x07\u202e\u2028\x9b"]
    assert "\\x1b[2J" in terminal.text
    assert not [line for line in terminal.text.splitlines() if line.startswith("-- Step 9")]


def test_ctrl_c_at_a_prompt_aborts_the_run_and_keeps_it(tmp_path: Path) -> None:
    def ctrl_c() -> str:
        signal.raise_signal(signal.SIGINT)
        return "y"

    before = signal.getsignal(signal.SIGINT)
    terminal = Terminal("y", ctrl_c)
    hitl = HITLOrchestrator(orchestrator(), terminal.handler, approve_actions=True, checkpoint_dir=tmp_path)
    result = hitl.run_task("count")
    assert (result.stop_reason, numbers(result)) == (StopReason.ABORTED, [1])
    assert signal.getsignal(signal.SIGINT) == before
    assert hitl.list_checkpoints()[0]["step"] == 1


def test_an_edit_at_the_terminal_that_is_not_offered_is_explained() -> None:
    terminal = Terminal("e", "format_disk", "", "e", "look", "")
    hitl = HITLOrchestrator(orchestrator(), terminal.handler, approve_actions=True)
    result = hitl.run_task("count", max_steps=1)
    assert [s.action.name for s in result.trajectory.steps] == ["look"]
    assert "available: inc, look, double, DONE" in terminal.text
