"""`resume`: goes on where a run was left."""

from __future__ import annotations

import msgspec
import pytest

from purpose_agent.events import Executed, Learned, RunFinished
from purpose_agent.store import open_store


@pytest.fixture
def left(command, played):
    """Ids of a run that was killed after three steps, and of one that had ended but not taught yet."""
    store = open_store(".purpose-agent")
    events = store.events(played)
    third = next(i for i, e in enumerate(events) if isinstance(e, Executed) and e.step == 3)
    untaught = [e for e in events if not isinstance(e, Learned)]
    assert isinstance(untaught[-1], RunFinished)
    for run_id, kept in (("killed", events[: third + 1]), ("untaught", untaught)):
        store.append(run_id, 0, [msgspec.structs.replace(kept[0], run_id=run_id), *kept[1:]]).result()
    store.close()


def test_a_killed_run_goes_on_without_repeating_a_step(command, left):
    before = command("show", "killed", "--json").data["steps"]
    ended = command("resume", "killed")
    assert ended.code in (0, 1)
    assert "resuming  killed after 3 steps" in ended.out
    data = command("show", "killed", "--json").data
    assert data["resumed"] == 1
    assert [s["action"] for s in data["steps"][:3]] == [s["action"] for s in before[:3]]
    assert data["learned"] is not None


def test_without_a_name_the_newest_unfinished_run_goes_on(command, left):
    assert command("resume", "--json").data["run_id"] == "killed"
    ended = command("resume")
    assert ended.code == 2
    assert "every run in this store has ended" in ended.err


def test_a_run_that_has_ended_is_reported_by_its_success(command, played):
    ended = command("resume", played)
    assert ended.code == 0
    assert "has ended already" in ended.out
    assert command("show", played, "--json").data["resumed"] == 0


def test_a_run_that_had_not_taught_yet_teaches(command, left):
    assert command("show", "untaught", "--json").data["learned"] is None
    assert command("resume", "untaught").code == 0
    assert command("show", "untaught", "--json").data["learned"] is not None


def test_ctrl_c_leaves_the_run_and_says_so_as_data_too(command, left, monkeypatch):
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("purpose_agent.orchestrator.Orchestrator.resume", interrupted)
    ended = command("resume", "killed", "--json")
    assert ended.code == 130
    assert (ended.data["run_id"], ended.data["finished"]) == ("killed", False)
    assert ended.err.splitlines()[-1] == "interrupted; go on: purpose-agent resume killed"


def test_a_world_that_cannot_be_restored_is_exit_code_3_as_in_run(command, left):
    ended = command("resume", "killed", "--env", "odd_worlds:Unrestored")
    assert ended.code == 3
    assert "the save file is gone" in ended.err
    assert command("resume", "killed").code in (0, 1)  # it is left as it was


def test_an_environment_that_cannot_be_named_again_must_be_named(command, left):
    store = open_store(".purpose-agent")
    events = store.events("killed")
    store.append(
        "homeless", 0, [msgspec.structs.replace(events[0], run_id="homeless", environment="Lost")]
    ).result()
    store.close()
    ended = command("resume", "homeless")
    assert ended.code == 2
    assert "--env" in ended.err
    assert command("resume", "homeless", "--env", "fakes.worlds:GridTreasure").code in (0, 1)
