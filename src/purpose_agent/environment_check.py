"""Tells what is wrong with an environment, before an agent is let loose in it.

`check_environment` plays two short episodes and looks at everything the contract in `purpose_agent.environment`
says. It works for any object with ``execute``, sync or async, and never hangs: each call has a time limit.
"""

from __future__ import annotations

import contextlib
import inspect
import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, cast

from purpose_agent.environment_report import EnvironmentReport, Finding
from purpose_agent.errors import describe_error
from purpose_agent.freeze import MAX_DEPTH
from purpose_agent.numeric import is_whole
from purpose_agent.timed_call import HungError, TimedCaller
from purpose_agent.types import Action, State, Verdict

OPTIONAL_METHODS = ("reset", "is_terminal", "admissible_actions", "verdict", "restore", "close")
"""What an environment may offer beside ``execute``."""


def check_environment(
    environment: Any,
    *,
    seed: int = 0,
    options: dict[str, Any] | None = None,
    steps: int = 10,
    actions: Sequence[Action | str] = (),
    seconds: float = 20.0,
) -> EnvironmentReport:
    """Play two short episodes and report what is wrong. The environment is closed at the end.

    Args:
        environment: the object to check.
        seed: passed to ``reset`` where it takes one.
        options: passed to ``reset`` where it takes them.
        steps: how many actions to execute in each episode, at most.
        actions: what to execute instead of the admissible actions it lists.
        seconds: how long one call may take.
    """
    report = EnvironmentReport(type(environment).__name__)
    checker = _Checker(environment, report, seed, options, list(actions), seconds)
    try:
        with contextlib.suppress(HungError):  # reported already; no further call would come through
            checker.run(steps)
    finally:
        checker.worker.stop()
    return report


class _BrokenCallError(Exception):
    """A call raised; it is reported already."""


class _Seen(NamedTuple):
    """A state as the environment returned it, what it was then, and what the environment said about it."""

    state: State
    fingerprint: str
    answers: dict[str, Any]


