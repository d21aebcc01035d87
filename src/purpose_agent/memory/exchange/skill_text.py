"""A procedural item as the text of a ``SKILL.md`` (agentskills.io), and back.

The head has ``name`` (lower-case letters, digits and single hyphens, at most 64, the folder's name), ``description``
(at most 1,024 characters) and ``metadata`` (texts): where the item came from and what it proved to be worth. What this
package writes in the body it reads back word for word; of anybody else's, the first list or else the paragraphs are the
steps.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from purpose_agent.memory.exchange import front_matter
from purpose_agent.memory.exchange.front_matter import FrontMatterError
from purpose_agent.types import Heuristic

MAX_NAME_CHARS = 64
MAX_DESCRIPTION_CHARS = 1024
FILE_NAME = "SKILL.md"

_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_ORDERED = re.compile(r"\d{1,4}[.)][ \t]+(.*)")
_BULLET = re.compile(r"[-*+][ \t]+(.*)")
_WHEN, _WHAT, _STEPS = "## When", "## What to do", "## Steps"


@dataclass(frozen=True)
class Skill:
    """What a ``SKILL.md`` says.

    Attributes:
        name: the skill's and its folder's.
        pattern: when it applies.
        strategy: what it does, in short.
        steps: what to do, in order.
        metadata: as the file has it; claims, if the file is a stranger's.
    """

    name: str
    pattern: str
    strategy: str
    steps: tuple[str, ...]
    metadata: Mapping[str, str]


def write_skill(item: Heuristic, name: str, metadata: Mapping[str, str]) -> str:
    """The file of an item.

    Args:
        item: procedural.
        name: see `skill_name`.
        metadata: what else is to be known.
    """
    description = ". ".join(
        part.rstrip(". ") for part in (item.strategy, f"Use when: {item.pattern}") if part
    )
    head = front_matter.write(
        {"name": name, "description": _described(description), "metadata": dict(metadata)}
    )
    body = [f"# {name.replace('-', ' ')}", ""]
    for title, text in ((_WHEN, item.pattern), (_WHAT, item.strategy)):
        if text:
            body += [title, "", _escaped(" ".join(text.split("\n"))), ""]
    body += [_STEPS, ""]
    body += [f"{n}. {_indented(step)}" for n, step in enumerate(item.steps, 1)]
    return head + "\n".join([*body, ""])


def read_skill(text: str) -> Skill:
    """What a file says.

    Raises:
        FrontMatterError: it is no skill; says why.
    """
    entries, body = front_matter.split(text)
    name = front_matter.text_of(entries, "name")
    description = " ".join(front_matter.text_of(entries, "description").split())
    if len(name) > MAX_NAME_CHARS or not _NAME.fullmatch(name):
        raise FrontMatterError(
            f"its name must be up to {MAX_NAME_CHARS} lower-case letters, digits and single hyphens, got {name!r:.80}"
        )
    if not 0 < len(description) <= MAX_DESCRIPTION_CHARS:
        raise FrontMatterError(
            f"its description must have 1 to {MAX_DESCRIPTION_CHARS} characters, got {len(description)}"
        )
    lines = [line.rstrip() for line in body.split("\n")]
    metadata = front_matter.mapping_of(entries, "metadata")
    if _STEPS in lines and (_WHEN in lines or _WHAT in lines):
        when, what = _section(lines, _WHEN), _section(lines, _WHAT)
        return Skill(name, when, what, _listed(lines[lines.index(_STEPS) + 1 :], _ORDERED), metadata)
    steps = _listed(lines, _ORDERED) or _listed(lines, _BULLET) or _paragraphs(lines)
    return Skill(name, name.replace("-", " "), description, steps, metadata)


def skill_name(item: Heuristic, taken: Collection[str]) -> str:
    """A name for an item that is none of ``taken``, made of its pattern."""
    base = _slug(item.pattern, 50) or "skill"
    if base not in taken:
        return base
    tail = _slug(item.id, 12) or "x"
    names = (f"{base}-{tail}", *(f"{base}-{tail[:6]}-{n}" for n in range(2, len(taken) + 3)))
    return next(name for name in names if name not in taken)


def _slug(text: str, limit: int) -> str:
    plain = unicodedata.normalize("NFKD", text[: 4 * limit]).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:limit].strip("-")


def _described(text: str) -> str:
    """For the head: on one line, bounded, without the angle brackets that some readers refuse there."""
    plain = " ".join(text.split()).replace("<", "[").replace(">", "]")
    return plain if len(plain) <= MAX_DESCRIPTION_CHARS else plain[: MAX_DESCRIPTION_CHARS - 1] + "…"


def _escaped(line: str) -> str:
    return f"\\{line}" if line.startswith(("#", "\\")) else line


def _section(lines: list[str], title: str) -> str:
    if title not in lines:
        return ""
    rest = lines[lines.index(title) + 1 :]
    text = next((line for line in rest if line), "")
    return "" if text.startswith("#") else text.removeprefix("\\")


def _indented(step: str) -> str:
    return "\n   ".join(step.split("\n"))


def _listed(lines: list[str], mark: re.Pattern[str]) -> tuple[str, ...]:
    """The entries of the first list that is not indented, with what is indented below each."""
    steps: list[str] = []
    for line in lines:
        entry = mark.fullmatch(line)
        if entry is not None:
            steps.append(entry[1])
        elif steps and line.startswith(("   ", "\t")):
            steps[-1] += "\n" + line[3:] if line.startswith("   ") else "\n" + line[1:]
        elif steps and line:
            break
    return tuple(steps)


def _paragraphs(lines: list[str]) -> tuple[str, ...]:
    blocks = "\n".join("" if line.startswith(("#", "```")) else line for line in lines).split("\n\n")
    return tuple(" ".join(block.split()) for block in blocks if block.strip())
