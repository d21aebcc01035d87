"""A process that plays episodes: settings and jobs in as JSON lines, rows out.

``python -m purpose_agent.bench.worker`` is started by `purpose_agent.bench.workers`. It has its own world and its own
model. It ends when its input does; SIGINT leaves the running episode so that it can be continued.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import msgspec

from purpose_agent.bench.arms import Player
from purpose_agent.bench.rows import Job, Row
from purpose_agent.bench.settings import DemoSettings
from purpose_agent.errors import PurposeAgentError, describe_error


class Hello(msgspec.Struct, frozen=True):
    """The first line in: what to play."""

    settings: DemoSettings
    out: str


class Answer(msgspec.Struct, frozen=True):
    """A line out: an episode's row, or why there is none.

    Attributes:
        row: the finished episode.
        error: one line for a person.
        exit_code: of that error.
    """

    row: Row | None = None
    error: str = ""
    exit_code: int = 3


def main() -> int:
    """Play until the input ends."""
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # what libraries print is no answer
    jobs = sys.stdin.buffer
    hello = msgspec.json.decode(jobs.readline(), type=Hello)
    player = Player(hello.settings, Path(hello.out))
    try:
        for line in iter(jobs.readline, b""):
            answers.write(msgspec.json.encode(_answer(player, line)) + b"\n")
    except (KeyboardInterrupt, BrokenPipeError):
        return 130
    finally:
        player.close()
    return 0


def _answer(player: Player, line: bytes) -> Answer:
    try:
        return Answer(row=player.play(msgspec.json.decode(line, type=Job)))
    except PurposeAgentError as e:
        return Answer(error=str(e), exit_code=e.exit_code)
    except Exception as e:  # the process boundary: whatever it is, the parent must hear of it
        return Answer(error=describe_error(e))


if __name__ == "__main__":
    sys.exit(main())
