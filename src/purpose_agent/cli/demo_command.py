"""``purpose-agent demo``: watch a small model learn on this machine."""

from __future__ import annotations

import sys
from typing import Annotated, Literal

import typer

from purpose_agent.cli.bench_suite import PIPED_WIDTH, JobsOption, OutOption
from purpose_agent.cli.options import JsonOption, ModelOption


def demo(
    game: Annotated[
        str,
        typer.Option(
            "--game",
            metavar="GAME",
            help="mapreader, twc, cookingworld, another preset of textworld, or an environment's specification.",
        ),
    ] = "mapreader",
    model: ModelOption = "local",
    episodes: Annotated[
        int, typer.Option("--episodes", min=1, metavar="N", help="Episodes to learn from.")
    ] = 32,
    tasks: Annotated[
        int,
        typer.Option("--tasks", min=1, metavar="N", help="Other tasks to test on, with memory and without."),
    ] = 16,
    max_steps: Annotated[
        int, typer.Option("--max-steps", min=1, metavar="N", help="Steps of an episode.")
    ] = 25,
    out: OutOption = "runs/demo",
    jobs: JobsOption = 2,
    seed: Annotated[
        int, typer.Option("--seed", min=0, metavar="N", help="Of the tasks and of all draws.")
    ] = 0,
    practice: Annotated[
        Literal["model", "random"],
        typer.Option(
            help="Who decides in training what the value memory leaves open. A small model always prefers the same, so "
            "random explores more, and quicker."
        ),
    ] = "model",
    minutes: Annotated[
        float | None,
        typer.Option("--minutes", metavar="M", help="Stop after these; the same command goes on later."),
    ] = None,
    as_json: JsonOption = False,
) -> int:
    """Let a small model learn a game, and compare it with itself without memory on tasks it has not seen.

    A small report card; `purpose-agent bench` measures with more streams, tasks, worlds and controls.

    \b
    Examples:
      purpose-agent demo                                        learn to read a map
      purpose-agent demo --game twc --episodes 10 --tasks 10    a shorter one
      purpose-agent demo --model random --minutes 2             no model at all: the floor
      purpose-agent demo --model openai:qwen3@http://127.0.0.1:8000/v1 --out runs/qwen3

    Ctrl-C stops it and keeps what was done; the same command goes on where it stopped.
    """
    from rich.console import Console

    from purpose_agent.bench.report.output import as_json as plain
    from purpose_agent.bench.suite.catalogue import demo_settings
    from purpose_agent.bench.suite.running import Session, run_suite
    from purpose_agent.cli.exit_codes import DONE, INTERRUPTED
    from purpose_agent.cli.plain_text import print_json
    from purpose_agent.cli.standard_output import kept_for_data

    console = Console(stderr=as_json, width=None if sys.stdout.isatty() else PIPED_WIDTH)
    with kept_for_data(as_json):
        settings = demo_settings(
            game, model, episodes=episodes, tasks=tasks, max_steps=max_steps, seed=seed, practice=practice
        )
        report = run_suite(settings, Session(out, jobs, minutes), console)
    if as_json:
        print_json(plain(report))
    return DONE if report.complete or minutes is not None else INTERRUPTED
