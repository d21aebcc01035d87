"""People to put in a loop: they answer from a list and remember what they were asked."""

from __future__ import annotations

from typing import Any

from fakes.scripted import ACTIONS, counter, scripted
from purpose_agent import Heuristic, MemoryTier, MockLLMBackend, Orchestrator, PurposeScore, TaskResult
from purpose_agent.events import Failed
from purpose_agent.hitl import HumanInput, HumanInputHandler, InterruptType

APPROVE, OVERRIDE, PAUSE = InterruptType.APPROVE_ACTION, InterruptType.OVERRIDE_SCORE, InterruptType.PAUSE
ABORT = HumanInput(InterruptType.ABORT)


class Person(HumanInputHandler):
    """Gives these answers in order, then approves everything; remembers what it was asked."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[InterruptType, dict[str, Any]]] = []
        self.notes: list[str] = []

    def request_input(self, interrupt_type: InterruptType, context: dict[str, Any]) -> Any:
        self.asked.append((interrupt_type, context))
        answer = self.answers.pop(0) if self.answers else HumanInput(interrupt_type)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def notify(self, message: str) -> None:
        self.notes.append(message)


def orchestrator(llm: MockLLMBackend | None = None, **kwargs: Any) -> Orchestrator:
    return Orchestrator(llm or scripted(), counter(), ACTIONS, **kwargs)


def scored(phi: float, why: str = "") -> HumanInput:
    return HumanInput(OVERRIDE, override_score=PurposeScore(0, phi, phi, why, "", 1))


def numbers(result: TaskResult) -> list[int]:
    return [s.state_after.data["n"] for s in result.trajectory.steps]


def failures(orch: Orchestrator, result: TaskResult) -> list[str]:
    return [e.error for e in orch.store.events(result.run_id) if isinstance(e, Failed)]


def lesson(
    pattern: str = "the vault is locked", strategy: str = "ask the janitor for the blue key"
) -> Heuristic:
    return Heuristic(pattern, strategy, [], MemoryTier.STRATEGIC)
