"""Choosing with a model that can only write text."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from purpose_agent.errors import ModelOutputError
from purpose_agent.llm_backend import ChatMessage
from purpose_agent.llm_backend.choosing import match_option, option_of, read_choice, with_numbered_list

DOORS = ["open door", "close door", "open door 2", ""]


@pytest.mark.parametrize(
    ("reply", "index"),
    [
        ('{"choice": 2}', 1),
        ('```json\n{"choice": "3"}\n```', 2),
        ("2", 1),
        ("2.", 1),
        ("(3) open door 2", 2),
        ("close door", 1),
        ("  Close   DOOR. ", 1),
        ("I will close door now.", 1),
        ("I choose open door 2", 2),
        ("", 3),
    ],
)
def test_what_names_one_option_is_understood(reply: str, index: int) -> None:
    assert read_choice(reply, DOORS) == index


@pytest.mark.parametrize(
    "reply", ['{"choice": 5}', '{"choice": 0}', '{"choice": -1}', "99", "go", "open door or close door"]
)
def test_what_names_none_or_several_is_an_error(reply: str) -> None:
    with pytest.raises(ModelOutputError, match="none of the 4"):
        read_choice(reply, DOORS)


def test_a_number_that_is_an_option_means_the_option() -> None:
    assert read_choice("1", ["3", "2", "1"]) == 2


def test_a_word_inside_another_is_not_a_mention() -> None:
    assert match_option("reopened", ["open", "close"]) is None


@given(st.text(max_size=50), st.lists(st.text(max_size=10), min_size=1, max_size=6))
def test_the_index_is_always_legal(reply: str, options: list[str]) -> None:
    with contextlib.suppress(ModelOutputError):
        assert 0 <= read_choice(reply, options) < len(options)


def test_the_list_goes_to_the_end_of_the_last_question() -> None:
    asked = [ChatMessage("system", "s"), ChatMessage("user", "What now?")]
    shown = with_numbered_list(asked, ["a\nb", '"c"'])
    assert shown[0] is asked[0]
    assert '1. "a\\nb"\n2. "\\"c\\""' in shown[1].content
    assert with_numbered_list([ChatMessage("assistant", "hm")], ["a"])[-1].role == "user"


@pytest.mark.parametrize(
    ("action", "index"),
    [
        ({"name": "go", "params": {"to": "south"}}, 1),
        ({"name": "wait", "params": {}}, 2),
        ({"name": "look", "params": {}}, 3),
        ("wait", 2),
        ("go", None),
    ],
)
def test_an_actors_reply_names_the_option_whatever_its_thought_mentions(
    action: Any, index: int | None
) -> None:
    options = ['go({"to": "north"})', 'go({"to": "south"})', "wait", 'look({"at": "map"})']
    reply = {"thought": "I must not wait", "action": action, "expected_delta": ""}
    assert option_of(reply, options) == index
    if index is not None:
        assert read_choice(f"```json\n{json.dumps(reply)}\n```", options) == index
