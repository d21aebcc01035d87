"""The command's frame: which commands there are, and how each ends, with an exit code and never with a traceback."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from purpose_agent.cli import (
    bench_commands,
    demo_command,
    doctor_command,
    envs_command,
    memory_commands,
    models_commands,
    resume_command,
    run_command,
    runs_command,
    show_command,
    standard_output,
)
from purpose_agent.cli.exit_codes import BAD_USAGE, BROKEN, DONE, INTERRUPTED, PIPE_CLOSED
from purpose_agent.cli.plain_text import make_streams_safe, one_line
from purpose_agent.errors import PurposeAgentError, describe_error

PROGRAM = "purpose-agent"

DEBUG_VARIABLE = "PURPOSE_AGENT_DEBUG"
"""Set to 1, an error ends with its traceback."""

_OVERVIEW = """Agents that get better at their purpose, and can show you what helped.

\b
First steps:
  purpose-agent doctor                                    is everything there?
  purpose-agent envs                                      what to act in
  purpose-agent run --env textworld:preset=twc            play one episode
  purpose-agent show last                                 what happened, step by step
  purpose-agent memory list                               what was learned

\b
Exit codes: 0 done, 1 the task was not achieved, 2 bad usage, 3 a broken dependency or environment.
"""

app = typer.Typer(
    name=PROGRAM,
    help=_OVERVIEW,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)


def _show_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"{PROGRAM} {version(PROGRAM)}")
        raise typer.Exit


@app.callback()
def frame(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and exit."),
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help=f"Show the traceback of an error (or set {DEBUG_VARIABLE}=1).")
    ] = False,
) -> None:
    """Options of all commands; ``--debug`` is taken out before, wherever it stands."""


app.command("run", short_help="Play an episode, or several, and learn from them.")(run_command.run)
app.command("resume", short_help="Go on with a run that was left.")(resume_command.resume)
app.command("runs", short_help="List the runs in a store, newest first.")(runs_command.runs)
app.command("show", short_help="Show what happened in a run.")(show_command.show)
app.add_typer(memory_commands.app, name="memory")
app.command("demo", short_help="Watch a small model learn.")(demo_command.demo)
app.add_typer(bench_commands.app, name="bench")
app.command("envs", short_help="List environments and what can be set.")(envs_command.envs)
app.add_typer(models_commands.app, name="models")
app.command("doctor", short_help="Check what the package needs, and how to mend it.")(doctor_command.doctor)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; every error becomes one line on standard error.

    Args:
        argv: the arguments without the program's name; default: those of this process.
    """
    arguments, debug = _without_debug(sys.argv[1:] if argv is None else list(argv))
    make_streams_safe()
    if standard_output.is_closed():
        return _cannot_print("it is closed")
    try:
        code = _invoke(arguments or ["--help"])
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # the reader is gone, as with ``| head``: end without a word
        standard_output.discard()
        return PIPE_CLOSED
    except (KeyboardInterrupt, typer.Abort):
        _complain("interrupted")
        return INTERRUPTED
    except (SystemExit, asyncio.CancelledError) as error:
        if debug:
            traceback.print_exception(error)
        return _ended_by_a_part(error)
    except (Exception, typer.Exit) as error:
        if isinstance(error, OSError) and standard_output.is_failing(error):
            return _cannot_print(error.strerror or str(error))
        if debug and not _is_usage_error(error):
            raise
        return _report(error)


def _invoke(arguments: list[str]) -> int:
    command: Any = typer.main.get_command(app)
    try:
        with command.make_context(PROGRAM, arguments) as context:
            code = command.invoke(context)
    except typer.Exit as end:
        code = end.exit_code
    return code if isinstance(code, int) else DONE


def _without_debug(arguments: list[str]) -> tuple[list[str], bool]:
    """The arguments without ``--debug``, and whether debugging is wanted."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    kept = [a for i, a in enumerate(arguments) if a != "--debug" or i > end]
    wanted = os.environ.get(DEBUG_VARIABLE, "").strip().lower() not in ("", "0", "false", "no")
    return kept, wanted or len(kept) < len(arguments)


_COMMAND_LINE_ERROR: type[Exception] = typer.BadParameter.__mro__[2]
"""What the parser raises for everything that is wrong with the arguments (public in no version of typer)."""


def _is_usage_error(error: BaseException) -> bool:
    return isinstance(error, _COMMAND_LINE_ERROR)


def _report(error: BaseException) -> int:
    if _is_usage_error(error):
        context: Any = getattr(error, "ctx", None)
        path = context.command_path if context is not None else PROGRAM
        message = getattr(error, "format_message", error.__str__)()
        _complain(f"error: {one_line(str(message)).rstrip('.')}; see: {path} --help")
        return BAD_USAGE
    if isinstance(error, PurposeAgentError):
        _complain(f"error: {one_line(str(error) or type(error).__name__)}")
        return error.exit_code
    _complain(
        f"error: {one_line(describe_error(error))} (a defect of this program or of a plugin; --debug shows where)"
    )
    return BROKEN


def _ended_by_a_part(error: BaseException) -> int:
    """An environment, a model or a plugin tried to end the program, which is not theirs to end."""
    _complain(
        f"error: a part of the program tried to end it: {one_line(describe_error(error))} "
        "(look for it in the environment, the model or a plugin; --debug shows where)"
    )
    return BROKEN


def _cannot_print(why: str) -> int:
    """Standard output takes nothing; what the command did is done."""
    standard_output.discard()
    _complain(f"error: cannot write to standard output: {one_line(why)}")
    return BROKEN


def _complain(line: str) -> None:
    with contextlib.suppress(OSError, ValueError):  # nobody reads: the exit code says it all
        print(line, file=sys.stderr, flush=True)
