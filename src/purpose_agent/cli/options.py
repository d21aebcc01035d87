"""Options that several commands share, worded once."""

from __future__ import annotations

from typing import Annotated

import typer

StoreOption = Annotated[
    str | None,
    typer.Option(
        "--store",
        metavar="PATH",
        help="Where runs and memory are kept: a folder or a .sqlite file. "
        "Default: $PURPOSE_AGENT_STORE, else ./.purpose-agent",
    ),
]

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON on standard output, and nothing else.")]

ModelOption = Annotated[
    str,
    typer.Option(
        "--model", "-m", metavar="SPEC", help="The model that acts; `purpose-agent models` lists them."
    ),
]

CriticOption = Annotated[
    str | None,
    typer.Option(
        "--critic", metavar="SPEC", help="Another model for the score Φ. Default: the acting model."
    ),
]
