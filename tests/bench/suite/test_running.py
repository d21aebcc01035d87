"""A report card from nothing to its files: what is written, what a rerun repeats, and what stops it."""

from __future__ import annotations

import contextlib
import itertools
import json
import shlex
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import fastjsonschema
import msgspec
import pytest

from bench.suite.playing import BALLS, QUICK, play, rows_in, timeless
from fakes.ball_world import BallWorld
from fakes.suite_worlds import Breaking, PoliteBalls
from purpose_agent.bench import played_time
from purpose_agent.bench.report.output import as_json
from purpose_agent.bench.report.report import SuiteReport, report_schema
from purpose_agent.bench.suite import player, running
from purpose_agent.bench.suite.catalogue import make_settings
from purpose_agent.bench.suite.rows import TRAIN, SuiteRow, digest
from purpose_agent.bench.suite.running import Session, current_report
from purpose_agent.bench.suite.settings import SuiteSettings
from purpose_agent.errors import PurposeAgentError, UsageError

Smoke = Callable[..., SuiteSettings]


# -- the whole -------------------------------------------------------------------------------------------------
def test_the_report_is_what_its_schema_says_and_memory_helped(played: tuple[Path, SuiteReport]) -> None:
    folder, report = played
    text = (folder / "report.json").read_text()
    fastjsonschema.compile(report_schema())(json.loads(text))
    assert msgspec.json.decode(text, type=SuiteReport) == msgspec.convert(as_json(report), SuiteReport)
    assert report.complete
    assert report.verdict.startswith("Memory helped: +")
    assert report.worlds[0].differences[0].success.value > 0.3
    assert (folder / "report.html").stat().st_size > 1000


def test_ours_beats_what_holds_nothing(played: tuple[Path, SuiteReport]) -> None:
    world = played[1].worlds[0]
    success = {arm.name: arm.success.value for arm in world.arms}
    assert success["ours"] >= 0.9
    assert success["raw_episodes"] >= 0.9
    assert max(success["no_memory"], success["placebo"]) < 0.7
    tokens = {arm.name: arm.memory_tokens for arm in world.arms}
    assert tokens["no_memory"] == 0
    assert tokens["placebo"] > 0
    assert world.memory is not None
    assert world.memory.episodes == 40
    assert world.retention[0].at == [10, 20, 30, 40]
    assert world.curves[0].orders == 1


def test_a_clean_run_says_how_many_showings_were_followed_back(played: tuple[Path, SuiteReport]) -> None:
    folder, report = played
    leakage = report.worlds[0].leakage
    assert leakage.shared_tasks == 0
    assert leakage.checked == sum(row.traced for row in rows_in(folder)) > 0
    by_arm = {row.job.arm for row in rows_in(folder) if row.traced}
    assert by_arm == {"raw_episodes", "ours"}


