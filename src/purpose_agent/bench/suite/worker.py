"""A process that does the jobs of a report card; see `purpose_agent.bench.worker`."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from purpose_agent.bench.suite.player import Player
from purpose_agent.bench.suite.rows import Job
from purpose_agent.bench.suite.settings import SuiteSettings
from purpose_agent.bench.worker import serve


class Hello(msgspec.Struct, frozen=True):
    """The first line in: what is measured, and where everything goes."""

    settings: SuiteSettings
    out: str


if __name__ == "__main__":
    sys.exit(serve(Hello, Job, lambda hello: Player(hello.settings, Path(hello.out))))
