"""Reading JSON objects out of what language models write, and checking them against a schema."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, NoReturn

from purpose_agent.errors import ModelOutputError, UsageError
from purpose_agent.llm_backend.json_value import as_dict, as_list

Validator = Callable[[Any], Any]
"""Raises ModelOutputError when its argument does not fit."""

REPAIRABLE = 50_000
"""Characters up to which broken JSON is repaired; longer replies must be JSON as they are."""

MAX_STARTS = 256
"""How many opening brackets in a reply are tried as the start of a value."""

MAX_BLOCKS = 16
"""How many code blocks of a reply are read."""

_LANGUAGE = re.compile(r"[ \t]*[\w+-]*[ \t]*\r?\n")
_BRACKET = re.compile(r"[{\[]")


def canonical(schema: dict[str, Any]) -> str:
    """The schema as compact JSON in its own order of properties: the same text for the same schema."""
    try:
        return json.dumps(schema, ensure_ascii=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise UsageError(f"a schema must be JSON-able, got {schema!r:.200}: {error}") from None


def validator_for(schema: dict[str, Any]) -> Validator:
    """A function that checks a value against a JSON schema (draft 4, 6 or 7); compiled once per schema.

    Raises:
        UsageError: the schema is not a dict, is not valid, or refers to another document.
    """
    given: Any = schema
    if not isinstance(given, dict):
        raise UsageError(f"a schema must be a dict, got {type(given).__name__}: {given!r:.200}")
    return _compiled(canonical(schema))


@lru_cache(maxsize=256)
def _compiled(text: str) -> Validator:
    import fastjsonschema

    def refuse(uri: str) -> NoReturn:
        raise UsageError(f"a schema may not refer to another document, got {uri!r}")

    try:
        check = fastjsonschema.compile(
            json.loads(text), handlers={"http": refuse, "https": refuse, "file": refuse}, use_default=False
        )
    except UsageError:
        raise
    except Exception as error:
        raise UsageError(f"not a valid JSON schema: {error} (in {text[:200]})") from None

    def validate(value: Any) -> Any:
        try:
            check(value)
        except fastjsonschema.JsonSchemaValueException as error:
            raise ModelOutputError(f"it does not fit the schema: {error.message}"[:1000]) from None
        except (RecursionError, ValueError, TypeError, OverflowError) as error:
            raise ModelOutputError(f"it cannot be checked against the schema: {error}") from None
        return value

    return validate


def read_json(text: str, validate: Validator, *, lenient: bool = False) -> dict[str, Any]:
    """The JSON object in a reply, checked by ``validate``.

    Code fences, prose around it, thinking blocks, trailing commas, comments and the like are tolerated. When the
    text holds several objects the first one that fits counts.

    Args:
        text: the reply.
        validate: see `validator_for`.
        lenient: also accept a reply that was cut off, closed where it ends. The last value in it may be
            incomplete, so a caller that can ask again should do that first.

    Raises:
        ModelOutputError: there is no object in it, or none that fits; nothing else is ever raised.
    """
    reason: ModelOutputError | None = None
    for value in _values(text, lenient):
        try:
            return _checked_object(value, validate)
        except ModelOutputError as error:
            reason = reason or error
    if reason is None:
        reason = ModelOutputError("there is no JSON object in it")
    raise ModelOutputError(str(reason), raw=text)


def salvage(error: ModelOutputError) -> dict[str, Any] | None:
    """The JSON object in a reply that did not fit its schema, for a role that can make sense of it all the same."""
    try:
        return read_json(error.raw, lambda value: value, lenient=True)
    except ModelOutputError:
        return None


def object_in(reply: Any) -> dict[str, Any]:
    """What ``generate_structured`` of anybody's backend gave, if it is the JSON object that was asked for.

    Raises:
        ModelOutputError: it is something else; ``raw`` is its text, or the value as JSON.
    """
    if isinstance(reply, dict):
        return reply  # pyright: ignore[reportUnknownVariableType]
    try:
        raw = reply if isinstance(reply, str) else json.dumps(reply, default=repr)
    except (TypeError, ValueError, RecursionError):
        raw = object.__repr__(reply)
    kind = type(reply).__name__
    raise ModelOutputError(
        f"a JSON object was expected, not {raw!r:.80} ({kind}); generate_structured must return a dict",
        raw=raw,
    )


def _checked_object(value: Any, validate: Validator) -> dict[str, Any]:
    if not isinstance(value, dict):
        kind = (
            "a list"
            if isinstance(value, list)
            else "a string"
            if isinstance(value, str)
            else f"{value!r:.40}"
        )
        raise ModelOutputError(f"a JSON object was expected, not {kind}")
    if not _is_finite(value):
        raise ModelOutputError("it holds a number that is not finite (NaN or Infinity)")
    validate(value)
    return value  # pyright: ignore[reportUnknownVariableType]


def _values(text: str, lenient: bool) -> Iterator[Any]:
    """Candidate values, the most faithful reading first."""
    text = text.strip().lstrip("\ufeff")
    try:
        yield _loads(text)
    except ValueError:
        pass
    else:
        return
    bare = _without_blocks(_without_blocks(text, "<think>", "</think>"), "<thinking>", "</thinking>").strip()
    blocks = _code_blocks(bare)
    for block in blocks:
        try:
            yield _loads(block)
        except ValueError:
            continue
    found = list(_embedded(bare))
    yield from (value for value in found if isinstance(value, dict))
    yield from _repaired(blocks, bare, lenient)
    yield from (value for value in found if isinstance(value, list) and value)


def _without_blocks(text: str, opening: str, closing: str) -> str:
    """The text without what stands between pairs of marks; in linear time, which a pattern would not take."""
    kept: list[str] = []
    position = 0
    while (start := text.find(opening, position)) >= 0 and (end := text.find(closing, start)) >= 0:
        kept.append(text[position:start])
        position = end + len(closing)
    return "".join(kept) + text[position:]


def _code_blocks(text: str) -> list[str]:
    """What stands between pairs of code fences, without the name of the language."""
    inside = text.split("```", 2 * MAX_BLOCKS + 1)[1::2]
    return [
        _LANGUAGE.sub("", block, count=1).strip() if _LANGUAGE.match(block) else block.strip()
        for block in inside
    ]


def _loads(text: str) -> Any:
    try:
        return json.loads(text, strict=False)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _embedded(text: str) -> Iterator[Any]:
    """Complete values that start at a bracket, outside of each other."""
    decoder = json.JSONDecoder(strict=False)
    position = 0
    for _ in range(MAX_STARTS):
        found = _BRACKET.search(text, position)
        if found is None:
            return
        try:
            value, position = decoder.raw_decode(text, found.start())
            yield value
        except json.JSONDecodeError as error:
            position = max(found.end(), error.pos)  # what lies before is part of the broken value
        except (ValueError, RecursionError):
            return


def _repaired(blocks: list[str], bare: str, lenient: bool) -> Iterator[Any]:
    """Values as json_repair understands them. A text without its last bracket was cut off."""
    opening = bare.find("{")
    rest = bare if bare.startswith("[") else bare[max(opening, 0) :]
    for candidate in [*blocks, rest]:
        start = candidate.find("{")
        if start < 0 or ":" not in candidate or len(candidate) > REPAIRABLE:
            continue
        end = candidate.rfind("}")
        complete = end > start and candidate.count("}") >= candidate.count("{")
        if not complete and not lenient:
            continue
        listed = candidate.lstrip().startswith("[")
        yield from _repair(candidate if listed else candidate[start : end + 1 if complete else None])


def _repair(text: str) -> Iterator[Any]:
    import json_repair

    try:
        value: Any = json_repair.loads(text, skip_json_loads=True)
    except Exception:  # whatever a third party's parser makes of garbage, it is not an answer
        return
    if isinstance(value, (dict, list)) and value:
        yield value


def _is_finite(value: Any) -> bool:
    """Whether every number in a nest of lists and dicts is finite."""
    stack: list[Any] = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, float) and not math.isfinite(item):
            return False
        stack.extend(as_dict(item).values())
        stack.extend(as_list(item))
    return True
