"""Reading the lessons in a model's reply: what is usable is kept, what is not is dropped."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from purpose_agent.types import MemoryTier

REPLY_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "heuristics": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "tier": {"type": "string", "enum": [tier.value for tier in MemoryTier]},
                    "pattern": {"type": "string"},
                    "strategy": {"type": "string"},
                    "steps": {"type": "array", "items": {"type": "string"}},
                },
                "required": ["tier", "pattern", "strategy"],
            },
        }
    },
    "required": ["heuristics"],
}
"""What the model is asked for."""

MAX_PATTERN_CHARS = 300
MAX_STRATEGY_CHARS = 800
MAX_STEP_CHARS = 300
MAX_STEPS = 30
_MAX_ENTRIES = 50

_ALIASES = {
    MemoryTier.STRATEGIC: ("strategic", "strategy", "insight", "general"),
    MemoryTier.PROCEDURAL: ("procedural", "procedure", "process", "sop", "workflow", "skill"),
    MemoryTier.TOOL: ("tool", "tip", "action", "api"),
}
_NUMBERING = re.compile(r"^\s*(?:\d+[.):]|[-*•])\s+")


@dataclass(frozen=True)
class ProposedLesson:
    """One usable entry of a reply."""

    tier: MemoryTier
    pattern: str
    strategy: str
    steps: tuple[str, ...]


def read_proposals(reply: Any) -> list[ProposedLesson]:
    """The usable entries of a reply, in order; total: any value has an answer.

    The list may stand alone, one entry may stand for a list, tiers may have other names, steps may be missing or be
    one text with lines.
    """
    entries: Any = reply
    if isinstance(reply, dict):
        given = cast("dict[Any, Any]", reply)
        entries = given.get("heuristics", given.get("lessons", [given]))
    if isinstance(entries, dict):
        entries = [entries]
    if not isinstance(entries, list):
        return []
    listed = cast("list[Any]", entries)
    found = (_read_entry(entry) for entry in listed[:_MAX_ENTRIES])
    return list(dict.fromkeys(lesson for lesson in found if lesson is not None))


def _read_entry(entry: Any) -> ProposedLesson | None:
    if not isinstance(entry, dict):
        return None
    fields = cast("dict[Any, Any]", entry)
    pattern = _text(fields.get("pattern"), MAX_PATTERN_CHARS)
    strategy = _text(fields.get("strategy"), MAX_STRATEGY_CHARS)
    steps = _steps(fields.get("steps"))
    tier = _tier(fields.get("tier"), steps)
    if tier is None or not pattern or not (strategy or steps):
        return None
    return ProposedLesson(tier, pattern, strategy, steps if tier == MemoryTier.PROCEDURAL else ())


def _tier(value: Any, steps: Sequence[str]) -> MemoryTier | None:
    if value is None or value == "":
        return MemoryTier.PROCEDURAL if steps else MemoryTier.STRATEGIC
    if not isinstance(value, str):
        return None
    name = value.strip().casefold()
    return next((tier for tier, known in _ALIASES.items() if name.startswith(known)), None)


def _steps(value: Any) -> tuple[str, ...]:
    given: list[Any] = []
    if isinstance(value, str):
        given = value[: MAX_STEPS * MAX_STEP_CHARS].splitlines()
    elif isinstance(value, list):
        given = cast("list[Any]", value)
    texts = (_NUMBERING.sub("", _text(_step(item), MAX_STEP_CHARS)) for item in given[:MAX_STEPS])
    return tuple(text for text in texts if text)


def _step(item: Any) -> Any:
    """A step's text; some models write an object for each step."""
    if isinstance(item, dict):
        fields = cast("dict[Any, Any]", item)
        return next((v for v in (fields.get(k) for k in ("action", "step", "description")) if v), None)
    return item


def _text(value: Any, limit: int) -> str:
    if not isinstance(value, str):
        return ""
    return " ".join(value[: 2 * limit].split())[:limit]
