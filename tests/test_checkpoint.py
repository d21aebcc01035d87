"""Checkpoints: a run that was left goes on anywhere, and a file that is none is refused."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fakes.people import (
    ABORT,
    PAUSE,
    Person,
    lesson,
    numbers,
    orchestrator,
)
from fakes.scripted import act, prompts, scripted
from fakes.worlds import GridTreasure, treasure_path
from purpose_agent import (
    Limits,
    Orchestrator,
    State,
    StopReason,
    TaskResult,
    UsageError,
)
from purpose_agent.hitl import (
    AutoApproveHandler,
    Checkpoint,
    HITLOrchestrator,
    HumanInput,
)


def left(folder: Path, *, after: int = 2, **kwargs: Any) -> tuple[TaskResult, Path]:
    """A run that a person aborted at a pause, and its checkpoint."""
    orch = kwargs.pop("orch", None) or orchestrator()
    hitl = HITLOrchestrator(
        orch, Person(HumanInput(PAUSE, approved=False)), checkpoint_dir=folder, interrupt_every_n_steps=after
    )
    result = hitl.run_task("count", **kwargs)
    return result, Path(hitl.list_checkpoints()[0]["path"])


def test_checkpoints_are_saved_at_pauses_and_at_an_unfinished_end(tmp_path: Path) -> None:
    person = Person(HumanInput(PAUSE), ABORT)
    hitl = HITLOrchestrator(orchestrator(), person, checkpoint_dir=tmp_path, interrupt_every_n_steps=2)
    hitl.run_task("count")
    listed = hitl.list_checkpoints()
    assert [c["step"] for c in listed] == [4, 4, 2]
    assert set(listed[0]) == {"id", "path", "step", "purpose", "timestamp"}
    assert [c["path"] for c in listed] == sorted((c["path"] for c in listed), reverse=True)
    hitl.run_task("count", max_steps=1)
    assert len(hitl.list_checkpoints()) == 3, "a run that ended by itself needs none"


def test_without_a_folder_there_are_no_checkpoints() -> None:
    assert HITLOrchestrator(orchestrator()).list_checkpoints() == []


def test_a_checkpoint_holds_the_whole_run(tmp_path: Path) -> None:
    orch = orchestrator()
    orch.library.add([lesson()], "test")
    result, path = left(tmp_path, orch=orch)
    c = Checkpoint.load(str(path))
    assert (c.step_index, c.current_state, c.purpose, c.task_description) == (2, {"n": 2}, "count", "count")
    assert (c.run_id, c.checkpoint_id != "") == (result.run_id, True)
    assert [s["state_after"]["data"] for s in c.trajectory_steps] == [{"n": 1}, {"n": 2}]
    assert [s["score"]["phi_after"] for s in c.trajectory_steps] == [1, 2]
    assert c.history[1]["action"] == "inc({})"
    assert c.history[1]["score"] == "Δ=+1.00"
    assert '"n": 2' in c.history[1]["result"]
    assert [h["strategy"] for h in c.heuristics] == [lesson().strategy]


def test_a_resumed_run_repeats_nothing_and_has_everything(tmp_path: Path) -> None:
    first, path = left(tmp_path)
    executed: list[int] = []
    llm = scripted()
    orch = orchestrator(llm, on_step=lambda s: executed.append(s.step_index))  # another, empty store
    orch_result = HITLOrchestrator(orch, AutoApproveHandler()).run_task(
        "count", max_steps=4, resume_from=str(path)
    )
    assert executed == [3, 4]
    assert numbers(orch_result) == [1, 2, 3, 4]
    steps = orch_result.trajectory.steps
    assert [s.step_index for s in steps] == [1, 2, 3, 4]
    assert [s.score.phi_after for s in steps if s.score] == [1, 2, 3, 4]
    assert [s.action.thought for s in steps] == ["I try inc"] * 4
    assert (orch_result.stop_reason, orch_result.run_id != first.run_id) == ("max_steps", True)
    assert orch.store.events(orch_result.run_id)
    assert '"n": 1' in prompts(llm)[0], "the actor reads what it did"
    assert '"n": 2' in prompts(llm)[0]


def test_a_resumed_run_counts_what_was_used_before(tmp_path: Path) -> None:
    first, path = left(tmp_path)
    orch = orchestrator(limits=Limits(model_calls=sum(u.calls for u in first.usage.values()) + 1))
    result = HITLOrchestrator(orch, AutoApproveHandler()).run_task("count", resume_from=str(path))
    assert (result.stop_reason, result.total_steps) == (StopReason.LIMIT_MODEL_CALLS, 3)
    assert result.usage["actor"].calls == 3


def test_a_resumed_run_equals_one_that_was_not_left(tmp_path: Path) -> None:
    whole = orchestrator().run_task("count", max_steps=5)
    _, path = left(tmp_path)
    resumed = HITLOrchestrator(orchestrator(), AutoApproveHandler()).run_task(
        "count", max_steps=5, resume_from=str(path)
    )
    assert [(s.action, s.state_after, s.score) for s in whole.trajectory.steps] == [
        (s.action, s.state_after, s.score) for s in resumed.trajectory.steps
    ]
    assert whole.usage["critic"].calls == resumed.usage["critic"].calls


def test_a_pause_is_not_repeated_where_the_run_was_left(tmp_path: Path) -> None:
    _, path = left(tmp_path)
    person = Person()
    HITLOrchestrator(orchestrator(), person, interrupt_every_n_steps=2).run_task(
        "count", max_steps=6, resume_from=str(path)
    )
    assert [context["step"] for _, context in person.asked] == [4]


def test_the_bounds_of_the_new_call_apply(tmp_path: Path) -> None:
    _, path = left(tmp_path)
    hitl = HITLOrchestrator(orchestrator(), AutoApproveHandler())
    assert hitl.run_task("", early_stop_phi=5, resume_from=str(path)).total_steps == 5
    assert hitl.run_task("", max_steps=1, resume_from=str(path)).total_steps == 2
    stopped = hitl.run_task("", early_stop_phi=2, resume_from=str(path))
    assert (stopped.stop_reason, stopped.total_steps) == (StopReason.EARLY_STOP, 2)


def test_lessons_come_back_with_a_checkpoint_unless_they_were_retired(tmp_path: Path) -> None:
    old = orchestrator()
    HITLOrchestrator(old).inject_heuristic("the vault is locked", "ask the janitor")
    HITLOrchestrator(old).inject_heuristic("the lift is stuck", "take the stairs")
    _, path = left(tmp_path, orch=old)
    new = orchestrator()
    HITLOrchestrator(new, AutoApproveHandler()).run_task("", max_steps=3, resume_from=str(path))
    assert {h.id: h.source for h in new.library} == {h.id: "human" for h in old.library}
    retired = next(h.id for h in new.library)
    new.library.retire(retired, "test")
    HITLOrchestrator(new, AutoApproveHandler()).run_task("", max_steps=3, resume_from=str(path))
    assert retired not in new.library


def test_a_run_can_be_resumed_again_and_again(tmp_path: Path) -> None:
    _, path = left(tmp_path)
    for step in (4, 6, 8):
        person = Person(HumanInput(PAUSE, approved=False))
        hitl = HITLOrchestrator(orchestrator(), person, checkpoint_dir=tmp_path, interrupt_every_n_steps=2)
        result = hitl.run_task("", early_stop_phi=11, resume_from=str(path))
        assert numbers(result) == list(range(1, step + 1))
        path = Path(hitl.list_checkpoints()[0]["path"])


def test_a_world_that_lists_its_actions_is_resumed_too(tmp_path: Path) -> None:
    world = GridTreasure()
    path_to_it = treasure_path(world.reset(2))

    def next_move(messages: list[Any]) -> str:
        done = sum(m.role == "assistant" for m in messages)
        return path_to_it[done]

    def orch() -> Orchestrator:
        return Orchestrator(scripted(actor=next_move), GridTreasure(), habits=False)

    person = Person(HumanInput(PAUSE, approved=False))
    hitl = HITLOrchestrator(orch(), person, checkpoint_dir=tmp_path, interrupt_every_n_steps=2)
    assert hitl.run_task(world.purpose, seed=2).total_steps == 2
    newest = Checkpoint.load(hitl.list_checkpoints()[0]["path"])
    result = HITLOrchestrator(orch(), AutoApproveHandler(), approve_actions=True).run_task(
        world.purpose, resume_from=newest
    )
    assert result.success
    assert [s.action.name for s in result.trajectory.steps] == path_to_it


def test_a_checkpoint_made_by_hand_starts_where_it_says(tmp_path: Path) -> None:
    checkpoint = Checkpoint(
        7, {"n": 5}, "", [], "count", "", [], [{"pattern": "p", "strategy": "s", "tier": "tool"}]
    )
    checkpoint.save(str(tmp_path / "deep" / "mine.json"))
    orch = orchestrator()
    result = HITLOrchestrator(orch, AutoApproveHandler()).run_task(
        "count", max_steps=2, resume_from=str(tmp_path / "deep" / "mine.json")
    )
    assert numbers(result) == [6, 7]
    assert [h.strategy for h in orch.library] == ["s"]


def test_a_checkpoint_can_be_named_by_its_id(tmp_path: Path) -> None:
    left(tmp_path)
    hitl = HITLOrchestrator(orchestrator(), AutoApproveHandler(), checkpoint_dir=tmp_path)
    assert hitl.run_task("", max_steps=3, resume_from=hitl.list_checkpoints()[0]["id"]).total_steps == 3


def test_a_done_run_is_not_carried_on(tmp_path: Path) -> None:
    orch = orchestrator(scripted(act("DONE")))
    hitl = HITLOrchestrator(orch, Person(ABORT), review_scores=True, checkpoint_dir=tmp_path)
    assert hitl.run_task("count").stop_reason == StopReason.ABORTED
    again = HITLOrchestrator(orch, AutoApproveHandler(), checkpoint_dir=tmp_path).run_task(
        "count", resume_from=hitl.list_checkpoints()[0]["path"]
    )
    assert (again.stop_reason, again.total_steps) == (StopReason.DONE, 1)


def test_what_contradicts_a_checkpoint_is_refused(tmp_path: Path) -> None:
    _, path = left(tmp_path)
    hitl = HITLOrchestrator(orchestrator())
    with pytest.raises(UsageError, match="'count'"):
        hitl.run_task("another purpose", resume_from=str(path))
    with pytest.raises(UsageError, match="initial_state"):
        hitl.run_task("count", State({"n": 9}), resume_from=str(path))
    with pytest.raises(UsageError, match="max_steps"):
        hitl.run_task("count", max_steps=0, resume_from=str(path))


IMPOSSIBLE = {"score": 7, "success": True, "reason": ""}
DEEP = '{"a":' * 900 + "1" + "}" * 900

DAMAGES: dict[str, Callable[[str, dict[str, Any]], Any]] = {
    "truncated": lambda text, _: text[:-30],
    "foreign": lambda *_: {"name": "package", "version": "1"},
    "list": lambda *_: [1, 2],
    "deep": lambda *_: "[" * 200_000 + "]" * 200_000,
    "deep state": lambda _, c: json.dumps({**c, "trajectory_steps": [], "current_state": "@"}).replace(
        '"@"', DEEP
    ),
    "steps": lambda _, c: {**c, "trajectory_steps": [{**c["trajectory_steps"][0], "action": "inc"}]},
    "step's verdict": lambda _, c: {
        **c,
        "trajectory_steps": [{**s, "verdict": IMPOSSIBLE} for s in c["trajectory_steps"]],
    },
    "verdict": lambda _, c: {**c, "verdict": {"a": 5}},
    "impossible verdict": lambda _, c: {**c, "verdict": IMPOSSIBLE},
    "lessons": lambda _, c: {**c, "heuristics": [{"pattern": 5}]},
    "moved": lambda _, c: {**c, "current_state": {"n": 99}},
}


@pytest.mark.parametrize("damage", ["missing", "binary", *DAMAGES])
def test_a_file_that_is_no_checkpoint_is_refused(damage: str, tmp_path: Path) -> None:
    _, path = left(tmp_path / "source")
    text = path.read_text("utf-8")
    bad = tmp_path / "bad.json"
    if damage == "binary":
        bad.write_bytes(b"\xff\x00\x80")
    elif damage != "missing":
        damaged = DAMAGES[damage](text, json.loads(text))
        bad.write_text(damaged if isinstance(damaged, str) else json.dumps(damaged), "utf-8")
    with pytest.raises(UsageError, match=r"bad\.json"):
        Checkpoint.load(str(bad))
    orch = orchestrator()
    with pytest.raises(UsageError, match=r"bad\.json"):
        HITLOrchestrator(orch).run_task("count", resume_from=str(bad))
    assert orch.store.runs() == []
    assert HITLOrchestrator(orch, checkpoint_dir=tmp_path).list_checkpoints() == []


def test_a_broken_file_does_not_hide_the_others(tmp_path: Path) -> None:
    _, path = left(tmp_path)
    (path.parent / "deep.json").write_text("[" * 200_000)
    listed = HITLOrchestrator(orchestrator(), checkpoint_dir=path.parent).list_checkpoints()
    assert str(path) in [c["path"] for c in listed]
    assert all("deep" not in c["path"] for c in listed)


@pytest.mark.parametrize("given", [5, ["x"], b"x"])
def test_what_names_no_checkpoint_is_refused(given: Any) -> None:
    with pytest.raises(UsageError, match=r"resume_from must be a Checkpoint, .*got"):
        HITLOrchestrator(orchestrator()).run_task("count", resume_from=given)
    with pytest.raises(UsageError, match="named by its path"):
        Checkpoint.load(given)


def test_a_checkpoint_object_is_checked_like_a_file(tmp_path: Path) -> None:
    _, path = left(tmp_path)
    checkpoint = Checkpoint.load(path)
    checkpoint.verdict = {"a": 5}
    orch = orchestrator()
    with pytest.raises(UsageError, match="verdict: "):
        HITLOrchestrator(orch).run_task("count", resume_from=checkpoint)
    assert orch.store.runs() == []


def test_saving_replaces_a_file_at_once_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, path = left(tmp_path)
    checkpoint, before = Checkpoint.load(path), path.read_bytes()

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    checkpoint.purpose = "another"
    with pytest.raises(OSError, match="No space"):
        checkpoint.save(path)
    assert path.read_bytes() == before
    assert [p for p in tmp_path.iterdir() if p.suffix != ".json"] == []


def test_a_checkpoint_that_cannot_be_saved_does_not_end_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    hitl = HITLOrchestrator(
        orchestrator(), AutoApproveHandler(), checkpoint_dir=tmp_path, interrupt_every_n_steps=1
    )
    monkeypatch.setattr("purpose_agent.hitl.checkpoint.os.replace", full)
    assert hitl.run_task("count", max_steps=2).total_steps == 2
    assert "No space left" in caplog.text


def test_odd_text_and_numbers_survive_a_checkpoint(tmp_path: Path) -> None:
    odd = State({"n": 1, "text": "Zürich \u202e \x1b[2J ☃", "far": float("inf"), "big": 2**70}, "")
    _, path = left(tmp_path, initial_state=odd)
    result = HITLOrchestrator(orchestrator(), AutoApproveHandler()).run_task(
        "count", max_steps=3, resume_from=str(path)
    )
    first = result.trajectory.steps[0].state_before
    assert first.fingerprint == odd.fingerprint
    assert [s.state_before.fingerprint for s in result.trajectory.steps[1:]] == [
        s.state_after.fingerprint for s in result.trajectory.steps[:-1]
    ]


def test_ctrl_c_in_an_action_leaves_a_checkpoint(tmp_path: Path) -> None:
    def actor(messages: list[Any]) -> Any:
        if sum(m.role == "assistant" for m in messages) == 2:
            signal.raise_signal(signal.SIGINT)
        return act("inc")

    orch = orchestrator(scripted(actor=actor))
    hitl = HITLOrchestrator(orch, AutoApproveHandler(), checkpoint_dir=tmp_path)
    with pytest.raises(KeyboardInterrupt):
        hitl.run_task("count")
    steps = hitl.list_checkpoints()[0]["step"]
    resumed = HITLOrchestrator(orchestrator(), AutoApproveHandler()).run_task(
        "count", max_steps=steps + 1, resume_from=hitl.list_checkpoints()[0]["path"]
    )
    assert numbers(resumed) == list(range(1, steps + 2))
