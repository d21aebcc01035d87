"""Choosing over the tokens of the options."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from purpose_agent.llm_backend.llama_engine import Token
from purpose_agent.llm_backend.token_choice import decided, grammar_over, unique_depths

END = 999
PATHS = st.lists(st.lists(st.integers(0, 3), max_size=4).map(tuple), min_size=2, max_size=8, unique=True)


def test_a_path_is_written_as_far_as_it_is_needed_to_tell_it_from_the_others() -> None:
    assert unique_depths([(1, 2), (1, 3, 4), (5, 6, 7)]) == [2, 2, 1]


def test_a_path_that_another_one_continues_needs_the_end_of_the_turn() -> None:
    assert unique_depths([(1, 2), (1, 2, 3)]) == [3, 3]


def test_the_empty_path_is_the_end_of_the_turn() -> None:
    assert unique_depths([(), (1,)]) == [1, 1]
    assert grammar_over([(), (1, 2)]) == 'root ::= "" | <[1]> <[2]>'


@given(PATHS, st.data())
def test_every_path_is_decided_exactly_at_its_depth(
    paths: list[tuple[int, ...]], data: st.DataObject
) -> None:
    index = data.draw(st.integers(0, len(paths) - 1))
    depth = unique_depths(paths)[index]
    written = [Token(token, 0.0) for token in (*paths[index], END)][:depth]
    assert decided(paths, written) == index
    assert decided(paths, written[:-1]) is None
