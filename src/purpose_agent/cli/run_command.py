"""``purpose-agent run``: play one episode or several."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from purpose_agent.cli.options import CriticOption, JsonOption, ModelOption, StoreOption


def run(
    env: Annotated[
        str,
        typer.Option("--env", "-e", metavar="SPEC", help="What to act in; `purpose-agent envs` lists them."),
    ],
    model: ModelOption = "local",
    purpose: Annotated[
        str | None,
        typer.Option("--purpose", "-p", metavar="TEXT", help="The goal. Default: what the environment says."),
    ] = None,
    episodes: Annotated[
        int,
        typer.Option(
            "--episodes", "-n", min=1, max=10**9, metavar="N", help="How many to play, one after the other."
        ),
    ] = 1,
    max_steps: Annotated[
        int | None,
        typer.Option(
            "--max-steps",
            min=1,
            max=10**9,
            metavar="N",
            help="Steps of an episode. Default: the environment's bound, or 20.",
        ),
    ] = None,
    seed: Annotated[
        int,
        typer.Option(
            "--seed",
            min=0,
            max=2**62,
            metavar="N",
            help="Which task: episodes have the seeds N, N+1 and so on.",
        ),
    ] = 0,
    store: StoreOption = None,
    learning: Annotated[
        bool, typer.Option("--learning/--no-learning", help="Whether episodes teach, or memory is only read.")
    ] = True,
    lessons: Annotated[
        Literal["auto", "rules", "model"],
        typer.Option(
            help="Who writes lessons after an episode. rules: no model is asked; model: the model writes some too; "
            "auto: rules for the embedded model, which is too small to write good ones."
        ),
    ] = "auto",
    decision: Annotated[
        Literal["auto", "react", "choice"],
        typer.Option(
            help="react: the model writes an action; choice: it picks one of those the environment lists; "
            "auto: choice where that is possible."
        ),
    ] = "auto",
    limit_calls: Annotated[
        int | None, typer.Option("--limit-calls", min=1, metavar="N", help="Model calls of an episode.")
    ] = None,
    limit_tokens: Annotated[
        int | None, typer.Option("--limit-tokens", min=1, metavar="N", help="Tokens of an episode.")
    ] = None,
    limit_seconds: Annotated[
        float | None, typer.Option("--limit-seconds", metavar="S", help="Wall time of an episode.")
    ] = None,
    limit_cost: Annotated[
        float | None,
        typer.Option(
            "--limit-cost", metavar="USD", help="Cost of an episode, where the model reports a price."
        ),
    ] = None,
    approve: Annotated[
        bool, typer.Option("--approve", help="Ask at the terminal before every action.")
    ] = False,
    critic: CriticOption = None,
    as_json: JsonOption = False,
) -> int:
    """Play an episode, or several, and learn from them.

    \b
    Examples:
      purpose-agent run --env textworld:preset=mapreader
      purpose-agent run --env textworld:preset=twc --episodes 20 --seed 100
      purpose-agent run --env mypackage.worlds:make_shop --purpose "Sell all apples" --model openai:gpt-4o
      purpose-agent run --env textworld:preset=coin --no-learning --json | jq '.episodes[0].success'

    Steps are shown as they happen, each with its score Φ (0 to 10) and the change. Ctrl-C stops after the
    step and says how to go on, a second one stops at once. The exit code is 0 when every episode achieved its purpose,
    1 when one did not.
    """
    from purpose_agent.cli.assembling import Assembly
    from purpose_agent.cli.playing import Request, play
    from purpose_agent.limits import Limits

    _check_above_zero("--limit-seconds", limit_seconds)
    _check_above_zero("--limit-cost", limit_cost)
    limits = Limits(model_calls=limit_calls, tokens=limit_tokens, seconds=limit_seconds, cost=limit_cost)
    parts = Assembly(
        environment=env,
        model=model,
        critic=critic,
        store=store,
        learning=learning,
        decision=decision,
        limits=limits,
        lessons=lessons,
    )
    return play(Request(parts, purpose, range(seed, seed + episodes), max_steps, approve, as_json))


def _check_above_zero(name: str, value: float | None) -> None:
    from purpose_agent.errors import UsageError

    if value is not None and not value > 0:
        raise UsageError(f"{name} must be a number above 0, got {value:g}")
