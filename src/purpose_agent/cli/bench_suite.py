"""``purpose-agent bench SUITE``, ``list``, ``show`` and ``compare``: the report card."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from purpose_agent.cli.options import JsonOption

PIPED_WIDTH = 200
"""Room for tables where the output is no terminal."""

MOST_JOBS = 64
"""Processes at once, each of which holds worlds and a model of its own."""

JobsOption = Annotated[
    int,
    typer.Option("--jobs", "-j", min=1, max=MOST_JOBS, metavar="N", help="Processes at once."),
]

OutOption = Annotated[
    str, typer.Option("--out", metavar="DIR", help="Where the report and everything else goes.")
]


def run(
    suite: Annotated[
        str | None, typer.Argument(metavar="[SUITE]", help="`purpose-agent bench list` shows them.")
    ] = None,
    env: Annotated[
        str | None,
        typer.Option("--env", "-e", metavar="SPEC", help="Your own environment instead: module:factory."),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model", "-m", metavar="SPEC", help="The model that acts; random for none.  [default: local]"
        ),
    ] = None,
    memory: Annotated[
        str | None,
        typer.Option(
            "--memory",
            metavar="SPEC",
            help="A memory of your own to compare with: module:factory of a MemorySystem.",
        ),
    ] = None,
    worlds: Annotated[
        str | None, typer.Option("--worlds", metavar="A,B,…", help="Only these worlds of the suite.")
    ] = None,
    arms: Annotated[
        str | None,
        typer.Option("--arms", metavar="A,B,…", help="What is compared; `bench list` explains them."),
    ] = None,
    orders: Annotated[
        int | None,
        typer.Option("--orders", metavar="N", help="Training streams, each of other tasks.  [default: 3]"),
    ] = None,
    episodes: Annotated[
        int | None, typer.Option("--episodes", metavar="N", help="Of each training stream.  [default: 100]")
    ] = None,
    tasks: Annotated[
        int | None,
        typer.Option("--tasks", metavar="N", help="Held-out tasks of each world.  [default: 60]"),
    ] = None,
    model_tasks: Annotated[
        int | None,
        typer.Option(
            "--model-tasks",
            metavar="N",
            help="Arms that ask the model play the first N of them.  [default: 20]",
        ),
    ] = None,
    repeats: Annotated[
        int | None,
        typer.Option("--repeats", metavar="N", help="Plays of each held-out task, for pass^k.  [default: 1]"),
    ] = None,
    anchors: Annotated[
        int | None,
        typer.Option(
            "--anchors", metavar="N", help="Early training tasks that are looked at again and again."
        ),
    ] = None,
    rival_episodes: Annotated[
        int | None,
        typer.Option(
            "--rival-episodes",
            metavar="N",
            help="Of each stream, those that systems with an LLM distiller read.  [default: 24]",
        ),
    ] = None,
    max_steps: Annotated[
        int | None, typer.Option("--max-steps", metavar="N", help="Of each episode, in every world.")
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option("--seed", "--seeds", metavar="N", help="Of the tasks and of all draws.  [default: 0]"),
    ] = None,
    practice: Annotated[
        str | None,
        typer.Option(
            "--practice",
            metavar="WHO",
            help="Who decides in training what the value memory leaves open: model or random.",
        ),
    ] = None,
    open_test_fold: Annotated[
        bool,
        typer.Option(
            "--open-test-fold", help="Hold out tasks of the test fold: once, for a table that is published."
        ),
    ] = False,
    out: OutOption = "runs/bench",
    jobs: JobsOption = 2,
    minutes: Annotated[
        float | None,
        typer.Option(
            "--minutes",
            metavar="M",
            help="Stop after these; --resume goes on later. What hangs is ended, but with --jobs 1 it is waited for.",
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the suite in --out; no other option is needed.")
    ] = False,
    as_json: JsonOption = False,
) -> int:
    """Measure what memory is worth, with controls that can say no, and write a report card.

    Training streams are learned from; then the memory is frozen, and every arm plays the same held-out tasks.
    Everything is written as it comes: after any stop, --resume goes on.

    \b
    Examples:
      purpose-agent bench smoke                                      does everything work? ten seconds
      purpose-agent bench textworld --model random --arms random,raw_steps,memory_only      no model, minutes
      purpose-agent bench textworld --worlds twc --model local       one game, with the embedded model
      purpose-agent bench --env mygame:MyGame --model openai:gpt-4o-mini --orders 1 --tasks 30
      purpose-agent bench --out runs/bench --resume
      purpose-agent bench textworld --model random --json | jq .verdict
    """
    from rich.console import Console

    from purpose_agent.bench.suite.catalogue import make_settings
    from purpose_agent.bench.suite.running import Session, kept_settings, run_suite
    from purpose_agent.cli.exit_codes import DONE, INTERRUPTED
    from purpose_agent.cli.plain_text import print_json
    from purpose_agent.cli.standard_output import kept_for_data
    from purpose_agent.errors import UsageError

    numbers: dict[str, Any] = {
        "orders": orders,
        "episodes": episodes,
        "tasks": tasks,
        "model_tasks": model_tasks,
        "repeats": repeats,
        "anchors": anchors,
        "rival_episodes": rival_episodes,
        "max_steps": max_steps,
        "seed": seed,
        "practice": practice,
        "memory": memory,
    }
    wishes = {name: value for name, value in numbers.items() if value is not None}
    if resume:
        given = (suite, env, model, worlds, arms)
        if any(wish is not None for wish in given) or wishes or open_test_fold:
            raise UsageError("--resume goes on with what is in --out as it was begun; give no other wishes")
    console = Console(stderr=as_json, width=None if sys.stdout.isatty() else PIPED_WIDTH)
    with kept_for_data(as_json):
        if resume:
            settings = kept_settings(out)
        else:
            settings = make_settings(
                suite,
                model,
                env=env,
                worlds=_names("--worlds", worlds),
                arms=_names("--arms", arms),
                final=open_test_fold,
                **wishes,
            )
        report = run_suite(settings, Session(out, jobs, minutes), console)
    if as_json:
        from purpose_agent.bench.report.output import as_json as plain

        print_json(plain(report))
    return DONE if report.complete else INTERRUPTED


def list_suites(as_json: JsonOption = False) -> int:
    """The suites with their worlds, and the arms that can be compared."""
    from purpose_agent.bench.suite.arms import ARMS
    from purpose_agent.bench.suite.catalogue import SUITES
    from purpose_agent.cli.exit_codes import DONE
    from purpose_agent.cli.plain_text import print_json

    if as_json:
        suites = [
            {
                "name": suite.name,
                "description": suite.description,
                "worlds": [{"name": world.name, "spec": world.spec} for world in suite.worlds],
                "arms": list(suite.arms),
            }
            for suite in SUITES.values()
        ]
        print_json({"suites": suites, "arms": {arm.name: arm.label for arm in ARMS.values()}})
        return DONE
    typer.echo("Suites:")
    for suite in SUITES.values():
        typer.echo(f"  {suite.name:<17} {suite.description}")
        for world in suite.worlds:
            typer.echo(f"  {'':<17}   {world.name}: {world.spec}, {world.episodes} episodes")
    typer.echo("\nArms (--arms A,B,…):")
    for arm in ARMS.values():
        typer.echo(f"  {arm.name:<17} {arm.label}")
    typer.echo("\nOther measurements: `purpose-agent bench simulator`, `purpose-agent bench critic`.")
    return DONE


def show(
    folder: Annotated[str, typer.Argument(metavar="DIR", help="The folder of a suite.")],
    as_json: JsonOption = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown, to paste elsewhere.")] = False,
) -> int:
    """The report card in a folder, also of one that is still being played."""
    from rich.console import Console

    from purpose_agent.bench.report.output import as_json as plain
    from purpose_agent.bench.report.output import print_report
    from purpose_agent.cli.exit_codes import DONE
    from purpose_agent.cli.plain_text import print_json

    report = _report(folder)
    if as_json:
        print_json(plain(report))
    elif markdown:
        from purpose_agent.bench.report.markdown import as_markdown

        typer.echo(as_markdown(report), nl=False)
    else:
        print_report(report, Console(width=None if sys.stdout.isatty() else PIPED_WIDTH))
    return DONE


def compare(
    first: Annotated[str, typer.Argument(metavar="DIR", help="The folder of a suite.")],
    second: Annotated[str, typer.Argument(metavar="DIR", help="The folder of another.")],
) -> int:
    """Two report cards side by side: each arm in both, and what differs in the settings."""
    from rich.console import Console

    from purpose_agent.bench.report.output import print_comparison
    from purpose_agent.cli.exit_codes import DONE

    width = None if sys.stdout.isatty() else PIPED_WIDTH
    print_comparison(_report(first), _report(second), Console(width=width))
    return DONE


def _report(folder: str) -> Any:
    from purpose_agent.bench.suite.running import current_report

    return current_report(folder)


def _names(option: str, text: str | None) -> tuple[str, ...]:
    from purpose_agent.errors import UsageError

    if text is None:
        return ()
    names = tuple(part.strip() for part in text.split(",") if part.strip())
    if not names:
        raise UsageError(f"{option} names nothing, got {text!r}; leave it out for what the suite has")
    return names
