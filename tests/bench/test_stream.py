"""Which tasks are learned from and which are held out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.worlds import GridTreasure
from purpose_agent.bench.stream import Task, purpose_of, tasks_of
from purpose_agent.errors import UsageError


class FoldedWorld(GridTreasure):
    fold = "train"
    seeds = range(1000)


@given(st.integers(0, 10**6), st.integers(1, 400), st.integers(1, 400), st.booleans())
def test_streams_never_meet(seed: int, episodes: int, tasks: int, folded: bool) -> None:
    world = FoldedWorld() if folded else GridTreasure()
    training, held_out = tasks_of(world, "train", episodes, seed), tasks_of(world, "dev", tasks, seed)
    assert not {t.key for t in training} & {t.key for t in held_out}
    assert len({t.key for t in training}) == episodes
    assert len({t.key for t in held_out}) == tasks
    if not folded:  # nothing but the seed tells the tasks of such a world apart
        assert not {t.seed for t in training} & {t.seed for t in held_out}


def test_a_world_with_folds_is_asked_for_them() -> None:
    task = tasks_of(FoldedWorld(), "dev", 3, 0)[2]
    assert task == Task("dev", 2, {"fold": "dev"})
    assert tasks_of(GridTreasure(), "dev", 1, 0)[0].options is None


def test_folds_may_differ_in_size() -> None:
    class Uneven(FoldedWorld):
        def seeds_of(self, fold: str) -> range:
            return range({"train": 300, "dev": 70}[fold])

    assert max(t.seed for t in tasks_of(Uneven(), "train", 300, 1)) == 299
    assert {t.seed for t in tasks_of(Uneven(), "dev", 70, 1)} == set(range(70))
    with pytest.raises(UsageError, match="the dev fold holds 70 tasks"):
        tasks_of(Uneven(), "dev", 71, 0)


def test_the_test_fold_is_out_of_reach() -> None:
    with pytest.raises(UsageError, match="test fold"):
        tasks_of(FoldedWorld(), "test", 1, 0)


def test_a_fold_has_only_so_many_tasks() -> None:
    with pytest.raises(UsageError, match="holds 1000 tasks"):
        tasks_of(FoldedWorld(), "dev", 1001, 0)


def test_a_world_must_say_what_it_is_about() -> None:
    assert purpose_of(GridTreasure(), Task("train", 0)) == GridTreasure().purpose
    with pytest.raises(UsageError, match="purpose"):
        purpose_of(object(), Task("train", 0))
