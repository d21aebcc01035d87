"""Read an action string as a template with arguments, and a text as clauses of words.

The reader knows a little English grammar (prepositions, articles) and nothing about any world. An action's first
word and its prepositions are the template; the spans between them are the arguments:
``put red apple in box`` is ``put * in *`` with the arguments ``red apple`` and ``box``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from purpose_agent.store.terms import word_set

WILDCARD = "*"
"""Stands for an argument in a template; the tokenizer never yields it as a word."""

_MAX_CHARS = 20_000  # of a text that are read; an action gets a fiftieth of it
_MAX_WORDS = 24  # of an action that are read
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_CLAUSE_END = re.compile(r"[.!?;:]+(?=\s|$)|[\n\r\u2028\u2029]+")
_ARTICLES = word_set("a an the some")
_FUNCTION_WORDS = word_set(
    """about above across after against along around as at away back before behind below beneath beside
    between by for from in inside into near off on onto out outside over through to toward towards under
    until upon using via with within without"""
)


@dataclass(frozen=True, slots=True)
class ParsedAction:
    """An action as template and arguments."""

    template: str
    """Verb and prepositions with ``*`` for each argument, for example ``put * in *``; empty for an empty action."""
    verb: str
    """The first word, lower case; empty when the action has no word."""
    arguments: tuple[str, ...]
    """The spans that fill the wildcards, in order, lower case, without articles."""

    def fill(self, literal: tuple[bool, ...]) -> str:
        """The template with the arguments marked in ``literal`` (one flag per argument) written out."""
        if not any(literal):
            return self.template
        parts: list[str] = []
        index = 0
        for part in self.template.split(" "):
            if part == WILDCARD:
                parts.append(self.arguments[index] if literal[index] else WILDCARD)
                index += 1
            else:
                parts.append(part)
        return " ".join(parts)


def words(text: str) -> list[str]:
    """The words and numbers of ``text`` in order, lower case; at most its first 20,000 characters are read."""
    return _WORD.findall(text[:_MAX_CHARS].lower())


@lru_cache(maxsize=8192)
def parse_action(action: str) -> ParsedAction:
    """Split ``action`` into template and arguments; total: any string has an answer.

    Words past the 24th are ignored, so that a huge string costs no more than a long one.
    """
    tokens = words(action[: _MAX_CHARS // 50])[:_MAX_WORDS]
    if not tokens:
        return ParsedAction("", "", ())
    verb = tokens[0]
    template: list[str] = [verb]
    arguments: list[str] = []
    span: list[str] = []
    for token in (*tokens[1:], ""):
        if token and token not in _FUNCTION_WORDS:
            if token not in _ARTICLES:
                span.append(token)
            continue
        if span:
            template.append(WILDCARD)
            arguments.append(" ".join(span))
            span = []
        if token:
            template.append(token)
    return ParsedAction(" ".join(template), verb, tuple(arguments))


@lru_cache(maxsize=2048)
def clauses(text: str) -> tuple[tuple[str, ...], ...]:
    """The sentences and lines of ``text`` as tuples of words, without empty ones."""
    found = (tuple(words(part)) for part in _CLAUSE_END.split(text[:_MAX_CHARS]))
    return tuple(clause for clause in found if clause)


def is_article(word: str) -> bool:
    """Whether a lower-case word is an article, or *some*."""
    return word in _ARTICLES


@lru_cache(maxsize=2048)
def phrases(text: str) -> tuple[tuple[str, ...], ...]:
    """The clauses of ``text`` without their articles, as actions name things; without empty ones."""
    found = (_without_articles(clause) for clause in clauses(text))
    return tuple(phrase for phrase in found if phrase)


@lru_cache(maxsize=2048)
def requests(text: str) -> tuple[tuple[str, ...], ...]:
    """The phrases of ``text`` that may ask for something: *roast a carrot*, but not *a raw carrot*, a thing."""
    return tuple(_without_articles(clause) for clause in clauses(text) if not is_article(clause[0]))


def _without_articles(clause: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(word for word in clause if not is_article(word))


def is_named(action: str, purpose: str) -> bool:
    """Whether ``purpose`` names something that ``action`` is about."""
    named = _padded(purpose)
    return any(f" {argument} " in named for argument in parse_action(action).arguments)


@lru_cache(maxsize=64)
def _padded(text: str) -> str:
    return f" {' '.join(words(text))} "
