"""The leakage guard: a memory that knows a held-out task, or shows what comes from elsewhere, ends the run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bench.suite.playing import play
from fakes.episodes import episode, keep
from fakes.suite_worlds import Buttons
from purpose_agent.bench.suite import running
from purpose_agent.bench.suite.guard import LeakError, Sources, sources_of, task_key, traced
from purpose_agent.bench.suite.rows import TRAIN, Job, SuiteRow
from purpose_agent.bench.suite.settings import SuiteSettings
from purpose_agent.bench.suite.studying import Shelf
from purpose_agent.bench.suite.tasks import held_out
from purpose_agent.environments import resolve_environment
from purpose_agent.llm_backend.uniform import UniformBackend
from purpose_agent.memory_system import Example
from purpose_agent.orchestrator import Orchestrator
from purpose_agent.store import open_store
from purpose_agent.types import Evidence, Heuristic, MemoryTier

RUN = "0123456789ab"
ONE = Sources(frozenset(["one"]), frozenset(["lost"]), frozenset(["tested"]))


def item(*episodes: str, strategy: str = "press the red one") -> Heuristic:
    evidence = [Evidence(id) for id in episodes]
    return Heuristic("a machine", strategy, [], MemoryTier.STRATEGIC, id="item-1", evidence=evidence)


def test_what_was_learned_in_training_may_be_shown_and_is_counted() -> None:
    sources = Sources(frozenset(["one", "two"]))
    assert traced([item("one"), item("one", "two")], None, sources, RUN) == 2
    assert traced([item("two")], Example("one", "", "> press"), sources, RUN) == 2
    assert traced([], None, sources, RUN) == 0


def test_what_names_no_episode_is_shown_and_not_counted() -> None:
    assert traced([item()], None, ONE, RUN) == 0


def test_an_item_that_comes_from_elsewhere_is_a_leak() -> None:
    with pytest.raises(LeakError, match=r"item-1.*'held-out'"):
        traced([item("one", "held-out")], None, ONE, RUN)


@pytest.mark.parametrize(
    ("origin", "said", "not_said"),
    [
        ("tested", "a play with the memory frozen", "no leak"),
        ("lost", "a training episode that its memory could not keep. That is no leak", "in no store"),
        ("a dream", "in no store", "no leak"),
    ],
)
def test_a_leak_is_told_from_evidence_that_nobody_kept(origin: str, said: str, not_said: str) -> None:
    with pytest.raises(LeakError) as found:
        traced([item("one", origin)], None, ONE, RUN)
    assert repr(origin) in str(found.value)
    assert said in str(found.value)
    assert not_said not in str(found.value)


def test_a_training_episode_that_was_not_kept_is_told_from_a_frozen_play(tmp_path: Path) -> None:
    store = tmp_path / "store.sqlite"
    runs = []
    for learning in (True, False):
        with Orchestrator(UniformBackend(), Buttons(), store=store, learning=learning) as orchestrator:
            runs.append(orchestrator.run_task("Press it.", max_steps=1, seed=5).run_id)
            if learning:
                orchestrator.store.remove_episodes(runs)
    with open_store(store) as kept:
        assert sources_of(kept, {("dev", 5)}) == Sources(
            unkept=frozenset(runs[:1]), frozen=frozenset(runs[1:])
        )
        with pytest.raises(LeakError, match="learned from train task 5"):
            sources_of(kept, {("train", 5)})


def test_an_example_that_comes_from_elsewhere_is_a_leak() -> None:
    with pytest.raises(LeakError, match=r"example held-out"):
        traced([item("one")], Example("held-out", "", "> press"), ONE, RUN)


@pytest.mark.parametrize("shown", [item("one", strategy=f"as in {RUN}"), Example("one", "", f"as in {RUN}")])
def test_what_names_the_held_out_episode_is_a_leak(shown: Heuristic | Example) -> None:
    items, example = ([shown], None) if isinstance(shown, Heuristic) else ([], shown)
    with pytest.raises(LeakError, match=RUN):
        traced(items, example, ONE, RUN)


def test_a_store_without_held_out_tasks_names_its_episodes() -> None:
    with open_store(None) as store:
        keep(store, episode(("go", "there"), id="episode-1"))
        assert sources_of(store, {("dev", 0)}) == Sources(frozenset(["episode-1"]))
        with pytest.raises(LeakError, match="train task 0"):
            sources_of(store, {task_key(None, None)})


def taught_a_held_out_task(settings: SuiteSettings, folder: Path) -> None:
    """Let the memory of ours learn from a task on which it will be tested, before the suite begins."""
    (world,) = settings.worlds
    task = held_out(world, settings)[0]
    store = Shelf(folder, settings).store(world.name, "ours", 0)
    environment = resolve_environment(world.spec)
    with Orchestrator(UniformBackend(), environment, store=store) as orchestrator:
        orchestrator.run_task(environment.purpose_for(task.seed), max_steps=2, seed=task.seed)


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("arm", ["ours", "raw_episodes"])
def test_a_memory_that_learned_from_a_held_out_task_ends_the_run(
    smoke: Callable[..., SuiteSettings], tmp_path: Path, jobs: int, arm: str
) -> None:
    settings = smoke(arms=("no_memory", arm), episodes=3, tasks=2, anchors=0)
    (tmp_path / "report.json").write_text("{}")  # of an earlier session
    taught_a_held_out_task(settings, tmp_path)
    with pytest.raises(LeakError, match="begin anew") as leaked:
        play(settings, tmp_path, jobs)
    assert leaked.value.exit_code == 3
    assert not (tmp_path / "report.json").exists()
    assert not (tmp_path / "report.html").exists()


def test_rows_that_share_a_task_make_no_report(smoke: Callable[..., SuiteSettings], tmp_path: Path) -> None:
    settings = smoke()
    (world,) = settings.worlds
    rows = [
        SuiteRow(job=Job(kind, world.name, "ours", fold="dev", seed=7), first_state="same")
        for kind in (TRAIN, "test")
    ]
    with pytest.raises(LeakError, match="both learned from and tested on"):
        running.make_report(rows, settings, tmp_path, complete=False)
