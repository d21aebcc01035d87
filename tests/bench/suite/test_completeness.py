"""Stores that somebody deleted: nobody plays with a memory that holds less than was learned."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from bench.suite.playing import play, rows_in
from purpose_agent.bench.suite.rows import ANCHOR, ROWS, STUDY, TEST, TRAIN
from purpose_agent.bench.suite.settings import SuiteSettings
from purpose_agent.errors import StoreError

Smoke = Callable[..., SuiteSettings]


def finished(settings: SuiteSettings, folder: Path, *left: str) -> None:
    """A suite that is played to its end; then only rows of these kinds are left."""
    play(settings, folder)
    kept = [row for row in rows_in(folder) if row.job.kind in left]
    (folder / ROWS).write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in kept))


@pytest.mark.parametrize(
    ("arm", "left", "said"),
    [
        ("ours", (TRAIN, ANCHOR), "the store of ours, order 0, in machines holds 0 of 8 episodes"),
        ("ours", (TRAIN,), "the store of ours, order 0, in machines holds 0 of 8 episodes"),
        ("raw_episodes", (TRAIN, ANCHOR), "the store of ours, order 0, in machines holds 0 of 8 episodes"),
        (
            "raw_episodes",
            (TRAIN, ANCHOR, STUDY),
            "the store of ours, order 0, in machines holds 0 of 8 episodes",
        ),
    ],
)
def test_a_store_that_is_gone_is_no_empty_memory(
    smoke: Smoke, tmp_path: Path, arm: str, left: tuple[str, ...], said: str
) -> None:
    settings = smoke(arms=("no_memory", arm))
    finished(settings, tmp_path, *left)
    shutil.rmtree(tmp_path / "stores")
    with pytest.raises(StoreError, match=f"{said}; begin anew in another folder"):
        play(settings, tmp_path)
    assert not [row for row in rows_in(tmp_path) if row.job.kind == TEST and row.job.arm == arm]


def test_a_study_that_is_gone_is_no_empty_memory(smoke: Smoke, tmp_path: Path) -> None:
    settings = smoke(arms=("no_memory", "raw_episodes"))
    finished(settings, tmp_path, TRAIN, ANCHOR, STUDY)
    (tmp_path / "stores" / "machines--raw_episodes--0.sqlite").unlink()
    with pytest.raises(StoreError, match="raw episodes, order 0, in machines holds 0 of 1 studies"):
        play(settings, tmp_path)


def test_a_stream_does_not_go_on_in_an_empty_store(smoke: Smoke, tmp_path: Path) -> None:
    settings = smoke(arms=("no_memory", "ours"), anchors=0)
    finished(settings, tmp_path, TRAIN)
    lines = (tmp_path / ROWS).read_bytes().splitlines(keepends=True)
    (tmp_path / ROWS).write_bytes(b"".join(lines[:5]))
    shutil.rmtree(tmp_path / "stores")
    with pytest.raises(StoreError, match="holds 0 of 5 episodes"):
        play(settings, tmp_path)


def test_a_store_that_is_whole_goes_on(smoke: Smoke, tmp_path: Path) -> None:
    settings = smoke(arms=("no_memory", "raw_episodes", "ours"))
    finished(settings, tmp_path, TRAIN, ANCHOR, STUDY)
    assert play(settings, tmp_path).complete
