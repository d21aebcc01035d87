"""A person at a terminal as the input handler.

What models and environments wrote is shown with control characters escaped and each line marked, so that no text can
move the cursor or pass for a prompt.
"""

from __future__ import annotations

import json
import signal
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from purpose_agent.hitl.human_input import HumanInput, HumanInputHandler, InterruptType
from purpose_agent.prompt_text import shorten
from purpose_agent.terminal_text import printable
from purpose_agent.types import PHI_MAX, Action, Heuristic, MemoryTier, PurposeScore, State

MAX_SHOWN_CHARS = 4000
"""A longer text is shown with its middle left out."""

CLOSED = "the input was closed"
INTERRUPTED = "interrupted with Ctrl-C"


class CLIInputHandler(HumanInputHandler):
    """Asks on standard output and reads standard input; the choice in capitals is what Enter means.

    A closed input and Ctrl-C abort the run, which keeps what was done.

    Args:
        read: called with a question, returns the line; default: `input`.
        write: called with each line that is shown; default: `print`.
    """

    def __init__(
        self, *, read: Callable[[str], str] | None = None, write: Callable[[str], None] | None = None
    ) -> None:
        self._read = read
        self._write = write
        self._injected: Heuristic | None = None

    def request_input(self, interrupt_type: InterruptType, context: dict[str, Any]) -> HumanInput:
        """Ask, until the answer is understood."""
        asking = {
            InterruptType.APPROVE_ACTION: self._approve,
            InterruptType.OVERRIDE_SCORE: self._review,
        }.get(interrupt_type, self._pause)
        self._injected = None
        try:
            with _interruptible():
                answer = asking(context)
        except KeyboardInterrupt:
            answer = HumanInput(InterruptType.ABORT, approved=False, message=INTERRUPTED)
        except EOFError:
            answer = HumanInput(InterruptType.ABORT, approved=False, message=CLOSED)
        answer.injected_heuristic = self._injected
        return answer

    def notify(self, message: str) -> None:
        """Say it."""
        self._show("note", message)

    # -- prompts -------------------------------------------------------------------------------------------
    def _approve(self, context: dict[str, Any]) -> HumanInput:
        prompt = InterruptType.APPROVE_ACTION
        self._say(f"-- Step {context['step']}: may this action be carried out?")
        self._show("action", Action(context["action_name"], context["action_params"]).command)
        self._show("thought", context["thought"])
        self._show("expected", context["expected_delta"])
        while True:
            match self._choose("[Y]es, [n]o, [e]dit, [i]nject a lesson, [a]bort: ", "yneia"):
                case "y":
                    return HumanInput(prompt)
                case "n":
                    why = self._ask("Why (the agent reads it): ")
                    return HumanInput(prompt, approved=False, message=why)
                case "e":
                    edited = self._edited(context)
                    if edited is not None:
                        return HumanInput(InterruptType.EDIT_ACTION, edited_action=edited)
                case "i":
                    self._inject()
                case _:
                    return self._abort()

    def _edited(self, context: dict[str, Any]) -> Action | None:
        name = self._ask("Name of the action (Enter keeps it): ") or context["action_name"]
        typed = self._ask("Params as a JSON object (Enter keeps them): ")
        try:
            params = json.loads(typed) if typed else dict(context["action_params"])
        except ValueError as e:
            self._say(f"That is no JSON: {e}")
            return None
        if not isinstance(params, dict):
            self._say('Params are an object, like {"to": "kitchen"}.')
            return None
        return Action(name, params, context["thought"], context["expected_delta"])  # pyright: ignore[reportUnknownArgumentType]

    def _review(self, context: dict[str, Any]) -> HumanInput:
        prompt = InterruptType.OVERRIDE_SCORE
        before, after = float(context["phi_before"]), float(context["phi_after"])
        self._say(
            f"-- Is this score right? Phi {before:g} -> {after:g} (confidence {context['confidence']:g})"
        )
        self._show("evidence", context["evidence"])
        self._show("before", context["state_before"])
        self._show("after", context["state_after"])
        while True:
            typed = self._ask(f"[K]eep, a number from 0 to {PHI_MAX:g}, [i]nject a lesson, [a]bort: ").lower()
            if typed[:1] in ("", "k"):
                return HumanInput(prompt)
            if typed[0] == "a":
                return self._abort()
            if typed[0] == "i":
                self._inject()
                continue
            phi = _phi(typed)
            if phi is None:
                self._say(f"Please type k, i, a, or a number from 0 to {PHI_MAX:g}.")
                continue
            why = self._ask("Why (Enter for no reason): ")
            score = PurposeScore(before, phi, phi - before, why, "", 1.0)
            return HumanInput(prompt, override_score=score, message=why)

    def _pause(self, context: dict[str, Any]) -> HumanInput:
        self._say(f"-- Paused after step {context['step']}. Go on?")
        self._show("state", context["state"])
        while True:
            match self._choose("[C]ontinue, [i]nject a lesson, [a]bort: ", "cia"):
                case "c":
                    return HumanInput(InterruptType.PAUSE)
                case "i":
                    self._inject()
                case _:
                    return self._abort()

    def _inject(self) -> None:
        if self._injected is not None:
            self._say("One lesson is kept with each answer; inject the next one at the next prompt.")
            return
        pattern = self._ask("When (the situation): ")
        strategy = self._ask("Do (the advice): ")
        tiers = ", ".join(MemoryTier)
        tier = self._ask(f"Tier, one of {tiers} (Enter for {MemoryTier.STRATEGIC}): ") or "strategic"
        if not strategy or tier not in list(MemoryTier):
            self._say("Nothing was kept: a lesson needs advice and a tier.")
            return
        self._injected = Heuristic(pattern, strategy, [], MemoryTier(tier))
        self._say("It will be kept with your answer.")

    def _abort(self) -> HumanInput:
        why = self._ask("Why (Enter for no reason): ")
        return HumanInput(InterruptType.ABORT, approved=False, message=why or "aborted by a person")

    # -- lines ---------------------------------------------------------------------------------------------
    def _choose(self, question: str, letters: str) -> str:
        """One of the letters; the first for an empty line."""
        while True:
            letter = self._ask(question).lower()[:1] or letters[0]
            if letter in letters:
                return letter
            self._say(f"Please type one of {', '.join(letters)}.")

    def _ask(self, question: str) -> str:
        try:
            return (self._read or input)(question).strip()
        except (OSError, ValueError, RuntimeError) as e:
            raise EOFError from e  # `input` has nothing to read from

    def _show(self, label: str, value: Any) -> None:
        text = value.describe() if isinstance(value, State) else str(value)
        first, *more = printable(shorten(text, MAX_SHOWN_CHARS)).split("\n")
        self._say(f"  {label:>8} | {first}")
        for line in more:
            self._say(f"  {'':>8} | {line}")

    def _say(self, line: str) -> None:
        if self._write is not None:
            self._write(line)
            return
        encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
        print(line.encode(encoding, "backslashreplace").decode(encoding))


def _phi(typed: str) -> float | None:
    try:
        phi = float(typed)
    except ValueError:
        return None
    return phi if 0 <= phi <= PHI_MAX else None


@contextmanager
def _interruptible() -> Generator[None]:
    """Let Ctrl-C raise at once: an event loop would only note it until the line is typed."""
    here = threading.current_thread() is threading.main_thread()
    previous = signal.getsignal(signal.SIGINT) if here else None
    if previous is None:
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
