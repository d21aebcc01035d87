"""A demo from its first episode to its report, and every way it can be left and taken up again."""

from __future__ import annotations

import fcntl
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from purpose_agent.bench.demo import running
from purpose_agent.bench.demo.arms import ARMS, Player
from purpose_agent.bench.demo.report import DemoReport
from purpose_agent.bench.demo.rows import Job, Row
from purpose_agent.bench.demo.running import run_demo
from purpose_agent.bench.demo.settings import make_settings
from purpose_agent.bench.line_file import LineFile
from purpose_agent.bench.play_rules import BrokenEpisode
from purpose_agent.errors import MissingDependencyError, UsageError
from purpose_agent.events import RunStarted
from purpose_agent.store import open_store

WORLD = "fakes.worlds:GridTreasure"
TESTS = Path(__file__).parents[2]


def demo(out: Path, console: Console | None = None, **more: Any) -> DemoReport:
    settings: dict[str, Any] = {"episodes": 6, "tasks": 4, "max_steps": 12, "jobs": 1} | more
    return run_demo(WORLD, "random", out=out, console=console or Console(file=io.StringIO()), **settings)


def outcomes(out: Path) -> list[tuple[Any, ...]]:
    """What was played, without times and ids."""
    rows = LineFile(out / "episodes.jsonl", Row).lines
    return sorted((r.arm, r.index, r.fold, r.seed, r.success, r.steps, r.habits, r.score) for r in rows)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("undisturbed")
    assert demo(out).complete
    return out


# -- from start to end -----------------------------------------------------------------------------------------
def test_every_arm_plays_the_same_held_out_tasks(undisturbed: Path) -> None:
    found = outcomes(undisturbed)
    assert len(found) == 6 + 4 * 4
    held_out = [
        [(fold, seed) for a, _, fold, seed, *_ in found if a == arm] for arm in ARMS if arm != "training"
    ]
    assert all(tasks == held_out[0] for tasks in held_out)
    assert {fold for fold, _ in held_out[0]} == {"dev"}


def test_it_leaves_everything_behind(undisturbed: Path) -> None:
    for name in ("report.html", "report.json", "learning_curve.svg", "memory.sqlite", "settings.json"):
        assert (undisturbed / name).stat().st_size > 0
    data = json.loads((undisturbed / "report.json").read_text())
    assert data["complete"]
    assert data["leakage"]["shared_tasks"] == 0
    assert data["learned"]["episodes"] == 6


def test_every_episode_has_its_journal(undisturbed: Path) -> None:
    for row in LineFile(undisturbed / "episodes.jsonl", Row).lines:
        with_store = open_store(undisturbed / ARMS[row.arm].store)
        events = with_store.events(row.run_id)
        with_store.close()
        assert isinstance(events[0], RunStarted)
        assert events[0].learning == (row.arm == "training")


def test_the_memory_is_frozen_when_it_is_tested(undisturbed: Path) -> None:
    store = open_store(undisturbed / "memory.sqlite")
    assert store.episode_count() == 6
    assert len(store.runs()) == 6 + 2 * 4
    store.close()


def test_plain_lines_tell_how_far_it_is(tmp_path: Path) -> None:
    text = io.StringIO()
    demo(tmp_path, Console(file=text, width=200))
    assert "training (learning on): 5 of 6" in text.getvalue()
    assert "training (learning on): 6 of 6" in text.getvalue()
    assert "\x1b" not in text.getvalue()


def test_bars_on_a_terminal(tmp_path: Path) -> None:
    text = io.StringIO()
    demo(tmp_path, Console(file=text, width=200, force_terminal=True))
    assert "6/6" in text.getvalue()


