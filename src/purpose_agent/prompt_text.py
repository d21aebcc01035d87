"""Text on its way into a prompt: bounded, and data kept apart from instructions."""

from __future__ import annotations

import hashlib
import re
import unicodedata

MAX_OBSERVATION_CHARS = 12_000
"""A longer state or observation is shown with its middle left out."""

_BRACKETS = str.maketrans({"＜": "‹", "﹤": "‹", "＞": "›", "﹥": "›"})
_TAG = re.compile(r"<(?=\s*(?:[/!?|<]|\|?\s*(?:memory|system|user|assistant|s)\b))", re.IGNORECASE)
_INSTRUCTION_MARK = re.compile(r"\[(\s*/?\s*INST\s*)\]", re.IGNORECASE)


def shorten(text: str, limit: int = MAX_OBSERVATION_CHARS) -> str:
    """The text, or its beginning and end with a note on what is left out between them."""
    if len(text) <= limit:
        return text
    head = limit * 2 // 3
    tail = limit - head
    return f"{text[:head]}\n… [{len(text) - limit} characters left out] …\n{text[-tail:]}"


def delimited(name: str, text: str, key: str) -> str:
    """The text between tags that it cannot contain.

    Args:
        name: what it is, e.g. ``state``.
        text: the data.
        key: a digest of the data itself, so that no writer of the data can foresee the closing tag; where one did
            (eight digits can be found by trying), another digest is taken.
    """
    while key[:8] in text:
        key = hashlib.blake2b(key.encode(), digest_size=16).hexdigest()
    tag = f"{name}-{key[:8]}"
    return f"<{tag}>\n{text}\n</{tag}>"


def prompt_line(text: str, limit: int) -> str:
    """The text as one line of at most ``limit`` characters, without control characters and closing tags.

    Placeholders such as ``<x>`` stay as they are; what could end the block or imitate a chat template does not.
    """
    head = text[: limit * 4]  # white space and control characters may fall away
    cut = len(head) < len(text)
    spaced = "".join(" " if c.isspace() else c for c in head if c.isspace() or _is_visible(c))
    line = " ".join(spaced.translate(_BRACKETS).split())
    line = _INSTRUCTION_MARK.sub(r"(\1)", _TAG.sub("‹", line))
    if len(line) > limit:
        line, cut = line[: limit - 1].rstrip(), True
    return f"{line[: limit - 1]}…" if cut else line


def _is_visible(character: str) -> bool:
    return (character.isascii() and character.isprintable()) or unicodedata.category(character)[0] != "C"
