"""What can be made of what."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fakes.small_textcraft import GAME_RECIPES, item
from purpose_agent.environments.textcraft_recipes import Recipe, RecipeBook, read_recipes


def test_a_group_makes_one_recipe_for_each_thing_and_one_of_several_counts_for_nothing() -> None:
    known = {k: v for k, v in GAME_RECIPES.items() if k != "brick"}
    birch = {**known["oak_planks"], "ingredients": [item("birch_log")], "result": item("birch_planks")}
    book = read_recipes({**known, "birch_planks": birch})
    assert [r.command for r in book.making("stick")] == [
        "craft 4 stick using 2 birch planks",
        "craft 4 stick using 2 oak planks",
    ]
    assert [r.command for r in book.making("torch")] == ["craft 4 torch using 1 stick"]


NAMES = st.sampled_from("abcdef")
RECIPES = st.builds(
    Recipe,
    NAMES,
    st.integers(1, 4),
    st.dictionaries(NAMES, st.integers(1, 3), min_size=1).map(lambda d: tuple(sorted(d.items()))),
)


@given(st.lists(RECIPES, max_size=12), st.dictionaries(NAMES, st.integers(1, 9)))
def test_what_is_possible_is_what_a_search_of_all_recipes_finds(
    recipes: list[Recipe], inventory: dict[str, int]
) -> None:
    found = RecipeBook(recipes).possible(inventory)
    assert set(found) == {r for r in recipes if all(inventory.get(i, 0) >= n for i, n in r.ingredients)}
    assert [r.command for r in found] == sorted({r.command for r in found})
    for recipe in found:
        after = recipe.apply(inventory)
        assert min(after.values()) > 0
        assert sum(after.values()) == sum(inventory.values()) + recipe.count - sum(
            n for _, n in recipe.ingredients
        )
