"""Words of a text in the form in which they are compared: the same in every process and for every SQLite."""

from __future__ import annotations

import re
import unicodedata


def word_set(text: str) -> frozenset[str]:
    """The words of a list written as one text."""
    return frozenset(text.split())


_WORD = re.compile(r"[^\W_]+")
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\u0e00-\u0e7f]+")
_LONGEST_TEXT = 20_000
_LONGEST_TERM = 32
_EMPTY = word_set(
    """a an and are as at be by for from has have if in into is it its of on or that the then this to was
    were will with you your"""
)
"""English words that say nothing about a task."""

_SINGULAR = (
    *(("ss", "ss"), ("us", "us"), ("is", "is"), ("ies", "y"), ("ie", "y"), ("oes", "o"), ("oe", "o")),
    *(("xes", "x"), ("ches", "ch"), ("shes", "sh"), ("sses", "ss"), ("s", "")),
)
"""The first ending that fits is replaced, so that both numbers of a noun become one term (not always a word)."""


def terms_of(text: str) -> list[str]:
    """The terms of the first 20,000 characters of any text, in order, with repetitions; each is ASCII.

    Case, accents, compatibility forms and the English plural do not count. Scripts written without spaces give
    pairs of characters. A term that is not ASCII is written as the hexadecimal digits of its UTF-8.
    """
    text = text[:_LONGEST_TEXT]
    if text.isascii():
        words = _WORD.findall(text.lower())
    else:
        words = [part for word in _WORD.findall(_fold(text)) for part in _split_unspaced(word)]
    return [_normal(word) for word in words if word not in _EMPTY]


def _fold(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return unicodedata.normalize("NFC", "".join(c for c in decomposed if not unicodedata.combining(c)))


def _split_unspaced(word: str) -> list[str]:
    """``word`` itself, or overlapping pairs where it has a run of a script without spaces."""
    if word.isascii() or not _UNSPACED.search(word):
        return [word]
    parts: list[str] = []
    end = 0
    for match in _UNSPACED.finditer(word):
        parts += [word[end : match.start()]] if match.start() > end else []
        run = match.group()
        parts += [run] if len(run) == 1 else [run[i : i + 2] for i in range(len(run) - 1)]
        end = match.end()
    return parts + ([word[end:]] if end < len(word) else [])


def _normal(word: str) -> str:
    word = word[:_LONGEST_TERM]
    if not word.isascii():
        return "u" + word.encode("utf-8", "backslashreplace").hex()
    if len(word) < 4:
        return word
    for ending, singular in _SINGULAR:
        if word.endswith(ending):
            return word[: -len(ending)] + singular
    return word
