"""A run that was killed goes on after its last finished step and repeats none."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from fakes.worlds import GridTreasure
from purpose_agent import (
    Action,
    MockLLMBackend,
    Orchestrator,
    SimpleEnvironment,
    State,
    StopReason,
    UsageError,
)
from purpose_agent.events import Decided, Executed, RunFinished, RunResumed

VICTIM = textwrap.dedent(
    """
    import os, signal, sys
    from purpose_agent import MockLLMBackend, Orchestrator, SimpleEnvironment, State

    store, log, fatal = sys.argv[1], sys.argv[2], int(sys.argv[3])
    done = 0

    def execute(action, state):
        global done
        done += 1
        with open(log, "a") as f:
            f.write(f"{state.data['n'] + 1}\\n")
        if done == fatal:
            os.kill(os.getpid(), signal.SIGKILL)
        return State({"n": state.data["n"] + 1})

    llm = MockLLMBackend()
    llm.register_handler("STATE EVALUATOR", {"phi": 2, "evidence": "n", "reasoning": "", "confidence": 1})
    llm.register_handler("goal-directed agent", {"thought": "t", "action": "inc", "expected_delta": "+1"})
    llm.register_handler("HEURISTIC", {"heuristics": []})
    orch = Orchestrator(llm, SimpleEnvironment(execute, State({"n": 0})), {"inc": "add"}, store=store)
    runs = orch.store.runs()
    result = orch.resume(runs[0].run_id) if runs else orch.run_task("count to seven", max_steps=7)
    print(result.run_id, result.stop_reason, result.total_steps, result.final_state.data["n"])
    orch.close()
    """
)


def play(store: Path, log: Path, fatal: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", VICTIM, str(store), str(log), str(fatal)], capture_output=True, text=True
    )


@pytest.mark.parametrize("fatal", [1, 3, 7])
def test_kill_9_loses_at_most_the_step_in_flight(tmp_path: Path, fatal: int) -> None:
    store, log = tmp_path / "runs.sqlite", tmp_path / "executed"
    killed = play(store, log, fatal)
    assert killed.returncode == -signal.SIGKILL
    resumed = play(store, log, 0)
    assert resumed.returncode == 0, resumed.stderr
    assert resumed.stdout.split()[1:] == ["max_steps", "7", "7"]
    executed = [int(line) for line in log.read_text().splitlines()]
    # the step that was executing when the process died is decided again; no finished step is
    assert executed == [*range(1, fatal + 1), *range(fatal, 8)]


def test_two_kills_in_one_run(tmp_path: Path) -> None:
    store, log = tmp_path / "runs.sqlite", tmp_path / "executed"
    assert play(store, log, 3).returncode == -signal.SIGKILL
    assert play(store, log, 2).returncode == -signal.SIGKILL
    assert play(store, log, 0).stdout.split()[1:] == ["max_steps", "7", "7"]


def scripted() -> MockLLMBackend:
    return MockLLMBackend().set_structured_default({"heuristics": []})


class Interrupted(GridTreasure):
    """Ends the process's patience at the n-th action."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self.at = at
        self.count = 0

    def execute(self, action: Action, current_state: State) -> State:
        self.count += 1
        if self.count == self.at:
            raise KeyboardInterrupt
        return super().execute(action, current_state)


def test_an_interrupted_run_resumes_where_it_was(tmp_path: Path) -> None:
    with Orchestrator(scripted(), Interrupted(at=4), store=tmp_path / "s.sqlite", seed=3) as orch:
        with pytest.raises(KeyboardInterrupt):
            orch.run_task("find it", max_steps=6)
        (info,) = orch.store.runs()
    world = GridTreasure()
    with Orchestrator(scripted(), world, store=tmp_path / "s.sqlite") as orch:
        result = orch.resume(info.run_id)
        events: list[Any] = orch.store.events(info.run_id)
    assert result.total_steps == 6
    assert [s.step_index for s in result.trajectory.steps] == [1, 2, 3, 4, 5, 6]
    assert result.trajectory.seed == 3
    assert sum(isinstance(e, RunResumed) for e in events) == 1
    assert [e.step for e in events if isinstance(e, Executed)] == [1, 2, 3, 4, 5, 6]
    assert isinstance(events[-2] if not isinstance(events[-1], RunFinished) else events[-1], RunFinished)


def test_a_finished_run_is_read_back_and_not_run_again(tmp_path: Path) -> None:
    llm = scripted()
    with Orchestrator(llm, GridTreasure(), store=tmp_path / "s.sqlite") as orch:
        result = orch.run_task("find it", max_steps=3)
        calls, events = len(llm.call_log), len(orch.store.events(result.run_id))
        again = orch.resume(result.run_id)
        assert (len(llm.call_log), len(orch.store.events(result.run_id))) == (calls, events)
    assert again.trajectory.steps == result.trajectory.steps
    assert again.stop_reason == StopReason.MAX_STEPS


