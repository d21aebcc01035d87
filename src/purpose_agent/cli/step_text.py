"""How a step looks, live and afterwards: one line, and what happened beside it."""

from __future__ import annotations

from purpose_agent.cli.plain_text import count_of, number, one_line, phi_bar
from purpose_agent.cli.screen import Part
from purpose_agent.events import ActionRecord, Compacted, Failed, HumanDecided, Recalled, Refused, ScoreRecord
from purpose_agent.journal import restore_action

INDENT = " " * 5

_MAX_TEXT = 300


def action_text(action: ActionRecord) -> str:
    """The action as its shortest unambiguous text."""
    return restore_action(action).command


def step_line(step: int, action: str, source: str, score: ScoreRecord | None) -> list[Part]:
    """``  3  ███████░░░  7.0  +2.0  model  open chest``."""
    phi = None if score is None else score.phi_after
    delta = None if score is None else score.delta
    change = number(delta, "+.1f")
    style = "" if not delta else ("green" if delta > 0 else "red")
    return [
        f"{step:>3}  ",
        (phi_bar(phi), "cyan"),
        f" {number(phi):>4} ",
        (f"{change:>5}", style),
        ("  " + f"{source:<6}", "dim"),
        "  ",
        (one_line(action, 2000), "bold"),
    ]


def aside_line(aside: Refused | Recalled | HumanDecided | Failed | Compacted) -> list[Part]:
    """What happened beside a step, in one line."""
    match aside:
        case Refused():
            return [
                INDENT,
                ("refused", "yellow"),
                f" ({aside.by}): {one_line(aside.proposal, 120)}: {one_line(aside.reason, _MAX_TEXT)}",
            ]
        case Recalled():
            missing = "" if aside.found else ", which does not exist"
            return [INDENT, ("recalled", "dim"), f" memory item {one_line(aside.memory_id, 60)}{missing}"]
        case HumanDecided():
            message = f": {one_line(aside.message, _MAX_TEXT)}" if aside.message else ""
            word = "" if aside.approved else ", not approved"
            return [INDENT, ("human", "magenta"), f" {one_line(aside.kind, 60)}{word}{message}"]
        case Compacted():
            return [INDENT, ("compacted", "dim"), f" the conversation by {count_of(aside.turns, 'turn')}"]
        case Failed():
            return failure_line(aside)


def failure_line(failure: Failed) -> list[Part]:
    """A part that failed, in one line."""
    kind = " for now" if failure.transient else ""
    return [INDENT, ("failed", "red"), f"{kind}: {failure.part}: {one_line(failure.error, _MAX_TEXT)}"]


def error_line(error: str) -> list[Part]:
    """What the environment raised, in one line."""
    return [INDENT, ("error", "red"), f": {one_line(error, _MAX_TEXT)}"]
