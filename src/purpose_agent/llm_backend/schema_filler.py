"""The simplest value that fits a JSON schema, for test doubles."""

from __future__ import annotations

import json
from typing import Any

from purpose_agent.llm_backend.json_value import as_dict, as_list
from purpose_agent.numeric import is_number

MAX_DEPTH = 32


def fill(schema: dict[str, Any]) -> Any:
    """A value that fits ``schema``: the first of an enum, the least number allowed, only required properties.

    The same schema always gives the same value. Patterns, ``not`` and conditional keywords are not understood.
    """
    return _fill(schema, schema, 0)


def _fill(schema: Any, root: dict[str, Any], depth: int) -> Any:
    if not isinstance(schema, dict) or depth > MAX_DEPTH:
        return {} if schema is True else None
    node = _resolved(as_dict(schema), root)
    for key in ("const", "default"):
        if key in node:
            return node[key]
    if node.get("enum"):
        return node["enum"][0]
    for key in ("anyOf", "oneOf"):
        if node.get(key):
            return _fill(_merged({k: v for k, v in node.items() if k != key}, node[key][0]), root, depth + 1)
    kind = _kind(node)
    if kind == "object":
        return _object(node, root, depth)
    if kind == "array":
        return _array(node, root, depth)
    if kind in ("integer", "number"):
        return _number(node, whole=kind == "integer")
    if kind == "string":
        return _string(node)
    return False if kind == "boolean" else None


def _resolved(schema: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    """The schema with its local reference followed and ``allOf`` merged."""
    for _ in range(MAX_DEPTH):
        reference = schema.get("$ref")
        if not isinstance(reference, str) or not reference.startswith("#"):
            break
        target: Any = root
        for part in reference.lstrip("#/").split("/"):
            key = part.replace("~1", "/").replace("~0", "~")
            target = target.get(key, {}) if key else target
        schema = _merged({k: v for k, v in schema.items() if k != "$ref"}, target)
    for part in schema.get("allOf", ()):
        schema = _merged({k: v for k, v in schema.items() if k != "allOf"}, _resolved(part, root))
    return schema


def _merged(first: dict[str, Any], second: Any) -> dict[str, Any]:
    more = as_dict(second)
    merged: dict[str, Any] = {**first, **more}
    if "properties" in merged:
        merged["properties"] = {**as_dict(first.get("properties")), **as_dict(more.get("properties"))}
    if "required" in merged:
        merged["required"] = [*as_list(first.get("required")), *as_list(more.get("required"))]
    return merged


def _kind(node: dict[str, Any]) -> str:
    kind = node.get("type")
    if isinstance(kind, list):
        return next((str(k) for k in as_list(kind) if k != "null"), "null")
    if isinstance(kind, str):
        return kind
    hints = {"object": ("properties", "required"), "array": ("items",), "number": ("minimum", "maximum")}
    for name, keys in hints.items():
        if any(key in node for key in keys):
            return name
    return "string" if "minLength" in node else "object"


def _object(node: dict[str, Any], root: dict[str, Any], depth: int) -> dict[str, Any]:
    properties: dict[str, Any] = node.get("properties") or {}
    extra = node.get("additionalProperties", {})
    required: list[str] = node.get("required") or []
    made = {name: _fill(properties.get(name, extra), root, depth + 1) for name in required}
    for name, schema in properties.items():
        if len(made) >= node.get("minProperties", 0):
            break
        made.setdefault(name, _fill(schema, root, depth + 1))
    return made


def _array(node: dict[str, Any], root: dict[str, Any], depth: int) -> list[Any]:
    items: Any = node.get("items", {})
    least: int = node.get("minItems", 0)
    listed = as_list(items) if isinstance(items, list) else [items] * least
    made = [_fill(item, root, depth + 1) for item in listed[:least]]
    if node.get("uniqueItems") and len({json.dumps(item, sort_keys=True) for item in made}) < len(made):
        values = as_list(as_dict(items).get("enum"))
        made = values[:least] if values else [_distinct(item, n) for n, item in enumerate(made)]
    return made


def _distinct(item: Any, n: int) -> Any:
    if isinstance(item, str):
        return f"{item}{n or ''}"
    return item + n if is_number(item) else item


def _number(node: dict[str, Any], *, whole: bool) -> float:
    low, high = _bounds(node)
    step = node.get("multipleOf")
    unit = step or (1 if whole else (high - low) / 2 if low is not None and high is not None else 1)
    value: float = 0
    if low is not None:
        value = low
    elif high is not None:
        value = min(0, high)
    if step or whole:
        value = -(-value // unit) * unit
    if low is not None and "exclusiveMinimum" in node and value <= low:
        value += unit
    if high is not None and "exclusiveMaximum" in node and value >= high:
        value -= unit
    return int(value) if whole or value == int(value) else value


def _bounds(node: dict[str, Any]) -> tuple[float | None, float | None]:
    def pick(key: str, strict_key: str) -> list[float]:
        found = [node.get(key), node.get(strict_key)]
        return [v for v in found if is_number(v)]

    lows, highs = pick("minimum", "exclusiveMinimum"), pick("maximum", "exclusiveMaximum")
    return max(lows, default=None), min(highs, default=None)


def _string(node: dict[str, Any]) -> str:
    samples = {"date-time": "2000-01-01T00:00:00Z", "date": "2000-01-01", "email": "a@example.org"}
    samples |= {"uri": "https://example.org", "uuid": "00000000-0000-0000-0000-000000000000"}
    text = samples.get(node.get("format", ""), "ok")
    least, most = node.get("minLength", 0), node.get("maxLength")
    text = text.ljust(least, ".")
    return text if most is None else text[:most]
