"""`memory`: what was learned, and why it is believed."""

from __future__ import annotations

import pytest

from purpose_agent.store import open_store
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
