"""``purpose-agent bench critic``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

WORLD = "fakes.ball_world:BallWorld"
QUICK = ("--episodes", "12", "--tasks", "4", "--no-gain")


def test_the_first_look_at_it_teaches(command):
    ended = command("bench")
    assert ended.code == 0
    assert "bench critic --env" in ended.out
    ended = command("bench", "critic", "--help")
    assert ended.code == 0
    for option in ("--env", "--model", "--at", "--fold", "--evidence-states", "--gain-seeds", "--resume"):
        assert option in ended.out
    assert "Examples:" in ended.out


def test_a_report_is_printed_and_written(command, tmp_path: Path):
    ended = command("bench", "critic", "--env", WORLD, *QUICK, "--at", "0,12", "--out", "here")
    assert ended.code == 0, ended.err
    assert "AUROC at equal steps" in ended.out
    assert "train episodes: 12 of 12" in ended.out
    data = json.loads((tmp_path / "here" / "critic.json").read_text())
    assert data["settings"]["at"] == [0, 12]
    assert (tmp_path / "here" / "critic.html").exists()


def test_json_is_all_there_is_on_standard_output(command):
    ended = command("bench", "critic", "--env", WORLD, *QUICK, "--json")
    assert ended.code == 0, ended.err
    assert [point["n"] for point in ended.data["points"]] == [0, 10, 12]
    assert "train episodes" in ended.err


def test_it_goes_on_with_a_report_by_its_folder_alone(command):
    assert command("bench", "critic", "--env", WORLD, *QUICK, "--out", "here").code == 0
    first = command("bench", "critic", "--out", "here", "--resume", "--json")
    assert first.code == 0
    assert first.data["settings"]["episodes"] == 12
    refused = command("bench", "critic", "--env", WORLD, *QUICK, "--out", "here")
    assert refused.code == 2
    assert "--resume" in refused.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "env is missing"),
        (("--env", "nosuch"), "nosuch"),
        (("--env", WORLD, "--model", "nosuch"), "nosuch"),
        (("--env", WORLD, "--fold", "train"), "fold"),
        (("--env", f"{WORLD}:fold=dev"), "names a fold"),
        (("--env", "fakes.worlds:MutatingWorld"), "verdicts"),
        (("--env", WORLD, "--at", "0,many"), "whole numbers"),
        (("--env", WORLD, "--at", "0,500"), "500"),
        (("--env", WORLD, "--tasks", "0"), "tasks"),
        (("--env", WORLD, "--resume"), "no report"),
        (("--env", WORLD, "--out", ""), "out"),
    ],
)
def test_what_is_wrong_is_said_in_one_line_and_nothing_is_started(command, tmp_path: Path, words, message):
    ended = command("bench", "critic", *words)
    assert ended.code == 2
    assert message in ended.err
    assert len(ended.err.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []
