"""``purpose-agent bench``: report cards."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

QUICK = ("--orders", "1", "--episodes", "3", "--tasks", "2", "--anchors", "0", "--jobs", "1")
SMOKE = ("bench", "smoke", "--arms", "no_memory,placebo", *QUICK)


def test_the_help_teaches(command):
    for words in (("bench",), ("bench", "--help")):
        ended = command(*words)
        assert ended.code == 0
        for text in ("Examples:", "bench smoke", "bench critic", "bench simulator", "compare", "show"):
            assert text in ended.out
    ended = command("bench", "run", "--help")
    assert ended.code == 0
    for option in ("--env", "--arms", "--orders", "--tasks", "--model-tasks", "--resume", "--open-test-fold"):
        assert option in ended.out
    assert "Examples:" in ended.out


def test_the_suites_and_arms_are_listed(command):
    ended = command("bench", "list")
    assert ended.code == 0
    for name in ("textworld", "scienceworld", "smoke", "no_memory", "reasoning_bank"):
        assert name in ended.out
    data = command("bench", "list", "--json").data
    assert {"smoke", "machines", "textworld"} <= {suite["name"] for suite in data["suites"]}
    assert data["arms"]["ours"] == "model + ours"
    assert all(set(suite["arms"]) <= set(data["arms"]) for suite in data["suites"])


def test_a_suite_is_played_shown_and_compared(command, tmp_path: Path):
    ended = command(*SMOKE, "--out", "one")
    assert ended.code == 0, ended.err
    assert "model + placebo memory" in ended.out
    for name in ("report.html", "report.json", "settings.json", "episodes.jsonl"):
        assert (tmp_path / "one" / name).exists()
    shown = command("bench", "show", "one")
    assert shown.code == 0
    assert "model + placebo memory" in shown.out
    data = command("bench", "show", "one", "--json").data
    assert data == json.loads((tmp_path / "one" / "report.json").read_text())
    page = command("bench", "show", "one", "--markdown").out
    assert page.startswith("**No evidence of a difference")
    assert "| model + placebo memory |" in page

    assert command(*SMOKE, "--seed", "5", "--out", "two").code == 0
    compared = command("bench", "compare", "one", "two")
    assert compared.code == 0, compared.err
    assert "first:" in compared.out
    assert "second:" in compared.out
    assert "seed" in compared.out


def test_json_is_all_there_is_on_standard_output(command):
    ended = command(*SMOKE, "--json")
    assert ended.code == 0, ended.err
    assert ended.data["complete"] is True
    assert ended.data["settings"]["arms"] == ["no_memory", "placebo"]
    assert "model, no memory" in ended.err


def test_it_goes_on_without_other_options(command):
    stopped = command(*SMOKE, "--minutes", "0.0000001", "--out", "here")
    assert stopped.code == 130
    assert "purpose-agent bench --resume --out here" in stopped.out
    partial = command("bench", "show", "here", "--json")
    assert partial.data["complete"] is False
    ended = command("bench", "--resume", "--out", "here", "--json", "--jobs", "1")
    assert ended.code == 0, ended.err
    assert ended.data["complete"] is True


def test_somebodys_own_environment_is_named_by_module_and_factory(command):
    ended = command(
        "bench",
        "--env",
        "fakes.suite_worlds:Buttons",
        "--model",
        "random",
        "--arms",
        "random,memory_only",
        *QUICK,
        "--json",
    )
    assert ended.code == 0, ended.err
    assert ended.data["settings"]["suite"] == "own"


@pytest.mark.parametrize(
    ("words", "messages"),
    [
        (("nosuch",), ("nosuch", "textworld", "smoke", "bench list")),
        (("run",), ("bench list", "--env")),
        (("smoke", "--env", "fakes.suite_worlds:Buttons"), ("not both",)),
        (("smoke", "--model", "local"), ("brings its own model",)),
        (("smoke", "--arms", "ours"), ("at least two",)),
        (("smoke", "--arms", "ours,nosuch"), ("nosuch", "no_memory")),
        (("smoke", "--arms", ""), ("--arms names nothing",)),
        (("smoke", "--arms", " ,"), ("--arms names nothing",)),
        (("smoke", "--worlds", ","), ("--worlds names nothing",)),
        (("smoke", "--max-steps", "1" + "0" * 30), ("max_steps", "at most 1,000,000")),
        (("--resume", "--arms", ""), ("--resume", "no other")),
        (("smoke", "--tasks", "0"), ("tasks", "at least 1")),
        (("smoke", "--practice", "never"), ("practice", "random")),
        (("textworld", "--worlds", "nosuch"), ("nosuch", "mapreader")),
        (("textworld", "--model", "random", "--arms", "no_memory,expel"), ("expel", "--model")),
        (("--env", "fakes.suite_worlds:WithoutVerdict", "--model", "random"), ("verdict",)),
        (("--resume", "--tasks", "3"), ("--resume", "no other")),
        (("--resume", "--out", "nowhere"), ("nowhere", "no suite")),
        (("show", "nowhere"), ("no report in 'nowhere'",)),
        (("compare", "nowhere", "nowhere"), ("no report in 'nowhere'",)),
    ],
)
def test_what_cannot_be_meant_is_refused_with_a_remedy(command, words, messages):
    ended = command("bench", *words)
    assert ended.code == 2
    assert ended.out == ""
    for message in messages:
        assert message in ended.err
    assert not Path("runs").exists()


def test_other_settings_in_the_folder_are_refused(command):
    assert command(*SMOKE, "--out", "here").code == 0
    ended = command(*SMOKE, "--seed", "1", "--out", "here")
    assert ended.code == 2
    assert "other settings" in ended.err
