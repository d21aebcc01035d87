"""What is shown for a task."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes.embedder import BrokenEmbedder, SynonymEmbedder
from fakes.episodes import lesson
from purpose_agent.llm_backend.usage import estimate_tokens
from purpose_agent.memory.item_vectors import ItemVectors
from purpose_agent.memory.lexical_relevance import is_general
from purpose_agent.memory.rendering import memory_block
from purpose_agent.memory.retrieval import select
from purpose_agent.memory.selection import Selection
from purpose_agent.types import Heuristic, HeuristicStatus, MemoryTier

KITCHEN = lesson("washing dirty dishes in the kitchen sink", "use hot water", id="kitchen")
GARDEN = lesson("watering flowers in the garden", "do it in the evening", id="garden")
MAZE = lesson("walking through a maze of corridors", "keep a hand on the wall", id="maze")
BOOKS = lesson("sorting books on a shelf by author", "start with the thick ones", id="books")
WORLD = [KITCHEN, GARDEN, MAZE, BOOKS]


def ids(selection: Selection) -> list[str]:
    return [h.id for h in selection.strategic]


def test_relevance_comes_before_value() -> None:
    popular = [
        lesson(f"{h.pattern}", h.strategy, id=h.id, times_used=50, times_succeeded=50) for h in WORLD[1:]
    ]
    assert ids(select([*popular, KITCHEN], query="Wash all dirty dishes.")) == ["kitchen"]


def test_value_decides_between_equally_relevant_items() -> None:
    poor = lesson("dirty dishes", "use sand", id="poor", times_used=10, times_succeeded=1)
    good = lesson("dirty dishes", "use soap", id="good", times_used=10, times_succeeded=9)
    assert ids(select([poor, good, MAZE, BOOKS, GARDEN], query="clean the dirty dishes")) == ["good", "poor"]


def test_nothing_is_shown_when_nothing_is_relevant() -> None:
    assert select(WORLD, WORLD, query="compile the kernel").ids == ()


def test_general_items_are_shown_for_any_task() -> None:
    general = lesson("any task", "read the state carefully before each action", id="general")
    assert ids(select([*WORLD, general], query="compile the kernel")) == ["general"]
    assert ids(select([general], query="")) == ["general"]


def test_in_a_small_library_a_short_pattern_is_general() -> None:
    assert ids(
        select([lesson("exploring rooms", "note the exits", id="few")], query="Find the treasure")
    ) == ["few"]
    assert ids(select([KITCHEN], query="Find the treasure")) == []


def test_a_lesson_is_relevant_to_the_task_it_was_learned_from() -> None:
    contexts = {"maze": "Find the treasure."}
    assert ids(select(WORLD, query="Find the second treasure", contexts=contexts)) == ["maze"]


def test_placeholders_are_not_words() -> None:
    item = lesson("bring <x> to <y> at <n>", "go", id="x")
    assert is_general("bring <task> to <object>", small_library=True)
    assert ids(select([item, *WORLD], query="x y n")) == []


def test_items_that_are_not_live_are_never_shown() -> None:
    hidden = (HeuristicStatus.CANDIDATE, HeuristicStatus.QUARANTINED, HeuristicStatus.RETIRED)
    items = [lesson("dirty dishes", f"way {s}", status=s) for s in hidden]
    tips = [lesson("wash", f"way {s}", status=s, tier=MemoryTier.TOOL) for s in hidden]
    assert select(items, items, tips, query="dirty dishes").ids == ()


def test_near_duplicates_are_not_shown_together() -> None:
    one = lesson("dirty dishes", "wash them with hot water and soap", id="one")
    two = lesson("dirty dishes", "wash them with warm water and soap", id="two")
    assert ids(select([one, two], query="dirty dishes")) == ["one"]


def test_ties_go_to_the_older_item() -> None:
    items = [lesson("dirty dishes", f"method {word}", id=word) for word in ("red", "green", "blue")]
    assert ids(select(items, query="dirty dishes")) == ["red", "green", "blue"]


def test_few_items_are_shown() -> None:
    words = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta"]
    items = [lesson("dirty dishes", f"{w} {w}ly", id=w) for w in words]
    assert len(select(items, query="dirty dishes").strategic) == 4
    assert len(select(items, query="dirty dishes", per_tier=2).strategic) == 2


def test_the_budget_holds_and_small_items_fill_it() -> None:
    big = lesson("dirty dishes dishes", "long " * 60, id="big", times_used=9, times_succeeded=9)
    small = lesson("dirty dishes", "soap", id="small")
    assert ids(select([big, small], query="dirty dishes", token_budget=60)) == ["small"]
    assert select([small], query="dirty dishes", token_budget=10).ids == ()


def test_tips_are_keyed_by_action_and_shrink_with_the_library() -> None:
    names = ("open", "open", "close")
    tips = [lesson(n, f"tip {n} {i}{i} x{i}", tier=MemoryTier.TOOL, id=f"t{i}") for i, n in enumerate(names)]
    chosen = select([], [], tips, query="anything")
    assert {name: [h.id for h in found] for name, found in chosen.tool.items()} == {
        "close": ["t2"],
        "open": ["t0", "t1"],
    }
    assert chosen.prefix_ids == ()
    assert set(chosen.ids) == {"t0", "t1", "t2"}
    assert select([], [], tips[:2], query="anything").tool.keys() == {"open"}


texts = st.text(st.sampled_from("ab <>/x{}ж\n"), max_size=40)
items = st.lists(
    st.builds(
        lesson,
        texts,
        texts,
        id=st.text("abcdef", min_size=4, max_size=8),
        steps=st.lists(texts, max_size=2),
        times_used=st.integers(5, 9),
        times_succeeded=st.integers(0, 5),
        status=st.sampled_from(HeuristicStatus),
    ),
    max_size=8,
)


@settings(max_examples=60, deadline=None)
@given(items, items, texts, st.integers(0, 200))
def test_select_keeps_its_promises(a: list[Heuristic], b: list[Heuristic], query: str, budget: int) -> None:
    chosen = select(a, b, a, query=query, token_budget=budget, per_tier=3)
    assert chosen == select(a, b, a, query=query, token_budget=budget, per_tier=3)
    assert len(chosen.strategic) <= 3
    assert len(chosen.procedural) <= 3
    assert all(h in a for h in chosen.strategic)
    block = memory_block(chosen)
    assert not block or estimate_tokens(block) <= budget


def test_the_first_state_tells_tasks_apart_that_are_worded_alike() -> None:
    rooms = [lesson(f"in room {n}", f"press {n}", id=f"room {n}") for n in range(10, 60)]
    contexts = {h.id: "Press the right button" for h in rooms}
    query = "Press the right button"
    chosen = select(rooms, query=query, situation='{"room": 37, "pressed": false}', contexts=contexts)
    assert ids(chosen)[0] == "room 37"


def test_the_first_state_makes_no_item_less_relevant() -> None:
    crowded = "garden flowers maze corridors wall books shelf author " * 5
    assert "kitchen" in ids(select(WORLD, query="clean the dirty dishes", situation=crowded))


def test_an_item_is_no_duplicate_when_it_alone_names_what_was_asked() -> None:
    rooms = [
        lesson(
            f"in room {n}", f"in room {n} use the lever", id=f"room {n}", times_used=9, times_succeeded=9 - n
        )
        for n in range(3)
    ]
    assert "room 2" in ids(select(rooms, query="leave room 2"))


def test_what_an_item_is_worth_changes_the_order_but_not_what_is_relevant() -> None:
    red, blue = (lesson("dirty dishes", f"{c} brush {c}", id=c) for c in ("red", "blue"))
    drawn = {"red": 0.1, "blue": 0.9, "garden": 1e9}
    asked: list[str] = []

    def worth(item: Heuristic) -> float:
        asked.append(item.id)
        return drawn[item.id]

    assert ids(select([red, blue, GARDEN], query="dirty dishes", worth=worth)) == ["blue", "red"]
    assert asked == ["red", "blue"], "one draw for each relevant item, in the order given"


@pytest.mark.parametrize("nothing", [0.0, -0.2, float("nan")])
def test_what_is_worth_nothing_is_not_shown(nothing: float) -> None:
    tip = lesson("wash", "gently", tier=MemoryTier.TOOL)
    assert select(WORLD, WORLD, [tip], query="dirty dishes", worth=lambda _: nothing).ids == ()


def test_tips_are_ranked_by_worth() -> None:
    tips = [lesson("open", f"tip {i}{i} x{i}", tier=MemoryTier.TOOL, id=f"t{i}") for i in range(3)]
    chosen = select([], [], tips, query="x", worth=lambda h: float(h.id[1]) + 1, per_action=2)
    assert [h.id for h in chosen.tool["open"]] == ["t2", "t1"]


def test_what_is_left_out_is_never_shown() -> None:
    """A task that is being evaluated must not see what was derived from itself."""
    own = lesson("dirty dishes", "the answer is 42", id="own", episode_id="this task")
    procedure = lesson("dirty dishes", "the steps", id="steps", steps=["go"], episode_id="this task")
    tip = lesson("wash", "press 42", tier=MemoryTier.TOOL, id="tip", episode_id="this task")

    def derived(item: Heuristic) -> bool:
        return any(e.episode_id == "this task" for e in item.evidence)

    assert len(select([own, KITCHEN], [procedure], [tip], query="dirty dishes").ids) == 4
    chosen = select([own, KITCHEN], [procedure], [tip], query="dirty dishes", leave_out=derived)
    assert chosen.ids == ("kitchen",)


def test_other_words_are_found_by_their_meaning_only() -> None:
    query = "Clean a plate"
    washing = lesson("washing up", "rinse each dish", id="washing")
    items = [washing, GARDEN, MAZE, BOOKS]
    assert ids(select(items, query=query)) == []
    assert ids(select(items, query=query, similar=ItemVectors(SynonymEmbedder()).similar)) == ["washing"]


def test_meaning_has_a_floor_too() -> None:
    similar = ItemVectors(SynonymEmbedder()).similar
    assert select(WORLD, WORLD, query="compile the kernel", similar=similar).ids == ()
    assert select(WORLD, query="kitchen", similar=lambda q, i: [float("nan")] * len(i)).ids == ("kitchen",)


def test_a_likeness_that_all_items_share_decides_nothing() -> None:
    items = [lesson("dirty dishes", f"with the {c} brush", id=c) for c in ("red", "green", "blue")] * 20
    items = [lesson(h.pattern, f"{h.strategy} {n}", id=f"{h.id}{n}") for n, h in enumerate(items)]
    chosen = select(items, query="use the blue brush 59", similar=lambda _, i: [0.9] * len(i))
    assert ids(chosen)[0] == "blue59"


def test_the_task_a_lesson_came_from_counts_as_its_meaning() -> None:
    similar = ItemVectors(SynonymEmbedder()).similar
    assert similar("clean a plate", [MAZE])[0] < 0.1
    assert similar("clean a plate", [MAZE], {"maze": "wash the dish"})[0] == pytest.approx(1.0)


def test_an_items_vector_is_made_once() -> None:
    embedder = SynonymEmbedder()
    vectors = ItemVectors(embedder)
    first = vectors.similar("clean a plate", WORLD)
    assert vectors.similar("clean a plate", WORLD) == first
    assert len(embedder.asked) == len(set(embedder.asked)) == 6  # with the empty text of an unknown task


def test_a_failing_embedder_leaves_the_words() -> None:
    vectors = ItemVectors(BrokenEmbedder(OSError("no weights")))
    with pytest.warns(RuntimeWarning, match="no weights"):
        assert ids(select(WORLD, query="dirty dishes", similar=vectors.similar)) == ["kitchen"]
    assert ids(select(WORLD, query="dirty dishes", similar=vectors.similar)) == ["kitchen"]


@settings(max_examples=60, deadline=None)
@given(items, items, st.text(max_size=60), st.integers(0, 200), st.randoms(use_true_random=False))
def test_the_budget_holds_for_any_worth_and_likeness(a, b, query, budget, dice) -> None:  # type: ignore[no-untyped-def]
    chosen = select(
        a,
        b,
        query=query,
        token_budget=budget,
        worth=lambda _: dice.uniform(-1, 2),
        similar=lambda _, i: [dice.uniform(-1, 1) for _ in i],
        leave_out=lambda h: h.times_used == 7,
    )
    block = memory_block(chosen)
    assert not block or estimate_tokens(block) <= budget
    assert all(h.times_used != 7 for h in chosen.strategic + chosen.procedural)
