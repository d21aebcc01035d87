"""What of a state's text an evaluator gets to see: the world, and nothing that speaks to the evaluator.

A state may hold text that strangers wrote, and a small model does what any text says. So no model is asked to resist:
sentences about the judging are cut out before it reads, without a trace, so that the state reads as it would have read
without them; and because evidence is looked up in what is left, a quotation from them supports nothing. A sentence goes
when it has two of four meanings (who judges, an order to them, their rules, the mark). One alone is ordinary: "your
score is 10", "you answer the guard" and "the task is done" stay, unless they stand next to a sentence that goes. What
this cannot see: a lie about the world itself ("the coin is in the box"), most of what is said in other languages, and
whoever avoids these words.
"""

from __future__ import annotations

import re
import unicodedata

LONGEST_SENTENCE = 240
"""Characters. In text without sentences, such as code or tables, meanings further apart are not taken together."""

_ROUNDS = 4

_MEANINGS = tuple(
    re.compile(pattern)
    for pattern in (
        # who judges
        r"\b(?:grader|scorer|assessor|reviewer|judge|critic|assistant|ai|llm|language model)s?\b|\bevaluat\w+"
        r"|\byou are now\b|^\W*(?:system|assistant|user|human|admin|state|purpose)\s*[:\]]|\bsystem override\b",
        # an order to them; what names a mark is a verb at the beginning of a sentence
        r"\b(?:ignore|disregard|forget|overrid\w+|supersedes?|pretend|act as|reply|respond|answer|give|award|assign"
        r"|select|choose|abstain|refuse)\b"
        r"|^\W*(?:score|rate|grade)\b(?![\"'\\]*\s*[:=])",
        # their rules
        r"\b(?:instructions?|rules|prompts?|guidelines|criteria|rubric|what you were told)\b",
        # the mark
        r"\b(?:phi|scor(?:es?|ed|ing)|rat(?:es?|ed|ings?)|grad(?:es?|ed|ing)|full marks|points|confidence)\b"
        r"|\b(?:verdict|winner)\b|φ|\b(?:10|ten) ?(?:/|out of) ?(?:10|ten)\b",
    )
)
_CLAIM = re.compile(
    r"\b(?:task|goal|purpose|objective)s?\b.{0,40}"
    r"\b(?:achieved|accomplished|complet(?:e|ed)|fulfilled|reached|done|solved|finished)\b"
)
_AUTHORITY = re.compile(r"\b(?:official(?:ly)?|verified|certif(?:y|ies|ied)|confirmed|hereby)\b")
_FORCED_MARK = re.compile(r"(?:\bphi\b|φ)\W{0,4}(?:\w+\W{1,3}){0,4}?10\b")
_REPLY_KEY = re.compile(r"\"(phi|evidence|reasoning|confidence)\\?\"\s*:")
"""Of a reply as the evaluator gives it; world data with an angle phi and a confidence is none."""

_SENTENCE_END = re.compile(r"((?<=[.!?;])\s+|(?<=[.!?;][\"'”’)\]])\s+|\n|\\n)")
_PIECE = re.compile(rf".{{1,{LONGEST_SENTENCE}}}(?=\s|\Z)|.{{1,{LONGEST_SENTENCE}}}", re.DOTALL)
_TAG = re.compile(
    r"(?:[<＜﹤‹]\s*/?\s*(?:state|purpose|system|assistant|instructions?|prompt)(?:-\w{1,40})?\s*/?\s*[>＞﹥›]"
    r"|<\|[^|<>\n]{1,40}\|>(?:(?:system|user|assistant)\b)?|\[\s*/?\s*INST\s*\]|<</?SYS>>)\s*",
    re.IGNORECASE,
)


_STEMS = (
    *(
        "ignor",
        "disregard",
        "forget",
        "overrid",
        "supersede",
        "pretend",
        "act as",
        "reply",
        "respond",
        "answer",
    ),
    *(
        "give",
        "award",
        "assign",
        "select",
        "choose",
        "abstain",
        "refuse",
        "scor",
        "rate",
        "rating",
        "grad",
        "phi",
        "φ",
    ),
    *(
        "instruction",
        "rule",
        "prompt",
        "guideline",
        "criteria",
        "rubric",
        "what you were",
        "full marks",
        "points",
    ),
    *(
        "confidence",
        "verdict",
        "winner",
        "10",
        "ten",
        "official",
        "verified",
        "certif",
        "confirmed",
        "hereby",
    ),
)
"""Every sentence that is cut holds one of them: a quick look tells most texts of a world from those that need more."""


def for_evaluator(text: str) -> str:
    """The text without tags of a prompt, role markers, and sentences about the judging.

    Text that has none of these comes back as it is. The result is never longer than the text, and cutting it again
    changes nothing; of a text in which every cut uncovers another nothing is left.
    """
    if not _needs_a_look(text):
        return text
    for _ in range(_ROUNDS):
        cut = _cut(text)
        if cut == text:
            return text
        text = cut.strip()
    return ""


def _needs_a_look(text: str) -> bool:
    folded = _folded(text)
    return any(stem in folded for stem in _STEMS) or _TAG.search(text) is not None


def _cut(text: str) -> str:
    """One round of cutting: what is surely about the judging, and what may be and stands next to it."""
    keys = set(_REPLY_KEY.findall(text))
    is_reply = "phi" in keys and not keys.isdisjoint(("evidence", "reasoning"))
    sentences: list[tuple[str, str]] = []  # each with the space after it
    parts = [*_SENTENCE_END.split(_TAG.sub("", text)), ""]
    for sentence, space in zip(parts[::2], parts[1::2], strict=True):
        pieces = _PIECE.findall(sentence) or [""]
        sentences += [(piece, "") for piece in pieces[:-1]]
        sentences.append((pieces[-1], space))
    doubts = [_doubt(sentence, is_reply) for sentence, _ in sentences]
    for row in (range(1, len(doubts)), range(len(doubts) - 2, -1, -1)):
        for number in row:
            neighbour = doubts[number - row.step]
            doubts[number] += doubts[number] == 1 and neighbour > 1
    return "".join(
        sentence + space for (sentence, space), doubt in zip(sentences, doubts, strict=True) if doubt < 2
    )


def _doubt(sentence: str, is_reply: bool) -> int:
    """How much a sentence is about the judging: 0, 1 where it may be, more where it is."""
    folded = _folded(sentence)
    meanings = sum(meaning.search(folded) is not None for meaning in _MEANINGS)
    claims = (_CLAIM.search(folded) is not None) + (_AUTHORITY.search(folded) is not None)
    forced = _FORCED_MARK.search(folded) is not None or (is_reply and _REPLY_KEY.search(folded) is not None)
    return max(meanings, claims, 2 * forced)


def _folded(sentence: str) -> str:
    """For comparison: one form of each letter, and nothing invisible between letters."""
    if not sentence.isascii():
        spelled = unicodedata.normalize("NFKC", sentence)
        sentence = "".join(c for c in spelled if unicodedata.category(c) != "Cf")
    return sentence.casefold()
