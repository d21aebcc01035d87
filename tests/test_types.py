"""Snapshots, fingerprints and the words of the framework."""

from __future__ import annotations

import copy
import json
import math
import pickle
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from purpose_agent import (
    Action,
    Heuristic,
    MemoryTier,
    PurposeScore,
    State,
    Trajectory,
    TrajectoryStep,
    Verdict,
)
from purpose_agent.freeze import plain_copy

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
states = st.builds(State, st.dictionaries(st.text(), json_values, max_size=5))


@given(states)
def test_equal_content_has_an_equal_fingerprint(state: State) -> None:
    again = State(copy.deepcopy(state.data), state.summary)
    assert (
        again.fingerprint
        == state.fingerprint
        == state.snapshot().fingerprint
        == state.snapshot().thaw().fingerprint
    )


@given(states)
def test_a_snapshot_reads_like_the_state(state: State) -> None:
    snapshot = state.snapshot()
    assert snapshot == state.thaw()
    assert snapshot.data == plain_copy(state.data)
    assert snapshot.describe() == state.describe()
    assert json.loads(json.dumps(snapshot.data)) == json.loads(json.dumps(plain_copy(state.data)))
    assert pickle.loads(pickle.dumps(snapshot)).fingerprint == snapshot.fingerprint


def test_the_order_of_keys_does_not_count_and_every_key_does() -> None:
    assert State({"a": 1, "b": 2}).fingerprint == State({"b": 2, "a": 1}).fingerprint
    assert State({"a": 1}).fingerprint != State({"a": 1, "_hidden": 2}).fingerprint
    assert State({"a": 1}).fingerprint != State({"a": 1}, summary="s").fingerprint


def test_fingerprints_are_equal_in_another_process() -> None:
    data = {"s": {"b", "a", "c"}, "t": (1, 2.5), "x": None, "ü": "é"}
    code = f"from purpose_agent import State; print(State({data!r}).fingerprint)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == State(data).fingerprint


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s.data.__setitem__("a", 1),
        lambda s: s.data["list"].append(1),
        lambda s: s.data["list"].sort(),
        lambda s: s.data["dict"].update(x=1),
        lambda s: s.data.pop("list"),
        lambda s: s.data.__ior__({"a": 1}),
        lambda s: setattr(s, "summary", "x"),
        lambda s: delattr(s, "data"),
    ],
)
def test_a_snapshot_cannot_be_changed(change: Any) -> None:
    snapshot = State({"list": [2, 1], "dict": {}}).snapshot()
    with pytest.raises(TypeError, match=r"thaw|cannot be changed"):
        change(snapshot)
    assert snapshot.data == {"list": [2, 1], "dict": {}}
    thawed = snapshot.thaw()
    change(thawed)


def test_a_snapshot_shares_nothing_with_its_source() -> None:
    inner = [1]
    state = State({"x": inner})
    snapshot = state.snapshot()
    inner.append(2)
    assert snapshot.data == {"x": [1]}


class Odd:
    def __repr__(self) -> str:
        return f"<Odd at {id(self):#x}>"


def test_foreign_data_becomes_plain_data() -> None:
    numpy = pytest.importorskip("numpy")
    data = {
        "nan": math.nan,
        "tuple": (1, 2),
        "set": {3, 1, 2},
        "bytes": b"\xff\x00a",
        "big": 2**100,
        "surrogate": "\ud800",
        "object": Odd(),
        "array": numpy.arange(3),
        1: "int key",
        None: "none key",
        MemoryTier.TOOL: MemoryTier.TOOL,
    }
    plain = State(data).snapshot().data  # type: ignore[arg-type]
    assert plain["tuple"] == [1, 2]
    assert plain["set"] == [1, 2, 3]
    assert plain["array"] == [0, 1, 2]
    assert plain["1"] == "int key"
    assert plain["tool"] == "tool"
    assert "0x" not in plain["object"], "no address in memory, or fingerprints would differ"
    assert math.isnan(plain["nan"])
    plain["surrogate"].encode()
    assert State(data).fingerprint == State(dict(reversed(list(data.items())))).fingerprint  # type: ignore[arg-type]


def test_data_that_refers_to_itself_is_a_clear_error() -> None:
    data: dict[str, Any] = {}
    data["self"] = data
    with pytest.raises(ValueError, match="refers to itself"):
        State(data).snapshot()


def test_describe_shows_the_summary_else_every_key() -> None:
    assert State({"a": 1}, summary="short").describe() == "short"
    assert json.loads(State({"_a": 1, "é": 2}).describe()) == {"_a": 1, "é": 2}


@pytest.mark.parametrize("score", [-0.1, 1.1, math.nan, math.inf, "1", True])
def test_a_verdict_outside_of_its_range_is_refused(score: Any) -> None:
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        Verdict(score)


def test_a_verdict_may_leave_the_score_untold_but_not_everything() -> None:
    assert Verdict(None, success=False).progress is None
    assert Verdict(None, success=True).progress == 1.0
    assert Verdict(0.5, success=True).progress == 0.5
    with pytest.raises(ValueError, match="needs a score or a success"):
        Verdict(None)


def test_an_oscillating_trajectory_is_not_the_best_one() -> None:
    def step(before: float, after: float) -> TrajectoryStep:
        return TrajectoryStep(
            State({}), Action("a"), State({}), PurposeScore(before, after, after - before, "", "", 1)
        )

    oscillating = Trajectory("t", "p", [step(0, 5), step(5, 0)] * 5)
    steady = Trajectory("t", "p", [step(0, 5), step(5, 8)])
    assert oscillating.cumulative_reward > steady.cumulative_reward
    assert oscillating.total_delta == 0
    assert (oscillating.succeeded, steady.succeeded) == (False, True)


def test_one_definition_of_success() -> None:
    def trajectory(verdict: Verdict | None, phi: float) -> Trajectory:
        score = PurposeScore(0, phi, phi, "", "", 1)
        return Trajectory(
            "t", "p", [TrajectoryStep(State({}), Action("a"), State({}), score)], verdict=verdict
        )

    assert trajectory(None, 7.5).succeeded
    assert not trajectory(None, 7.0).succeeded
    assert trajectory(Verdict(0.2, True), 2).succeeded
    assert not trajectory(Verdict(0.9, False), 9).succeeded
    assert trajectory(Verdict(0.9, None), 9).succeeded


def test_heuristic_values_move_towards_the_reward() -> None:
    h = Heuristic("p", "s", [], MemoryTier.TOOL)
    h.update_q_value(1.0)
    assert h.q_value == pytest.approx(0.55)
    assert h.empirical_success_rate == 0.0
