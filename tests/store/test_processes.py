"""Several processes, killed processes, and processes that end without closing."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from purpose_agent.conformance.store_samples import episode, heuristic, started
from purpose_agent.events import StepStarted
from purpose_agent.store import open_store
from purpose_agent.store.sqlite import SQLiteStore

PRELUDE = """
import os, sys
from purpose_agent.conformance.store_samples import episode, heuristic, started
from purpose_agent.events import StepStarted
from purpose_agent.store import open_store
path, name = sys.argv[1:3]
"""


def python(script: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", PRELUDE + script, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def done(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert err == ""
    return out


def integrity(path: Path) -> str:
    connection = sqlite3.connect(path)
    try:
        return str(connection.execute("PRAGMA integrity_check").fetchone()[0])
    finally:
        connection.close()


WRITE_UNTIL_KILLED = """
store = open_store(path)
store.add_episode(episode("shared"), "find the coin")
store.append(name, 0, [started(name)]).result()
n = 1
while True:
    futures = [store.append(name, n + i, [StepStarted(n + i)]) for i in range(3)]
    futures[-1].result()
    n += 3
    store.add_episode(episode(f"{name}-{n}"), f"find the coin number {n}")
    store.value_episode("shared", 1.0, 0.01)
    print(n, flush=True)
"""


def test_kill_9_corrupts_nothing_and_loses_nothing_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    moments = random.Random(7)
    acknowledged: dict[str, int] = {}
    for round in range(5):
        names = [f"r{round}a", f"r{round}b"]
        writers = [python(WRITE_UNTIL_KILLED, str(path), name) for name in names]
        for name, writer in zip(names, writers, strict=True):
            assert writer.stdout is not None
            for _ in range(moments.randrange(1, 40)):
                acknowledged[name] = int(writer.stdout.readline())
            writer.send_signal(signal.SIGKILL)
        for name, writer in zip(names, writers, strict=True):
            out, err = writer.communicate()
            acknowledged[name] = int((out.splitlines() or [acknowledged[name]])[-1])
            assert writer.returncode == -signal.SIGKILL, err
        with SQLiteStore.open(path) as store:
            for name in names:
                events = store.events(name)
                assert len(events) >= acknowledged[name]
                assert events == [started(name), *map(StepStarted, range(1, len(events)))]
                assert store.episode(f"{name}-{acknowledged[name]}") is not None
    updates = sum((n - 1) // 3 for n in acknowledged.values())
    with SQLiteStore.open(path) as store:
        shared = store.episode("shared")
        assert shared is not None
        assert shared.q_value >= 1 - 0.5 * 0.99**updates - 1e-9
        assert len(store.search_episodes("coin number", 10)) == 10
        assert store.episode_count() == len(store.episodes())
    assert integrity(path) == "ok"
    assert [p.name for p in tmp_path.iterdir()] == ["a.sqlite"]


SHARE = """
sys.stdin.readline()
store = open_store(path)
store.add_episode(episode("shared"), "find the coin")
store.add_heuristic(heuristic("h", q_value=0.5, times_used=0, times_succeeded=0), "")
store.append(name, 0, [started(name)])
claims = 0
for n in range(1, 41):
    written = store.append(name, n, [StepStarted(n)])
    store.value_episode("shared", 1.0, 0.01)
    assert store.credit_heuristic("h", succeeded=n % 2 == 0, alpha=0.01)
    claims += store.mark_distilled("shared", f"d{n}")
    store.add_episode(episode(f"{name}-{n}"), f"task {n}")
    assert store.search_episodes("coin", 1)
