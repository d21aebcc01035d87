"""The optimizer: each episode teaches once, outages lose nothing, and failures are data."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from fakes.episodes import episode, keep, lesson
from purpose_agent.errors import ModelUnavailableError, UsageError
from purpose_agent.limits import LimitReached
from purpose_agent.llm_backend import MockLLMBackend
from purpose_agent.memory.distilling import DistillerFailure
from purpose_agent.memory.distilling_claims import MAX_ATTEMPTS
from purpose_agent.memory.library import Library
from purpose_agent.optimizer import HeuristicOptimizer
from purpose_agent.registry import distiller_registry
from purpose_agent.store import open_store
from purpose_agent.store.base import Store
from purpose_agent.types import Heuristic, HeuristicStatus, MemoryTier, StopReason, Trajectory

MOVES = (("go east", "hall", 4.0), ("take coin", "coin", 9.0))


class Recorder:
    """A distiller that notes what it is asked, raises the errors it is given, and then proposes a lesson."""

    def __init__(self, *errors: BaseException, name: str = "recorder") -> None:
        self.name = name
        self.errors = list(errors)
        self.seen: list[str] = []

    async def distill(self, trajectory: Trajectory, existing: Sequence[Heuristic]) -> list[Heuristic]:
        self.seen.append(trajectory.id)
        if self.errors:
            raise self.errors.pop(0)
        return [lesson(f"lesson of {trajectory.id}", "look first", episode_id=trajectory.id)]


@pytest.fixture
def store() -> Iterator[Store]:
    store = open_store(None)
    yield store
    store.close()


@pytest.fixture
def optimizers() -> Iterator[Any]:
    made: list[HeuristicOptimizer] = []

    def make(*distillers: Any, **kwargs: Any) -> HeuristicOptimizer:
        llm = kwargs.pop("llm", None) or MockLLMBackend()
        made.append(HeuristicOptimizer(llm, distillers=distillers or None, **kwargs))
        return made[-1]

    yield make
    for optimizer in made:
        optimizer.close()


def extractor(*entries: dict[str, Any]) -> MockLLMBackend:
    return MockLLMBackend().register_handler("HEURISTIC EXTRACTOR", {"heuristics": list(entries)})


# -- each episode once -------------------------------------------------------------------------------------


def test_an_episode_is_distilled_once_by_each_distiller(optimizers: Any, store: Store) -> None:
    one, two = Recorder(name="one"), Recorder(name="two")
    optimizer = optimizers(one, two, store=store)
    episodes = [keep(store, episode(*MOVES, id=f"e{n}")) for n in range(5)]
    for last in range(1, 6):
        optimizer.optimize(episodes[:last])
    assert one.seen == two.seen == [f"e{n}" for n in range(5)]


def test_another_process_does_not_distil_it_again(optimizers: Any, store: Store) -> None:
    mine, theirs = Recorder(), Recorder()
    trajectory = keep(store, episode(*MOVES))
    assert len(optimizers(mine, store=store).optimize([trajectory])) == 1
    assert optimizers(theirs, store=store).optimize([trajectory]) == []
    assert theirs.seen == []


def test_an_episode_that_is_not_in_the_store_is_distilled_once_too(optimizers: Any, store: Store) -> None:
    recorder = Recorder()
    optimizer = optimizers(recorder, store=store)
    optimizer.optimize([episode(*MOVES)])
    optimizer.optimize([keep(store, episode(*MOVES))])
    assert recorder.seen == ["episode-1"]


@pytest.mark.parametrize(
    "reason", [StopReason.MODEL_ERROR, StopReason.LIMIT_TOKENS, StopReason.ENVIRONMENT_ERROR]
)
def test_a_transient_failure_never_becomes_a_lesson(optimizers: Any, reason: StopReason) -> None:
    recorder = Recorder()
    optimizer = optimizers(recorder)
    outage = episode(*MOVES, success=False, stop_reason=reason)
    assert optimizer.optimize([outage]) == []
    assert optimizer.distill_trajectory(outage) == []
    assert recorder.seen == []


# -- failures ----------------------------------------------------------------------------------------------


def test_an_outage_loses_no_episode_and_is_not_hammered(optimizers: Any, store: Store) -> None:
    recorder = Recorder(ModelUnavailableError("down"), ModelUnavailableError("still down"))
    optimizer = optimizers(recorder, store=store)
    episodes = [keep(store, episode(*MOVES, id=f"e{n}")) for n in range(3)]
    assert optimizer.optimize(episodes) == []
    assert recorder.seen == ["e0"]
    assert optimizer.optimize([]) == []
    assert recorder.seen == ["e0", "e0"]
    assert len(optimizer.optimize([])) == 3
    assert recorder.seen == ["e0", "e0", "e0", "e1", "e2"]
    assert optimizer.optimize(episodes) == []


def test_after_a_restart_an_episode_that_an_outage_left_undone_is_tried_again(
    optimizers: Any, store: Store
) -> None:
    trajectory = keep(store, episode(*MOVES))
    optimizers(Recorder(ModelUnavailableError("down")), store=store).optimize([trajectory])
    recorder = Recorder()
    (item,) = optimizers(recorder, store=store).optimize([])
    assert item.pattern == "lesson of episode-1"


def test_an_episode_is_given_up_after_some_outages(optimizers: Any, store: Store) -> None:
    recorder = Recorder(*(ModelUnavailableError("down") for _ in range(99)))
    optimizer = optimizers(recorder, store=store)
    keep(store, episode(*MOVES))
    for _ in range(10):
        optimizer.optimize([episode(*MOVES)])
    assert len(recorder.seen) == MAX_ATTEMPTS


@pytest.mark.parametrize(
    "error", [ModelUnavailableError("down"), LimitReached(StopReason.LIMIT_TOKENS, 9, 8), ValueError("bug")]
)
def test_a_failure_is_reported_and_the_other_distillers_go_on(optimizers: Any, error: Exception) -> None:
    told: list[DistillerFailure] = []
    optimizer = optimizers(Recorder(error, name="broken"), Recorder(name="sound"))
    report = asyncio.run(optimizer.aoptimize([episode(*MOVES)], on_error=told.append))
    assert [h.pattern for h in report.added] == ["lesson of episode-1"]
    assert list(report.details) == told
    assert (told[0].distiller, told[0].transient) == ("broken", not isinstance(error, ValueError))
    assert type(error).__name__ in report.failures[0]


def test_a_defect_of_a_distiller_is_not_tried_again(optimizers: Any) -> None:
    recorder = Recorder(ValueError("bug"))
    optimizer = optimizers(recorder)
    for _ in range(3):
        optimizer.optimize([episode(*MOVES)])
    assert len(recorder.seen) == 1


def test_a_bad_proposal_does_not_take_the_good_ones_with_it(optimizers: Any) -> None:
    class Mixed:
        name = "mixed"

        async def distill(self, trajectory: Trajectory, existing: Sequence[Heuristic]) -> list[Heuristic]:
            return [lesson("no text", ""), lesson("fine", "fine")]

    report = asyncio.run(optimizers(Mixed()).aoptimize([episode(*MOVES)]))
    assert [h.pattern for h in report.added] == ["fine"]
    assert "needs a strategy" in report.failures[0]


def test_a_cancelled_episode_is_not_lost(optimizers: Any, store: Store) -> None:
    begun = asyncio.Event()

    class Waiting(Recorder):
        async def distill(self, trajectory: Trajectory, existing: Sequence[Heuristic]) -> list[Heuristic]:
            if not begun.is_set():
                begun.set()
                await asyncio.Event().wait()
            return await super().distill(trajectory, existing)

    optimizer = optimizers(Waiting(), store=store)
    trajectory = keep(store, episode(*MOVES))

    async def cancelled() -> None:
        optimizing = asyncio.create_task(optimizer.aoptimize([trajectory]))
        await begun.wait()
        optimizing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await optimizing

    asyncio.run(cancelled())
    assert len(optimizer.optimize([trajectory])) == 1


def test_a_call_that_is_cancelled_from_within_is_an_outage(optimizers: Any, store: Store) -> None:
    optimizer = optimizers(Recorder(asyncio.CancelledError()), store=store)
    trajectory = keep(store, episode(*MOVES))
    report = asyncio.run(optimizer.aoptimize([trajectory]))
    assert [f.transient for f in report.details] == [True]
    assert len(optimizer.optimize([])) == 1


def test_lessons_of_parallel_episodes_are_all_kept(optimizers: Any) -> None:
    class Slow(Recorder):
        async def distill(self, trajectory: Trajectory, existing: Sequence[Heuristic]) -> list[Heuristic]:
            found = await super().distill(trajectory, existing)
            for _ in range(5):
                await asyncio.sleep(0)
            return found

    optimizer = optimizers(Slow())

    async def together() -> None:
        await asyncio.gather(*(optimizer.aoptimize([episode(*MOVES, id=f"e{n}")]) for n in range(8)))

    asyncio.run(together())
    assert len(optimizer.heuristic_library) == 8


# -- what the shipped distillers make of episodes -----------------------------------------------------------


def test_a_success_teaches_without_a_model(optimizers: Any, store: Store) -> None:
    optimizer = optimizers(store=store)
    (item,) = optimizer.optimize([keep(store, episode(*MOVES))])
    assert (item.tier, item.steps) == (MemoryTier.PROCEDURAL, ["go east", "take <x>"])
    assert item.status == HeuristicStatus.CANARY


def test_failed_episodes_teach(optimizers: Any, store: Store) -> None:
    optimizer = optimizers(store=store)
    optimizer.optimize([keep(store, episode(*MOVES, id="good"))])
    failed = episode(("go east", "hall"), ("sing", "hall"), ("sing", "hall"), success=False, id="bad")
    added = optimizer.optimize([keep(store, failed)])
    assert {(h.tier, h.source) for h in added} == {
        (MemoryTier.STRATEGIC, "divergence"),
        (MemoryTier.TOOL, "dead_ends"),
    }
    assert [h.pattern for h in optimizer.get_heuristics_by_tier(MemoryTier.TOOL)] == ["sing"]


def test_the_same_success_many_times_is_one_item(optimizers: Any, store: Store) -> None:
    llm = extractor({"tier": "strategic", "pattern": "coins", "strategy": "look east"})
    optimizer = optimizers(store=store, llm=llm)
    sizes = [
        (optimizer.optimize([keep(store, episode(*MOVES, id=f"e{n}"))]), len(optimizer.heuristic_library))[1]
        for n in range(6)
    ]
    assert sizes == [2] * 6
    assert all(len(h.evidence) == 6 for h in optimizer.heuristic_library)


def test_an_oscillating_failure_is_not_given_to_the_model(optimizers: Any) -> None:
    llm = extractor({"tier": "strategic", "pattern": "p", "strategy": "s"})
    optimizer = optimizers(llm=llm)
    swing = [("up", "high", 8.0), ("down", "low", 0.5)] * 5
    assert optimizer.optimize([episode(*swing, success=False, id="swing")]) == []
    assert llm.call_log == []
    rise = episode(("up", "high", 2.0), success=False, id="rise")
    assert [h.pattern for h in optimizer.optimize([rise])] == ["p"]


def test_the_threshold_is_the_callers(optimizers: Any) -> None:
    llm = extractor({"tier": "strategic", "pattern": "p", "strategy": "s"})
    rise = episode(("up", "high", 2.0), success=False)
    assert optimizers(llm=llm, min_reward_threshold=3.0).optimize([rise]) == []


def test_with_the_plain_mock_nothing_breaks(optimizers: Any) -> None:
    report = asyncio.run(optimizers().aoptimize([episode(*MOVES)]))
    assert report.failures == ()


# -- the sync interface of the seeds -------------------------------------------------------------------------


def test_distill_trajectory_adds_nothing_and_uses_nothing_up(optimizers: Any) -> None:
    optimizer = optimizers(Recorder(ModelUnavailableError("down"), name="a"), Recorder(name="b"))
    assert len(optimizer.distill_trajectory(episode(*MOVES))) == 1
    assert optimizer.heuristic_library == []
    assert len(optimizer.distill_trajectory(episode(*MOVES), [])) == 2
    assert len(optimizer.optimize([episode(*MOVES)])) == 2 - 1  # the two say the same


def test_merging_keeps_statistics_and_lineage(optimizers: Any) -> None:
    optimizer = optimizers()
    (item,) = optimizer.merge_heuristics([lesson("a", "one", episode_id="e0")])
    optimizer.update_heuristic_usage(item.id, True)
    (after,) = optimizer.merge_heuristics([lesson("A", "One.", episode_id="e1")])
    assert (after.id, after.times_used, after.times_succeeded) == (item.id, 1, 1)
    assert after.q_value == pytest.approx(0.55)
    assert [e.episode_id for e in after.evidence] == ["e0", "e1"]
    optimizer.update_heuristic_usage("nobody", True)


def test_pruning_retires_what_has_a_low_q_after_enough_uses(optimizers: Any) -> None:
    optimizer = optimizers()
    poor, unused = optimizer.merge_heuristics(
        [lesson("a", "one", q_value=0.1, times_used=3), lesson("b", "two", q_value=0.1)]
    )
    assert optimizer.prune_low_quality() == 1
    assert [h.id for h in optimizer.heuristic_library] == [unused.id]
    assert optimizer.library.get(poor.id).status == HeuristicStatus.RETIRED
    assert optimizer.prune_low_quality() == 0


def test_a_tier_holds_as_many_as_was_asked_for(optimizers: Any) -> None:
    optimizer = optimizers(max_heuristics_per_tier=2)
    optimizer.merge_heuristics([lesson(f"case {word}", word) for word in ("red", "green", "blue")])
    assert len(optimizer.get_heuristics_by_tier(MemoryTier.STRATEGIC)) == 2


def test_sync_methods_work_inside_a_running_event_loop(optimizers: Any) -> None:
    optimizer = optimizers(Recorder())

    async def notebook() -> list[Heuristic]:
        assert len(optimizer.distill_trajectory(episode(*MOVES))) == 1
        return optimizer.optimize([episode(*MOVES)])

    assert len(asyncio.run(notebook())) == 1
    assert len(optimizer.optimize([episode(*MOVES, id="after")])) == 1


# -- making one ----------------------------------------------------------------------------------------------


def test_an_empty_library_that_was_passed_is_used(optimizers: Any, store: Store) -> None:
    library = Library(store)
    assert optimizers(library=library).library is library
    assert optimizers(library=library, store=store).library is library


def test_a_library_of_another_store_is_refused(optimizers: Any, store: Store) -> None:
    other = open_store(None)
    with pytest.raises(UsageError, match="another store"):
        optimizers(library=Library(store), store=other)
    other.close()


def test_distillers_are_known_by_name(optimizers: Any) -> None:
    names = ["shortest_path", "divergence", "dead_ends", "value_tips", "llm"]
    assert [d.name for d in optimizers().distillers] == names
    assert [d.name for d in optimizers("llm", Recorder()).distillers] == ["llm", "recorder"]
    assert {"shortest_path", "divergence", "dead_ends", "llm"} <= set(distiller_registry.names())
    with pytest.raises(UsageError, match=r"'nope'.*shortest_path"):
        optimizers("nope")


def test_a_registered_distiller_gets_what_it_has_parameters_for(
    optimizers: Any, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    got: list[Any] = []
    monkeypatch.setattr(distiller_registry, "_entries", dict(distiller_registry._entries))
    distiller_registry.register("plain", Recorder)
    distiller_registry.register("wants_store", lambda store: got.append(store) or Recorder())
    distiller_registry.register("not_one", dict)
    assert optimizers("plain", "wants_store", store=store).distillers[0].name == "recorder"
    assert got == [store]
    with pytest.raises(UsageError, match="no name or no distill"):
        optimizers("not_one")


def test_a_full_tier_keeps_the_values_that_were_stated(optimizers: Any) -> None:
    optimizer = optimizers(max_heuristics_per_tier=2)
    words = ("red", "green", "blue", "black")
    optimizer.merge_heuristics(
        [lesson(f"case {w}", f"do {w}", q_value=q) for w, q in zip(words, (0.1, 0.9, 0.2, 0.8), strict=True)]
    )
    assert [h.q_value for h in optimizer.heuristic_library] == [0.9, 0.8]
