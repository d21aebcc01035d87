"""Flipped bytes: whatever they hit, reading says that the store is damaged, by our error."""

from __future__ import annotations

import contextlib
import random
import sqlite3
from pathlib import Path

import pytest

from purpose_agent.conformance.store_samples import episode, started, step
from purpose_agent.errors import StoreCorruptError, StoreError
from purpose_agent.events import RunFinished
from purpose_agent.memory.values.learner import RECORD, ValueLearner
from purpose_agent.store.sqlite import SQLiteStore

NO_TEXT = b"\xa2\xff\xfe"
"""Bytes that are neither text nor a row."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store's file with a run that is not finished."""
    with SQLiteStore.open(tmp_path) as store:
        store.append("r", 0, [started("r"), *step(1)]).result()
        store.add_episode(episode("r"), "find the coin")
        assert store.path is not None
        return store.path


def change(path: Path, statement: str, *values: object) -> None:
    connection = sqlite3.connect(path)
    with connection:
        connection.execute(statement, values)
    connection.close()


def info_without_text(path: Path) -> None:
    connection = sqlite3.connect(path)
    info = connection.execute("SELECT info FROM runs").fetchone()[0]
    connection.close()
    change(
        path, "UPDATE runs SET info = ?", info.replace(b"coin", b"co\xf6n").replace(b"run_id", b"run\xf6id")
    )


def test_a_schema_that_is_no_text_is_damage(path: Path) -> None:
    content = path.read_bytes()
    assert b"CREATE TABLE sqlite_sequence" in content
    path.write_bytes(content.replace(b"CREATE TABLE sqlite_sequence", b"CR\x90ATE TABLE sqlite_sequence"))
    with pytest.raises(StoreCorruptError, match="is damaged"):
        SQLiteStore.open(path)


def test_a_run_whose_line_is_no_text_is_damage_to_readers_and_writers(path: Path) -> None:
    info_without_text(path)
    with SQLiteStore.open(path) as store:
        with pytest.raises(StoreCorruptError, match="is damaged"):
            store.runs()
        end = RunFinished("terminal", True, 10.0, 1, 0.0, {}, None)
        error = store.append("r", store.event_count("r"), [end]).exception(60)
        assert isinstance(error, StoreCorruptError)


def test_a_record_of_the_value_memory_that_cannot_be_read_is_passed_over_and_told(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with SQLiteStore.open(path) as store:
        store.save_artefact(RECORD + "r", NO_TEXT, upto=0)
        assert ValueLearner(store).memory.n_episodes == 0
    assert "episode r is passed over" in caplog.text


@pytest.mark.parametrize("seed", range(20))
def test_flipped_bytes_raise_nothing_but_our_errors(path: Path, seed: int) -> None:
    chance = random.Random(seed)
    content = bytearray(path.read_bytes())
    for _ in range(chance.choice([20, 300, 2000])):
        content[chance.randrange(100, len(content))] = chance.randrange(256)
    path.write_bytes(content)
    with contextlib.suppress(StoreError), SQLiteStore.open(path) as store:
        store.runs()
        store.events("r")
        store.episodes()
        store.heuristics(retired=True)
        store.search_episodes("coin", 3)
