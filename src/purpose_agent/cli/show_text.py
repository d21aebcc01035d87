"""A run, and a single step of it, as text for people."""

from __future__ import annotations

import json
from typing import Any

from purpose_agent.cli.episode_report import REASONS, learned_text, outcome_line, show_usage
from purpose_agent.cli.moments import local_time
from purpose_agent.cli.plain_text import count_of, duration, number, one_line, phi_bar
from purpose_agent.cli.run_view import RunView, StepView
from purpose_agent.cli.screen import Part, Screen
from purpose_agent.cli.state_difference import Change, differences
from purpose_agent.cli.step_text import INDENT, aside_line, error_line, failure_line, step_line
from purpose_agent.events import RunFinished, StateRecord, VerdictRecord
from purpose_agent.terminal_text import printable

MAX_CHANGES = 8
"""Changes of a state shown for each step of a run."""

MAX_OBSERVATION = 240
MAX_THOUGHT = 200
MAX_VALUE = 80

_SIGNS = {"added": ("+", "green"), "removed": ("-", "red"), "changed": ("~", "yellow")}


def show_run(screen: Screen, view: RunView) -> None:
    """The whole run: how it began, its steps in short, how it ended."""
    _show_start(screen, view)
    for failure in view.before_steps:
        screen.line(*failure_line(failure))
    for step in view.steps:
        for aside in step.asides:
            screen.line(*aside_line(aside))
        if step.decided is not None or not view.is_over:  # else the run ended before its action was found
            _show_step_shortly(screen, step)
    if not view.steps:
        screen.line("no steps")
    _show_end(screen, view)


def _show_start(screen: Screen, view: RunView) -> None:
    s = view.started
    screen.line("run       ", (one_line(s.run_id), "bold"), f"  {local_time(s.created_at)}")
    screen.line(f"in        {one_line(s.environment)}")
    screen.line(f"model     {one_line(s.model)}, {s.decision}")
    screen.line("purpose   ", (one_line(s.purpose, 1000), "bold"))
    if s.task != s.purpose:
        screen.line(f"task      {one_line(s.task, 1000)}")
    seed = "no seed" if s.seed is None else f"seed {s.seed}"
    options = f", options {one_line(_json(s.options), 200)}" if s.options else ""
    limits = "".join(f", {name} ≤ {value:g}" for name, value in s.limits.items())
    learning = "learning" if s.learning else "not learning"
    screen.line(f"asked     {seed}{options}, at most {s.max_steps} steps{limits}, {learning}")
    if s.shown or s.example:
        example = f", and run {s.example} as an example" if s.example else ""
        screen.line(f"shown     {', '.join(map(one_line, s.shown)) or 'no memory items'}{example}")
    if view.resumed:
        screen.line(f"resumed   {count_of(view.resumed, 'time')}")
    screen.line("start     ", (one_line(_describe(s.state, 4000), 600), "dim"))
    screen.line()


def _show_step_shortly(screen: Screen, step: StepView) -> None:
    decided, executed = step.decided, step.executed
    score = None if step.scored is None else step.scored.score
    screen.line(*step_line(step.number, step.action, decided.source if decided else "", score))
    if decided is not None and decided.action.thought.strip():
        screen.line(INDENT, ("thought", "dim"), f": {one_line(decided.action.thought, MAX_THOUGHT)}")
    if executed is None:
        screen.line(INDENT, ("not finished", "yellow"))
    elif executed.error:
        screen.line(*error_line(executed.error))
    elif executed.state is None:
        screen.line(INDENT, ("nothing changed", "dim"))
    else:
        _show_change(screen, step)
    if executed is not None and executed.shown:
        screen.line(INDENT, ("tips", "dim"), f": {', '.join(map(one_line, executed.shown))}")


def _show_change(screen: Screen, step: StepView) -> None:
    """The new observation where the state is a text, else what changed in the data."""
    if step.after.summary is not None:
        screen.line(INDENT, (one_line(step.after.summary, MAX_OBSERVATION), "dim"))
        return
    changes = differences(step.before.data, step.after.data)
    for change in changes[:MAX_CHANGES]:
        screen.line(INDENT, *_change_parts(change, MAX_VALUE))
    if len(changes) > MAX_CHANGES:
        screen.line(
            INDENT, (f"… and {len(changes) - MAX_CHANGES} more (--step {step.number} shows all)", "dim")
        )


def _change_parts(change: Change, limit: int | None) -> list[Part]:
    path = one_line(change.path, 200)
    before, after = one_line(_json(change.before), limit), one_line(_json(change.after), limit)
    values = {"added": after, "removed": before, "changed": f"{before} → {after}"}[change.kind]
    return [_SIGNS[change.kind], f" {path}: {values}"]