def test_a_finished_suite_is_shown_again_without_playing(
    played: tuple[Path, SuiteReport], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, report = played
    before = (folder / "episodes.jsonl").read_bytes()
    monkeypatch.setattr(player.Player, "play", lambda self, job: pytest.fail("nothing is left"))
    again = play(report.settings, folder)
    assert (folder / "episodes.jsonl").read_bytes() == before
    assert again.wall_seconds == report.wall_seconds
    assert again.overall == report.overall
    assert current_report(folder).verdict == report.verdict


@pytest.mark.slow
def test_a_placebo_in_place_of_ours_is_no_evidence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """20 seeds; where nothing is to be found, p <= 0.05 may claim one of them by chance."""
    monkeypatch.setattr(
        running, "write_report", lambda report, folder: []
    )  # charts take longer than the rest
    claims = 0
    for seed in range(20):
        settings = make_settings(
            "machines",
            arms=("no_memory", "placebo"),
            orders=1,
            episodes=6,
            tasks=12,
            anchors=0,
            seed=101 * seed,
        )
        claims += not play(settings, tmp_path / str(seed)).verdict.startswith("No evidence")
    assert claims <= 1


# -- the same again --------------------------------------------------------------------------------------------
def comparable(report: SuiteReport) -> Any:
    """The tables without times, and without the ids and the order of items that are equally good."""
    data = as_json(report)
    for name in ("machine", "date", "wall_seconds", "command"):
        del data[name]
    for world in data["worlds"]:
        for arm in world["arms"]:
            del arm["seconds"]
        if world["memory"]:
            top = [{k: v for k, v in item.items() if k != "id"} for item in world["memory"]["top"]]
            world["memory"]["top"] = sorted(top, key=str)
    return data


@pytest.mark.slow
def test_the_same_settings_give_the_same_rows_and_tables_also_in_several_processes(
    smoke: Smoke, tmp_path: Path
) -> None:
    settings = smoke(arms=("no_memory", "placebo", "ours"), episodes=5, tasks=3)
    one, other, two = (play(settings, tmp_path / name, jobs) for name, jobs in (("a", 1), ("b", 1), ("c", 2)))
    assert comparable(one) == comparable(other) == comparable(two)
    a, b, c = (timeless(rows_in(tmp_path / name)) for name in "abc")
    assert a == b == c


def interrupt_after(monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    """Ctrl-C in the middle of the episode that comes after so many."""
    original, seen = running.SuiteProgress.advance, []

    def advance(self: Any, row: SuiteRow) -> None:
        seen.append(row)
        original(self, row)
        if len(seen) == rows:
            raise KeyboardInterrupt

    monkeypatch.setattr(running.SuiteProgress, "advance", advance)


@pytest.mark.parametrize("rows", [3, 12])
def test_an_interrupted_suite_goes_on_to_the_same_end(
    smoke: Smoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    whole = play(smoke(), tmp_path / "whole")
    monkeypatch.setattr(played_time, "time", SimpleNamespace(monotonic=itertools.count(0.0, 10.0).__next__))
    with monkeypatch.context() as patched:
        interrupt_after(patched, rows)
        partial = play(smoke(), tmp_path / "parts")
    assert not partial.complete
    assert len(rows_in(tmp_path / "parts")) == rows
    assert any("partial" in note for note in partial.notes)
    (tmp_path / "parts" / "report.json").unlink()  # who is killed writes none
    killed = current_report(tmp_path / "parts")
    assert not killed.complete
    assert killed.wall_seconds == partial.wall_seconds == 10.0 * rows
    again = play(smoke(), tmp_path / "parts")
    assert again.complete
    assert again.wall_seconds == 10.0 * len(rows_in(tmp_path / "parts"))
    assert timeless(rows_in(tmp_path / "parts")) == timeless(rows_in(tmp_path / "whole"))
    assert comparable(again) == comparable(whole)


@pytest.mark.slow
def test_an_episode_that_ended_but_was_not_reported_is_not_played_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between an episode's end and its row, in worlds that share a memory and the numbers of their tasks."""
    settings = two_worlds("random", "mixed", "oracle")
    whole = play(settings, tmp_path / "whole")
    for lost in (3, 9):  # of mixed, of oracle
        folder = tmp_path / f"lost-{lost}"
        with monkeypatch.context() as patched:
            interrupt_after(patched, lost + 1)
            play(settings, folder)
        lines = (folder / "episodes.jsonl").read_bytes().splitlines(keepends=True)
        (folder / "episodes.jsonl").write_bytes(b"".join(lines[:-1]) + lines[-1][: len(lines[-1]) // 2])
        again = play(settings, folder)
        assert timeless(rows_in(folder)) == timeless(rows_in(tmp_path / "whole"))
        assert comparable(again) == comparable(whole)


def two_worlds(*arms: str) -> SuiteSettings:
    """Two worlds of the same numbers, the second of which says in other words what is to be done."""
    settings = make_settings(
        None, "random", env=BALLS, arms=arms, **{**QUICK, "episodes": 4, "tasks": 2, "max_steps": 4}
    )
    (world,) = settings.worlds
    other = msgspec.structs.replace(world, name="other", spec="fakes.suite_worlds:PoliteBalls")
    return msgspec.structs.replace(settings, worlds=(world, other))


def test_one_memory_for_all_worlds_learns_from_every_episode_of_each(tmp_path: Path) -> None:
    play(two_worlds("random", "mixed"), tmp_path / "out")
    taught = [row for row in rows_in(tmp_path / "out") if row.job.kind == TRAIN and row.counts]
    assert len({row.run_id for row in taught}) == len(taught) == 6  # one of each four cannot be made
    for row in taught:
        world = BallWorld() if row.job.world != "other" else PoliteBalls()
        world.reset(row.job.seed)
        assert row.purpose == digest(world.purpose)


# -- what stops it ---------------------------------------------------------------------------------------------
def test_other_settings_in_the_folder_are_refused(smoke: Smoke, tmp_path: Path) -> None:
    play(smoke(arms=("no_memory", "placebo"), episodes=2, tasks=1), tmp_path / "out")
    before = (tmp_path / "out" / "episodes.jsonl").read_bytes()
    with pytest.raises(UsageError, match="other settings"):
        play(smoke(arms=("no_memory", "placebo"), episodes=2, tasks=2), tmp_path / "out")
    assert (tmp_path / "out" / "episodes.jsonl").read_bytes() == before


def test_minutes_stop_it_as_ctrl_c_would(smoke: Smoke, tmp_path: Path) -> None:
    partial = play(smoke(), tmp_path / "out", minutes=1e-9)
    assert not partial.complete
    assert len(rows_in(tmp_path / "out")) == 1
    assert "nothing to compare" in partial.verdict.lower()


@pytest.mark.parametrize(
    ("session", "message"),
    [
        ({"jobs": 0}, "jobs"),
        ({"jobs": True}, "jobs"),
        ({"minutes": 0.0}, "minutes"),
        ({"minutes": -1.0}, "minutes"),
    ],
)
def test_a_session_that_cannot_be_meant_is_refused(
    smoke: Smoke, tmp_path: Path, session: Any, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        running.run_suite(smoke(), Session(tmp_path / "out", **session))
    assert not (tmp_path / "out").exists()


def own(world: str, **wishes: Any) -> SuiteSettings:
    arms = ("random", "raw_steps", "placebo_only", "memory_only")
    given = {
        "env": f"fakes.suite_worlds:{world}" if ":" not in world else world,
        "arms": arms,
        "max_steps": 3,
    }
    return make_settings(None, "random", **{**QUICK, **given, **wishes})


@pytest.mark.parametrize("world", [BALLS, "Buttons"])
def test_somebodys_own_environment_is_measured_with_and_without_folds(tmp_path: Path, world: str) -> None:
    report = play(own(world), tmp_path / "out")
    assert report.complete
    assert [arm.name for arm in report.worlds[0].arms] == [
        "random",
        "raw_steps",
        "placebo_only",
        "memory_only",
    ]
    assert report.worlds[0].differences[0].first == "memory_only"


def test_the_arms_of_somebodys_own_environment_are_those_that_it_can_play(tmp_path: Path) -> None:
    assert "oracle" not in make_settings(None, "random", env="fakes.suite_worlds:Buttons").arms
    with pytest.raises(UsageError, match=r"gold_path.*leave it out"):
        play(own("Buttons", arms=("random", "oracle")), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_environment_that_grades_nothing_is_refused_before_anything_is_played(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="verdict"):
        play(own("WithoutVerdict"), tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("world", "message"),
    [
        ("FoldedWithoutOptions", "takes no options"),
        ("Seedless", "takes no seed"),
        ("Listed", r"must be a range, got list: \[1, 2, 3\]"),
        ("Wordless", "does not say what its tasks are about"),
        ("WordlessTasks", "does not say what its tasks are about"),
    ],
)
def test_a_world_that_the_arms_cannot_play_is_refused_before_anything_is_played(
    tmp_path: Path, world: str, message: str
) -> None:
    with pytest.raises(UsageError, match=message) as refused:
        play(own(world), tmp_path / "out")
    assert world in str(refused.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("tasks", "tried"), [(3, 3), (40, 20)])
def test_a_fold_of_which_no_task_can_be_made_ends_in_an_error(tmp_path: Path, tasks: int, tried: int) -> None:
    settings = own("NeverMade", arms=("random", "memory_only"), tasks=tasks)
    with pytest.raises(PurposeAgentError, match="the game files are missing") as broken:
        play(settings, tmp_path / "out")
    assert broken.value.exit_code == 3
    assert f"none of {tried} tasks of the dev fold" in str(broken.value)


def test_a_task_that_cannot_be_made_counts_for_no_arm(tmp_path: Path) -> None:
    report = play(own(BALLS, arms=("random", "no_memory"), tasks=40), tmp_path / "out")
    assert {arm.success.n for arm in report.worlds[0].arms} == {39}
    (note,) = [note for note in report.notes if "could not be made" in note]
    assert "(seed=3 makes no game)" in note


def test_what_broke_is_reported_with_a_remedy_and_what_was_done_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = own("Breaking", arms=("random", "memory_only"))
    monkeypatch.setattr(Breaking, "left", 9)
    with pytest.raises(PurposeAgentError, match="the wire came off") as broken:
        play(settings, tmp_path / "out")
    assert broken.value.exit_code == 3
    assert "go on with --resume" in str(broken.value)
    kept = rows_in(tmp_path / "out")
    assert 0 < len(kept) < 10
    monkeypatch.setattr(Breaking, "left", 10_000)
    assert play(settings, tmp_path / "out").complete
    assert rows_in(tmp_path / "out")[: len(kept)] == kept


@pytest.mark.parametrize(("episodes", "played"), [(8, 5), (2, 4)])
def test_a_world_in_which_every_step_fails_ends_in_an_error(
    tmp_path: Path, episodes: int, played: int
) -> None:
    settings = own("Failing", arms=("random", "memory_only"), episodes=episodes, tasks=1, anchors=0)
    with pytest.raises(PurposeAgentError, match=r"TypeError: execute\(\) got no button") as failed:
        play(settings, tmp_path / "out")
    assert failed.value.exit_code == 3
    assert "must return the next State" in str(failed.value)
    assert len(rows_in(tmp_path / "out")) == played
    assert not (tmp_path / "out" / "report.json").exists()


def test_steps_that_fail_are_counted_in_a_note(tmp_path: Path) -> None:
    report = play(own("HalfFailing", arms=("random", "memory_only")), tmp_path / "out")
    rows = rows_in(tmp_path / "out")
    failed, steps = sum(row.failed_steps for row in rows), sum(row.steps for row in rows)
    assert 0 < failed < steps
    (note,) = [note for note in report.notes if "steps failed" in note]
    assert note.startswith(f"{failed} of {steps} steps failed in the world ")
    assert note.endswith("TypeError: execute() got no button")


def test_tasks_that_look_alike_are_told(tmp_path: Path) -> None:
    report = play(own("Buttons", arms=("random", "memory_only")), tmp_path / "out")
    leakage = report.worlds[0].leakage
    assert (leakage.tasks, leakage.first_states, leakage.shared_first_states) == (5, 3, 5)
    world = report.worlds[0].name
    said = "\n".join(report.notes)
    assert f"5 of 5 held-out tasks of {world} begin in a state that training had met" in said
    assert f"5 held-out tasks of {world} begin in 3 different states" in said


def test_tasks_that_look_different_are_not_remarked_on(played: tuple[Path, SuiteReport]) -> None:
    assert not any("begin in" in note for note in played[1].notes)


def test_a_world_that_grades_nothing_ends_in_an_error(tmp_path: Path) -> None:
    with pytest.raises(PurposeAgentError, match=r"no episode .* was graded: verdict") as broken:
        play(own("Silent", arms=("random", "memory_only")), tmp_path / "out")
    with pytest.raises(PurposeAgentError, match="was graded"):  # again, and nothing is left to play
        play(own("Silent", arms=("random", "memory_only")), tmp_path / "out")
    assert broken.value.exit_code == 3
    assert any("were never graded" in note for note in current_report(tmp_path / "out").notes)


def test_episodes_that_nobody_graded_are_counted_in_a_note(tmp_path: Path) -> None:
    report = play(own("SilentAtFirst", arms=("random", "memory_only"), max_steps=1), tmp_path / "out")
    rows = rows_in(tmp_path / "out")
    silent = sum(not row.success for row in rows)
    assert f"{silent} of {len(rows)} episodes in {report.worlds[0].name} were never graded" in "\n".join(
        report.notes
    )


def test_a_world_that_cannot_be_closed_is_no_error_when_all_is_played(tmp_path: Path) -> None:
    report = play(own("Sticking", arms=("random", "memory_only")), tmp_path / "out")
    assert report.complete
    assert f"the world {report.worlds[0].name} could not be closed: OSError: the door sticks" in report.notes
    assert current_report(tmp_path / "out").notes == report.notes


def test_chance_is_another_one_for_each_repeat(tmp_path: Path) -> None:
    settings = own("Buttons", arms=("random", "no_memory"), repeats=6, tasks=6, max_steps=1)
    play(settings, tmp_path / "out")
    plays: dict[int, set[bool]] = {}
    for row in rows_in(tmp_path / "out"):
        if row.job.arm == "no_memory":
            plays.setdefault(row.job.index, set()).add(row.success)
    assert any(len(outcomes) == 2 for outcomes in plays.values())


# -- the command that measures the same again ------------------------------------------------------------------
@pytest.mark.parametrize(
    "wishes",
    [
        {"suite": "smoke"},
        {"suite": "machines", "practice": "random", "seed": 3},
        {
            "suite": "smoke",
            "tasks": 3,
            "arms": ("no_memory", "ours"),
            "episodes": 7,
            "max_steps": 1,
            "final": True,
        },
        {"suite": "textworld", "model": "random", "worlds": ("twc", "mapreader"), "orders": 2, "anchors": 0},
        {"suite": "textworld-hidden"},
        {"suite": None, "model": "random", "env": BALLS, "repeats": 2, "model_tasks": 5, "rival_episodes": 3},
    ],
    ids=str,
)
def test_the_command_in_a_report_means_the_same_settings(
    wishes: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from purpose_agent.cli import main

    settings = make_settings(wishes.pop("suite"), wishes.pop("model", None), **wishes)
    words = shlex.split(running.command_of(settings, Session(tmp_path, 1)))
    understood: list[SuiteSettings] = []
    monkeypatch.setattr(running, "run_suite", lambda given, *_: understood.append(given) or pytest.skip)
    with contextlib.suppress(Exception):
        main(words[1:])
    assert understood == [settings]