written.result()
print(claims)
store.close()
"""


def test_four_processes_lose_nothing(tmp_path: Path) -> None:
    """The library was read, changed and written back: of eight parallel lessons two were kept.

    The processes also make the file, all at once.
    """
    path = tmp_path / "new" / "a.sqlite"
    names = [f"p{i}" for i in range(4)]
    processes = [python(SHARE, str(path), name) for name in names]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    assert sum(int(done(process)) for process in processes) == 40
    with SQLiteStore.open(path) as store:
        for name in names:
            assert store.events(name) == [started(name), *map(StepStarted, range(1, 41))]
        shared = store.episode("shared")
        assert shared is not None
        assert shared.q_value == pytest.approx(1 - 0.5 * 0.99**160)
        (h,) = store.heuristics()
        assert (h.times_used, h.times_succeeded) == (160, 80)
        assert [e.number for e in store.episodes()] == list(range(1, 162))
    assert integrity(path) == "ok"
    assert [p.name for p in path.parent.iterdir()] == ["a.sqlite"]


LEAVE = """
store = open_store(path)
for n in range(200):
    store.append(name, n, [started(name) if n == 0 else StepStarted(n)])
"""


@pytest.mark.parametrize("ending", ["", "sys.exit(0)", "del store", "import threading; store.runs()"])
def test_a_program_that_ends_writes_what_it_appended(tmp_path: Path, ending: str) -> None:
    done(python(LEAVE + ending, str(tmp_path), "r"))
    with SQLiteStore.open(tmp_path) as store:
        assert store.event_count("r") == 200


FORK = """
store = open_store(path)
store.append(name, 0, [started(name)])
store.runs()
child = os.fork()
mine = name if child else "child"
first = 1 if child else 0
for n in range(first, 50):
    store.append(mine, n, [started(mine) if n == 0 else StepStarted(n)])
    store.revision
assert store.event_count(mine) == 50
if child:
    assert os.waitpid(child, 0)[1] == 0
    assert store.event_count("child") == 50
    store.close()
else:
    store.close()
    os._exit(0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_store_survives_a_fork(tmp_path: Path) -> None:
    done(python(FORK, str(tmp_path), "parent"))
    with SQLiteStore.open(tmp_path) as store:
        assert {r.run_id for r in store.runs()} == {"parent", "child"}


def test_import_is_light() -> None:
    """SQLite is loaded when a store is opened, not when the package is imported."""
    script = (
        "import sys, purpose_agent.store, purpose_agent.experience_replay; print('sqlite3' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"


def test_a_store_is_durable_for_another_process(tmp_path: Path) -> None:
    """Heuristics and steps were lost on restart although a persistence directory was given."""
    with SQLiteStore.open(tmp_path) as store:
        store.append("r", 0, [started("r")]).result(60)
        store.add_episode(episode("r"), "find the coin")
        store.add_heuristic(heuristic("h"), "new")
        store.credit_heuristic("h", succeeded=True, alpha=0.5)
        script = """
store = open_store(path)
assert store.events("r") == [started("r")]
assert store.search_episodes("coin", 1)[0][0].id == "r"
(h,) = store.heuristics()
assert h == heuristic("h", times_used=4, times_succeeded=3, q_value=h.q_value) and h.q_value == 0.7, h
store.close()
"""
        done(python(script, str(tmp_path), ""))


def test_opening_a_store_again_in_one_process_leaves_the_locks_of_the_first(tmp_path: Path) -> None:
    """Closing any descriptor of a file gives up this process's locks on it, and then another one's last close
    deletes the log that is still being written."""
    path = tmp_path / "s.sqlite"
    script = (
        "import sys; from purpose_agent.store import open_store; "
        "s = open_store(sys.argv[1]); s.episodes(); s.close()"
    )
    with closing(open_store(path)) as first:
        first.save_artefact("kept", b"1", upto=1)
        with closing(open_store(path)) as second:
            second.artefact("kept")
            subprocess.run([sys.executable, "-c", script, str(path)], check=True, timeout=60)
            assert path.with_name(path.name + "-wal").exists(), "the other process took the file for its own"
        first.save_artefact("kept", b"2", upto=2)
    with closing(open_store(path)) as again:
        assert again.artefact("kept") == (b"2", 2)
