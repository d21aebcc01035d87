"""Help, usage errors, exit codes, and everything else that all commands have in common."""

from __future__ import annotations

import asyncio

import pytest

from purpose_agent.cli import application
from purpose_agent.errors import ModelUnavailableError

COMMANDS = [
    ("run",),
    ("resume",),
    ("runs",),
    ("show",),
    ("memory", "list"),
    ("memory", "show"),
    ("memory", "retire"),
    ("memory", "restore"),
    ("memory", "trust"),
    ("memory", "rollback"),
    ("memory", "export"),
    ("memory", "import"),
    ("envs",),
    ("models",),
    ("models", "fetch"),
    ("doctor",),
    ("demo",),
]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_explains_itself_by_example(command, words):
    ended = command(*words, "--help")
    assert ended.code == 0
    examples = [
        line for line in ended.out.splitlines() if line.startswith("    ") and "purpose-agent" in line
    ]
    assert len(examples) >= 2
    assert "\x1b" not in ended.out


def test_without_arguments_the_overview_is_shown(command):
    ended = command()
    assert ended.code == 0
    for words in COMMANDS:
        assert words[0] in ended.out


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["rnu"], "run"),
        (["run", "--episode", "3"], "--episodes"),
        (["run"], "--env"),
        (["run", "--env", "x", "--episodes", "0"], "--episodes"),
        (["run", "--env", "x", "--decision", "guess"], "react"),
        (["show", "--step", "none"], "--step"),
        (["runs", "--limit", "-1"], "--limit"),
        (["runs", "--limit", "99999999999999999999"], "--limit"),
        (["run", "--env", "x", "--episodes", "99999999999999999999"], "--episodes"),
        (["run", "--env", "x", "--max-steps", "99999999999999999999"], "--max-steps"),
        (["run", "--env", "x", "--seed", "99999999999999999999"], "--seed"),
        (["demo", "--jobs", "65"], "--jobs"),
        (["bench", "smoke", "--jobs", "65"], "--jobs"),
        (["memory", "list", "--tier", "magic"], "strategic"),
    ],
)
def test_wrong_usage_is_one_clear_line_that_says_where_to_look(command, words, hint):
    ended = command(*words)
    assert ended.code == 2
    assert ended.out == ""
    (line,) = ended.err.splitlines()
    assert line.startswith("error: ")
    assert hint in line
    assert line.endswith("--help")


def test_version(command):
    ended = command("--version")
    assert ended.code == 0
    assert ended.out.startswith("purpose-agent ")


@pytest.fixture
def failing(monkeypatch):
    """Makes every command fail with an error."""

    def fail_with(error: BaseException) -> None:
        def fail(_arguments):
            raise error

        monkeypatch.setattr(application, "_invoke", fail)

    return fail_with


def test_our_errors_are_one_line_with_their_exit_code(command, failing):
    failing(ModelUnavailableError("the server\nis away; start it"))
    ended = command("runs")
    assert (ended.code, ended.err) == (3, "error: the server is away; start it\n")


def test_a_defect_is_one_line_too_and_a_traceback_only_when_asked_for(command, failing, monkeypatch):
    failing(ZeroDivisionError("oops \x1b[31m"))
    ended = command("runs")
    assert ended.code == 3
    assert ended.err.startswith("error: ZeroDivisionError: oops \\x1b[31m (a defect")
    with pytest.raises(ZeroDivisionError):
        command("runs", "--debug")
    monkeypatch.setenv("PURPOSE_AGENT_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        command("runs")


@pytest.mark.parametrize("error", [SystemExit(0), SystemExit(), asyncio.CancelledError("gone")])
def test_a_part_that_would_end_the_program_is_an_error_of_one_line(
    command, failing, monkeypatch, capsys, error
):
    failing(error)
    ended = command("runs")
    assert ended.code == 3
    assert ended.err.startswith(f"error: a part of the program tried to end it: {type(error).__name__}")
    assert ended.err.count("\n") == 1
    assert application.main(["runs", "--debug"]) == 3
    assert "Traceback" in capsys.readouterr().err


def test_ctrl_c_anywhere_is_quiet(command, failing):
    failing(KeyboardInterrupt())
    ended = command("models", "fetch")
    assert (ended.code, ended.err) == (130, "interrupted\n")


def test_a_closed_pipe_is_quiet(command, failing, monkeypatch):
    failing(BrokenPipeError())
    monkeypatch.setattr(application.os, "dup2", lambda *_: None)  # the test needs its own output
    ended = command("runs")
    assert (ended.code, ended.err) == (141, "")