class _Checker:
    """The checks; each method is one of them."""

    def __init__(
        self,
        environment: Any,
        report: EnvironmentReport,
        seed: int,
        options: dict[str, Any] | None,
        actions: list[Action | str],
        seconds: float,
    ) -> None:
        self.environment = environment
        self.report = report
        self.actions = actions
        self.seconds = seconds
        self.worker = TimedCaller()
        self.task: dict[str, Any] = {"seed": seed, "options": options}

    def run(self, steps: int) -> None:
        """All checks, in an order in which each may rely on the ones before."""
        if not callable(getattr(self.environment, "execute", None)):
            self.error(
                "execute", "there is no such method; add execute(self, action, current_state) -> State"
            )
            return
        self.check_attributes()
        self.check_options()
        seen: list[_Seen] = []
        done: list[Action] = []
        with contextlib.suppress(_BrokenCallError):
            self.play(steps, seen, done)
        if seen:
            self.check_past(seen)
            self.check_repetition(seen, done)
            self.check_restore(seen, done)
        self.check_close()

    # -- reporting ------------------------------------------------------------------------------------------------

    def error(self, subject: str, message: str) -> None:
        self._add(Finding("error", subject, message))

    def warn(self, subject: str, message: str) -> None:
        self._add(Finding("warning", subject, message))

    def _add(self, finding: Finding) -> None:
        if finding not in self.report.findings:
            self.report.findings.append(finding)

    def call(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """Call a method of the environment; what it raises is reported, and so is that it does not return."""
        function = getattr(self.environment, name)
        try:
            return self.worker.call(lambda: function(*args, **kwargs), self.seconds)
        except HungError:
            self.error(
                name, f"did not return within {self.seconds:g} s{_given(args)}; the checks stopped here"
            )
            raise
        except Exception as error:
            self.error(name, f"raised {describe_error(error)}{_given(args)}")
            raise _BrokenCallError from error

    def offers(self, name: str) -> bool:
        return callable(getattr(self.environment, name, None))

    # -- attributes -----------------------------------------------------------------------------------------------

    def check_attributes(self) -> None:
        for name in OPTIONAL_METHODS:
            found = getattr(self.environment, name, None)
            if found is not None and not callable(found):
                self.error(name, f"must be a method, got {found!r:.80}")
        if not self.offers("reset"):
            self.warn("reset", "there is no such method, so every episode starts from an empty state; add it")
        actions: Any = getattr(self.environment, "actions", None)
        if actions is not None and not _maps_text_to_text(actions):
            self.error("actions", f"must be a dict of names to descriptions, both str, got {actions!r:.80}")
        limit: Any = getattr(self.environment, "max_steps", None)
        if limit is not None and (not is_whole(limit) or limit < 1):
            self.error("max_steps", f"must be a whole number above 0, got {limit!r}")
        untrusted: Any = getattr(self.environment, "untrusted", False)
        if not isinstance(untrusted, bool):
            self.error("untrusted", f"must be True or False, got {untrusted!r:.80}")

    def accepted(self, name: str) -> dict[str, Any]:
        """Those of seed and options that a method takes."""
        if not self.offers(name):
            return {}
        try:
            parameters = inspect.signature(getattr(self.environment, name)).parameters.values()
        except (TypeError, ValueError):
            return {}
        every = any(p.kind is p.VAR_KEYWORD for p in parameters)
        return {k: v for k, v in self.task.items() if every or any(p.name == k for p in parameters)}

    def check_options(self) -> None:
        if self.task["options"] and "options" not in self.accepted("reset"):
            self.error("reset", f"takes no options, but the check was given {self.task['options']!r:.80}")

    # -- an episode -----------------------------------------------------------------------------------------------

    def play(self, steps: int, seen: list[_Seen], done: list[Action]) -> None:
        """Play an episode, look at every state on the way, and add to the two lists."""
        if self.offers("reset"):
            self.is_state("reset", self.call("reset"))  # seed and options are optional
        seen.append(self.look("reset", self.reset()))
        while len(done) < steps and not seen[-1].answers.get("is_terminal"):
            action = self.choose(seen[-1], len(done))
            if action is None:
                return
            given = seen[-1].state.snapshot().thaw()
            after = self.call("execute", action, given)
            self.report.steps += 1
            self.check_untouched("execute", given, seen[-1].fingerprint)
            seen.append(self.look("execute", after))
            done.append(action)

    def reset(self) -> Any:
        return self.call("reset", **self.accepted("reset")) if self.offers("reset") else State(data={})

    def choose(self, seen: _Seen, step: int) -> Action | None:
        """A choice that looks arbitrary and is always the same."""
        listed: list[Any] = self.actions or seen.answers.get("admissible_actions") or []
        if listed:
            chosen = listed[(7 * step + 3) % len(listed)]
            return Action(chosen) if isinstance(chosen, str) else chosen
        if not self.offers("admissible_actions"):
            self.warn(
                "execute", "was not tried, as no admissible actions are listed; pass actions= to the check"
            )
        return None

    def look(self, source: str, state: Any) -> _Seen:
        """Check a state and all that the environment says about it."""
        if not self.is_state(source, state):
            raise _BrokenCallError
        problems = list(_unjsonable(state.data, "data", 0))
        for problem in problems[:5]:
            self.error(source, problem)
        if state.summary is not None and not isinstance(state.summary, str):
            self.error(source, f"State.summary must be a str or None, got {state.summary!r:.80}")
        try:
            fingerprint = state.fingerprint
        except (TypeError, ValueError) as error:
            self.error(source, f"the state cannot be recorded: {error}")
            raise _BrokenCallError from error
        seen = _Seen(state, fingerprint, self.answers(state))
        self.check_answers(seen)
        return seen

    def is_state(self, source: str, state: Any) -> bool:
        if isinstance(state, State) and isinstance(cast(object, state.data), dict):
            return True
        got = f"{type(state).__name__}: {state!r:.80}"
        wanted = "State.data must be a dict" if isinstance(state, State) else "must return a State"
        self.error(source, f"{wanted}, got {got}; return State(data={{...}})")
        return False

    def answers(self, state: State) -> dict[str, Any]:
        """What the environment says about a state, now."""
        said: dict[str, Any] = {}
        for name in ("is_terminal", "verdict", "admissible_actions"):
            if self.offers(name):
                given = state.snapshot().thaw()
                before = given.fingerprint
                try:
                    said[name] = self.call(name, given)
                except _BrokenCallError:
                    continue
                self.check_untouched(name, given, before)
                if isinstance(said[name], list):
                    said[name] = list(cast(list[Any], said[name]))
        return said

    def check_untouched(self, name: str, given: State, before: str) -> None:
        if given.fingerprint != before:
            self.warn(name, "changes the state it is given; build a new dict instead, dict(state.data)")

    def check_answers(self, seen: _Seen) -> None:
        said = seen.answers
        terminal = said.get("is_terminal", False)
        if not isinstance(terminal, bool):
            self.error("is_terminal", f"must return True or False, got {terminal!r:.80}")
        verdict = said.get("verdict")
        if verdict is not None and not isinstance(verdict, Verdict):
            self.error(
                "verdict", f"must return a Verdict or None, got {type(verdict).__name__}: {verdict!r:.80}"
            )
        if "admissible_actions" in said:
            self.check_admissible(said["admissible_actions"], bool(terminal), seen)

    def check_admissible(self, listed: Any, terminal: bool, seen: _Seen) -> None:
        name = "admissible_actions"
        if not isinstance(listed, list):
            self.error(
                name, f"must return a list of str or Action, got {type(listed).__name__}: {listed!r:.80}"
            )
            seen.answers.pop(name)
            return
        items = cast(list[Any], listed)
        strange = [item for item in items if not isinstance(item, (str, Action)) or not item]
        if strange:
            self.error(name, f"each must be a non-empty str or an Action, got {strange[0]!r:.80}")
            seen.answers.pop(name)
            return
        keys = [_key(item) for item in items]
        twice = sorted({key for key in keys if keys.count(key) > 1})
        if twice:
            self.warn(name, f"lists {twice[0]!r} more than once; return sorted(set(...))")
        elif keys != sorted(keys):
            self.warn(
                name,
                f"is not sorted ({keys[:3]!r:.80}); the order of a set differs between processes: sort it",
            )
        if not items and not terminal:
            self.error(name, "is empty although is_terminal is False, so the agent could do nothing")

    # -- comparisons ----------------------------------------------------------------------------------------------

    def check_past(self, seen: list[_Seen]) -> None:
        """States keep their content, and what is said about them depends on that alone."""
        for index, past in enumerate(seen):
            source = "execute" if index else "reset"
            if past.state.fingerprint != past.fingerprint:
                self.error(
                    source,
                    "a state that it returned changed afterwards: it hands out its own dict and changes it in place; "
                    "return State(data=copy.deepcopy(...))",
                )
                return
        for past in seen:
            again = self.answers(past.state)
            for name, before in past.answers.items():
                if name in again and _comparable(again[name]) != _comparable(before):
                    self.error(
                        name,
                        f"is not a function of the state: it said {before!r:.80} and later {again[name]!r:.80} about "
                        "the same state; put what it depends on into State.data, and sort what it lists",
                    )

    def check_repetition(self, seen: list[_Seen], done: list[Action]) -> None:
        """The same seed and actions give the same episode, whatever happened before."""
        try:
            state = self.reset()
            if not self.same("reset", state, seen[0]):
                return
            for index, action in enumerate(done, start=1):
                state = self.call("execute", action, state.snapshot().thaw())
                if not self.same("execute", state, seen[index]):
                    return
        except _BrokenCallError:
            return

    def same(self, source: str, state: Any, before: _Seen) -> bool:
        if isinstance(state, State) and state.fingerprint == before.fingerprint:
            return True
        got = state.describe() if isinstance(state, State) else repr(state)
        what = f"the second episode gave {got!r:.100}, the first {before.state.describe()!r:.100}"
        if "seed" in self.accepted("reset"):
            seed = self.task["seed"]
            self.error(
                source,
                f"seed={seed!r} does not repeat the episode: {what}; build everything anew from the seed",
            )
        else:
            self.warn(
                source,
                f"episodes differ and cannot be repeated: {what}; let reset take a seed, or start afresh",
            )
        return False

    def check_restore(self, seen: list[_Seen], done: list[Action]) -> None:
        if not self.offers("restore"):
            return
        away = [index for index, one in enumerate(seen) if one.fingerprint != seen[0].fingerprint]
        count = away[-1] if away else len(done)
        left = seen[count]
        try:
            self.reset()
            restored = self.call(
                "restore", left.state.snapshot().thaw(), done[:count], **self.accepted("restore")
            )
        except _BrokenCallError:
            return
        if self.is_state("restore", restored) and restored.fingerprint != left.fingerprint:
            self.error(
                "restore",
                f"after {count} actions it led to {restored.describe()!r:.100} instead of "
                f"{left.state.describe()!r:.100}; reset with the seed and options and replay the actions",
            )

    def check_close(self) -> None:
        if not self.offers("close"):
            return
        for attempt in ("once", "a second time"):
            try:
                self.call("close")
            except _BrokenCallError:
                if attempt != "once":
                    self.error("close", "must be harmless when it is called a second time")
                return


def _given(args: tuple[Any, ...]) -> str:
    action = next((a for a in args if isinstance(a, Action)), None)
    return f" for the action {action.command!r:.80}" if action is not None else ""


def _key(item: str | Action) -> str:
    return item if isinstance(item, str) else item.key


def _comparable(answer: Any) -> Any:
    if isinstance(answer, list):
        return [_key(item) for item in cast(list[Any], answer)]
    return answer


def _maps_text_to_text(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    items = cast(dict[Any, Any], value).items()
    return all(isinstance(k, str) and isinstance(v, str) for k, v in items)


def _unjsonable(value: Any, where: str, depth: int) -> Iterator[str]:
    """What in a state's data is not JSON, each with where it is and a remedy."""
    if depth > MAX_DEPTH:
        yield f"{where[:60]}… refers to itself or is nested more than {MAX_DEPTH} deep; flatten it"
    elif isinstance(value, dict):
        for key, item in cast(dict[Any, Any], value).items():
            if not isinstance(key, str):
                yield f"{where} has the key {key!r:.80}, which is not a str; use str(key)"
            yield from _unjsonable(item, f"{where}[{key!r:.40}]", depth + 1)
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(cast(Sequence[Any], value)):
            yield from _unjsonable(item, f"{where}[{index}]", depth + 1)
    elif isinstance(value, float):
        if not math.isfinite(value):
            yield f"{where} is {value!r}, which JSON cannot hold; use None"
    elif value is not None and not isinstance(value, (str, int)):
        kind = type(value).__name__
        yield f"{where} is a {kind} ({value!r:.80}), which JSON cannot hold; convert it to text, a number or a list"
