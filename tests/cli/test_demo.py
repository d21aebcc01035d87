"""`demo`: a report card of one game, for a stranger."""

from __future__ import annotations

import pytest

from purpose_agent.bench.suite.catalogue import DEMO_ARMS, demo_settings

GRID = ("demo", "--game", "fakes.worlds:GridTreasure", "--episodes", "6", "--tasks", "4", "--max-steps", "12")


def test_every_arm_plays_the_same_held_out_tasks(command):
    report = command(*GRID, "--model", "mock", "--jobs", "1", "--json").data
    assert report["complete"]
    assert report["command"].startswith("purpose-agent bench --env fakes.worlds:GridTreasure --model mock")
    (world,) = report["worlds"]
    assert tuple(arm["name"] for arm in world["arms"]) == DEMO_ARMS
    assert {arm["plays"] for arm in world["arms"]} == {4}
    assert (world["memory"]["episodes"], world["leakage"]["shared_tasks"]) == (6, 0)


def test_without_a_model_chance_is_what_memory_is_compared_with(command):
    report = command(*GRID, "--model", "random", "--jobs", "1", "--json").data
    assert [arm["name"] for arm in report["worlds"][0]["arms"]] == ["random", "memory_only"]


def test_it_can_be_left_and_taken_up_again(command, tmp_path):
    words = (*GRID, "--model", "random", "--jobs", "1")
    left = command(*words, "--minutes", "0.000001")
    assert left.code == 0
    assert "The time is up" in left.out
    assert "purpose-agent bench --resume --out runs/demo" in left.out
    ended = command(*words)
    assert ended.code == 0
    assert "Report: runs/demo/report.html" in ended.out
    rows = (tmp_path / "runs" / "demo" / "episodes.jsonl").read_bytes()
    assert rows.count(b"\n") == 6 + 2 * 4
    assert command(*words).code == 0
    assert (tmp_path / "runs" / "demo" / "episodes.jsonl").read_bytes() == rows
    assert command(*words, "--seed", "1").code == 2  # another demo needs another folder


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--game", "nosuch"), "mapreader"),
        (("--game", "nosuch:World"), "nosuch"),
        (("--model", "nosuch"), "nosuch"),
        (("--out", ""), "out is empty"),
        (("--tasks", "0"), "--tasks"),
    ],
)
def test_what_cannot_be_meant_starts_nothing(command, tmp_path, words, said):
    ended = command("demo", "--game", "fakes.worlds:GridTreasure", "--model", "random", *words)
    assert ended.code == 2
    assert said in ended.err
    assert not (tmp_path / "runs").exists()


@pytest.mark.world
@pytest.mark.slow
def test_a_real_game_is_learned(command):
    words = ("--game", "twc", "--model", "random", "--episodes", "20", "--tasks", "12", "--jobs", "1")
    report = command("demo", *words, "--json").data
    (world,) = report["worlds"]
    assert world["name"] == "twc"
    assert world["differences"][0]["success"]["value"] > 0
    assert world["leakage"]["shared_tasks"] == world["leakage"]["shared_first_states"] == 0


def test_a_game_is_a_preset_or_any_environment():
    wishes = {"episodes": 2, "tasks": 3, "max_steps": 9, "seed": 0, "practice": "model"}
    (world,) = demo_settings("twc", "mock", **wishes).worlds
    assert (world.name, world.spec, world.max_steps) == ("twc", "textworld:preset=twc,max_steps=9", 9)
    (world,) = demo_settings("fakes.worlds:GridTreasure", "mock", **wishes).worlds
    assert world.spec == "fakes.worlds:GridTreasure"
