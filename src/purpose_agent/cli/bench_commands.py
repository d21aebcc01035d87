"""``purpose-agent bench``: the report card, and measurements that say how far a part of the agent can be trusted."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from purpose_agent.cli import bench_suite
from purpose_agent.cli.bench_suite import PIPED_WIDTH
from purpose_agent.cli.options import JsonOption

RUN = "run"
"""What a suite's name or an option stands for where no command does."""


class BenchGroup(TyperGroup):
    """``bench SUITE …`` and ``bench --env …`` mean ``bench run …``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """See `click.Group.parse_args`."""
        if args and args[0] not in self.commands and args[0] not in ("-h", "--help"):
            args = [RUN, *args]
        return super().parse_args(ctx, args)


app = typer.Typer(rich_markup_mode=None, cls=BenchGroup)
app.command(RUN, short_help="A report card: what is memory worth? (`run` may be left out)")(bench_suite.run)
app.command("list", short_help="The suites and the arms.")(bench_suite.list_suites)
app.command("show", short_help="The report card in a folder.")(bench_suite.show)
app.command("compare", short_help="Two report cards side by side.")(bench_suite.compare)


@app.callback(invoke_without_command=True)
def bench(context: typer.Context) -> None:
    """Does it really learn? Report cards with controls, and tests of single parts.

    \b
    Examples:
      purpose-agent bench list                                       suites and arms
      purpose-agent bench smoke                                      ten seconds, no model
      purpose-agent bench textworld --worlds twc --model local       a report card for one game
      purpose-agent bench critic --env textworld:preset=mapreader    does Φ follow true progress?
      purpose-agent bench simulator                                  is credit right where the truth is known?
    """
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command("critic", short_help="Compare Φ with ground truth, and see it improve with experience.")
def critic(
    env: Annotated[
        str | None,
        typer.Option("--env", "-e", metavar="SPEC", help="The environment; `purpose-agent envs` lists them."),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            metavar="SPEC",
            help="The model that plays and that the evidence critic asks; random for none.  [default: random]",
        ),
    ] = None,
    episodes: Annotated[
        int | None,
        typer.Option(
            "--episodes", metavar="N", help="Train episodes, by all policies in turn.  [default: 200]"
        ),
    ] = None,
    tasks: Annotated[
        int | None,
        typer.Option("--tasks", metavar="N", help="Held-out tasks, each played by all.  [default: 60]"),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(
            "--at",
            metavar="N,N,…",
            help="Measure after so many train episodes.  [default: 0,10,25,50,100,200]",
        ),
    ] = None,
    fold: Annotated[
        str | None,
        typer.Option(
            "--fold", metavar="FOLD", help="Of the held-out tasks: dev, or test once.  [default: dev]"
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", metavar="N", help="Of the tasks and of all draws.  [default: 0]")
    ] = None,
    evidence_states: Annotated[
        int | None,
        typer.Option(
            "--evidence-states",
            metavar="N",
            help="Held-out states that the model is asked about, and as many train states.  [default: 120 or, "
            "without a model, 0]",
        ),
    ] = None,
    gain: Annotated[
        bool | None,
        typer.Option("--gain/--no-gain", help="Whether learners show what Φ is worth.  [default: gain]"),
    ] = None,
    gain_seeds: Annotated[
        int | None,
        typer.Option("--gain-seeds", metavar="N", help="Learners of each arm.  [default: 3]"),
    ] = None,
    attacks: Annotated[
        bool | None,
        typer.Option("--attacks/--no-attacks", help="Whether states are attacked.  [default: attacks]"),
    ] = None,
    out: Annotated[
        str, typer.Option("--out", metavar="DIR", help="Where the report and the episodes go.")
    ] = "runs/critic",
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the report in --out; no other option is needed.")
    ] = False,
    as_json: JsonOption = False,
) -> int:
    """Compare Φ with ground truth on held-out tasks, for each critic, as experience grows.

    Episodes of mixed quality are played: at random, by the model, by a learner, by an expert. Critics learn from
    their final verdicts only; the environment's step score grades them and is shown to none.

    \b
    Examples:
      purpose-agent bench critic --env textworld:preset=mapreader               no model: about two minutes
      purpose-agent bench critic --env textworld:preset=twc --model local --evidence-states 60 --out runs/twc
      purpose-agent bench critic --env textworld:preset=twc --episodes 20 --tasks 10 --no-gain    a first look
      purpose-agent bench critic --out runs/twc --resume                        go on, or measure the same anew
      purpose-agent bench critic --env scienceworld:preset=find-plant --json | jq '.points[-1]'

    Ctrl-C stops it and keeps what was done. DIR holds critic.html and critic.json afterwards.
    """
    from rich.console import Console

    from purpose_agent.bench.critic.folder import settings_for
    from purpose_agent.bench.critic.output import as_json as plain
    from purpose_agent.bench.critic.running import run_critic
    from purpose_agent.cli.exit_codes import BROKEN, DONE, INTERRUPTED
    from purpose_agent.cli.plain_text import print_json
    from purpose_agent.cli.standard_output import kept_for_data

    wishes: dict[str, Any] = {
        "env": env,
        "model": model,
        "episodes": episodes,
        "tasks": tasks,
        "at": None if at is None else _numbers(at),
        "fold": fold,
        "seed": seed,
        "evidence_states": evidence_states,
        "gain": gain,
        "gain_seeds": gain_seeds,
        "attacks": attacks,
    }
    wished = {name: value for name, value in wishes.items() if value is not None}
    console = Console(stderr=as_json, width=None if sys.stdout.isatty() else PIPED_WIDTH)
    with kept_for_data(as_json):
        report = run_critic(settings_for(out, resume, wished), out, console=console)
    if as_json:
        print_json(plain(report))
    if report.troubles:
        return BROKEN
    return DONE if report.complete else INTERRUPTED


@app.command("simulator", short_help="Test memory in worlds in which the worth of every item is known.")
def simulator(
    scenario: Annotated[
        list[str] | None,
        typer.Option("--scenario", "-s", metavar="NAME", help="Repeat for several.  [default: all]"),
    ] = None,
    replications: Annotated[
        int | None,
        typer.Option(
            "--replications", "-n", metavar="N", help="Of each.  [default: what the scenario wants]"
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Of the first replication.")] = 0,
    out: Annotated[
        str | None, typer.Option("--out", metavar="DIR", help="Write simulator.json there.")
    ] = None,
    as_json: JsonOption = False,
) -> int:
    """Test the memory's own code in scripted worlds: no model, no network, and equal numbers for equal seeds.

    \b
    Scenarios:
      contexts     an oracle's lessons about 1 to 200 kinds of tasks: kept, found, and cheap to withhold?
      credit       40 items, a quarter help, a quarter harm, and a critic that errs: is each given its due?
      drift        what helped begins to harm: how soon is it demoted?
      duplicates   the same lessons again in other words: does the library grow?
      poison       strangers write into memory: does the agent do their will?

    \b
    Examples:
      purpose-agent bench simulator --scenario duplicates              two seconds
      purpose-agent bench simulator --scenario credit -n 4             half a minute
      purpose-agent bench simulator --out runs/simulator               everything, about a quarter of an hour
      purpose-agent bench simulator -s drift --json | jq '.scenarios[0].targets'

    Each table names what must be reached and says whether it was. Ctrl-C keeps the scenarios that are finished.
    """
    from rich.console import Console

    from purpose_agent.bench.simulator.report import as_json as plain
    from purpose_agent.bench.simulator.running import run_simulator
    from purpose_agent.bench.simulator.scenario import scenarios
    from purpose_agent.bench.simulator.settings import SimulatorSettings
    from purpose_agent.cli.exit_codes import DONE, INTERRUPTED
    from purpose_agent.cli.plain_text import print_json

    settings = SimulatorSettings(tuple(scenario or scenarios()), seed, replications)
    console = Console(stderr=as_json, width=None if sys.stdout.isatty() else PIPED_WIDTH)
    report = run_simulator(settings, out, console=console)
    if as_json:
        print_json(plain(report))
    return DONE if report.complete else INTERRUPTED


def _numbers(text: str) -> tuple[int, ...]:
    """The numbers in ``0,10,25``.

    Raises:
        UsageError: it is something else.
    """
    from purpose_agent.errors import UsageError

    try:
        return tuple(sorted({int(part) for part in text.split(",")}))
    except ValueError:
        raise UsageError(f"at must be whole numbers with commas between them, got {text!r}") from None
