"""Reading JSON out of what models write."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from purpose_agent.errors import ModelOutputError, UsageError
from purpose_agent.llm_backend.json_reply import MAX_STARTS, read_json, validator_for

ANY = validator_for({"type": "object"})
SCORE = validator_for(
    {
        "type": "object",
        "properties": {"phi": {"type": "number"}, "action": {"type": "object"}, "why": {"type": "string"}},
        "required": ["phi"],
    }
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"phi": 3}', {"phi": 3}),
        ('```json\n{"phi": 3}\n```', {"phi": 3}),
        ('```\n{"phi": 3,}\n```', {"phi": 3}),
        ('Sure! Here it is:\n{"phi": 3}\nHope it helps.', {"phi": 3}),
        ('{"phi": 3, "action": {"name": "open", "params": {"a": {"b": [1, 2]}}}}', None),
        ('I mean {this}: {"phi": 3}', {"phi": 3}),
        ('<think>{"phi": 9}</think>{"phi": 3}', {"phi": 3}),
        ("{'phi': 3, 'why': 'it\\'s open'}", {"phi": 3, "why": "it's open"}),
        ('{"phi": 3, // fine\n "why": "x"}', {"phi": 3, "why": "x"}),
        ('{"phi": 3, "why": "a\nb\tc"}', {"phi": 3, "why": "a\nb\tc"}),
        ('\ufeff{"phi": 3}', {"phi": 3}),
        ('{"other": 1} {"phi": 3}', {"phi": 3}),
        ("{phi: 3}", {"phi": 3}),
        ('{"phi": 3, "why": "{not} [json]"}', {"phi": 3, "why": "{not} [json]"}),
    ],
)
def test_what_models_write_is_understood(text: str, expected: dict[str, object] | None) -> None:
    assert read_json(text, SCORE) == (json.loads(text) if expected is None else expected)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no JSON object"),
        ("DONE", "no JSON object"),
        ('[{"phi": 3}]', "a list"),
        ('[{"phi": 3},]', "a list"),
        ('"{\\"phi\\": 3}"', "a string"),
        ("3", "not 3"),
        ("null", "not None"),
        ('{"phi": NaN}', "not finite"),
        ('{"phi": 1e999}', "not finite"),
        ('{"phi": "three"}', "must be number"),
        ("{}", "phi"),
        ("[" * 100_000, "no JSON object"),
        ('{"a":' * 100_000, "no JSON object"),
        ('{"phi": ' + "1" * 5000 + "}", "must be number"),
    ],
)
def test_what_cannot_be_used_says_why(text: str, reason: str) -> None:
    with pytest.raises(ModelOutputError, match=reason) as caught:
        read_json(text, SCORE)
    assert caught.value.raw == text


def test_a_reply_that_was_cut_off_is_closed_only_on_the_last_chance() -> None:
    cut = '{"phi": 3, "why": "the door is op'
    with pytest.raises(ModelOutputError):
        read_json(cut, SCORE)
    assert read_json(cut, SCORE, lenient=True) == {"phi": 3, "why": "the door is op"}


def test_a_part_of_a_broken_object_is_not_taken_for_the_whole() -> None:
    with pytest.raises(ModelOutputError):
        read_json('{"thought": "x", "action": {"phi": 1}, "expected', SCORE)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet=st.sampled_from('{}[]":,\\ntrue0.e-`json \n\ud800é'), max_size=60), st.booleans())
def test_nothing_but_a_typed_error_comes_of_garbage(text: str, lenient: bool) -> None:
    try:
        reply = read_json(text, ANY, lenient=lenient)
    except ModelOutputError:
        return
    assert isinstance(reply, dict)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@settings(max_examples=100, deadline=None)
@given(
    st.dictionaries(st.text(), JSON, max_size=4), st.sampled_from(["{}", "```json\n{}\n```", "Here: {} ok?"])
)
def test_whatever_json_can_say_survives(value: dict[str, object], frame: str) -> None:
    text = json.dumps(value)
    assert read_json(frame.replace("{}", text), ANY) == value


@pytest.mark.parametrize(
    "text",
    [
        "{" * 1_000_000,
        '{"a":' * 200_000,
        '{"' * 500_000,
        "x" * 1_000_000,
        "```" * 300_000,
        '{"phi": 1, "why": "' + "y" * 1_000_000,
        "{}" * 500_000,
        "<think>" * 100_000,
    ],
    ids=["braces", "nested", "strings", "prose", "fences", "cut", "many", "think"],
)
def test_a_megabyte_is_read_in_linear_time(text: str) -> None:
    with pytest.raises(ModelOutputError):  # where a reader is quadratic this takes minutes
        read_json(text, SCORE)


def test_a_megabyte_of_json_is_read() -> None:
    text = json.dumps({"phi": 1, "why": "y" * 1_000_000})
    assert read_json(f"Here it is: {text}", SCORE)["phi"] == 1


def test_an_object_behind_many_brackets_is_found() -> None:
    assert read_json("[1] " * (MAX_STARTS // 2) + '{"phi": 1}', SCORE) == {"phi": 1}


@pytest.mark.parametrize(
    "schema",
    ["object", None, {"type": "blob"}, {"properties": 3}, {"$ref": "http://127.0.0.1/x"}, {"enum": {1, 2}}],
)
def test_a_bad_schema_is_a_usage_error(schema: object) -> None:
    with pytest.raises(UsageError):
        validator_for(schema)  # type: ignore[arg-type]


def test_validators_are_compiled_once() -> None:
    assert validator_for({"type": "object"}) is ANY


def test_checking_does_not_change_the_value() -> None:
    value = {"a": {}}
    validator_for({"type": "object", "properties": {"a": {"type": "object"}, "b": {"default": 3}}})(value)
    assert value == {"a": {}}
