"""`memory`: what was learned, and why it is believed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from purpose_agent.store import open_store
from purpose_agent.store.base import Trial
from purpose_agent.types import Evidence, Heuristic, HeuristicStatus, MemoryTier


@pytest.fixture
def lessons(command, played):
    """A store with a strategy that helped, and a tip that was retired."""
    store = open_store(".purpose-agent")
    good = Heuristic(
        "the treasure is far", "walk first\x1b[0m", [], MemoryTier.STRATEGIC, id="good1", source="llm"
    )
    good.evidence = [Evidence(played, (2, 3))]
    store.add_heuristic(good, "distilled")
    store.credit_heuristic("good1", succeeded=True, alpha=0.1)
    store.add_heuristic(Heuristic("dig", "dig anywhere", [], MemoryTier.TOOL, id="bad1"), "distilled")
    store.set_status("bad1", HeuristicStatus.RETIRED, "does worse than without it")
    store.close()


def test_the_list_has_status_value_and_evidence(command, lessons):
    data = command("memory", "list", "--json").data
    item = next(i for i in data["items"] if i["id"] == "good1")
    assert (item["tier"], item["times_used"], item["times_succeeded"]) == ("strategic", 1, 1)
    assert data["value_memory"]["episodes"] == 1
    out = command("memory", "list").out
    assert "the treasure is far: walk first\\x1b[0m" in out
    assert item["uplift"] is None
    assert item["trials"]["shown"] == 0
    assert "bad1" not in out


def test_tiers_and_retired_items_can_be_asked_for(command, lessons):
    ids = [i["id"] for i in command("memory", "list", "--all", "--tier", "tool", "--json").data["items"]]
    assert "bad1" in ids
    assert "good1" not in ids


def test_an_item_is_explained_in_words(command, lessons, played):
    out = command("memory", "show", "good").out
    assert "It was shown in 1 episode, of which 1 succeeded (100%)." in out
    assert f"run {played}, steps 2, 3" in out
    retired = command("memory", "show", "bad1").out
    assert "It is retired" in retired
    assert "does worse than without it" in retired
    history = command("memory", "show", "bad1", "--json").data["history"]
    assert history[-1]["status"] == "retired"


def test_what_is_not_there_is_named(command, lessons):
    ended = command("memory", "show", "nothing")
    assert ended.code == 2
    assert "'nothing'" in ended.err


def test_without_a_store_nothing_was_learned(command):
    ended = command("memory", "list", "--json")
    assert (ended.code, ended.data["items"]) == (0, [])


def test_alone_it_explains_itself(command):
    ended = command("memory")
    assert ended.code == 0
    assert "memory show" in ended.out


def test_what_was_measured_and_what_not_is_told(command, lessons):
    data = command("memory", "show", "good1", "--json").data
    assert any("not measured yet. It is taken to be worth +0." in sentence for sentence in data["why"])
    store = open_store(".purpose-agent")
    store.add_trials(
        [Trial("good1", f"e{n}", "far", n % 2 == 0, 0.5, float(n % 2 == 0)) for n in range(60)], 0.1
    )
    store.close()
    out = command("memory", "show", "good1").out
    assert "Measured: 30 of 30 episodes succeeded with it and 0 of 30 without it" in out
    assert "(95 %, however often one looks; n = 60)" in out
    assert "it is active from e =" in out
    listed = command("memory", "list", "--json").data["items"]
    uplift = next(i for i in listed if i["id"] == "good1")["uplift"]
    assert uplift["low"] < uplift["mean"] <= uplift["high"]
    row = next(line for line in command("memory", "list").out.splitlines() if line.startswith("good1"))
    assert f"{uplift['mean']:+.2f} [{uplift['low']:+.2f}, {uplift['high']:+.2f}]" in row


def test_lessons_are_retired_and_restored(command, lessons):
    dry = command("memory", "retire", "good", "bad1", "--dry-run", "--json").data
    assert dry == {"retired": ["good1"], "unchanged": ["bad1"], "dry_run": True}
    assert command("memory", "show", "good1", "--json").data["status"] == "canary"
    out = command("memory", "retire", "good1", "bad1", "--reason", "the doors are gone").out
    assert "retired  good1" in out
    assert "unchanged  bad1  is retired already" in out
    assert "Why: the doors are gone." in command("memory", "show", "good1").out
    assert command("memory", "restore", "good1", "--json").data["restored"] == ["good1"]
    assert command("memory", "show", "good1", "--json").data["status"] == "canary"


@pytest.mark.parametrize(
    "words",
    [
        ("retire", "nobody"),
        ("retire", "good1", "nobody"),
        ("restore",),
        ("restore", "good1", "--rollback", "r1"),
        ("restore", "--rollback", "r1"),
        ("trust", "nobody"),
        ("rollback", "--source", "nobody"),
        ("export",),
        ("import", "nowhere.jsonl"),
        ("import", "nowhere.jsonl", "--name", "../up"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_changes_nothing(command, lessons, words):
    before = command("memory", "list", "--all", "--json").data
    ended = command("memory", *words)
    assert (ended.code, ended.out) == (2, "")
    assert len(ended.err.splitlines()) == 1
    assert command("memory", "list", "--all", "--json").data == before


def test_a_source_is_rolled_back_and_restored(command, lessons, played):
    dry = command("memory", "rollback", "--source", played, "--dry-run").out
    assert "good1" in dry
    assert "nothing was done" in dry
    assert command("memory", "show", "good1", "--json").data["status"] == "canary"
    done = command("memory", "rollback", "--source", played, "--json").data
    assert "good1" in done["items"]
    assert (done["kind"], done["episodes"], done["episodes_left"]) == ("an episode", [played], 0)
    shown = command("memory", "show", "good1").out
    assert f"Why: rolled back with {played} [{done['id']}]." in shown
    assert command("memory", "list", "--json").data["value_memory"]["episodes"] == 0
    assert command("show", played).code == 0
    undone = command("memory", "restore", "--rollback", done["id"]).out
    assert "episodes stay out of the replay" in undone
    assert command("memory", "show", "good1", "--json").data["status"] == "canary"


def test_lessons_travel_as_lines_into_quarantine(command, lessons):
    assert command("memory", "export", "lessons.jsonl").code == 0
    assert command("memory", "export", "lessons.jsonl").code == 2
    assert command("memory", "export", "lessons.jsonl", "--force").code == 0
    lines = [json.loads(line) for line in command("memory", "export", "-").out.splitlines()]
    assert {line["id"] for line in lines} >= {"good1", "bad1"}
    dry = command("memory", "import", "lessons.jsonl", "--store", "other", "--dry-run", "--json").data
    done = command("memory", "import", "lessons.jsonl", "--store", "other", "--json").data
    assert dry["imported"] == done["imported"]
    assert (done["source"], [s["why"] for s in done["skipped"]]) == (
        "import:lessons",
        ["it is retired where it comes from"],
    )
    (id, *_) = done["imported"]
    shown = command("memory", "show", id, "--store", "other").out
    assert "It is quarantined: strangers may have written it" in shown
    assert "It is tainted." in shown
    assert command("memory", "trust", id, "--reason", "I read it", "--store", "other", "--json").data[
        "trusted"
    ] == [id]
    shown = command("memory", "show", id, "--store", "other").out
    assert "It is tainted, and used nevertheless: I read it." in shown
    gone = command("memory", "rollback", "--source", "import:lessons", "--store", "other", "--json").data
    assert set(gone["items"]) == set(done["imported"])


def test_skills_are_written_and_read(command, lessons):
    store = open_store(".purpose-agent")
    sop = Heuristic(
        "reach <place>", "walk, then dig", ["walk to <place>", "dig"], MemoryTier.PROCEDURAL, id="sop1"
    )
    store.add_heuristic(sop, "distilled")
    store.close()
    made = command("memory", "export", "--skills", "skills", "--json").data
    assert made["skills"]["reach-place"] == "sop1"
    assert "again" not in command("memory", "export", "--skills", "skills").out
    (odd := Path("skills/odd")).mkdir()
    (odd / "SKILL.md").write_bytes(b"\xff\xfe")
    out = command("memory", "import", "skills", "--store", "other").out
    assert "as import:skills" in out
    assert "reach <place>: walk, then dig [2 steps]" in out
    assert "skipped odd: its SKILL.md is not UTF-8" in out
