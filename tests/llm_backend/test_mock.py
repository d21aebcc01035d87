"""The scripted model."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from purpose_agent.errors import ModelOutputError, UsageError
from purpose_agent.llm_backend import ChatMessage, MockLLMBackend, Usage
from purpose_agent.llm_backend.json_reply import validator_for
from purpose_agent.llm_backend.schema_filler import fill
from purpose_agent.llm_backend.usage import collect_usage

ASKED = [ChatMessage("system", "You are the State Evaluator."), ChatMessage("user", "Rate it.")]
SCHEMA: dict[str, Any] = {"type": "object", "properties": {"phi": {"type": "number"}}, "required": ["phi"]}
ACTOR: dict[str, Any] = {
    "type": "object",
    "properties": {
        "thought": {"type": "string"},
        "action": {
            "type": "object",
            "properties": {
                "name": {"type": "string", "enum": ["look", "DONE"]},
                "params": {"type": "object"},
            },
            "required": ["name"],
        },
        "expected_delta": {"type": "string"},
    },
    "required": ["thought", "action", "expected_delta"],
}


def test_without_handlers_it_says_something() -> None:
    assert MockLLMBackend().generate(ASKED)


def test_the_first_handler_whose_keyword_occurs_answers_in_any_case() -> None:
    llm = MockLLMBackend().register_handler("nothing", "a").register_handler("STATE EVALUATOR", "b")
    llm.register_handler("rate", "c")
    assert llm.generate(ASKED) == "b"


def test_a_keyword_may_span_what_any_message_says() -> None:
    assert MockLLMBackend().register_handler("rate it", "yes").generate(ASKED) == "yes"


def test_a_response_may_be_a_function_of_the_messages() -> None:
    llm = MockLLMBackend().register_handler("rate", lambda messages: {"phi": len(messages)})
    assert llm.generate_structured(ASKED, SCHEMA) == {"phi": 2}
    assert llm.generate(ASKED) == '{"phi": 2}'


@pytest.mark.parametrize("response", [{"phi": 4}, '{"phi": 4}', '```json\n{"phi": 4}\n```'])
def test_structured_calls_use_a_dict_or_json(response: Any) -> None:
    llm = MockLLMBackend().register_handler("rate", response).set_structured_default({"phi": 1})
    assert llm.generate_structured(ASKED, SCHEMA) == {"phi": 4}


def test_a_handler_that_says_no_json_leaves_the_structured_default() -> None:
    llm = MockLLMBackend().register_handler("rate", "fine").set_structured_default({"phi": 1})
    assert llm.generate_structured(ASKED, SCHEMA) == {"phi": 1}


def test_a_scripted_object_is_given_as_it_is() -> None:
    llm = MockLLMBackend().register_handler("rate", {"phi_after": 4})
    assert llm.generate_structured(ASKED, SCHEMA) == {"phi_after": 4}


def test_without_a_default_the_filler_fits_the_actors_schema() -> None:
    reply = MockLLMBackend().generate_structured(ASKED, ACTOR)
    assert reply["action"]["name"] == "look"
    validator_for(ACTOR)(reply)


def test_what_a_caller_does_to_a_reply_does_not_change_the_script() -> None:
    llm = MockLLMBackend().register_handler("rate", {"tags": []})
    llm.generate_structured(ASKED, SCHEMA)["tags"].append("x")
    assert llm.generate_structured(ASKED, SCHEMA) == {"tags": []}


@pytest.mark.parametrize(
    "answer",
    ["close", "Close.", {"choice": 2}, '{"choice": 2}', {"action": {"name": "close"}}, {"action": "close"}],
)
def test_a_choice_may_be_scripted_in_many_ways(answer: Any) -> None:
    assert MockLLMBackend().register_handler("rate", answer).choose(ASKED, ["open", "close"]).index == 1


def test_without_a_script_the_first_option_is_chosen() -> None:
    assert MockLLMBackend().choose(ASKED, ["open", "close"]).option == "open"


def test_a_scripted_choice_that_was_not_offered_is_an_error() -> None:
    with pytest.raises(ModelOutputError, match="format_disk"):
        MockLLMBackend().register_handler("rate", "format_disk").choose(ASKED, ["look"])


def test_calls_are_logged() -> None:
    llm = MockLLMBackend()
    llm.generate(ASKED, 0.1, 5)
    llm.generate_structured(ASKED, SCHEMA)
    llm.choose(ASKED, ["a"])
    assert [call["kind"] for call in llm.call_log] == ["generate", "structured", "choose"]
    assert llm.call_log[0]["messages"][1] == {"role": "user", "content": "Rate it."}
    assert llm.call_log[0]["temperature"] == 0.1
    assert llm.call_log[1]["response"] == {"phi": 0}


def test_usage_is_reported() -> None:
    reported: list[Usage] = []
    with collect_usage(reported.append):
        MockLLMBackend().generate(ASKED)
    assert [usage.calls for usage in reported] == [1]


def test_a_response_of_another_kind_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="42"):
        MockLLMBackend().register_handler("x", 42)  # type: ignore[arg-type]
    with pytest.raises(ModelOutputError, match="42"):
        MockLLMBackend().register_handler("rate", lambda _: 42).generate(ASKED)


NUMBERS = st.fixed_dictionaries(
    {"type": st.sampled_from(["integer", "number"])},
    optional={"minimum": st.integers(-9, 5), "maximum": st.integers(6, 20)},
) | st.just({"type": "number", "exclusiveMinimum": 0, "maximum": 1})
LEAVES = (
    NUMBERS
    | st.fixed_dictionaries({"type": st.just("string")}, optional={"minLength": st.integers(0, 9)})
    | st.fixed_dictionaries({"enum": st.lists(st.text() | st.integers(), min_size=1, max_size=3)})
    | st.sampled_from([{"type": "boolean"}, {"type": "null"}, {"type": ["string", "null"]}, {"const": 3}, {}])
)


def containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    objects = st.dictionaries(st.text(max_size=4), inner, max_size=3).flatmap(
        lambda properties: st.fixed_dictionaries(
            {
                "type": st.just("object"),
                "properties": st.just(properties),
                "required": st.lists(st.sampled_from(sorted(properties)), unique=True)
                if properties
                else st.just([]),
                "additionalProperties": st.booleans(),
            }
        )
    )
    arrays = st.fixed_dictionaries({"type": st.just("array"), "items": inner, "minItems": st.integers(0, 2)})
    return objects | arrays | st.fixed_dictionaries({"anyOf": st.lists(inner, min_size=1, max_size=2)})


@settings(max_examples=150, deadline=None)
@given(st.recursive(LEAVES, containers, max_leaves=6))
def test_the_filler_fits_every_schema(schema: dict[str, Any]) -> None:
    wrapped = {"type": "object", "properties": {"x": schema}, "required": ["x"]}
    validator_for(wrapped)(fill(wrapped))
    assert fill(wrapped) == fill(wrapped)


def test_the_filler_follows_references() -> None:
    schema = {
        "$defs": {
            "point": {
                "type": "object",
                "properties": {"x": {"type": "integer", "minimum": 4}},
                "required": ["x"],
            }
        },
        "type": "object",
        "properties": {"at": {"$ref": "#/$defs/point"}, "all": {"allOf": [{"$ref": "#/$defs/point"}]}},
        "required": ["at", "all"],
    }
    assert fill(schema) == {"at": {"x": 4}, "all": {"x": 4}}
