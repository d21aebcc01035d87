"""``purpose-agent resume``: go on with a run that was killed or interrupted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from purpose_agent.cli.options import CriticOption, JsonOption, StoreOption

if TYPE_CHECKING:
    from purpose_agent.cli.run_view import RunView
    from purpose_agent.store.base import Store


def resume(
    run: Annotated[
        str | None,
        typer.Argument(metavar="[RUN]", help="Its id, or how it begins. Default: the newest unfinished run."),
    ] = None,
    env: Annotated[
        str | None, typer.Option("--env", "-e", metavar="SPEC", help="Default: the one it was begun in.")
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", "-m", metavar="SPEC", help="Default: the one it was begun with.")
    ] = None,
    critic: CriticOption = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> int:
    """Go on with a run after its last finished step; no step is repeated.

    \b
    Examples:
      purpose-agent resume                              the newest unfinished run
      purpose-agent resume 1f3c                         the run whose id begins with 1f3c
      purpose-agent resume 1f3c --model openai:gpt-4o   with another model

    Environment, model, limits and purpose are those of the run. One that has ended is only reported. Do not resume a
    run that is still going on in another process: one of the two would stop.
    """
    from purpose_agent.cli.finding_runs import find_run, newest_unfinished
    from purpose_agent.cli.run_view import view_of
    from purpose_agent.cli.store_place import open_for_reading

    opened = open_for_reading(store)
    try:
        run_id = find_run(opened, run) if run is not None else newest_unfinished(opened)
        view = view_of(opened.events(run_id))
        if view.is_over and not view.has_learning_left:
            return _report(view, as_json)
        return _go_on(opened, view, env, model, critic, store, as_json)
    finally:
        opened.close()


def _report(view: RunView, as_json: bool) -> int:
    """Say how a run ended that cannot go on."""
    from purpose_agent.cli.episode_report import exit_code, outcome_line
    from purpose_agent.cli.plain_text import print_json
    from purpose_agent.cli.run_view import run_data
    from purpose_agent.cli.screen import Screen

    end = view.finished
    assert end is not None
    if as_json:
        print_json(run_data(view))
    else:
        screen = Screen()
        screen.line(f"run {view.started.run_id} has ended already")
        screen.line(*outcome_line(end.success, end.steps, end.stop_reason, end.final_phi))
    return exit_code(end.success, end.stop_reason)


def _go_on(
    store: Store,
    view: RunView,
    env: str | None,
    model: str | None,
    critic: str | None,
    store_given: str | None,
    as_json: bool,
) -> int:
    from purpose_agent.cli.assembling import Assembly, assembled
    from purpose_agent.cli.episode_report import exit_code
    from purpose_agent.cli.exit_codes import BROKEN, INTERRUPTED
    from purpose_agent.cli.finding_runs import is_kept
    from purpose_agent.cli.interrupting import interrupts_answered
    from purpose_agent.cli.plain_text import count_of, one_line, print_json
    from purpose_agent.cli.playing import show_result
    from purpose_agent.cli.run_view import run_data, view_of
    from purpose_agent.cli.screen import Screen, notes
    from purpose_agent.cli.standard_output import kept_for_data
    from purpose_agent.cli.store_place import store_option
    from purpose_agent.cli.watching import StepWatch
    from purpose_agent.errors import UsageError
    from purpose_agent.limits import Limits
    from purpose_agent.types import StopReason

    started = view.started
    parts = Assembly(
        environment=env or started.environment,
        model=model or started.model,
        critic=critic,
        learning=started.learning,
        limits=Limits(**started.limits),  # type: ignore[arg-type]
    )
    screen = notes() if as_json else Screen()
    watch = StepWatch(screen, waiting=True)
    try:
        with (
            kept_for_data(as_json),
            interrupts_answered(),
            assembled(parts, store) as (_, orchestrator),
        ):
            done = count_of(sum(1 for s in view.steps if s.executed is not None), "step")
            screen.line(f"resuming  {started.run_id} after {done}, in {one_line(parts.environment)}")
            screen.line("purpose   ", (one_line(started.purpose, 400), "bold"))
            screen.line()
            result = orchestrator.resume(started.run_id, listeners=[watch])
    except KeyboardInterrupt:
        watch.stop()
        notes().line(f"interrupted; go on: purpose-agent resume {started.run_id}{store_option(store_given)}")
        if as_json:
            print_json(run_data(view_of(store.events(started.run_id))))
        return INTERRUPTED
    except UsageError as error:
        if env is not None and model is not None:
            raise
        raise UsageError(
            f"{error}; name the environment and model of this run with --env and --model"
        ) from error
    finally:
        watch.stop()
    show_result(screen, result, watch, store_given, kept=is_kept(store, started.run_id))
    if as_json:
        print_json(run_data(view_of(store.events(started.run_id))))
    not_begun = result.error is not None and result.stop_reason in ("", StopReason.INTERRUPTED)
    return BROKEN if not_begun else exit_code(result.success, result.stop_reason)
