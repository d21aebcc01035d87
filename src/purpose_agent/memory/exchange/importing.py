"""From files to quarantine: what a stranger may have written is read within bounds, all of it or none.

A file of JSON lines is taken as a whole or refused. In a folder of skills each one is taken or skipped with a reason.
Nothing that a file says about its items' worth, origin or status counts here, and none of its paths is followed: of a
skill's folder nothing but ``SKILL.md`` is read, and only where it is a plain file.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO

import msgspec

from purpose_agent.errors import UsageError
from purpose_agent.memory.exchange.front_matter import FrontMatterError
from purpose_agent.memory.exchange.skill_text import FILE_NAME, read_skill
from purpose_agent.memory.intake import derived_id
from purpose_agent.memory.library import Library
from purpose_agent.memory.provenance.sources import IMPORTED
from purpose_agent.types import Heuristic, HeuristicStatus, MemoryTier, Trust

MAX_FILE_BYTES = 16 * 2**20
MAX_SKILL_BYTES = 256 * 2**10
MAX_ITEMS = 1_000
"""Of one file."""

MAX_SKILLS = 200
"""Of one folder."""

MAX_STEPS = 200
MAX_TEXT_CHARS = 8_000
"""Of a pattern, a strategy or a step."""

MAX_NAME_CHARS = 64
_NAME = re.compile(r"[\w.-]+")


class _Line(msgspec.Struct):
    tier: MemoryTier
    pattern: str = ""
    strategy: str = ""
    steps: list[str] = []
    status: str = ""


_decoder = msgspec.json.Decoder(_Line)


@dataclass(frozen=True)
class Reading:
    """What a file or a folder has.

    Attributes:
        items: tainted, so that a library quarantines them, with the source ``import:NAME``.
        skipped: what was left out, and why.
    """

    items: tuple[Heuristic, ...]
    skipped: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Imported:
    """What came of an import.

    Attributes:
        source: ``import:NAME``, for `rollback`.
        added: the new items.
        known: how many say what is known already.
        crowded_out: how many found no room in quarantine.
        skipped: what was left out, and why.
    """

    source: str
    added: tuple[Heuristic, ...]
    known: int
    crowded_out: int
    skipped: tuple[tuple[str, str], ...]


def import_name(path: str, given: str | None = None) -> str:
    """The name under which an import is remembered: the given one, else the file's or the folder's.

    Raises:
        UsageError: the given one is no name.
    """
    if given is not None:
        if len(given) > MAX_NAME_CHARS or not _NAME.fullmatch(given):
            raise UsageError(
                f"a name must be up to {MAX_NAME_CHARS} letters, digits, '.', '_' and '-', got {given!r:.80}"
            )
        return given
    place = Path(os.path.abspath(path))  # `.` has a name too; a link keeps its own
    stem = place.parent.name if place.name == FILE_NAME else place.stem if place.suffix else place.name
    return re.sub(r"[^\w.-]+", "-", stem).strip("-.")[:MAX_NAME_CHARS] or "unnamed"


def read_path(path: Path, name: str) -> Reading:
    """What a file of JSON lines, a skill's folder, or a folder of such folders has.

    Raises:
        UsageError: it cannot be read, is too large, or a line of the file is no item; nothing is taken then.
    """
    if path.is_dir():
        return _read_folder(path, name)
    if path.name == FILE_NAME:
        return _read_folder(path.parent, name)
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise UsageError(
                f"{str(path)!r} is no plain file; give a file of JSON lines or a folder of skills"
            )
        with path.open("rb") as file:
            return read_lines(file, name)
    except OSError as e:
        raise UsageError(f"{str(path)!r} cannot be read: {e.strerror or e}") from e


def read_lines(file: IO[bytes], name: str) -> Reading:
    """What a file of JSON lines has, as `exporting.item_lines` writes them.

    Raises:
        UsageError: it is too large or not UTF-8, or a line is no item; says which.
    """
    payload = file.read(MAX_FILE_BYTES + 1)
    if len(payload) > MAX_FILE_BYTES:
        raise UsageError(f"{name!r} is larger than {MAX_FILE_BYTES // 2**20} MiB; import it in parts")
    items: list[Heuristic] = []
    skipped: list[tuple[str, str]] = []
    for number, line in enumerate(payload.split(b"\n"), 1):
        if not line.strip():
            continue
        if len(items) + len(skipped) == MAX_ITEMS:
            raise UsageError(f"{name!r} has more than {MAX_ITEMS} items; import it in parts")
        try:
            known = _decoder.decode(line)
            item = _item(name, known.tier, known.pattern, known.strategy, known.steps)
        except (msgspec.MsgspecError, UnicodeDecodeError, ValueError, RecursionError) as e:
            raise UsageError(
                f"line {number} of {name!r} is no memory item, so nothing was imported: {e}"
            ) from e
        if known.status == HeuristicStatus.RETIRED:
            skipped.append((f"line {number}", "it is retired where it comes from"))
        else:
            items.append(item)
    return Reading(tuple(items), tuple(skipped))


def take_in(library: Library, reading: Reading, name: str) -> Imported:
    """Add what was read to a library, in quarantine."""
    source = IMPORTED + name
    before = {h.id for h in library.store.heuristics(retired=True)}
    added = library.add(reading.items, f"imported from {name}") if reading.items else []
    after = {h.id for h in library.store.heuristics(retired=True)}
    crowded_out = len(after - before - {h.id for h in added})
    known = len(reading.items) - len(added) - crowded_out
    return Imported(source, tuple(added), known, crowded_out, reading.skipped)


def _read_folder(folder: Path, name: str) -> Reading:
    """One skill, where the folder is one; else the skills in it."""
    if (folder / FILE_NAME).exists():
        return _sorted_out([folder.absolute()], name)
    try:
        entries = sorted(islice((Path(e.path) for e in os.scandir(folder)), 10 * MAX_SKILLS))
    except OSError as e:
        raise UsageError(f"{str(folder)!r} cannot be read: {e.strerror or e}") from e
    skills = [place for place in entries if place.is_dir() and not place.name.startswith(".")]
    if not skills:
        raise UsageError(f"{str(folder)!r} has no folder with a {FILE_NAME} in it")
    read = _sorted_out(skills[:MAX_SKILLS], name)
    more = len(skills) - MAX_SKILLS
    if more <= 0:
        return read
    reason = f"more than {MAX_SKILLS} skills in one import; import the rest apart"
    return Reading(read.items, (*read.skipped, (f"{more} more", reason)))


def _sorted_out(folders: Iterable[Path], name: str) -> Reading:
    items: list[Heuristic] = []
    skipped: list[tuple[str, str]] = []
    for folder in folders:
        try:
            items.append(_read_skill(folder, name))
        except (OSError, ValueError) as e:
            reason = e.strerror if isinstance(e, OSError) and e.strerror else str(e)
            skipped.append((folder.name, reason))
    return Reading(tuple(items), tuple(skipped))


def _read_skill(folder: Path, name: str) -> Heuristic:
    file = folder / FILE_NAME
    if folder.is_symlink() or not stat.S_ISREG(file.lstat().st_mode):
        raise FrontMatterError(f"its {FILE_NAME} is no plain file in a plain folder")
    with file.open("rb") as opened:
        payload = opened.read(MAX_SKILL_BYTES + 1)
    if len(payload) > MAX_SKILL_BYTES:
        raise FrontMatterError(f"its {FILE_NAME} is larger than {MAX_SKILL_BYTES // 2**10} KiB")
    try:
        text = payload.decode("utf-8")
    except UnicodeDecodeError as e:
        raise FrontMatterError(f"its {FILE_NAME} is not UTF-8: {e.reason} at byte {e.start}") from e
    skill = read_skill(text)
    if skill.name != folder.name:
        raise FrontMatterError(f"its name {skill.name!r} is not its folder's")
    return _item(name, MemoryTier.PROCEDURAL, skill.pattern, skill.strategy, skill.steps)


def _item(name: str, tier: MemoryTier, pattern: str, strategy: str, steps: Sequence[str]) -> Heuristic:
    """An imported item; nothing but its words is taken over.

    Raises:
        ValueError: it has no words, or too many.
    """
    if len(steps) > MAX_STEPS or max(map(len, (pattern, strategy, *steps))) > MAX_TEXT_CHARS:
        raise ValueError(
            f"an item has at most {MAX_STEPS} steps and {MAX_TEXT_CHARS} characters in each text"
        )
    if not any(_lines(strategy, *steps)):
        raise ValueError("it has neither a strategy nor steps")
    source = IMPORTED + name
    return Heuristic(
        pattern=pattern,
        strategy=strategy,
        steps=list(steps),
        tier=tier,
        id=derived_id(source, "\n".join((tier.value, pattern, strategy, *steps))),
        source=source,
        tainted=True,
        trust=Trust.IMPORT,
    )


def _lines(*texts: str) -> Iterator[str]:
    return (text.strip() for text in texts if text.strip())
