"""A process that does jobs: what it is about and jobs in as JSON lines, rows out.

A module that calls `serve` is started by `purpose_agent.bench.workers`. It has its own world and its own model. It
ends when its input does; SIGINT leaves the running episode so that it can be continued.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import msgspec

from purpose_agent.errors import PurposeAgentError, describe_error

HelloT = TypeVar("HelloT", bound=msgspec.Struct)


class Answer(msgspec.Struct, frozen=True):
    """A line out: a job's row, or why there is none.

    Attributes:
        row: of the finished job.
        error: one line for a person.
        kind: name of that error's class.
        exit_code: of that error.
    """

    row: Any = None
    error: str = ""
    kind: str = ""
    exit_code: int = 3


class Doer(Protocol):
    """Does jobs."""

    def play(self, job: Any) -> msgspec.Struct:
        """Do one; the result is its row."""
        ...

    def close(self) -> None:
        """No more will come."""
        ...


def serve(hello_type: type[HelloT], job_type: type[msgspec.Struct], make: Callable[[HelloT], Doer]) -> int:
    """Do jobs until the input ends; returns the exit code."""
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # what libraries print is no answer
    lines = sys.stdin.buffer
    doer = make(msgspec.json.decode(lines.readline(), type=hello_type))
    try:
        for line in iter(lines.readline, b""):
            answers.write(msgspec.json.encode(_answer(doer, line, job_type)) + b"\n")
    except (KeyboardInterrupt, BrokenPipeError):
        return 130
    finally:
        doer.close()
    return 0


def _answer(doer: Doer, line: bytes, job_type: type[msgspec.Struct]) -> Answer:
    try:
        return Answer(row=doer.play(msgspec.json.decode(line, type=job_type)))
    except PurposeAgentError as e:
        return Answer(error=str(e), kind=type(e).__name__, exit_code=e.exit_code)
    except Exception as e:  # the process boundary: whatever it is, the parent must hear of it
        return Answer(error=describe_error(e))
