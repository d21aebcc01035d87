"""The search by vectors beside plain arithmetic: exact when small, nearly exact when large, in step with the table."""

from __future__ import annotations

import ast
import contextlib
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from purpose_agent.conformance.store_samples import episode
from purpose_agent.store import VectorSpace, vector_index
from purpose_agent.store.sqlite import SQLiteStore

SPACE = VectorSpace("random 1", 16)


def vectors(count: int, seed: int = 0, dimension: int = 16) -> np.ndarray:
    rows = np.random.default_rng(seed).standard_normal((count, dimension)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def filled(rows: np.ndarray) -> SQLiteStore:
    store = SQLiteStore()
    for n in range(len(rows)):
        store.add_episode(episode(str(n)), "")
    store.save_vectors(VectorSpace("random 1", rows.shape[1]), {str(n): row for n, row in enumerate(rows)})
    return store


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 9), st.sets(st.integers(0, 59)), st.integers(0, 70))
def test_it_finds_what_arithmetic_finds(seed: int, removed: set[int], limit: int) -> None:
    rows = vectors(60, seed)
    rows[30:40] = rows[0]  # the same task again and again
    query = vectors(1, 77)[0]
    with filled(rows) as store:
        store.search_vectors(SPACE, query, 5)
        store.remove_episodes([str(n) for n in removed])
        found = store.search_vectors(SPACE, query, limit).episodes
    alive = [n for n in range(60) if n not in removed and rows[n] @ query > 1e-6]
    expected = sorted(alive, key=lambda n: (-round(float(rows[n] @ query), 5), -n))[:limit]
    assert [int(e.id) for e, _ in found] == expected


def test_equal_vectors_are_equally_close_wherever_they_lie() -> None:
    rows = np.repeat(vectors(1), 333, axis=0)
    with filled(rows) as store:
        found = store.search_vectors(SPACE, vectors(1)[0], 333).episodes
    assert len({cosine for _, cosine in found}) == 1
    assert [e.number for e, _ in found] == list(range(333, 0, -1))


def test_signs_find_nearly_all_of_the_closest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vector_index, "CODED_FROM", 1000)
    monkeypatch.setattr(vector_index, "RESCORED", 200)
    space = VectorSpace("random 1", 100)  # no multiple of 64
    centres, noise = vectors(60, 1, 100), vectors(3000, 2, 100)
    alike = 3 * vectors(1, 3, 100)  # as where all texts are phrased alike
    rows = centres[np.arange(3000) % 60] + 0.7 * noise + alike
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    with filled(rows[:2500]) as store:
        store.search_vectors(space, rows[0], 1)
        for n in range(2500, 3000):
            store.add_episode(episode(str(n)), "")
        store.save_vectors(space, {str(n): rows[n] for n in range(2500, 3000)})
        hits = 0
        for query in rows[::60]:
            found = [int(e.id) for e, _ in store.search_vectors(space, query, 10).episodes]
            hits += len(set(found) & set(np.argsort(-(rows @ query))[:10].tolist()))
    assert hits >= 0.97 * 10 * 50


def test_what_leaves_does_not_pile_up() -> None:
    """A replay of fixed capacity that takes in an episode and drops one, for ever."""
    rows = vectors(1000)
    with SQLiteStore() as store:
        for n, row in enumerate(rows):
            store.add_episode(episode(str(n)), "")
            store.save_vectors(SPACE, {str(n): row})
            store.trim_episodes(20)
            found = store.search_vectors(SPACE, row, 20)
            assert found.episodes[0][0].id == str(n)
            assert found.count <= 20 * 1.1 + 64 + 1
        assert {e.id for e, _ in found.episodes} <= {e.id for e in store.episodes()}
        store.remove_episodes([e.id for e in store.episodes()])
        assert store.search_vectors(SPACE, row, 5).episodes == []


def test_vectors_leave_the_file_with_their_episodes(tmp_path: Path) -> None:
    with SQLiteStore.open(tmp_path / "a.sqlite") as store:
        for id in ("a", "b"):
            store.add_episode(episode(id), "")
        store.save_vectors(SPACE, dict(zip("ab", vectors(2), strict=True)))
        store.remove_episodes(["a"])
    connection = sqlite3.connect(tmp_path / "a.sqlite")
    assert connection.execute("SELECT episode FROM episode_vectors").fetchall() == [(2,)]
    connection.close()


def test_many_threads_may_search_and_add(tmp_path: Path) -> None:
    rows = vectors(200)
    errors: list[BaseException] = []

    def work(first: int) -> None:
        try:
            for n in range(first, 200, 4):
                store.add_episode(episode(str(n)), "")
                store.save_vectors(SPACE, {str(n): rows[n]})
                assert store.search_vectors(SPACE, rows[n], 1).episodes[0][0].id == str(n)
        except BaseException as e:
            errors.append(e)

    with SQLiteStore.open(tmp_path) as store:
        threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        assert store.search_vectors(SPACE, rows[0], 1).count == 200


ADD = """
import sys
from purpose_agent.embedding import WordLlamaEmbedder
from purpose_agent.experience_replay import ExperienceReplay
from purpose_agent.types import Trajectory
path, name = sys.argv[1:]
with ExperienceReplay(persistence_path=path, embedder=WordLlamaEmbedder()) as replay:
    for n in range(20):
        replay.add(Trajectory(f"Wash dirty dish {n} of {name}.", "", [], id=f"{name}-{n}"))
        assert replay.retrieve("Clean a plate.", top_k=1)
    print("added", flush=True)
    sys.stdin.readline()
    print([(r.id, r.task_embedding) for r in replay.retrieve("Clean a plate.", top_k=99)])
"""


def test_two_processes_add_and_see_the_same(tmp_path: Path) -> None:
    """They add at the same time, and in the end both find everything in the same order."""
    command = [sys.executable, "-W", "error", "-c", ADD, str(tmp_path / "a.sqlite")]
    processes = [
        subprocess.Popen([*command, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for name in ("one", "two")
    ]
    with contextlib.ExitStack() as stack:
        for process in processes:
            stack.enter_context(process)
            stack.callback(process.kill)
        assert [process.stdout and process.stdout.readline() for process in processes] == ["added\n"] * 2
        first, second = (process.communicate("go\n", timeout=60)[0] for process in processes)
    assert first == second
    assert len(ast.literal_eval(first)) == 40
