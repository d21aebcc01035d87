"""The critic's report on a real world."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from purpose_agent.bench.critic.running import run_critic
from purpose_agent.bench.critic.settings import make_settings


@pytest.mark.world
def test_phi_follows_true_progress_in_mapreader(tmp_path: Path) -> None:
    settings = make_settings(
        "textworld:preset=mapreader", episodes=30, tasks=6, at=(0, 30), gain_seeds=1, gain_episodes=20
    )
    report = run_critic(settings, tmp_path, console=Console(file=io.StringIO()))
    assert report.complete
    first, last = report.points
    assert first.quality.abstention is not None
    assert first.quality.abstention.value == 1.0
    assert last.quality.rank_correlation is not None
    assert last.quality.rank_correlation.value > 0.5
    experts = [row for row in report.policies if row.policy == "expert" and row.part == "held_out"]
    assert experts[0].successes >= 3
    assert report.gain is not None
    assert "score" not in (tmp_path / "episodes.jsonl").read_text().replace('"score":null', "")
