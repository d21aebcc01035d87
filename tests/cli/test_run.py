"""`run`: what it shows, what it returns, and what it refuses before any work."""

from __future__ import annotations

import re
import sqlite3
import sys
from pathlib import Path

import pytest

from purpose_agent.events import RunResumed

GRID = "fakes.worlds:GridTreasure"
MOCK = ("--model", "mock")


def test_a_run_shows_its_steps_and_what_to_do_next(command):
    ended = command("run", "--env", GRID, *MOCK, "--seed", "1")
    assert ended.code == 0
    assert ended.err == ""
    assert re.search(r"^  1  [█░]{10}  \d\.\d +[+-]\d\.\d  model   \w+$", ended.out, re.MULTILINE)
    assert "✓ achieved in" in ended.out
    run_id = re.search(r"purpose-agent show (\w+)", ended.out)
    assert run_id is not None
    assert command("show", run_id[1]).code == 0


def test_json_is_all_there_is_on_standard_output(command):
    ended = command("run", "--env", GRID, *MOCK, "--json", "--episodes", "2", "--seed", "7")
    episodes = ended.data["episodes"]
    assert [e["seed"] for e in episodes] == [7, 8]
    assert ended.data["succeeded"] == sum(e["success"] for e in episodes)
    assert "seed 7" in ended.err
    assert "\x1b" not in ended.err


def test_a_task_that_is_not_achieved_is_exit_code_1(command):
    ended = command("run", "--env", "odd_worlds:FarTreasure", *MOCK, "--max-steps", "3")
    assert ended.code == 1
    assert "✗ not achieved in 3 steps" in ended.out


def test_an_environment_that_breaks_is_exit_code_3_and_a_run_all_the_same(command):
    ended = command("run", "--env", "odd_worlds:Unbegun", *MOCK)
    assert ended.code == 3
    assert ended.err.count("the disk is on fire") == 1
    assert command("show", "last").code == 0


def test_several_broken_episodes_end_the_series(command):
    ended = command("run", "--env", "odd_worlds:Unbegun", *MOCK, "--episodes", "9", "--json")
    assert ended.code == 3
    assert len(ended.data["episodes"]) == 3
    assert "stopped after 3 episodes" in ended.err


def test_several_episodes_are_a_line_each_and_a_total(command):
    ended = command("run", "--env", GRID, *MOCK, "--episodes", "8", "--max-steps", "4")
    lines = [line for line in ended.out.splitlines() if re.match(r" +\d/8 ", line)]
    assert [line.split()[2] for line in lines] == [str(seed) for seed in range(8)]
    assert re.search(r"achieved  \d of 8 episodes .* of the first 4, \d of the other 4", ended.out)


def test_settings_of_a_factory_and_the_purpose_of_each_seed(command):
    assert command("run", "--env", "odd_worlds:shop:size=3", *MOCK, "--max-steps", "1").code in (0, 1)
    ended = command(
        "run", "--env", "odd_worlds:Fussy", *MOCK, "--episodes", "2", "--json", "--max-steps", "1"
    )
    assert [e["purpose"] for e in ended.data["episodes"]] == [
        "Find treasure number 0.",
        "Find treasure number 1.",
    ]


def test_without_learning_nothing_is_learned(command):
    ended = command("run", "--env", GRID, *MOCK, "--no-learning", "--json")
    assert ended.data["episodes"][0]["learned"] is None
    assert command("memory", "list", "--json").data["items"] == []


def test_a_limit_ends_a_run_and_says_so(command):
    ended = command("run", "--env", "odd_worlds:FarTreasure", *MOCK, "--limit-calls", "2")
    assert ended.code == 1
    assert "the limit of model calls is reached" in ended.out


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--env", "textwrld:game=twc"], "textworld"),
        (["--env", "textworld:preset=chess"], "mapreader"),
        (["--env", "textworld:game=twc,numRooms=2"], "numLocations"),
        (["--env", "no_such_module:make"], "no_such_module"),
        (["--env", GRID, "--model", "gtp"], "openai:NAME"),
        (["--env", GRID, "--model", "gguf:/no/such.gguf"], "/no/such.gguf"),
        (["--env", GRID, "--critic", "gtp"], "gtp"),
        (["--env", GRID, "--purpose", "  "], "purpose"),
        (["--env", GRID, "--purpose", "x" * 200_000], "200000"),
        (["--env", "odd_worlds:Silent"], "--purpose"),
        (["--env", "odd_worlds:Fussy", "--seed", "3"], "0 to 2"),
        (["--env", GRID, "--limit-seconds", "0"], "--limit-seconds"),
        (["--env", GRID, "--limit-cost", "nan"], "--limit-cost"),
    ],
)
def test_what_cannot_work_is_refused_before_any_work(command, words, named):
    ended = command("run", *MOCK, *words)
    assert ended.code == 2
    assert ended.out == ""
    assert ended.err.startswith("error: ")
    assert ended.err.count("\n") == 1
    assert len(ended.err) < 2000
    assert named in ended.err


def test_a_store_that_cannot_be_opened_is_exit_code_3(command, tmp_path: Path):
    (tmp_path / "taken.sqlite").write_text("this is no store, but a letter to a friend " * 30)
    ended = command("run", "--env", GRID, *MOCK, "--store", "taken.sqlite")
    assert ended.code == 3
    assert "taken.sqlite" in ended.err


