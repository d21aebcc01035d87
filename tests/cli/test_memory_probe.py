"""`memory probe`: past tasks with a lesson and without it."""

from __future__ import annotations

from purpose_agent.store import open_store
from purpose_agent.types import Heuristic, HeuristicStatus, MemoryTier

WORLD = ("--env", "fakes.worlds:GridTreasure", "--model", "random")


def waiting_lesson() -> None:
    store = open_store(".purpose-agent")
    lesson = Heuristic("the treasure", "dig early", [], MemoryTier.STRATEGIC, id="wait1")
    lesson.status = HeuristicStatus.CANDIDATE
    store.add_heuristic(lesson, "distilled")
    store.close()


def test_what_waits_is_probed_and_the_outcome_is_told_in_words_and_as_data(command):
    assert command("run", *WORLD, "--episodes", "30", "--max-steps", "4").code in (0, 1)
    waiting_lesson()
    told = command("memory", "probe", *WORLD, "--max-pairs", "30", "--max-steps", "4")
    assert told.code == 0, told.err
    assert "wait1  probed on" in told.out
    assert "without: " in told.out
    assert command("memory", "restore", "wait1").code == 0
    again = command("memory", "probe", "wait", *WORLD, "--max-pairs", "30", "--max-steps", "4", "--json")
    assert again.code == 0, again.err
    (report,) = again.data
    assert report["item_id"] == "wait1"
    assert report["decision"] in ("reject", "undecided")
    assert "without: " in again.err
    assert report["text"].startswith("probed on")


def test_nothing_to_probe_and_wrong_names_are_said(command, played):
    assert "nothing waits" in command("memory", "probe", *WORLD).out
    wrong = command("memory", "probe", "nobody", *WORLD)
    assert wrong.code == 2
    assert "'nobody'" in wrong.err
    assert command("memory", "probe").code == 2
