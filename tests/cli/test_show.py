"""`show` and `runs`: what happened, in text and as data."""

from __future__ import annotations

import json

import pytest

from purpose_agent.cli.plain_text import one_line, phi_bar
from purpose_agent.cli.state_difference import Change, differences
from purpose_agent.store import open_store
from purpose_agent.terminal_text import printable

MOCK = ("--model", "mock")


def test_runs_lists_the_newest_first_and_cuts_nothing(command, played):
    command("run", "--env", "odd_worlds:FarTreasure", *MOCK, "--max-steps", "2")
    ended = command("runs")
    lines = ended.out.splitlines()
    assert lines[0].split() == ["run", "when", "Φ", "steps", "end", "model", "environment"]
    assert lines[1].endswith("odd_worlds:FarTreasure")
    assert lines[2].startswith(played)
    data = command("runs", "--json", "--limit", "1").data
    assert [(r["environment"], r["success"]) for r in data] == [("odd_worlds:FarTreasure", False)]


def test_runs_without_a_store_is_an_empty_list_unless_one_was_named(command):
    ended = command("runs", "--json")
    assert (ended.code, ended.data) == (0, [])
    assert "no runs yet" in ended.err
    assert command("runs", "--store", "nowhere").code == 2


def test_a_run_is_shown_from_its_purpose_to_its_verdict(command, played):
    out = command("show", played[:5]).out
    assert "Find the treasure and dig it up." in out
    assert "steps from the treasure" in out
    assert "✓ achieved" in out
    assert "verdict   1.00 of 1, achieved: the treasure is dug up" in out
    assert "usage     actor:" in out


def test_a_step_is_shown_in_full(command, played):
    out = command("show", "last", "--step", "1").out
    for heading in ("state before", "state after", "score", "verdict"):
        assert heading in out
    data = command("show", "last", "--step", "1", "--json").data
    assert data["step"] == 1
    assert data["score"]["by"] == "verdict"


def test_json_and_events_tell_the_same_run(command, played):
    data = command("show", played, "--json").data
    assert data["run_id"] == played
    assert data["finished"] is True
    assert data["result"]["success"] is True
    assert [s["step"] for s in data["steps"]] == list(range(1, data["result"]["steps"] + 1))
    lines = [json.loads(line) for line in command("show", played, "--events").out.splitlines()]
    assert lines[0]["type"] == "run_started"
    assert command("show", played, "--events", "--json").data == lines


@pytest.mark.parametrize("words", [["zzz"], ["last", "--step", "99"], [""]])
def test_what_is_not_there_is_named(command, played, words):
    ended = command("show", *words)
    assert ended.code == 2
    assert "there is no" in ended.err


def test_nothing_an_environment_says_steers_the_terminal(command):
    command("run", "--env", "odd_worlds:Nasty", *MOCK, "--purpose", "Push \x1b[31mit", "--max-steps", "3")
    for words in (["show"], ["show", "--step", "1"], ["show", "--step", "2"], ["runs"], ["memory", "list"]):
        ended = command(*words)
        assert ended.code == 0
        assert not {"\x1b", "\x07", "\u202e"} & set(ended.out)
    out = command("show").out
    assert "error: RuntimeError: bad \\x1b[2J thing second line" in out
    assert '+ items[]: "\\u202eb"' in out
    assert len(out) < 10_000
    assert command("show", "--json").data["steps"][0]["state"]["data"]["nan"] is None


def test_a_run_that_was_killed_is_shown_as_unfinished(command, played):
    store = open_store(".purpose-agent")
    events = store.events(played)
    store.append("killed1", 0, [_renamed(events[0], "killed1"), *events[1:6]]).result()
    store.append("begun1", 0, [_renamed(events[0], "begun1")]).result()
    store.close()
    assert "not finished" in command("show", "killed1").out
    assert "no steps" in command("show", "begun1").out
    assert command("show", "killed1", "--json").data["result"] is None
    assert {r["run_id"] for r in command("runs", "--unfinished", "--json").data} == {"killed1", "begun1"}


def _renamed(event, run_id):
    import msgspec

    return msgspec.structs.replace(event, run_id=run_id)


def test_an_ambiguous_beginning_is_refused(command, played):
    store = open_store(".purpose-agent")
    for run_id in ("aa1", "aa2"):
        store.append(run_id, 0, [_renamed(store.events(played)[0], run_id)]).result()
    store.close()
    ended = command("show", "aa")
    assert ended.code == 2
    assert "aa1" in ended.err
    assert "aa2" in ended.err
    assert command("show", "aa1").code == 0


def test_differences_name_what_was_added_removed_and_changed():
    before = {"a": 1, "b": {"c": [1, 2]}, "gone": None, "same": float("nan"), "rows": [{"x": 1}, {"x": 2}]}
    after = {
        "a": True,
        "b": {"c": [1, 2, 3, 4, 5]},
        "new": {},
        "same": float("nan"),
        "rows": [{"x": 1}, {"x": 3}],
    }
    assert differences(before, after) == [
        Change("changed", "a", 1, True),
        Change("added", "b.c[]", after=3),
        Change("added", "b.c[]", after=4),
        Change("added", "b.c[]", after=5),
        Change("removed", "gone"),
        Change("changed", "rows[1].x", 2, 3),
        Change("added", "new", after={}),
    ]
    assert differences(before, before) == []


def test_text_is_made_harmless_and_short():
    assert printable("a\r\nb\x00\x9b\ud800") == "a\nb\\x00\\x9b\\ud800"
    assert one_line("  a \n b  ") == "a b"
    assert one_line("abcdef", 4) == "abc…"
    assert one_line(" " * 100, 4) == "…"
    assert phi_bar(7) == "███████░░░"
    assert phi_bar(None) == phi_bar(-3) == "░" * 10
    assert phi_bar(99) == "█" * 10


def test_what_each_critic_read_is_shown_where_there_are_several(command, tmp_path):
    from fakes.critics import FakeCritic
    from fakes.scripted import ACTIONS, counter, scripted
    from purpose_agent import Orchestrator

    with Orchestrator(scripted(), counter(), ACTIONS, store=tmp_path / "s.sqlite") as orch:
        orch.run_task("count", max_steps=1)
        orch.purpose_fn.critics = (*orch.purpose_fn.critics, FakeCritic("other"))
        orch.run_task("count", max_steps=2)
    both, alone = (row["run_id"] for row in command("runs", "--store", "s.sqlite", "--json").data)
    step = ("--step", "1", "--store", "s.sqlite")
    assert "critics   evidence 0.10, other 0.10" in command("show", both, *step).out
    assert command("show", both, *step, "--json").data["score"]["readings"] == {"evidence": 0.1, "other": 0.1}
    assert "critics   " not in command("show", alone, *step).out
