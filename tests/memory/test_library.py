"""The library: what is added, what is merged, what leaves, and what never gets lost."""

from __future__ import annotations

import pytest

from fakes.episodes import episode, keep, lesson
from purpose_agent.errors import UsageError
from purpose_agent.memory.library import MAX_EVIDENCE, Library
from purpose_agent.store.base import Store, Trial
from purpose_agent.types import Evidence, Heuristic, HeuristicStatus, MemoryTier


def solve(store: Store, n: int, *, success: bool, prefix: str = "e") -> None:
    for i in range(n):
        keep(store, episode(("look", "seen"), success=success, id=f"{prefix}{i}"))


# -- adding ------------------------------------------------------------------------------------------------


def test_items_come_back_in_the_order_of_adding(library: Library) -> None:
    added = library.add([lesson("a", "one"), lesson("b", "two", tier=MemoryTier.TOOL)], "test")
    assert [h.pattern for h in library] == ["a", "b"] == [h.pattern for h in added]
    assert [h.strategy for h in library.by_tier(MemoryTier.TOOL)] == ["two"]
    assert added[0].id in library
    assert len(library) == 2


def test_the_same_lesson_added_six_times_is_one_item(library: Library) -> None:
    for i in range(6):
        library.add([lesson("Locked door", "Find a key!", episode_id=f"e{i}")], "test")
    (item,) = library
    assert [e.episode_id for e in item.evidence] == [f"e{i}" for i in range(6)]


def test_duplicates_within_one_call_are_one_item(library: Library) -> None:
    assert len(library.add([lesson("a", "One"), lesson("A", "one."), lesson("a", "one")], "test")) == 1
    assert len(library) == 1


def test_a_duplicate_keeps_statistics_id_and_status(library: Library) -> None:
    (first,) = library.add([lesson("locked door", "find a key", episode_id="e0")], "test")
    for outcome in (True, True, False):
        library.credit([first.id], outcome)
    before = library.get(first.id)
    assert library.add([lesson("Locked door:", "find a KEY", episode_id="e1", times_used=9)], "test") == []
    after = library.get(first.id)
    assert before is not None
    assert after is not None
    assert (after.times_used, after.times_succeeded, after.q_value) == (3, 2, before.q_value)
    assert after.status == before.status
    assert [e.episode_id for e in after.evidence] == ["e0", "e1"]


def test_evidence_of_one_item_is_bounded(library: Library) -> None:
    for i in range(3 * MAX_EVIDENCE):
        library.add([lesson(episode_id=f"e{i}")], "test")
    assert len(next(iter(library)).evidence) == MAX_EVIDENCE


def test_a_changed_text_is_a_new_version_with_its_parent_and_statistics(library: Library) -> None:
    (first,) = library.add([lesson("locked door", "find a key", episode_id="e0")], "test")
    library.credit([first.id], True)
    changed = lesson("locked door", "ask the guard politely", episode_id="e1", id=first.id)
    (second,) = library.add([changed], "test")
    assert (second.version, second.parents, second.times_used) == (2, [first.id], 1)
    assert {e.episode_id for e in second.evidence} == {"e0", "e1"}
    assert [h.id for h in library] == [second.id]
    old = library.get(first.id)
    assert old is not None
    assert (old.status, old.strategy) == (HeuristicStatus.RETIRED, "find a key")


def test_an_outcome_of_an_older_version_counts_for_the_newest(library: Library) -> None:
    (first,) = library.add([lesson("locked door", "find a key")], "test")
    (second,) = library.add([lesson("locked door", "kick it open", id=first.id)], "test")
    assert library.credit([first.id, second.id], True) == [second.id]
    item = library.get(second.id)
    assert item is not None
    assert item.times_used == 1


def test_a_retired_lesson_is_not_added_again(library: Library) -> None:
    (item,) = library.add([lesson("locked door", "kick it")], "test")
    assert library.retire(item.id, "hurts")
    assert library.add([lesson("Locked door", "kick it!", episode_id="e9")], "test") == []
    assert len(library) == 0


def test_a_person_may_bring_a_retired_lesson_back(library: Library) -> None:
    (item,) = library.add([lesson("locked door", "kick it")], "test")
    library.retire(item.id, "hurts")
    assert len(library.add([lesson("locked door", "kick it", source="human")], "by hand")) == 1


def test_the_same_object_may_come_back_by_hand_after_it_was_retired(library: Library) -> None:
    item = lesson("locked door", "kick it", source="human")
    library.add([item], "test")
    library.retire(item.id, "hurts")
    (again,) = library.add([item], "by hand")
    assert again.parents == [item.id]


def test_retiring_can_be_undone_and_is_logged(library: Library) -> None:
    (item,) = library.add([lesson()], "test")
    assert not library.retire("nobody", "no such id")
    assert library.retire(item.id, "a mistake")
    assert not library.retire(item.id, "twice")
    assert library.restore(item.id, "undone")
    assert not library.restore(item.id, "twice")
    assert [h.id for h in library] == [item.id]
    assert [reason for _, _, reason in library.store.history(item.id)] == ["test", "a mistake", "undone"]


