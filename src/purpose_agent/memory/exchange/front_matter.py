"""The head of a ``SKILL.md``: as much YAML as these files use, read strictly; what it cannot read, it refuses.

Understood are ``key: value`` with a plain, a single-quoted or a double-quoted value, text that goes on in indented
lines, block scalars (``|``, ``>``), comments, and one level of indented ``key: value`` below a key. Values of other
kinds (lists, flow collections, anchors) are refused where they are asked for, and ignored where they are not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

_FENCE = re.compile(r"---[ \t]*")
_KEY = re.compile(r"([A-Za-z_][\w.-]{0,99})[ \t]*:(?:[ \t]+(.*))?")
_BLOCK = re.compile(r"[|>][+-]?[1-9]?[+-]?")
_NOT_TEXT = ("[", "{", "&", "*", "!", "%", "@", "`", "- ")

Entries = dict[str, list[str]]
"""Key to the text behind it and the indented lines below it."""


class FrontMatterError(ValueError):
    """What cannot be read, and where."""


def split(text: str) -> tuple[Entries, str]:
    """The entries of the head, and the body after it.

    Raises:
        FrontMatterError: there is no head, it does not end, or a line in it is no entry.
    """
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
    if not _FENCE.fullmatch(lines[0]):
        raise FrontMatterError("it does not begin with a line '---'")
    end = next((n for n, line in enumerate(lines[1:], 1) if _FENCE.fullmatch(line)), None)
    if end is None:
        raise FrontMatterError("its head does not end with a line '---'")
    entries: Entries = {}
    current: list[str] | None = None
    for number, line in enumerate(lines[1:end], 2):
        if not line.strip() or line.startswith("#"):
            if current is not None and not line.strip():
                current.append("")
        elif line[0] in " \t" or line.startswith("- "):
            if current is None:
                raise FrontMatterError(f"line {number} is indented below nothing: {line!r:.60}")
            current.append(line)
        else:
            current = _entry(entries, line, number)
    return entries, "\n".join(lines[end + 1 :])


def text_of(entries: Entries, key: str) -> str:
    """The value of a key as one text; "" where there is no such key.

    Raises:
        FrontMatterError: it is no text.
    """
    if key not in entries:
        return ""
    head, *more = entries[key]
    return _scalar(head.strip(), more, key)


def mapping_of(entries: Entries, key: str) -> dict[str, str]:
    """The ``key: value`` lines below a key; empty where there is no such key.

    Raises:
        FrontMatterError: there is something else below it.
    """
    head, *more = entries.get(key, [""])
    if head.strip():
        raise FrontMatterError(f"{key!r} must have indented lines 'key: value' below it, got {head!r:.60}")
    found: dict[str, str] = {}
    for line in more:
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        entry = _KEY.fullmatch(line.strip())
        if entry is None:
            raise FrontMatterError(f"{key!r} has a line that is no 'key: value': {line!r:.60}")
        found[entry[1]] = _scalar((entry[2] or "").strip(), [], entry[1])
    return found


def write(values: Mapping[str, str | Mapping[str, str]]) -> str:
    """A head with these values, quoted so that any YAML reader understands it."""
    lines = ["---"]
    for key, value in values.items():
        if isinstance(value, str):
            lines.append(f"{key}: {_quoted(value)}")
        else:
            lines += [f"{key}:", *(f"  {name}: {_quoted(text)}" for name, text in value.items())]
    return "\n".join([*lines, "---", ""])


def _quoted(value: str) -> str:
    return value if re.fullmatch(r"[a-z][a-z-]*", value) and value not in _WORDS else json.dumps(value)


_WORDS = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})  # no text in YAML


def _entry(entries: Entries, line: str, number: int) -> list[str]:
    entry = _KEY.fullmatch(line)
    if entry is None:
        raise FrontMatterError(f"line {number} is no 'key: value': {line!r:.60}")
    if entry[1] in entries:
        raise FrontMatterError(f"{entry[1]!r} is given twice")
    made = entries[entry[1]] = [entry[2] or ""]
    return made


def _scalar(head: str, more: Sequence[str], key: str) -> str:
    if _BLOCK.fullmatch(head):
        lines = [line.strip() for line in more]
        return ("\n" if head[0] == "|" else " ").join(lines).strip()
    whole = " ".join([head, *(line.strip() for line in more)]).strip()
    if whole.startswith('"'):
        return _unescaped(whole, key)
    if whole.startswith("'"):
        if len(whole) < 2 or not re.fullmatch(r"'(?:[^']|'')*'", whole):
            raise FrontMatterError(f"the quotation of {key!r} does not end: {whole!r:.60}")
        return whole[1:-1].replace("''", "'")
    if whole.startswith(_NOT_TEXT):
        raise FrontMatterError(f"{key!r} must be a text, got {whole!r:.60}; put it in quotes")
    return re.sub(r"(?:^|\s+)#.*", "", whole)


def _unescaped(quoted: str, key: str) -> str:
    try:
        value: Any = json.loads(quoted)
    except ValueError as e:
        raise FrontMatterError(f"the quotation of {key!r} cannot be read: {quoted!r:.60}") from e
    if not isinstance(value, str):
        raise FrontMatterError(f"{key!r} must be a text, got {quoted!r:.60}")
    return value