def test_the_resumed_actor_remembers_the_earlier_steps(tmp_path: Path) -> None:
    def execute(action: Action, state: State) -> State:
        if state.data["n"] == 2 and not os.environ.get("RESUMED"):
            raise KeyboardInterrupt
        return State({"n": state.data["n"] + 1})

    def model() -> MockLLMBackend:
        llm = MockLLMBackend()
        llm.register_handler("STATE EVALUATOR", {"phi": 1, "evidence": "n", "reasoning": "", "confidence": 1})
        return llm.register_handler(
            "goal-directed", {"thought": "because", "action": "go", "expected_delta": ""}
        )

    env = SimpleEnvironment(execute, State({"n": 0}))
    with Orchestrator(model(), env, {"go": "on"}, store=tmp_path / "s.sqlite") as orch:
        with pytest.raises(KeyboardInterrupt):
            orch.run_task("go on", max_steps=4)
        run_id = orch.store.runs()[0].run_id
    os.environ["RESUMED"] = "1"
    try:
        llm = model()
        with Orchestrator(llm, env, {"go": "on"}, store=tmp_path / "s.sqlite") as orch:
            result = orch.resume(run_id)
    finally:
        del os.environ["RESUMED"]
    assert result.final_state.data == {"n": 4}
    asked = next(c for c in llm.call_log if "goal-directed" in c["messages"][0]["content"])
    assert [m["role"] for m in asked["messages"]] == [
        "system",
        "user",
        "assistant",
        "user",
        "assistant",
        "user",
    ]


def test_an_unknown_run_is_a_clear_error() -> None:
    with pytest.raises(UsageError, match="no run 'nope'"):
        Orchestrator(scripted(), GridTreasure()).resume("nope")


def test_everything_is_restored_from_a_persistence_folder(tmp_path: Path) -> None:
    def model() -> MockLLMBackend:
        llm = MockLLMBackend()
        llm.register_handler("HEURISTIC EXTRACTOR", {"heuristics": [
            {"tier": "strategic", "pattern": "far from the treasure", "strategy": "walk towards it", "steps": []},
            {"tier": "tool", "pattern": "dig", "strategy": "dig only at distance 0", "steps": []},
        ]})  # fmt: skip
        return llm

    with Orchestrator(model(), GridTreasure(2), persistence_dir=tmp_path / "memory", seed=0) as orch:
        for _ in range(4):
            orch.run_task("find the treasure", max_steps=12)
        before = (orch.stats, [h.id for h in orch.library], orch.get_heuristic_report())
        steps = [len(t.steps) for t in orch.experience_replay.get_top_trajectories(min_success_rate=0)]
        weights = orch.runner.values.memory.to_bytes()
    with Orchestrator(model(), GridTreasure(2), persistence_dir=tmp_path / "memory") as orch:
        after = (orch.stats, [h.id for h in orch.library], orch.get_heuristic_report())
        assert after == before
        assert [
            len(t.steps) for t in orch.experience_replay.get_top_trajectories(min_success_rate=0)
        ] == steps
        assert orch.runner.values.memory.to_bytes() == weights
        assert orch.actor.strategic_memory, "and it reaches the actor"


def test_frozen_means_frozen(tmp_path: Path) -> None:
    import sqlite3

    path = tmp_path / "s.sqlite"
    with Orchestrator(scripted(), GridTreasure(2), store=path, seed=0) as orch:
        for _ in range(3):
            orch.run_task("find the treasure", max_steps=8)

    def tables() -> dict[str, list[Any]]:
        with sqlite3.connect(path) as db:
            names = [n for (n,) in db.execute("select name from sqlite_master where type = 'table'")]
            journal = {"events", "runs", "sqlite_sequence"}
            return {n: db.execute(f'select * from "{n}"').fetchall() for n in names if n not in journal}

    before = tables()
    with Orchestrator(scripted(), GridTreasure(2), store=path, learning=False) as orch:
        for seed in range(4):
            orch.run_task("find the treasure", max_steps=8, seed=seed)
    after = tables()
    assert after == before
    assert any(before.values())


def test_decided_comes_before_executed_in_the_journal() -> None:
    orch = Orchestrator(scripted(), GridTreasure())
    result = orch.run_task("find it", max_steps=3)
    kinds = [type(e) for e in orch.store.events(result.run_id) if isinstance(e, (Decided, Executed))]
    assert kinds == [Decided, Executed] * 3
