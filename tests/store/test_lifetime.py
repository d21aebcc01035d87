"""Threads, event loops and connections: what is opened is closed, what is waited for comes."""

from __future__ import annotations

import asyncio
import gc
import threading
import warnings
from pathlib import Path

import pytest

from purpose_agent.conformance.store_samples import episode, started
from purpose_agent.errors import StoreError
from purpose_agent.events import StepStarted
from purpose_agent.store import ScoredState, open_store
from purpose_agent.store.sqlite import SQLiteStore


def writer_threads() -> list[threading.Thread]:
    return [t for t in threading.enumerate() if t.name == "purpose-agent-store"]


def test_closing_ends_the_writer(tmp_path: Path) -> None:
    store = SQLiteStore.open(tmp_path)
    assert writer_threads() == []
    store.append("r", 0, [started("r")])
    assert len(writer_threads()) == 1
    store.close()
    assert writer_threads() == []


def test_a_forgotten_store_closes_itself(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        store = SQLiteStore.open(tmp_path)
        store.append("r", 0, [started("r")])
        del store
        gc.collect()
    assert writer_threads() == []
    with SQLiteStore.open(tmp_path) as again:
        assert again.event_count("r") == 1


def test_connections_do_not_grow_with_threads(tmp_path: Path) -> None:
    with SQLiteStore.open(tmp_path) as store:
        for _ in range(30):
            thread = threading.Thread(target=store.runs)
            thread.start()
            thread.join()
        database = store._parts[0]  # type: ignore[index]
        assert len(database._idle) <= 2  # type: ignore[attr-defined]


def test_an_event_loop_can_wait(tmp_path: Path) -> None:
    """Also when the task that waits is cancelled: the events are written all the same."""

    async def main(store: SQLiteStore) -> None:
        await asyncio.wrap_future(store.append("r", 0, [started("r")]))
        waiting = asyncio.ensure_future(asyncio.wrap_future(store.append("r", 1, [StepStarted(1)])))
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await asyncio.wrap_future(store.append("r", 2, [StepStarted(2)]))

    for where in (tmp_path, None):
        with SQLiteStore.open(where) as store:
            asyncio.run(main(store))
            assert store.event_count("r") == 3


def test_a_moved_file_is_an_error_and_not_a_new_store(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    store = SQLiteStore.open(path)
    store.append("r", 0, [started("r")]).result(60)
    database = store._parts[0]  # type: ignore[index]
    database.quiesce()  # type: ignore[attr-defined]
    path.unlink()
    with pytest.raises(StoreError):
        store.events("r")
    assert isinstance(store.append("r", 1, [StepStarted(1)]).exception(60), StoreError)
    assert not path.exists()
    store.close()


def test_a_score_that_could_not_be_written_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is written behind the caller's back, so `flush` tells, once."""

    def fail(*_: object, **__: object) -> None:
        raise StoreError("no space")

    with SQLiteStore.open(tmp_path) as store:
        with pytest.raises(StoreError, match="phi"):
            store.cache_score("p", "f", "c", ScoredState(float("nan"), 1.0, "", ""))
        with monkeypatch.context() as broken:
            broken.setattr("purpose_agent.store.kept_rows.save_score", fail)
            store.cache_score("p", "f", "c", ScoredState(1.0, 1.0, "", ""))
        with pytest.raises(StoreError, match="no space"):
            store.flush()
        store.flush()


def test_an_error_inside_does_not_stop_the_writer(tmp_path: Path) -> None:
    with SQLiteStore.open(tmp_path) as store:
        database = store._parts[0]  # type: ignore[index]

        def broken(connection: object) -> None:
            raise KeyError("defect")

        futures = [store.append("r", 0, [started("r")]), database.submit(broken), store.append("r", 1, [])]
        assert isinstance(futures[1].exception(60), KeyError)
        futures[2].result(60)
        assert store.event_count("r") == 1


def test_revision_is_seen_by_a_second_store(tmp_path: Path) -> None:
    with SQLiteStore.open(tmp_path) as one, SQLiteStore.open(tmp_path) as two:
        before = two.revision
        one.add_episode(episode("a"), "x")
        assert two.revision != before
        assert [e.id for e in two.episodes()] == ["a"]


def test_thousands_of_runs_are_remembered_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("purpose_agent.store.run_rows._MOST_KNOWN", 3)
    for where in (tmp_path, None):
        store = open_store(where)
        for position in range(3):
            for run in range(10):
                store.append(f"r{run}", position, [StepStarted(position)])
        store.flush()
        assert all(store.event_count(f"r{run}") == 3 for run in range(10))
        store.close()