def _show_end(screen: Screen, view: RunView) -> None:
    end = view.finished
    screen.line()
    if end is None:
        option = f"purpose-agent resume {view.started.run_id}"
        screen.line(
            ("not finished", "bold yellow"), f": it goes on in another process, or was killed; {option}"
        )
    else:
        _show_outcome(screen, view, end)
    if view.learned is not None:
        screen.line(f"learned   {learned_text(view.learned)}")
        if view.learned.added:
            screen.line(f"          {', '.join(map(one_line, view.learned.added))}")
    for failure in view.closing:
        screen.line(*failure_line(failure))
    show_usage(screen, view.usage)


def _show_outcome(screen: Screen, view: RunView, end: RunFinished) -> None:
    if view.is_over:
        screen.line(*outcome_line(end.success, end.steps, end.stop_reason, end.final_phi))
    else:
        screen.line(
            ("interrupted", "bold yellow"),
            f" after {count_of(end.steps, 'step')}; go on: purpose-agent resume {view.started.run_id}",
        )
    last = view.steps[-1].executed if view.steps else None
    verdict = last.verdict if last is not None else view.started.verdict
    if verdict is not None:
        screen.line(f"verdict   {_verdict(verdict)}")
    if end.error:
        screen.line("error     ", (one_line(end.error, 1000), "red"))
    if end.detail:
        screen.line(f"detail    {one_line(end.detail, 1000)}")
    screen.line(f"time      {duration(end.seconds)}")


def _verdict(verdict: VerdictRecord) -> str:
    words = {True: "achieved", False: "not achieved", None: "unknown whether achieved"}[verdict.success]
    reason = f": {one_line(verdict.reason, 400)}" if verdict.reason else ""
    score = "" if verdict.score is None else f"{verdict.score:.2f} of 1, "
    return f"{score}{words}{reason}"


def show_step(screen: Screen, step: StepView) -> None:
    """One step with nothing left out."""
    for aside in step.asides:
        screen.line(*aside_line(aside))
    score = None if step.scored is None else step.scored.score
    screen.line(*step_line(step.number, step.action, step.decided.source if step.decided else "", score))
    _show_decision(screen, step)
    _show_answer(screen, step)
    _show_score(screen, step)
    _heading(screen, "state before")
    screen.block(printable(_describe(step.before)))
    _heading(screen, "state after")
    if step.executed is None:
        screen.block("(the step is not finished)")
    elif step.after is step.before:
        screen.block("(the same)")
    else:
        screen.block(printable(_describe(step.after)))
        _heading(screen, "changes of its data")
        for change in differences(step.before.data, step.after.data):
            screen.line("  ", *_change_parts(change, None))


def _show_decision(screen: Screen, step: StepView) -> None:
    if step.decided is None:
        return
    action = step.decided.action
    if action.params:
        _heading(screen, "params")
        screen.block(printable(json.dumps(action.params, ensure_ascii=False, indent=2)))
    for name, text in (("thought", action.thought), ("expected", action.expected_delta)):
        if text.strip():
            _heading(screen, name)
            screen.block(printable(text))
    offered = f"one of {step.decided.offered} that were possible" if step.decided.offered else "free"
    screen.line("decided   ", f"by {step.decided.source}, {offered}")
    if action.cited:
        screen.line(f"cited     {', '.join(map(one_line, action.cited))}")


def _show_answer(screen: Screen, step: StepView) -> None:
    executed = step.executed
    if executed is None:
        return
    if executed.error:
        _heading(screen, "error")
        screen.block(printable(executed.error), style="red")
    if executed.verdict is not None:
        screen.line(f"verdict   {_verdict(executed.verdict)}")
    if executed.terminal:
        screen.line(f"end       {REASONS['terminal']}")
    if executed.shown:
        screen.line(f"tips      {', '.join(map(one_line, executed.shown))}")
    show_usage(screen, executed.usage)
    screen.line(f"time      {duration(executed.seconds)}")


def _show_score(screen: Screen, step: StepView) -> None:
    if step.scored is None:
        screen.line("score     none")
        return
    score = step.scored.score
    screen.line(
        f"score     Φ {number(score.phi_before, '.2f')} → {number(score.phi_after, '.2f')} "
        f"({number(score.delta, '+.2f')})  {phi_bar(score.phi_after)}  by {one_line(step.scored.by)}, "
        f"confidence {score.confidence:.2f}"
    )
    readings = step.scored.readings
    if len(readings) > 1:
        said = ", ".join(f"{one_line(name)} {number(raw, '.2f')}" for name, raw in sorted(readings.items()))
        screen.line(f"critics   {said}")
    for name, text in (("reasoning", score.reasoning), ("evidence", score.evidence)):
        if text.strip():
            _heading(screen, name)
            screen.block(printable(text))


def _heading(screen: Screen, name: str) -> None:
    screen.line((name, "bold"))


def _describe(state: StateRecord, limit: int | None = None) -> str:
    if state.summary is not None:
        return state.summary
    if limit is not None:
        return _json(state.data)[:limit]
    return json.dumps(state.data, ensure_ascii=False, indent=2)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