def test_tainted_items_are_quarantined_and_their_descendants_too(library: Library) -> None:
    (item,) = library.add([lesson("page said", "click the ad", tainted=True)], "test")
    assert item.status == HeuristicStatus.QUARANTINED
    (version,) = library.add([lesson("page said", "click the big ad", id=item.id)], "test")
    assert (version.tainted, version.status) == (True, HeuristicStatus.QUARANTINED)
    library.retire(version.id, "x")
    library.restore(version.id, "y")
    assert [h.status for h in library] == [HeuristicStatus.QUARANTINED]


def test_a_candidate_becomes_canary_when_a_second_episode_says_the_same(library: Library) -> None:
    candidate = lesson("locked door", "find a key", status=HeuristicStatus.CANDIDATE, episode_id="e0")
    (item,) = library.add([candidate], "test")
    library.add(
        [lesson("locked door", "find a key", status=HeuristicStatus.CANDIDATE, episode_id="e0")], "same"
    )
    assert next(iter(library)).status == HeuristicStatus.CANDIDATE
    library.add(
        [lesson("locked door", "find a key", status=HeuristicStatus.CANDIDATE, episode_id="e1")], "other"
    )
    assert library.get(item.id).status == HeuristicStatus.CANARY  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "bad",
    [
        lesson("pattern", ""),
        lesson("pattern", " \n", steps=[" "]),
        lesson(7),  # type: ignore[arg-type]
        lesson(tier="sideways"),  # type: ignore[arg-type]
        "text",
    ],
)
def test_bad_items_are_refused_and_nothing_is_added(library: Library, bad: object) -> None:
    with pytest.raises(UsageError):
        library.add([lesson("fine", "fine"), bad], "test")  # type: ignore[list-item]
    assert len(library) == 0


def test_hostile_text_is_kept_as_it_is(library: Library) -> None:
    text = "{} {0} {x!r} %s \x00 \ud800 </memory> " + "ж" * 200_000
    (item,) = library.add([lesson(text, text, steps=[text], tier=MemoryTier.PROCEDURAL)], "test")
    assert item.strategy.startswith("{} {0} {x!r} %s")
    assert library.add([lesson(text, text, steps=[text], tier=MemoryTier.PROCEDURAL)], "again") == []
    assert item.id in library.report()


def test_what_is_given_out_is_a_copy(library: Library) -> None:
    (item,) = library.add([lesson()], "test")
    for copy in (item, next(iter(library)), library.get(item.id), library.by_tier(MemoryTier.STRATEGIC)[0]):
        assert copy is not None
        copy.strategy = "changed"
        copy.evidence.append(Evidence("forged"))
    assert next(iter(library)).strategy == "look around first"
    assert next(iter(library)).evidence == []


def test_another_library_on_the_same_store_sees_what_was_added(store: Store) -> None:
    one, two = Library(store), Library(store)
    assert len(two) == 0
    one.add([lesson()], "test")
    assert len(two) == 1


# -- credit ------------------------------------------------------------------------------------------------


def test_only_what_was_shown_is_credited(library: Library) -> None:
    shown, hidden = library.add([lesson("a", "one"), lesson("b", "two")], "test")
    assert library.credit([shown.id, shown.id, "tip:look"], True) == [shown.id]
    assert library.get(shown.id).times_used == 1  # type: ignore[union-attr]
    assert library.get(hidden.id).times_used == 0  # type: ignore[union-attr]


def test_an_item_with_forty_failures_is_gone(library: Library) -> None:
    (item,) = library.add([lesson()], "test")
    for _ in range(40):
        library.credit([item.id], False)
    assert item.id not in library
    assert "shown in 30 episodes, none of which succeeded" in library.store.history(item.id)[-1][2]


def tried(library: Library, item: Heuristic, n: int, *, shown: float, withheld: float) -> Heuristic:
    """``n`` episodes in which a fair coin shows or withholds an item, with the rates of success of either side."""
    won = {True: 0, False: 0}
    for i in range(n):
        if item.id not in library:
            break
        side = i % 2 == 0
        count, rate = i // 2 + 1, shown if side else withheld
        success = won[side] < round(rate * count)
        won[side] += success
        library.record([Trial(item.id, f"t{i}", "f", side, 0.5, float(success))])
    found = library.get(item.id)
    assert found is not None
    return found


def test_an_item_that_harms_is_retired_with_its_uplift(library: Library) -> None:
    (item,) = library.add([lesson()], "test")
    found = tried(library, item, 200, shown=0.3, withheld=0.8)
    assert found.status == HeuristicStatus.RETIRED
    assert "it harms: uplift -0." in library.store.history(item.id)[-1][2]
    assert found.uplift is not None
    assert found.uplift.high < 0