# -- taken up again --------------------------------------------------------------------------------------------
def test_a_second_call_plays_nothing_again(undisturbed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (undisturbed / "episodes.jsonl").read_bytes()
    wall = json.loads((undisturbed / "report.json").read_text())["wall_seconds"]
    monkeypatch.setattr(Player, "play", lambda *_: pytest.fail("an episode was played again"))
    assert demo(undisturbed).complete
    assert (undisturbed / "episodes.jsonl").read_bytes() == before
    assert json.loads((undisturbed / "report.json").read_text())["wall_seconds"] == wall


@pytest.mark.parametrize("at", [0, 3, 5, 6, 13])
@pytest.mark.parametrize("written", [True, False], ids=["after the row", "before the row"])
def test_ctrl_c_anywhere_changes_nothing_in_the_end(
    undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int, written: bool
) -> None:
    add, count = LineFile.add, [0]

    def interrupted(self: LineFile[Row], rows: Sequence[Row]) -> None:
        if written or count[0] != at:
            add(self, rows)
        count[0] += 1
        if count[0] == at + 1:
            raise KeyboardInterrupt

    text = io.StringIO()
    monkeypatch.setattr(LineFile, "add", interrupted)
    report = demo(tmp_path, Console(file=text, width=300))
    assert not report.complete
    assert "Not finished" in report.verdict or "Nothing to compare" in report.verdict
    assert "Interrupted; what was done is kept. Continue with: purpose-agent demo" in text.getvalue()
    assert (tmp_path / "report.html").exists()

    monkeypatch.undo()
    assert demo(tmp_path).complete
    assert outcomes(tmp_path) == outcomes(undisturbed)
    store = open_store(tmp_path / "memory.sqlite")
    assert store.episode_count() == 6, "a training episode was learned twice"
    store.close()


def test_an_episode_left_in_the_middle_is_continued(undisturbed: Path, tmp_path: Path) -> None:
    from fakes.worlds import GridTreasure

    execute, steps = GridTreasure.execute, [0]

    def interrupted(self: Any, action: Any, state: Any) -> Any:
        steps[0] += 1
        if steps[0] == 30:
            raise KeyboardInterrupt
        return execute(self, action, state)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(GridTreasure, "execute", interrupted)
        assert not demo(tmp_path).complete
    assert demo(tmp_path).complete
    assert outcomes(tmp_path) == outcomes(undisturbed)


def test_when_the_minutes_are_over_it_stops_and_says_so(tmp_path: Path) -> None:
    text = io.StringIO()
    report = demo(tmp_path, Console(file=text, width=300), minutes=1e-6)
    assert not report.complete
    assert "The time is up" in text.getvalue()
    assert demo(tmp_path).complete


# -- refused ---------------------------------------------------------------------------------------------------
def test_other_settings_need_another_folder(undisturbed: Path) -> None:
    with pytest.raises(UsageError, match=r"other settings \(episodes 6 → 7\)"):
        demo(undisturbed, episodes=7)


def test_two_demos_cannot_share_a_folder(undisturbed: Path) -> None:
    with (undisturbed / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(UsageError, match="another demo is playing"):
            demo(undisturbed)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"jobs": 0}, "jobs"),
        ({"minutes": -1}, "minutes"),
        ({"tasks": 0}, "tasks"),
        ({"out": ""}, "out is empty"),
    ],
)
def test_wrong_arguments_start_nothing(tmp_path: Path, wrong: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {"out": tmp_path / "new", "jobs": 1} | wrong
    with pytest.raises(UsageError, match=message):
        run_demo(WORLD, "random", **arguments)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(("game", "model"), [("nosuch:World", "random"), (WORLD, "nosuch")])
def test_unknown_names_start_nothing(tmp_path: Path, game: str, model: str) -> None:
    with pytest.raises(UsageError, match="nosuch"):
        run_demo(game, model, out=tmp_path / "new", jobs=1)
    assert not (tmp_path / "new").exists()


def test_a_missing_extra_is_named_before_anything_is_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError, match=r"\[local\]"):
        run_demo(WORLD, "local", out=tmp_path / "new", jobs=1)
    assert not (tmp_path / "new").exists()


def test_a_world_must_list_actions_and_judge(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="verdict"):
        run_demo(
            "fakes.worlds:MutatingWorld", "random", out=tmp_path, jobs=1, console=Console(file=io.StringIO())
        )


# -- a world that breaks ---------------------------------------------------------------------------------------
def test_a_broken_world_is_opened_anew_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from fakes.worlds import GridTreasure
    from purpose_agent.errors import EnvironmentFailure

    verdict, failures = GridTreasure.verdict, [1]

    def breaking(self: Any, state: Any) -> Any:
        if failures[0]:
            failures[0] -= 1
            raise EnvironmentFailure("the bridge collapsed")
        return verdict(self, state)

    monkeypatch.setattr(GridTreasure, "verdict", breaking)
    player = Player(make_settings(WORLD, "random", 1, 1, 12, 0), tmp_path)
    row = player.play(Job("random", 0, "dev", 1_000_000))
    assert row.stop_reason in ("max_steps", "terminal")
    failures[0] = 2
    with pytest.raises(BrokenEpisode, match="the bridge collapsed"):
        player.play(Job("random", 1, "dev", 1_000_001))
    player.close()


# -- several processes -----------------------------------------------------------------------------------------
@pytest.mark.slow
def test_two_processes_find_what_one_finds(
    undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(TESTS))
    assert demo(tmp_path, jobs=2).complete
    assert outcomes(tmp_path) == outcomes(undisturbed)


@pytest.mark.slow
def test_ctrl_c_stops_the_workers_and_a_rerun_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(TESTS))
    program = (
        "from purpose_agent.bench.demo.running import run_demo;"
        f"run_demo({WORLD!r}, 'random', 25, 25, {str(tmp_path)!r}, 2, max_steps=12)"
    )
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    rows = tmp_path / "episodes.jsonl"
    while not rows.exists() or rows.read_bytes().count(b"\n") < 3:
        assert process.poll() is None
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGINT)
    printed, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "Continue with" in printed
    done = outcomes(tmp_path)
    assert 3 <= len(done) < 125
    assert json.loads((tmp_path / "report.json").read_text())["complete"] is False
    assert demo(tmp_path, episodes=25, tasks=25).complete
    assert [row for row in outcomes(tmp_path) if row in done] == done


@pytest.mark.slow
def test_a_worker_that_dies_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "")  # the workers cannot find the world that we can
    with pytest.raises(UsageError, match=r"fakes\.worlds"):
        demo(tmp_path, jobs=2)


@pytest.mark.world
@pytest.mark.slow
def test_a_real_game_is_learned(tmp_path: Path) -> None:
    report = run_demo("twc", "random", 20, 12, tmp_path, 1, console=Console(file=io.StringIO()))
    assert report.complete
    assert report.comparisons[0].difference.difference > 0
    assert report.leakage.shared_tasks == report.leakage.shared_first_states == 0
    assert {row.fold for row in LineFile(tmp_path / running.ROWS, Row).lines} == {"train", "dev"}
