"""A folder belongs to the settings that made it."""

from __future__ import annotations

from pathlib import Path

import pytest

from purpose_agent.bench.demo.settings import DemoSettings, make_settings
from purpose_agent.bench.folder import claim_folder
from purpose_agent.errors import UsageError


def test_a_folder_belongs_to_its_settings(tmp_path: Path) -> None:
    one = DemoSettings(world="w:W", model="local", episodes=4, tasks=3, max_steps=25, seed=0)
    other = DemoSettings(world="w:W", model="local", episodes=5, tasks=3, max_steps=25, seed=1)
    assert claim_folder(tmp_path / "a" / "b", one) == claim_folder(tmp_path / "a" / "b", one)
    with pytest.raises(UsageError, match="episodes 4 → 5, seed 0 → 1"):
        claim_folder(tmp_path / "a" / "b", other)


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("")
    with pytest.raises(UsageError, match="is a file"):
        claim_folder(tmp_path / "x", make_settings("twc", "local", 1, 1, 25, 0))