def test_an_item_that_helps_is_proven_and_active(library: Library) -> None:
    (item,) = library.add([lesson()], "test")
    assert item.uplift is None
    found = tried(library, item, 200, shown=0.9, withheld=0.3)
    assert found.status == HeuristicStatus.ACTIVE
    assert found.uplift is not None
    assert 0 < found.uplift.low < 0.6 < found.uplift.high
    assert (found.shown, found.withheld) == (100, 100)


def test_an_item_that_does_nothing_stays_a_canary_however_often_it_succeeds(library: Library) -> None:
    (item,) = library.add([lesson()], "test")
    assert tried(library, item, 400, shown=0.9, withheld=0.9).status == HeuristicStatus.CANARY


def test_an_active_item_that_turns_harmful_is_demoted(library: Library) -> None:
    (item,) = library.add([lesson()], "test")
    assert tried(library, item, 200, shown=0.9, withheld=0.3).status == HeuristicStatus.ACTIVE
    for i in range(100):
        library.record([Trial(item.id, f"u{i}", "f", i % 2 == 0, 0.5, float(i % 2))])
        if library.get(item.id).status != HeuristicStatus.ACTIVE:  # type: ignore[union-attr]
            break
    assert i < 60
    assert "begun to do harm" in library.store.history(item.id)[-1][2]


def test_a_trial_counts_once_an_episode(library: Library) -> None:
    (item,) = library.add([lesson()], "test")
    trial = Trial(item.id, "e", "f", True, 0.5, 1.0)
    assert library.record([trial, trial]) == [item.id]
    assert library.record([trial]) == []
    assert library.get(item.id).shown == 1  # type: ignore[union-attr]


def test_a_few_failures_do_not_retire(store: Store, library: Library) -> None:
    solve(store, 20, success=True)
    (item,) = library.add([lesson()], "test")
    for _ in range(7):
        library.credit([item.id], False)
    assert item.id in library


def test_an_item_no_worse_than_a_hard_world_stays(store: Store, library: Library) -> None:
    solve(store, 40, success=False)
    (item,) = library.add([lesson()], "test")
    for i in range(29):
        library.credit([item.id], i == 3)
    assert item.id in library


# -- room --------------------------------------------------------------------------------------------------


def test_a_full_tier_loses_the_least_valuable_whatever_its_position(store: Store) -> None:
    library = Library(store, max_per_tier=3)
    items = library.add([lesson(f"case {w}", f"do {w}") for w in ("red", "green", "blue")], "test")
    for item, outcomes in zip(items, ((True, True), (False, False), (True, False)), strict=True):
        for outcome in outcomes:
            library.credit([item.id], outcome)
    (new,) = library.add([lesson("case black", "do black")], "test")
    assert [h.id for h in library] == [items[0].id, items[2].id, new.id]
    assert library.store.history(items[1].id)[-1][2].startswith("no room: ")


def test_other_tiers_keep_their_items_when_one_is_full(store: Store) -> None:
    library = Library(store, max_per_tier=1)
    library.add([lesson("look", "a tip", tier=MemoryTier.TOOL)], "test")
    library.add([lesson("a", "one"), lesson("b", "two")], "test")
    assert [h.tier for h in library] == [MemoryTier.TOOL, MemoryTier.STRATEGIC]


def test_what_left_for_lack_of_room_comes_back_when_there_is_room(store: Store) -> None:
    library = Library(store, max_per_tier=1)
    (kept,) = library.add([lesson("a", "one"), lesson("b", "two")], "test")
    assert library.add([lesson("b", "two")], "full") == []
    library.retire(kept.id, "make room")
    (back,) = library.add([lesson("b", "two")], "room")
    assert [h.id for h in library] == [back.id]


def test_a_library_needs_room(store: Store) -> None:
    with pytest.raises(UsageError, match="at least 1"):
        Library(store, max_per_tier=0)


# -- reading -----------------------------------------------------------------------------------------------


def test_the_report_lists_everything(library: Library) -> None:
    steps = ["open it", "take it"]
    library.add(
        [lesson("locked door", "find a key"), lesson("box", "open", tier=MemoryTier.PROCEDURAL, steps=steps)],
        "",
    )
    text = library.report()
    assert "STRATEGIC (1 heuristics)" in text
    assert "TOOL (0 heuristics)" in text
    for item in library:
        assert f"[{item.id}] Q=0.500 (used 0x, 0 successes" in text
        assert f"Pattern: {item.pattern}" in text
        assert f"Strategy: {item.strategy}" in text
    assert "1. open it" in text
    assert "2. take it" in text


def test_contexts_tell_what_an_item_was_learned_from(store: Store, library: Library) -> None:
    keep(store, episode(("look", "x"), purpose="Bake a cake.", id="e0"))
    (item,) = library.add([lesson("sequence", "a; b", episode_id="e0")], "test")
    assert "Bake a cake." in library.contexts()[item.id]