def test_a_missing_extra_is_named_before_any_work(command, monkeypatch):
    import importlib.util

    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == "xllamacpp" else find_spec(name, *a)
    )
    ended = command("run", "--env", GRID, "--model", "local")
    assert ended.code == 3
    assert "purpose-agent[local]" in ended.err
    assert command("runs", "--json").data == []


def test_the_default_store_is_in_this_folder_and_stays_out_of_git(command, tmp_path: Path, monkeypatch):
    command("run", "--env", GRID, *MOCK, "--max-steps", "1")
    assert (tmp_path / ".purpose-agent" / "purpose_agent.sqlite").exists()
    assert (tmp_path / ".purpose-agent" / ".gitignore").read_text() == "*\n"
    monkeypatch.setenv("PURPOSE_AGENT_STORE", str(tmp_path / "elsewhere"))
    assert (
        command("run", "--env", GRID, *MOCK, "--max-steps", "1", "--json")
        .data["store"]
        .startswith(str(tmp_path / "elsewhere"))
    )


def test_a_person_may_be_asked_and_no_answer_is_no_approval(command, monkeypatch):
    import io

    monkeypatch.setattr("sys.stdin", io.StringIO("n\ntoo early\n"))
    ended = command("run", "--env", GRID, *MOCK, "--approve", "--json")
    assert ended.code == 1
    assert ended.data["episodes"][0]["stop_reason"] == "aborted"
    assert "too early" in ended.err


def test_ctrl_c_in_a_series_names_the_run_and_the_command_for_the_rest(command, monkeypatch):
    from purpose_agent.orchestrator import Orchestrator

    play = Orchestrator.run_task

    def interrupted_at_seed_8(self, *args, seed, listeners, **options):
        if seed == 8:
            listeners[0]("abc", RunResumed(4, 0.0))
            raise KeyboardInterrupt
        return play(self, *args, seed=seed, listeners=listeners, **options)

    monkeypatch.setattr(Orchestrator, "run_task", interrupted_at_seed_8)
    words = ("--env", GRID, *MOCK, "--seed", "7", "--episodes", "4", "--purpose", "Find it", "--no-learning")
    ended = command("run", *words, "--json")
    assert ended.code == 130
    assert ended.data["interrupted"] is True
    assert [e["seed"] for e in ended.data["episodes"]] == [7, 8]
    left = ended.data["episodes"][1]
    assert (left["run_id"], left["stop_reason"], left["steps"]) == ("abc", "interrupted", 4)
    assert left.keys() == ended.data["episodes"][0].keys()
    assert ended.err.splitlines()[-3:] == [
        "interrupted after step 4; everything up to there is kept",
        "go on: purpose-agent resume abc",
        f"then the rest: purpose-agent run --env {GRID} --model mock --seed 9 --episodes 2 --purpose 'Find it' "
        "--no-learning",
    ]


def test_an_environment_that_does_not_close_cleanly_changes_no_exit_code(command):
    ended = command("run", "--env", "odd_worlds:Unclosed", *MOCK, "--max-steps", "1")
    assert ended.code == 1
    assert "did not close cleanly" in ended.err
    assert "SystemExit: 0" in ended.err


@pytest.fixture
def full_store(command):
    """A store that takes no events any more."""
    command("run", "--env", GRID, *MOCK, "--max-steps", "1")
    store = sqlite3.connect(".purpose-agent/purpose_agent.sqlite")
    for table in ("runs", "events"):
        store.execute(
            f"CREATE TRIGGER no_{table} BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'full'); END"
        )
    store.close()


@pytest.mark.parametrize("episodes", ["1", "2"])
def test_a_run_that_was_not_stored_is_not_offered_to_be_shown(command, full_store, episodes):
    ended = command("run", "--env", GRID, *MOCK, "--episodes", episodes)
    assert ended.code == 3
    assert "full" in ended.err + ended.out
    assert "next  " not in ended.out


def test_an_episode_that_cannot_begin_does_not_end_the_series(command):
    ended = command(
        "run", "--env", "odd_worlds:Gappy", *MOCK, "--episodes", "3", "--max-steps", "1", "--json"
    )
    assert ended.code == 3
    assert [e["run_id"] is None for e in ended.data["episodes"]] == [False, True, False]
    assert "no game with seed 1" in ended.err


@pytest.mark.parametrize(
    "words",
    [
        ["--env", "odd_worlds:Nasty", *MOCK],
        ["--env", "odd_worlds:Nasty", *MOCK, "--purpose", "x", "--decision", "choice"],
        ["--env", GRID, *MOCK, "--purpose", "x" * 200_000],
    ],
)
def test_a_run_that_cannot_begin_makes_no_store(command, tmp_path: Path, words):
    ended = command("run", *words)
    assert ended.code == 2
    assert len(ended.err.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_missing_extra_of_a_hosted_model_is_found_before_the_run(command, tmp_path: Path, monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    ended = command("run", "--env", GRID, "--model", "hf:somebody/something")
    assert ended.code == 3
    assert "purpose-agent[hf]" in ended.err
    assert list(tmp_path.iterdir()) == []
