"""A tighter version of a JSON schema, for constrained decoding with small models.

Everything that fits the tighter schema fits the original. A small model that may add properties, pad with white
space or write strings without end does so until its tokens are used up; here it cannot.
"""

from __future__ import annotations

import re
from importlib import import_module
from typing import Any

from purpose_agent.llm_backend.json_value import as_dict
from purpose_agent.numeric import is_number

CHARACTERS_PER_TOKEN = 2
MAX_ITEMS = 16
"""Items of an array that sets no bound itself."""

MAX_PROPERTIES = 6
"""Properties of an object of which nothing is said; they hold flat values, or a small model nests them for ever."""

LARGE = 10**9
"""Bound of a number that sets none itself."""

_SUBSCHEMAS = ("items", "additionalProperties", "not")
_SAYS_WHAT_IS_IN_IT = (
    "properties",
    "additionalProperties",
    "patternProperties",
    "maxProperties",
    "anyOf",
    "oneOf",
    "allOf",
    "$ref",
)
_LISTS = ("anyOf", "oneOf", "allOf")
_MAPS = ("properties", "$defs", "definitions")

_SHORT = {"type": "string", "maxLength": 60}
_FLAT: list[dict[str, Any]] = [
    _SHORT,
    {"type": "number", "minimum": -LARGE, "maximum": LARGE},
    {"type": "boolean"},
    {"type": "array", "items": _SHORT, "maxItems": MAX_PROPERTIES},
]


def decoding_schema(schema: dict[str, Any], max_tokens: int) -> dict[str, Any]:
    """The schema with closed or flat objects, bounded strings and arrays, and no white space.

    Args:
        schema: any JSON schema.
        max_tokens: room for the reply; unbounded strings share half of it.
    """
    strings = max(1, _count_strings(schema))
    bound = max(40, max_tokens * CHARACTERS_PER_TOKEN // (2 * strings))
    return {**_tight(schema, bound), "x-guidance": {"whitespace_flexible": False}}


def grammar_for(schema: dict[str, Any], max_tokens: int) -> str:
    """What llama.cpp constrains a reply with.

    Raises:
        ValueError: llama.cpp knows no grammar for the schema.
    """
    xllamacpp: Any = import_module("xllamacpp")
    try:
        grammar: str = xllamacpp.json_schema_to_grammar(decoding_schema(schema, max_tokens))
    except RuntimeError as error:
        raise ValueError(str(error)) from None
    # builds without llguidance do not know x-guidance
    return re.sub(r"^space ::= .*$", 'space ::= | " "', grammar, flags=re.MULTILINE)


def _count_strings(node: Any) -> int:
    schema = as_dict(node)
    if not schema:
        return 0
    inner = [schema.get(key) for key in _SUBSCHEMAS]
    inner += [child for key in _LISTS for child in schema.get(key, ())]
    inner += [child for key in _MAPS for child in schema.get(key, {}).values()]
    return _is_free_string(schema) + sum(_count_strings(child) for child in inner)


def _is_free_string(schema: dict[str, Any]) -> bool:
    bounds = ("maxLength", "pattern", "format", "enum", "const")
    return schema.get("type") == "string" and not any(key in schema for key in bounds)


def _tight(node: Any, bound: int) -> Any:
    if not isinstance(node, dict):
        return node
    schema: dict[str, Any] = dict(node)  # pyright: ignore[reportUnknownArgumentType]
    for key in _SUBSCHEMAS[:2]:
        if isinstance(schema.get(key), dict):
            schema[key] = _tight(schema[key], bound)
    for key in _LISTS[:2]:
        if key in schema:
            schema[key] = [_tight(child, bound) for child in schema[key]]
    for key in _MAPS:
        if key in schema:
            schema[key] = {name: _tight(child, bound) for name, child in schema[key].items()}
    _bound(schema, bound)
    return schema


def _bound(schema: dict[str, Any], length: int) -> None:
    """Give one node the bounds that it does not set itself."""
    named = set(as_dict(schema.get("properties")))
    closable = named.issuperset(schema.get("required", ())) and "patternProperties" not in schema
    if named and closable and not any(key in schema for key in _LISTS):
        schema.setdefault("additionalProperties", False)
    if schema.get("type") == "object" and not any(key in schema for key in _SAYS_WHAT_IS_IN_IT):
        schema["additionalProperties"] = {"anyOf": _FLAT}
        schema["maxProperties"] = MAX_PROPERTIES
    if _is_free_string(schema):
        schema["maxLength"] = max(length, schema.get("minLength", 0))
    if schema.get("type") in ("integer", "number"):
        _bound_number(schema)
    if schema.get("type") == "array" and isinstance(schema.get("items"), dict):
        schema.setdefault("maxItems", max(MAX_ITEMS, schema.get("minItems", 0)))


def _bound_number(schema: dict[str, Any]) -> None:
    """Give a number that is unbounded on a side a bound there, so that its digits end."""
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    if any(key in schema for key in ("enum", "const", "multipleOf")):
        return
    if not is_number(low):
        schema["minimum"] = min(-LARGE, high - LARGE if is_number(high) else -LARGE)
    if not is_number(high):
        schema["maximum"] = max(LARGE, low + LARGE if is_number(low) else LARGE)
