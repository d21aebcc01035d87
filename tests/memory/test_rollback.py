"""Rollback: all that came from a source goes, nothing else does, and it can be undone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fakes.episodes import episode, keep, lesson
from purpose_agent.calibrating import Calibrator
from purpose_agent.errors import UsageError
from purpose_agent.journal import events_of
from purpose_agent.memory.library import Library
from purpose_agent.memory.provenance.rollback import plan_rollback, roll_back, undo_rollback
from purpose_agent.memory.provenance.taken_back import rollbacks
from purpose_agent.memory.values.learner import WEIGHTS, ValueLearner
from purpose_agent.memory.values.memory import ValueMemory
from purpose_agent.store.base import Store, Trial
from purpose_agent.types import Action, Evidence, Heuristic, HeuristicStatus, MemoryTier, Trajectory, Trust

RETIRED, CANARY = HeuristicStatus.RETIRED, HeuristicStatus.CANARY


def ran(store: Store, id: str, *, shown: tuple[str, ...] = (), example: str = "", **more: Any) -> Trajectory:
    """An episode in the store, in which these items and this example were shown."""
    environment = more.pop("environment", "World")
    trust = more.pop("trust", None)
    trajectory = episode(("open", "seen"), ("take", "won"), id=id, **more)
    trajectory.trust = trust
    trajectory.shown = list(shown)
    events = events_of(trajectory, environment=environment)
    if example:
        import msgspec

        events[0] = msgspec.structs.replace(events[0], example=example)
    store.append(id, 0, events).result()
    return keep_index(store, trajectory)


def keep_index(store: Store, trajectory: Trajectory) -> Trajectory:
    class Indexed:
        """Lets `keep` index an episode whose journal is written already."""

        def append(self, *_: Any) -> Any:
            class Done:
                def result(self) -> None: ...

            return Done()

        def __getattr__(self, name: str) -> Any:
            return getattr(store, name)

    return keep(Indexed(), trajectory)  # type: ignore[arg-type]


def from_episodes(name: str, *episodes: str, **fields: Any) -> Heuristic:
    item = lesson(f"a {name} box", f"open the {name} lid", id=f"{name}-item", **fields)
    return replace(
        item,
        source_trajectory_id=episodes[0] if episodes else "",
        evidence=[Evidence(e, (1,)) for e in episodes],
    )


def live(library: Library) -> set[str]:
    return {h.id for h in library}


def test_an_episodes_items_go_and_others_stay(store: Store, library: Library) -> None:
    for id in ("bad-run", "good-run"):
        ran(store, id)
    library.add([from_episodes("red", "bad-run"), from_episodes("blue", "good-run")], "distilled")
    library.add([from_episodes("green", "good-run", "bad-run")], "distilled")
    done = roll_back(store, "bad-run")
    assert done.items == {"red-item": "canary"}
    assert done.weakened == ["green-item"]
    assert live(library) == {"blue-item", "green-item"}
    assert [e.episode_id for e in library.get("green-item").evidence] == ["good-run"]  # type: ignore[union-attr]
    assert [e.id for e in store.episodes()] == ["good-run"]
    assert store.events("bad-run")
    assert f"rolled back with bad-run [{done.id}]" in store.history("red-item")[-1][2]


def test_versions_go_with_what_they_were_made_of_and_what_they_replaced_comes_back(
    store: Store, library: Library
) -> None:
    for id in ("good-run", "bad-run", "late-run"):
        ran(store, id)
    (first,) = library.add([from_episodes("red", "good-run")], "distilled")
    (second,) = library.add([replace(from_episodes("rosy", "bad-run"), id=first.id)], "distilled")
    (third,) = library.add([replace(from_episodes("pink", "late-run"), id=second.id)], "distilled")
    merged = replace(from_episodes("violet", "late-run"), parents=[third.id, "other"])
    library.add([merged], "merged")
    assert live(library) == {third.id, merged.id}
    done = roll_back(store, "bad-run")
    assert set(done.items) == {third.id, merged.id}
    assert done.reinstated == [first.id]
    assert live(library) == {first.id}
    assert library.get(first.id).status == CANARY  # type: ignore[union-attr]


def test_what_was_distilled_under_its_influence_goes_too_unless_others_say_it(
    store: Store, library: Library
) -> None:
    ran(store, "source")
    ran(store, "led-astray", shown=("red-item",))
    ran(store, "led-further", shown=("blue-item",))
    ran(store, "copied", example="source")
    ran(store, "apart")
    library.add(
        [
            from_episodes("red", "source"),
            from_episodes("blue", "led-astray"),
            from_episodes("green", "led-further"),
            from_episodes("black", "led-astray", "apart"),
            from_episodes("grey", "copied"),
            from_episodes("white", "apart"),
        ],
        "distilled",
    )
    done = roll_back(store, "source")
    assert set(done.items) == {"red-item", "blue-item", "green-item", "grey-item"}
    assert live(library) == {"black-item", "white-item"}
    assert done.episodes == ["source"]


def test_what_was_shown_only_in_a_prompt_that_nobody_read_influenced_nothing(
    store: Store, library: Library
) -> None:
    ran(store, "source")
    habit = episode(("open", "seen"), id="by-habit")
    habit.steps[0].source = "habit"
    habit.shown = ["red-item"]
    keep(store, habit)
    library.add([from_episodes("red", "source"), from_episodes("blue", "by-habit")], "distilled")
    roll_back(store, "source")
    assert live(library) == {"blue-item"}


@pytest.mark.parametrize("name", ["red-item", "red-"])
def test_an_item_can_be_the_source(store: Store, library: Library, name: str) -> None:
    ran(store, "run-1")
    library.add([from_episodes("red", "run-1"), from_episodes("blue", "run-1")], "distilled")
    done = roll_back(store, name)
    assert (done.kind, done.source, list(done.items)) == ("an item", "red-item", ["red-item"])
    assert len(store.episodes()) == 1


def test_a_label_a_proposer_an_import_and_an_environment_can_be_the_source(
    store: Store, library: Library
) -> None:
    ran(store, "web-run", environment="web:site=shop", trust=Trust.ENVIRONMENT)
    ran(store, "own-run")
    library.add(
        [
            from_episodes("red", "web-run", trust=Trust.ACTIONS, source="shortest_path"),
            from_episodes("blue", "own-run", trust=Trust.MODEL, source="llm"),
            from_episodes("green", trust=Trust.IMPORT, source="import:pack"),
        ],
        "added",
    )
    for name, kind, ids, episodes in (
        ("web", "an environment", {"red-item"}, ["web-run"]),
        ("web:site=shop", "an environment", {"red-item"}, ["web-run"]),
        ("environment", "a trust label", {"red-item"}, ["web-run"]),
        ("llm", "whoever proposed it", {"blue-item"}, []),
        ("model", "a trust label", {"blue-item"}, []),
        ("import:pack", "an import", {"green-item"}, []),
        ("import", "a trust label", {"green-item"}, []),
    ):
        plan = plan_rollback(store, name)
        assert (plan.kind, set(plan.items), plan.episodes) == (kind, ids, episodes), name
    assert len(live(library)) == 3


@pytest.mark.parametrize("name", ["nothing", "", "import:other", "r"])
def test_an_unknown_source_is_named_and_nothing_happens(store: Store, library: Library, name: str) -> None:
    library.add([from_episodes("red", source="llm")], "added")
    with pytest.raises(UsageError, match="nothing in memory came from"):
        roll_back(store, name)
    assert live(library) == {"red-item"}


def test_the_beginning_of_several_ids_is_refused(store: Store, library: Library) -> None:
    for id in ("same-1", "same-2"):
        ran(store, id)
    with pytest.raises(UsageError, match="2 episodes"):
        plan_rollback(store, "same")


def test_what_a_person_said_is_theirs(store: Store, library: Library) -> None:
    ran(store, "source")
    said = from_episodes("red", "source", trust=Trust.HUMAN, source="human")
    library.add([said, replace(from_episodes("blue", trust=Trust.HUMAN), parents=["red-item"])], "by hand")
    assert plan_rollback(store, "source").items == {}
    assert set(plan_rollback(store, "human").items) == {"red-item", "blue-item"}


def test_it_can_be_undone_and_told(store: Store, library: Library) -> None:
    ran(store, "good-run")
    ran(store, "bad-run")
    (first,) = library.add([from_episodes("red", "good-run")], "distilled")
    (second,) = library.add([replace(from_episodes("rosy", "bad-run"), id=first.id)], "distilled")
    library.add([from_episodes("green", "good-run", "bad-run")], "distilled")
    store.set_status(second.id, HeuristicStatus.ACTIVE, "proven")
    before = {h.id: h for h in library}
    done = roll_back(store, "bad-run")
    assert first.id in live(library)
    undone = undo_rollback(store, done.id)
    assert undone.undone
    assert {h.id: h for h in library} == before
    with pytest.raises(UsageError, match="undone before"):
        undo_rollback(store, done.id)
    with pytest.raises(UsageError, match=done.id):
        undo_rollback(store, "r000000")
    assert [r.undone for r in rollbacks(store)] == [True]


def test_rolling_back_twice_changes_nothing(store: Store, library: Library) -> None:
    ran(store, "bad-run")
    library.add([from_episodes("red", "bad-run")], "distilled")
    roll_back(store, "bad-run")
    revision = store.revision
    again = roll_back(store, "bad-run")
    assert (again.items, store.revision) == ({}, revision)


def test_a_lesson_that_was_rolled_back_can_be_learned_from_a_clean_source(
    store: Store, library: Library
) -> None:
    ran(store, "bad-run")
    ran(store, "clean-run")
    library.add([from_episodes("red", "bad-run")], "distilled")
    roll_back(store, "bad-run")
    (again,) = library.add([from_episodes("red", "clean-run")], "distilled")
    assert (again.parents, again.id == "red-item") == ([], False)
    assert plan_rollback(store, "bad-run").items == {}
    library.retire(again.id, "it harms")
    assert library.add([from_episodes("red", "clean-run")], "distilled") == []


def test_the_value_memory_forgets_the_episodes_in_every_process(store: Store) -> None:
    values, other = ValueLearner(store), ValueLearner(store)

    def learn(id: str, move: str) -> None:
        trajectory = episode((move, "won", 10), id=id)
        values.keep(trajectory, [[Action("a"), Action("b")], []])
        keep(store, trajectory)
        values.catch_up()

    for n in range(20):
        learn(f"bad-{n:02}", "a")
    learn("good-run", "b")
    assert values.memory.n_episodes == other.memory.n_episodes == 21
    for n in range(20):
        roll_back(store, f"bad-{n:02}")
    assert values.memory.n_episodes == other.memory.n_episodes == 1
    assert not values.catch_up()
    learn("next-run", "b")
    other.save()
    values.save()
    kept = store.artefact(WEIGHTS)
    assert kept is not None
    assert ValueMemory.from_bytes(kept[0]).n_episodes == 2
    assert not store.save_artefact(WEIGHTS, b"from before", upto=10**6)  # by a process that was asleep
    assert ValueLearner(store).memory.to_bytes() == values.memory.to_bytes()


def test_weights_of_before_cannot_return(store: Store) -> None:
    late = ValueLearner(store)
    trajectory = episode(("a", "won", 10), id="bad-run")
    late.keep(trajectory, [[Action("a")], []])
    keep(store, trajectory)
    assert late.memory.n_episodes == 1
    roll_back(store, "bad-run")
    late.save()  # a process that did not look in between
    assert ValueLearner(store).memory.n_episodes == 0


def test_the_calibration_forgets_them_too(store: Store) -> None:
    import msgspec

    from purpose_agent.events import Scored

    def judged(id: str) -> None:
        trajectory = episode(("open", "seen", 3), ("take", "won", 10), id=id)
        events = [
            msgspec.structs.replace(e, readings={"evidence": 0.9}) if isinstance(e, Scored) else e
            for e in events_of(trajectory)
        ]
        store.append(id, 0, events).result()
        keep_index(store, trajectory)

    for n in range(6):
        judged(f"bad-run-{n}")
    calibrator = Calibrator(store)
    assert calibrator.current.episodes >= 5
    for n in range(6):
        roll_back(store, f"bad-run-{n}")
    assert calibrator.current.episodes == 0


def test_a_procedure_of_a_rolled_back_environment_is_gone_from_every_tier(
    store: Store, library: Library
) -> None:
    ran(store, "run-1", environment="Shop")
    items = [
        replace(from_episodes(tier.value, "run-1"), tier=tier, steps=["open"], pattern=f"in {tier}")
        for tier in MemoryTier
    ]
    library.add(items, "distilled")
    assert len(roll_back(store, "Shop").items) == 3
    assert len(library) == 0


def test_trials_of_rolled_back_episodes_count_no_more_until_they_are_restored(
    store: Store, library: Library
) -> None:
    (item,) = library.add([lesson(episode_id=ran(store, "origin").id)], "test")
    for id, outcome in (("kept", 1.0), ("gone", 0.0)):
        ran(store, id)
        library.record([Trial(item.id, id, "f", True, 0.5, outcome)])
    assert library.credits.of(item.id).n == 2
    done = roll_back(store, "gone")
    assert library.credits.of(item.id).n == Library(store).credits.of(item.id).n == 1
    assert library.credits.of(item.id).shown_succeeded == 1
    undo_rollback(store, done.id)
    assert library.credits.of(item.id).n == 2
