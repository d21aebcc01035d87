"""The experience replay: what is kept, what is found again, and what the values do."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from purpose_agent.errors import StoreCorruptError, StoreError, UsageError
from purpose_agent.experience_replay import ExperienceReplay
from purpose_agent.store import open_store
from purpose_agent.types import (
    Action,
    Evidence,
    Heuristic,
    HeuristicStatus,
    MemoryRecord,
    MemoryTier,
    PurposeScore,
    State,
    StopReason,
    Trajectory,
    TrajectoryStep,
    Verdict,
)


def trajectory(id: str, *phis: float, task: str = "open the red door", **fields: Any) -> Trajectory:
    """An episode whose Φ goes through ``phis``."""
    steps = [
        TrajectoryStep(
            State({"at": n}).snapshot(),
            Action("go", {"to": n + 1}, thought="because"),
            State({"at": n + 1}).snapshot(),
            PurposeScore(before, after, after - before, "seen", "at", 0.9),
            n + 1,
        )
        for n, (before, after) in enumerate(pairwise(phis))
    ]
    return Trajectory(task, fields.pop("purpose", "escape"), steps, id=id, **fields)


def lesson(id: str, **fields: Any) -> Heuristic:
    return Heuristic(
        **{"pattern": "p", "strategy": "s", "steps": [], "tier": MemoryTier.STRATEGIC, "id": id, **fields}
    )


@pytest.fixture
def replay() -> Any:
    with ExperienceReplay() as replay:
        yield replay


def ids(records: list[MemoryRecord]) -> list[str]:
    return [r.id for r in records]


def test_an_episode_is_read_back_whole(replay: ExperienceReplay) -> None:
    """Heuristics and steps were lost on restart although a persistence directory was given."""
    given = trajectory("a", 0.0, 3.0, 9.0, seed=4, options={"x": 1}, stop_reason="done")
    replay.add(given)
    (record,) = replay.retrieve("the red door")
    assert record.trajectory == given
    assert record.trajectory.succeeded
    assert record.trajectory.steps[0].action.thought == "because"


def test_adding_twice_is_one(replay: ExperienceReplay) -> None:
    first = replay.add(trajectory("a", 0.0, 9.0))
    replay.update_q_value("a", 1.0, 0.5)
    again = replay.add(trajectory("a", 0.0, 9.0))
    assert first.id == again.id
    assert again.retrieval_q_value == 0.75
    assert replay.size == len(replay) == 1


def test_an_engines_journal_is_not_written_again() -> None:
    store = open_store(None)
    with ExperienceReplay(store=store) as replay:
        replay.add(trajectory("a", 0.0, 9.0))
        before = store.events("a")
        replay.clear()
        replay.add(trajectory("a", 0.0, 1.0))
        assert store.events("a") == before
        assert store.episode_count() == 1
    assert store.event_count("a") == len(before), "a shared store stays open"
    store.close()


def test_an_empty_trajectory_is_an_episode(replay: ExperienceReplay) -> None:
    replay.add(trajectory("empty"))
    assert replay.retrieve("open the red door")[0].trajectory.steps == []


def test_relevance_and_value_rank(replay: ExperienceReplay) -> None:
    replay.add(trajectory("door", 0.0, 9.0, task="open the red door"))
    replay.add(trajectory("door2", 0.0, 9.0, task="open the red door"))
    replay.add(trajectory("window", 0.0, 9.0, task="open the blue window"))
    assert ids(replay.retrieve("open the red door")) == ["door2", "door", "window"]
    for _ in range(20):
        replay.update_q_value("door", 1.0)
        replay.update_q_value("door2", 0.0)
    assert ids(replay.retrieve("open the red door")) == ["door", "door2", "window"]
    assert ids(replay.retrieve("open the red door", top_k=1)) == ["door"]
    assert ids(replay.retrieve("open the red door", min_q_value=0.4)) == ["door", "window"]
    assert replay.retrieve("open the red door", top_k=0) == []


def test_what_shares_no_word_is_not_retrieved(replay: ExperienceReplay) -> None:
    """The prompt took the top few by Q without relevance."""
    replay.add(trajectory("a", 0.0, 9.0))
    replay.update_q_value("a", 1.0, 1.0)
    assert replay.retrieve("boil potatoes in the kitchen") == []
    assert replay.retrieve("") == []


def test_similarity_weight_decides_what_counts() -> None:
    for weight, first in ((1.0, "like"), (0.0, "good")):
        with ExperienceReplay(similarity_weight=weight) as replay:
            replay.add(trajectory("like", 0.0, 9.0, task="open the red door"))
            replay.add(trajectory("good", 0.0, 9.0, task="open the window"))
            replay.update_q_value("good", 1.0, 1.0)
            assert ids(replay.retrieve("open the red door"))[0] == first


def test_an_outage_is_not_retrieved(replay: ExperienceReplay) -> None:
    """A transient failure teaches nothing."""
    replay.add(trajectory("outage", 0.0, 1.0, stop_reason=StopReason.MODEL_ERROR))
    replay.add(trajectory("failed", 0.0, 1.0, stop_reason=StopReason.MAX_STEPS))
    assert ids(replay.retrieve("open the red door")) == ["failed"]
    assert replay.stats["transient_failures"] == 1


def test_low_values_do_not_hide_what_qualifies(replay: ExperienceReplay) -> None:
    for n in range(120):
        replay.add(trajectory(f"e{n}", 0.0, 9.0))
    replay.update_q_value("e3", 1.0, 0.5)
    assert ids(replay.retrieve("open the red door", top_k=2, min_q_value=0.7)) == ["e3"]


@settings(max_examples=40, deadline=None)
@given(st.text(st.characters(), max_size=60), st.text(st.characters(), max_size=60))
def test_any_text_can_be_kept_and_asked_for(task: str, query: str) -> None:
    with ExperienceReplay() as replay:
        replay.add(trajectory("a", 0.0, 9.0, task=task, purpose=query))
        assert len(replay.retrieve(query)) <= 1
        assert replay.size == 1


def test_an_oscillating_episode_is_not_the_best(replay: ExperienceReplay) -> None:
    """Ranking by the sum of positive deltas makes an oscillating trajectory the best one."""
    replay.add(trajectory("oscillating", 0, 6, 0, 6, 0, 6, 0, 6, 5))
    replay.add(trajectory("long", 0, 2, 4, 6, 8, 10))
    replay.add(trajectory("short", 0, 5, 10))
    replay.add(trajectory("verified", 0, 0, 0, 1, verdict=Verdict(1.0, True)))
    best = [t.id for t in replay.get_top_trajectories(4, min_success_rate=0.0)]
    assert best == ["short", "long", "verified", "oscillating"]


def test_top_trajectories_are_filtered(replay: ExperienceReplay) -> None:
    """A solved task counts, however few of its steps raised Φ."""
    replay.add(trajectory("good", 0, 3, 6))
    replay.add(trajectory("mostly flat", 0, 0, 0, 0, 1))
    replay.add(trajectory("solved at last", 0, 0, 0, 0, 9))
    assert [t.id for t in replay.get_top_trajectories()] == ["solved at last", "good"]
    assert [t.id for t in replay.get_top_trajectories(1)] == ["solved at last"]
    assert replay.get_top_trajectories(0) == []


def test_capacity_evicts_the_least_valuable() -> None:
    store = open_store(None)
    replay = ExperienceReplay(capacity=3, store=store)
    for n in range(3):
        replay.add(trajectory(f"e{n}", 0.0, 9.0))
    replay.update_q_value("e0", 1.0)
    replay.update_q_value("e1", 1.0)
    replay.update_q_value("e2", 1.0)
    replay.update_q_value("e1", 0.0)
    replay.add(trajectory("new", 0.0, 9.0))
    assert {e.id for e in store.episodes()} == {"e0", "e2", "new"}
    assert store.events("e1"), "the journal stays"
    replay.update_q_value("e1", 1.0)
    replay.attach_heuristics("e1", [])
    assert replay.get("e1") is None
    store.close()


def test_values_stay_in_their_range(replay: ExperienceReplay) -> None:
    replay.add(trajectory("a", 0.0, 9.0))
    replay.update_q_value("a", 1.0)
    record = replay.get("a")
    assert record is not None
    assert record.retrieval_q_value == pytest.approx(0.55)
    for reward, alpha in ((float("nan"), 0.1), (1.1, 0.1), (-0.1, 0.1), (1.0, 2.0), (1.0, float("inf"))):
        with pytest.raises(UsageError):
            replay.update_q_value("a", reward, alpha)
    with pytest.raises(UsageError):
        replay.update_q_value("a", "good")  # type: ignore[arg-type]
    replay.update_q_value("unknown", 1.0)


def test_records_carry_the_lessons_of_their_episode(replay: ExperienceReplay) -> None:
    """Retrieved experience never reached the prompt: records carried no heuristics."""
    for id in ("a", "b"):
        replay.add(trajectory(id, 0.0, 9.0))
    replay.store.add_heuristic(lesson("by source", source_trajectory_id="a"), "")
    replay.store.add_heuristic(lesson("by evidence", evidence=[Evidence("a"), Evidence("b")]), "")
    replay.store.add_heuristic(lesson("retired", source_trajectory_id="a"), "")
    replay.store.set_status("retired", HeuristicStatus.RETIRED, "")
    replay.attach_heuristics("b", [lesson("attached", tier=MemoryTier.TOOL), lesson("by source")])
    replay.attach_heuristics("b", [lesson("attached", tier=MemoryTier.TOOL)])
    found = {r.id: [h.id for h in r.heuristics] for r in replay.retrieve("red door")}
    assert found == {"a": ["by source", "by evidence"], "b": ["by source", "by evidence", "attached"]}
    assert [h.id for h in replay.get_all_heuristics()] == ["by source", "by evidence", "attached"]
    assert [h.id for h in replay.get_all_heuristics(MemoryTier.TOOL)] == ["attached"]


def test_a_record_looks_like_the_dataclass(replay: ExperienceReplay) -> None:
    replay.add(trajectory("a", 0.0, 9.0))
    (record,) = replay.retrieve("red door")
    assert isinstance(record, MemoryRecord)
    assert "a" in repr(record)
    assert "trajectory" in {f.name for f in dataclasses.fields(record)}
    plain = MemoryRecord(record.trajectory, [], None, 0.5, "a")
    assert record == plain
    assert plain == record
    assert record != MemoryRecord(record.trajectory, [], None, 0.6, "a")
    assert record != "a"
    for made in (
        copy.copy(record),
        pickle.loads(pickle.dumps(record)),
        dataclasses.replace(record, id="a"),
    ):
        assert made == plain
    assert copy.deepcopy(record).trajectory.id == "a"
    assert dataclasses.asdict(record)["retrieval_q_value"] == 0.5
    record.trajectory = trajectory("other")
    assert record.trajectory.id == "other"
    assert not hasattr(record, "no_such_thing")


def test_clear_empties_the_index_and_keeps_the_library(replay: ExperienceReplay) -> None:
    replay.add(trajectory("a", 0.0, 9.0))
    replay.attach_heuristics("a", [lesson("h")])
    replay.clear()
    assert replay.size == 0
    assert replay.retrieve("red door") == []
    assert [h.id for h in replay.get_all_heuristics()] == ["h"]


def test_stats(replay: ExperienceReplay) -> None:
    assert replay.stats["avg_q_value"] == 0.0
    replay.add(trajectory("a", 0.0, 9.0))
    replay.add(trajectory("b", 0.0, 1.0, 2.0))
    replay.update_q_value("b", 0.0, 1.0)
    assert replay.stats == {
        "size": 2,
        "capacity": 500,
        "successes": 1,
        "failures": 1,
        "transient_failures": 0,
        "avg_q_value": 0.25,
        "avg_steps": 1.5,
    }


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("experience_replay.json", "experience_replay.sqlite"),
        ("replay.sqlite", "replay.sqlite"),
        ("replay.db", "replay.db"),
        ("folder", "folder/purpose_agent.sqlite"),
        ("deep/er/replay.jsonl", "deep/er/replay.sqlite"),
    ],
)
def test_any_persistence_path_works(tmp_path: Path, name: str, file: str) -> None:
    (tmp_path / "experience_replay.json").write_text('{"mine": 1}')
    with ExperienceReplay(persistence_path=str(tmp_path / name)) as replay:
        replay.add(trajectory("a", 0.0, 9.0))
    assert (tmp_path / file).is_file()
    assert (tmp_path / "experience_replay.json").read_text() == '{"mine": 1}'


def test_everything_is_there_in_another_process(tmp_path: Path) -> None:
    """Embeddings built on `hash()` differed between processes; heuristics and steps were lost."""
    path = tmp_path / "replay.json"
    with ExperienceReplay(persistence_path=path) as replay:
        for id in ("a", "b"):
            replay.add(trajectory(id, 0.0, 9.0, task=f"open door {id}"))
        replay.update_q_value("b", 1.0, 0.5)
        replay.attach_heuristics("b", [lesson("h", steps=["one", "two"])])
        expected = [(r.id, r.retrieval_q_value) for r in replay.retrieve("open doors")]
        script = f"""
