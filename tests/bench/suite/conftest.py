"""Report cards that are played in a second."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bench.suite.playing import QUICK, play
from purpose_agent.bench.report.report import SuiteReport
from purpose_agent.bench.suite.catalogue import make_settings
from purpose_agent.bench.suite.settings import SuiteSettings


@pytest.fixture
def smoke() -> Callable[..., SuiteSettings]:
    """Settings of a small smoke suite."""
    return lambda **wishes: make_settings("smoke", **{**QUICK, **wishes})


@pytest.fixture(scope="session")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, SuiteReport]:
    """A suite in which memory must help, as it was left."""
    folder = tmp_path_factory.mktemp("played") / "suite"
    settings = make_settings("smoke", orders=1, episodes=40, tasks=20, anchors=2, seed=2)
    return folder, play(settings, folder)
