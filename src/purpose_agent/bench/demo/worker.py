"""A process that plays the episodes of a demo; see `purpose_agent.bench.worker`."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from purpose_agent.bench.demo.arms import Player
from purpose_agent.bench.demo.rows import Job
from purpose_agent.bench.demo.settings import DemoSettings
from purpose_agent.bench.worker import serve


class Hello(msgspec.Struct, frozen=True):
    """The first line in: what to play."""

    settings: DemoSettings
    out: str


if __name__ == "__main__":
    sys.exit(serve(Hello, Job, lambda hello: Player(hello.settings, Path(hello.out))))