from purpose_agent.experience_replay import ExperienceReplay
with ExperienceReplay(persistence_path={str(path)!r}) as replay:
    records = replay.retrieve("open doors")
    assert [(r.id, r.retrieval_q_value) for r in records] == {expected!r}, records
    assert records[0].heuristics[0].steps == ["one", "two"]
    assert records[0].trajectory.steps[0].action.params == {{"to": 1}}
    assert replay.size == 2
    replay.update_q_value("b", 1.0, 0.5)
"""
        run = subprocess.run([sys.executable, "-W", "error", "-c", script], capture_output=True, text=True)
        assert run.returncode == 0, run.stderr
        record = replay.get("b")
        assert record is not None
        assert record.retrieval_q_value == 0.875


def test_a_damaged_file_is_an_error_and_stays(tmp_path: Path) -> None:
    """A truncated file loaded as empty and the next add overwrote it."""
    path = tmp_path / "replay.sqlite"
    path.write_bytes(b'{"records": [')
    with pytest.raises(StoreCorruptError):
        ExperienceReplay(persistence_path=path)
    assert path.read_bytes() == b'{"records": ['


def test_threads_share_a_replay(tmp_path: Path) -> None:
    """The library was read, changed and written back, so parallel work was lost."""
    with ExperienceReplay(persistence_path=tmp_path) as replay:
        replay.add(trajectory("shared", 0.0, 9.0))

        def work(n: int) -> None:
            replay.add(trajectory("same", 0.0, 9.0))
            replay.add(trajectory(f"e{n}", 0.0, 9.0))
            replay.update_q_value("shared", 1.0, 0.1)
            assert replay.retrieve("red door")
            replay.attach_heuristics("shared", [lesson(f"h{n}")])

        with ThreadPoolExecutor(6) as pool:
            list(pool.map(work, range(12)))
        record = replay.get("shared")
        assert record is not None
        assert record.retrieval_q_value == pytest.approx(1 - 0.5 * 0.9**12)
        assert len(record.heuristics) == 12
        assert replay.size == 14


def test_a_value_update_does_not_rewrite_the_file(tmp_path: Path) -> None:
    """The whole file was rewritten at every add and value update."""
    with ExperienceReplay(persistence_path=tmp_path) as replay:
        for n in range(40):
            replay.add(trajectory(f"e{n}", *map(float, range(9))))
        replay.store.close()
    path = tmp_path / "purpose_agent.sqlite"
    before = path.read_bytes()
    with ExperienceReplay(persistence_path=tmp_path) as replay:
        replay.update_q_value("e7", 1.0)
    after = path.read_bytes()
    assert len(after) == len(before)
    pages = range(0, len(before), 4096)
    assert sum(before[p : p + 4096] != after[p : p + 4096] for p in pages) <= 6


@pytest.mark.parametrize(
    "arguments",
    [
        {"capacity": 0},
        {"capacity": True},
        {"capacity": 2.5},
        {"similarity_weight": 1.5},
        {"similarity_weight": float("nan")},
        {"persistence_path": ""},
        {"persistence_path": "x", "store": object()},
    ],
)
def test_bad_arguments_are_named(arguments: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        ExperienceReplay(**arguments)


def test_what_is_no_trajectory_is_refused(replay: ExperienceReplay) -> None:
    with pytest.raises(UsageError, match="Trajectory"):
        replay.add({"steps": []})  # type: ignore[arg-type]


def test_an_episode_without_a_journal_is_an_error(replay: ExperienceReplay) -> None:
    from purpose_agent.conformance.store_samples import episode

    replay.store.add_episode(episode("lost"), "open the red door")
    (record,) = replay.retrieve("red door")
    with pytest.raises(StoreError, match="lost"):
        _ = record.trajectory
