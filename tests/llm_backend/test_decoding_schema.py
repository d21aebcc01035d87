"""What fits the tighter schema fits the original."""

from __future__ import annotations

from typing import Any

import pytest

from purpose_agent.llm_backend.decoding_schema import decoding_schema, grammar_for
from purpose_agent.llm_backend.json_reply import validator_for
from purpose_agent.llm_backend.schema_filler import fill

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "thought": {"type": "string"},
        "code": {"type": "string", "pattern": "^[a-z]+$"},
        "action": {"type": "object", "properties": {"name": {"enum": ["a"]}, "params": {"type": "object"}}},
        "count": {"type": "integer", "minimum": 5},
        "tags": {"type": "array", "items": {"type": "string"}},
        "either": {"anyOf": [{"type": "string"}, {"type": "object"}]},
        "map": {"type": "object", "additionalProperties": {"type": "integer"}},
        "many": {"type": "array", "items": {"type": "integer"}, "minItems": 40},
    },
    "required": ["thought", "action", "count", "either", "many"],
}


def tight() -> dict[str, Any]:
    return decoding_schema(SCHEMA, 300)["properties"]


def test_strings_share_half_of_the_room() -> None:
    assert tight()["thought"]["maxLength"] == tight()["tags"]["items"]["maxLength"] == 100
    assert "maxLength" not in tight()["code"]


def test_objects_are_closed_or_flat() -> None:
    assert tight()["action"]["additionalProperties"] is False
    kinds = {
        part["type"] for part in tight()["action"]["properties"]["params"]["additionalProperties"]["anyOf"]
    }
    assert "object" not in kinds
    assert tight()["map"]["additionalProperties"]["type"] == "integer"


def test_numbers_and_arrays_end() -> None:
    assert tight()["count"] == {"type": "integer", "minimum": 5, "maximum": 10**9 + 5}
    assert tight()["tags"]["maxItems"] == 16
    assert tight()["many"]["maxItems"] == 40


def test_the_original_is_left_alone_and_what_fits_the_new_one_fits_it() -> None:
    before = repr(SCHEMA)
    value = fill(decoding_schema(SCHEMA, 300))
    assert repr(SCHEMA) == before
    validator_for(SCHEMA)(value)


@pytest.mark.parametrize(
    "schema", [SCHEMA, {"type": "object"}, {"$defs": {"a": {"type": "string"}}, "type": "object"}]
)
def test_llama_has_a_grammar_for_it(schema: dict[str, Any]) -> None:
    assert grammar_for(schema, 100)
