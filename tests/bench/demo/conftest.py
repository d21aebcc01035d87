"""Reports to test with."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from fakes.bench_rows import HOSTILE, canned_rows
from purpose_agent.bench.demo.learned import Learned, Lesson, Tendency
from purpose_agent.bench.demo.report import DemoReport
from purpose_agent.bench.demo.running import make_report
from purpose_agent.bench.demo.settings import DemoSettings


@pytest.fixture
def settings() -> DemoSettings:
    return DemoSettings(world="some:World", model="local", episodes=20, tasks=20, max_steps=25, seed=0)


@pytest.fixture
def report(settings: DemoSettings, tmp_path: Path) -> DemoReport:
    return make_report(canned_rows(), settings, tmp_path, True, 61.0, "purpose-agent demo")


@pytest.fixture
def hostile_report(report: DemoReport) -> DemoReport:
    """Everything that a world, a model or a user can write is an attack."""
    tendency = Tendency(HOSTILE, 0.5, 7)
    lesson = Lesson(HOSTILE, HOSTILE, HOSTILE, [HOSTILE], HOSTILE, 1)
    return msgspec.structs.replace(
        report,
        settings=msgspec.structs.replace(report.settings, world=HOSTILE, model=HOSTILE),
        verdict=HOSTILE,
        notes=[HOSTILE],
        command=HOSTILE,
        arms=[msgspec.structs.replace(arm, label=HOSTILE) for arm in report.arms],
        learned=Learned(3, 5, [tendency], [tendency], [lesson]),
    )
