"""Wall times outlive whoever is killed."""

import time
from pathlib import Path

import pytest

from purpose_agent.bench.played_time import SECONDS, PlayedTime, played_seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_sessions_add_up_until_the_last_result_of_each(tmp_path: Path, clock: list[float]) -> None:
    first = PlayedTime(tmp_path)
    assert first.seconds == 0.0
    clock[0] += 30
    first.keep()
    clock[0] += 500  # and is killed
    second = PlayedTime(tmp_path)
    assert second.seconds == 30.0
    clock[0] += 12
    second.keep()
    assert second.seconds == played_seconds(tmp_path) == 42.0


def test_a_session_without_results_adds_nothing(tmp_path: Path, clock: list[float]) -> None:
    played = PlayedTime(tmp_path)
    clock[0] += 30
    assert played.seconds == played_seconds(tmp_path) == 0.0
    assert not (tmp_path / SECONDS).exists()


def test_what_a_report_tells_counts_where_nothing_was_kept(tmp_path: Path) -> None:
    assert PlayedTime(tmp_path, reported=70.0).seconds == 70.0


@pytest.mark.parametrize("junk", [b"", b"soon", b"\xff\xfe", b"nan", b"-5"])
def test_junk_counts_nothing(tmp_path: Path, junk: bytes) -> None:
    (tmp_path / SECONDS).write_bytes(junk)
    assert played_seconds(tmp_path) == 0.0


def test_a_time_that_cannot_be_written_stops_nothing(tmp_path: Path, clock: list[float]) -> None:
    (tmp_path / SECONDS).mkdir()
    played = PlayedTime(tmp_path)
    clock[0] += 3
    played.keep()
    assert played.seconds == 3.0
