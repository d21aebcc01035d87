"""Plays the episodes of `run`, shows them, and says what to do next."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Any

from purpose_agent.cli.assembling import Assembly, assembled, check_seeds, purpose_of, steps_allowed
from purpose_agent.cli.episode_report import (
    BROKEN_STOPS,
    exit_code,
    interrupted_data,
    learned_text,
    outcome_line,
    result_data,
    show_usage,
    show_verdict,
)
from purpose_agent.cli.exit_codes import BROKEN, DONE, INTERRUPTED
from purpose_agent.cli.finding_runs import is_kept
from purpose_agent.cli.interrupting import interrupts_answered
from purpose_agent.cli.plain_text import duration, one_line, print_json
from purpose_agent.cli.screen import Screen, notes
from purpose_agent.cli.several import EpisodesProgress
from purpose_agent.cli.standard_output import kept_for_data
from purpose_agent.cli.store_place import store_option, store_path
from purpose_agent.cli.watching import StepWatch, Watch
from purpose_agent.errors import UsageError
from purpose_agent.runner import check_task

if TYPE_CHECKING:
    from purpose_agent.environment import Environment
    from purpose_agent.orchestrator import Orchestrator
    from purpose_agent.result import TaskResult

GIVE_UP_AFTER = 3
"""Episodes in a row that a broken part ended, before the rest is not tried any more."""


@dataclass(frozen=True)
class Request:
    """What `run` was asked for.

    Attributes:
        parts: environment, model, store and how to run.
        purpose: as it was given, None to ask the environment.
        seeds: of the episodes.
        max_steps: as it was given, None for the environment's bound.
        approve: whether a person is asked about each action.
        as_json: whether data is wanted and no text.
    """

    parts: Assembly
    purpose: str | None
    seeds: range
    max_steps: int | None
    approve: bool
    as_json: bool


@dataclass
class _Played:
    """What came of the episodes so far."""

    outcomes: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    code: int = DONE
    broken_in_a_row: int = 0

    @property
    def succeeded(self) -> int:
        return sum(1 for o in self.outcomes if o["success"])

    def add(self, result: TaskResult, watch: Watch) -> None:
        """Count an episode that was played."""
        seconds = None if watch.finished is None else watch.finished.seconds
        self.outcomes.append(result_data(result, seconds, watch.learned))
        self.code = max(self.code, exit_code(result.success, result.stop_reason))
        broken = not result.success and result.stop_reason in BROKEN_STOPS
        self.broken_in_a_row = self.broken_in_a_row + 1 if broken else 0

    def add_interrupted(self, seed: int, purpose: str | None, watch: Watch) -> None:
        """Count an episode that Ctrl-C ended, if it had begun."""
        if watch.run_id is not None:
            self.outcomes.append(interrupted_data(seed, purpose, watch))

    def add_impossible(self, seed: int, error: UsageError) -> None:
        """Count an episode that the environment would not begin."""
        self.outcomes.append(
            {"run_id": None, "seed": seed, "success": False, "steps": 0, "error": one_line(str(error))}
        )
        self.code = max(self.code, BROKEN)


def play(request: Request) -> int:
    """Play the episodes and return the exit code.

    Raises:
        PurposeAgentError: something is wrong with the request, or a part cannot be had; nothing was started.
    """
    check_task("-" if request.purpose is None else request.purpose, request.max_steps or 1, 9.0)
    screen = notes() if request.as_json else Screen()

    def check(world: Environment) -> None:
        check_seeds(world, request.seeds)
        purpose_of(world, request.purpose, request.seeds[0], request.parts.environment)

    with (
        kept_for_data(request.as_json),
        interrupts_answered(),
        assembled(request.parts, check=check) as (world, orchestrator),
    ):
        bound = steps_allowed(world, request.max_steps)
        played = _Played()
        playing = _several if len(request.seeds) > 1 else _one
        code = playing(request, screen, world, orchestrator, bound, played)
    if request.as_json:
        print_json(
            {
                "environment": request.parts.environment,
                "model": request.parts.model,
                "store": str(store_path(request.parts.store)),
                "episodes": played.outcomes,
                "succeeded": played.succeeded,
                "interrupted": code == INTERRUPTED,
            }
        )
    return code


def _one(
    request: Request, screen: Screen, world: Any, orchestrator: Orchestrator, bound: int, played: _Played
) -> int:
    seed = request.seeds[0]
    purpose = purpose_of(world, request.purpose, seed, request.parts.environment)
    watch = StepWatch(screen, waiting=not request.approve)
    _ask_a_person(request, orchestrator, watch)
    _show_header(screen, request, purpose, bound)
    try:
        result = orchestrator.run_task(purpose, max_steps=bound, seed=seed, listeners=[watch])
    except KeyboardInterrupt:
        watch.stop()
        played.add_interrupted(seed, purpose, watch)
        _tell_interrupted(watch, request, request.seeds[:0])
        return INTERRUPTED
    finally:
        watch.stop()
    played.add(result, watch)
    kept = is_kept(orchestrator.store, result.run_id)
    show_result(screen, result, watch, request.parts.store, kept=kept)
    return played.code


def _several(
    request: Request, screen: Screen, world: Any, orchestrator: Orchestrator, bound: int, played: _Played
) -> int:
    started = monotonic()
    _show_header(screen, request, request.purpose, bound)
    with EpisodesProgress(screen, len(request.seeds)) as progress:
        for seed in request.seeds:
            watch = progress.next_run(seed)
            purpose = None
            _ask_a_person(request, orchestrator, watch)
            try:
                purpose = purpose_of(world, request.purpose, seed, request.parts.environment)
                result = orchestrator.run_task(purpose, max_steps=bound, seed=seed, listeners=[watch])
            except UsageError as error:
                if seed == request.seeds[0]:
                    raise  # most likely all are wrong in the same way
                played.add_impossible(seed, error)
                progress.show_impossible(seed, str(error))
                continue
            except KeyboardInterrupt:
                progress.stop()
                played.add_interrupted(seed, purpose, watch)
                _tell_interrupted(watch, request, request.seeds[request.seeds.index(seed) + 1 :])
                return INTERRUPTED
            played.add(result, watch)
            progress.show(result, watch)
            if played.broken_in_a_row >= GIVE_UP_AFTER or watch.closed:
                break
    kept = any(is_kept(orchestrator.store, o["run_id"]) for o in played.outcomes if o["run_id"])
    _show_total(screen, request, played, monotonic() - started, kept=kept)
    return played.code


def _ask_a_person(request: Request, orchestrator: Orchestrator, watch: Watch) -> None:
    if request.approve:
        from purpose_agent.cli.approving import ask_before_actions

        ask_before_actions(orchestrator, watch, as_json=request.as_json)


def show_result(screen: Screen, result: TaskResult, watch: Watch, store: str | None, *, kept: bool) -> None:
    """What came of one episode, and what to do next.

    Args:
        screen: where.
        result: of the episode.
        watch: followed it.
        store: ``--store`` as it was given.
        kept: whether the store has the run, so that it can be looked at.
    """
    screen.line()
    screen.line(*outcome_line(result.success, result.total_steps, result.stop_reason, result.final_phi))
    show_verdict(screen, result)
    if watch.finished is not None and watch.finished.detail:
        screen.line(f"detail    {one_line(watch.finished.detail, 200)}")
    if watch.learned is not None:
        screen.line(f"learned   {learned_text(watch.learned)}")
    show_usage(screen, result.usage)
    if watch.finished is not None:
        screen.line(f"time      {duration(watch.finished.seconds)}")
    if kept:
        screen.line(f"next      purpose-agent show {result.run_id}{store_option(store)}")
    if result.error and not result.success:
        print(f"error: {one_line(result.error)}", file=sys.stderr)


def _show_header(screen: Screen, request: Request, purpose: str | None, bound: int) -> None:
    parts = request.parts
    n = len(request.seeds)
    which = (
        f"seed {request.seeds[0]}"
        if n == 1
        else f"{n} episodes, seeds {request.seeds[0]} to {request.seeds[-1]}"
    )
    learning = "learning" if parts.learning else "not learning"
    screen.line(f"in        {one_line(parts.environment)}")
    screen.line(
        f"model     {one_line(parts.model)}" + (f", critic {one_line(parts.critic)}" if parts.critic else "")
    )
    if purpose is not None:
        screen.line("purpose   ", (one_line(purpose, 400), "bold"))
    screen.line(f"run       {which}, at most {bound} steps, {learning}")
    screen.line()


def _show_total(screen: Screen, request: Request, played: _Played, seconds: float, *, kept: bool) -> None:
    outcomes = played.outcomes
    screen.line()
    text = f"achieved  {played.succeeded} of {len(outcomes)} episodes in {duration(seconds)}"
    if len(outcomes) >= 8:
        half = len(outcomes) // 2
        first = sum(1 for o in outcomes[:half] if o["success"])
        text += (
            f" ({first} of the first {half}, {played.succeeded - first} of the other {len(outcomes) - half})"
        )
    screen.line(text)
    if kept:
        option = store_option(request.parts.store)
        screen.line(f"next      purpose-agent memory list{option}    or    purpose-agent show last{option}")
    if len(outcomes) < len(request.seeds):
        reason = outcomes[-1].get("error") or "the output is not read any more"
        print(f"error: stopped after {len(outcomes)} episodes: {reason}", file=sys.stderr)


def _tell_interrupted(watch: Watch, request: Request, rest: range) -> None:
    screen = notes()
    option = store_option(request.parts.store)
    if watch.run_id is None:
        screen.line("interrupted before the first step; nothing is left to resume")
    elif watch.finished is not None and watch.finished.stop_reason != "interrupted":
        screen.line("interrupted while learning; all steps are kept")
        screen.line(f"learn from them: purpose-agent resume {watch.run_id}{option}")
    else:
        screen.line(f"interrupted after step {watch.steps}; everything up to there is kept")
        screen.line(f"go on: purpose-agent resume {watch.run_id}{option}")
    if len(rest):
        screen.line(f"then the rest: {_rest_command(request, rest)}")


def _rest_command(request: Request, rest: range) -> str:
    """The command that plays the episodes that are left."""
    parts, limits = request.parts, request.parts.limits
    words = ["purpose-agent", "run", "--env", parts.environment, "--model", parts.model]
    words += ["--seed", str(rest[0]), "--episodes", str(len(rest))]
    optional: dict[str, Any] = {
        "--purpose": request.purpose,
        "--max-steps": request.max_steps,
        "--store": parts.store,
        "--critic": parts.critic,
        "--decision": parts.decision if parts.decision != "auto" else None,
        "--lessons": parts.lessons if parts.lessons != "auto" else None,
        "--limit-calls": limits.model_calls,
        "--limit-tokens": limits.tokens,
        "--limit-seconds": limits.seconds,
        "--limit-cost": limits.cost,
    }
    for name, value in optional.items():
        words += [name, str(value)] if value is not None else []
    words += [] if parts.learning else ["--no-learning"]
    words += ["--approve"] if request.approve else []
    return shlex.join(words)
