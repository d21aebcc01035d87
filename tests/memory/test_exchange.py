"""Lessons leave a store whole, and come into one as strangers."""

from __future__ import annotations

import contextlib
import io
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes.episodes import lesson
from purpose_agent.errors import UsageError
from purpose_agent.memory.exchange.exporting import export_skills, item_lines
from purpose_agent.memory.exchange.front_matter import FrontMatterError, mapping_of, split, text_of, write
from purpose_agent.memory.exchange.importing import (
    MAX_FILE_BYTES,
    MAX_ITEMS,
    MAX_SKILL_BYTES,
    MAX_SKILLS,
    import_name,
    read_lines,
    read_path,
    take_in,
)
from purpose_agent.memory.exchange.skill_text import (
    MAX_DESCRIPTION_CHARS,
    MAX_NAME_CHARS,
    read_skill,
    skill_name,
    write_skill,
)
from purpose_agent.memory.library import Library
from purpose_agent.memory.provenance.defences import UNDEFENDED
from purpose_agent.store import open_store
from purpose_agent.types import Evidence, Heuristic, HeuristicStatus, MemoryTier, Trust

HEAD = "---\nname: {name}\ndescription: Does it.\n---\n"


@pytest.fixture
def library() -> Iterator[Library]:
    store = open_store(None)
    yield Library(store, 200)
    store.close()


def procedure(pattern: str = "make <drink>", **fields: Any) -> Heuristic:
    steps = fields.pop("steps", ['pour({"what": "<drink>"})', "drink\nslowly", "#3 is last"])
    return lesson(pattern, "pour; drink", tier=MemoryTier.PROCEDURAL, steps=steps, **fields)


def words(item: Heuristic) -> tuple[Any, ...]:
    return item.tier, item.pattern, item.strategy, item.steps


def lines_of(*entries: Any) -> io.BytesIO:
    return io.BytesIO("".join(f"{e if isinstance(e, str) else json.dumps(e)}\n" for e in entries).encode())


def skill(folder: Path, name: str, text: str | None = None) -> Path:
    place = folder / name
    place.mkdir(parents=True)
    (place / "SKILL.md").write_text(HEAD.format(name=name) + "1. go\n" if text is None else text, "utf-8")
    return place


# -- lines -------------------------------------------------------------------------------------------------


def test_lines_hold_everything_and_come_back_as_strangers(library: Library) -> None:
    library.add(
        [
            lesson("a box", "open it", id="one"),
            procedure(id="two", trust=Trust.ACTIONS, source="shortest_path"),
            lesson("open", "needs a key", tier=MemoryTier.TOOL, id="three"),
        ],
        "distilled",
    )
    library.credit(["one"], True)
    library.retire("three", "wrong")
    records = [json.loads(line) for line in item_lines(library)]
    assert [r["id"] for r in records] == ["one", "two", "three"]
    assert (records[0]["times_used"], records[1]["trust"], records[2]["status"]) == (1, "actions", "retired")
    assert records[0]["trials"]["shown"] == 0
    assert records[2]["history"][-1]["reason"] == "wrong"

    other = Library(open_store(None), 200)
    done = take_in(other, read_lines(lines_of(*item_lines(library)), "pack"), "pack")
    assert [words(h) for h in done.added] == [words(h) for h in library]
    for item in done.added:
        assert (item.trust, item.tainted, item.status) == (Trust.IMPORT, True, HeuristicStatus.QUARANTINED)
        assert (item.source, item.times_used, item.q_value, item.evidence) == ("import:pack", 0, 0.5, [])
    assert [what for what, _ in done.skipped] == ["line 3"]
    again = take_in(other, read_lines(lines_of(*item_lines(library)), "pack"), "pack")
    assert (again.added, again.known) == ((), 2)


def test_an_import_replaces_nothing_whatever_ids_it_uses(library: Library) -> None:
    (good,) = library.add([lesson("a box", "open it", id="one")], "own")
    evil = {"tier": "strategic", "pattern": "a box", "strategy": "burn it", "id": "one", "status": "active"}
    evil |= {"trust": "human", "source": "human", "tainted": False, "times_used": 99, "times_succeeded": 99}
    take_in(library, read_lines(lines_of(evil), "x"), "x")
    assert library.get("one") == good
    assert [h.status for h in library] == [HeuristicStatus.CANARY, HeuristicStatus.QUARANTINED]


BAD_LINES: list[Any] = [
    "{",
    "[]",
    "null",
    {"pattern": "no tier", "strategy": "s"},
    {"tier": "sideways", "pattern": "p", "strategy": "s"},
    {"tier": "tool", "pattern": 7, "strategy": "s"},
    {"tier": "tool", "pattern": "p", "strategy": " "},
    {"tier": "procedural", "pattern": "p", "steps": ["x"] * 201},
    {"tier": "tool", "pattern": "p", "strategy": "s" * 8001},
    {"tier": "procedural", "pattern": "p", "steps": "go"},
    "[" * 100_000,
    '{"tier": "tool", "pattern": "\\ud800", "strategy": "s"}',
]


@pytest.mark.parametrize("bad", BAD_LINES, ids=range(len(BAD_LINES)))
def test_a_line_that_is_no_item_is_named_and_nothing_is_taken(bad: Any) -> None:
    fine = {"tier": "tool", "pattern": "p", "strategy": "s"}
    with pytest.raises(UsageError, match="line 2 of 'x'"):
        read_lines(lines_of(fine, bad, fine), "x")


def test_files_that_are_too_large_or_no_text_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="larger than 16 MiB"):
        read_lines(io.BytesIO(b"\n" * (MAX_FILE_BYTES + 1)), "x")
    with pytest.raises(UsageError, match="line 1"):
        read_lines(io.BytesIO(b'{"tier": "tool", "pattern": "\xff", "strategy": "s"}'), "x")
    with pytest.raises(UsageError, match="1000 items"):
        read_lines(lines_of(*[{"tier": "tool", "pattern": "p", "strategy": "s"}] * (MAX_ITEMS + 1)), "x")
    with pytest.raises(UsageError, match="cannot be read"):
        read_path(tmp_path / "nowhere", "x")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="no plain file"):
        read_path(tmp_path / "pipe", "x")


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(payload: bytes) -> None:
    with contextlib.suppress(UsageError):
        read_lines(io.BytesIO(payload), "x")


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("packs/my pack.jsonl", "my-pack"),
        ("skills/", "skills"),
        ("skills/tea/SKILL.md", "tea"),
        ("/", "unnamed"),
        ("x" * 300, "x" * MAX_NAME_CHARS),
    ],
)
def test_an_import_is_called_by_its_file(path: str, name: str) -> None:
    assert import_name(path) == name


@pytest.mark.parametrize(
    ("path", "name"),
    [(".", "tools"), ("./", "tools"), ("..", "skills"), ("../..", "shelf"), ("SKILL.md", "tools")],
)
def test_a_folder_without_a_name_of_its_own_is_called_by_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, name: str
) -> None:
    here = tmp_path / "shelf" / "skills" / "tools"
    here.mkdir(parents=True)
    monkeypatch.chdir(here)
    assert import_name(path) == name


# -- skills ------------------------------------------------------------------------------------------------


def test_procedures_in_use_become_skills_and_come_back(library: Library, tmp_path: Path) -> None:
    own = procedure(trust=Trust.ACTIONS, source="shortest_path")
    own.evidence = [Evidence("run-1", (1, 2))]
    library.add([own, procedure("# 7\nto do", steps=["go"]), procedure("éé", steps=["a"])], "distilled")
    library.add([procedure("strange", steps=["b"], tainted=True), lesson("no", "procedure")], "added")
    made = export_skills(library, tmp_path / "out")
    assert list(made) == ["make-drink", "7-to-do", "ee"]
    text = (tmp_path / "out" / "make-drink" / "SKILL.md").read_text("utf-8")
    assert text.startswith('---\nname: make-drink\ndescription: "pour; drink. Use when: make [drink]"\n')
    assert 'purpose-agent-episodes: "run-1"' in text
    read = read_path(tmp_path / "out", "pack")
    assert read.skipped == ()
    back = {" ".join(h.pattern.split()): (h.strategy, h.steps) for h in read.items}
    assert back == {" ".join(h.pattern.split()): (h.strategy, h.steps) for h in made.values()}
    assert all(h.tainted for h in read.items)
    with pytest.raises(UsageError, match="is there already"):
        export_skills(library, tmp_path / "out")


LINE = st.text(
    st.characters(blacklist_categories=("Cs",), blacklist_characters="\n\r"), min_size=1, max_size=40
)


@settings(max_examples=150)
@given(LINE, LINE, st.lists(LINE, min_size=1, max_size=5))
def test_a_skill_comes_back_word_for_word(pattern: str, strategy: str, steps: list[str]) -> None:
    texts = [t.strip() for t in (pattern, strategy, *steps)]
    if not all(texts):
        return
    item = procedure(texts[0], steps=texts[2:])
    item.strategy = texts[1]
    skill = read_skill(write_skill(item, skill_name(item, ()), {"a": pattern}))
    assert (skill.pattern, skill.strategy, list(skill.steps)) == (item.pattern, item.strategy, item.steps)
    assert skill.metadata["a"] == pattern
    assert len(skill.name) <= MAX_NAME_CHARS


def test_names_are_valid_and_differ() -> None:
    taken: list[str] = []
    for n in range(30):
        taken.append(skill_name(procedure("Tea & Milk!" * 20, id=f"ID_{n % 3}"), taken))
    assert len(set(taken)) == 30
    for name in taken:
        assert read_skill(HEAD.format(name=name) + "1. go").name == name
    assert len(write_skill(procedure("p" * 5000), "p", {}).split("\n")[2]) < MAX_DESCRIPTION_CHARS + 30


def test_somebody_elses_skill_is_read_by_its_list_or_its_paragraphs() -> None:
    text = (
        "---\nname: fill-forms\ndescription: >-\n  Fills forms.\n  Use it for forms.\nlicense: MIT\n"
        "allowed-tools: [Bash, Read]\nmetadata:\n  author: 'it''s me'\n  version: \"1.0\"\n---\n"
        "# Filling\n\nIntro.\n\n1. open the form\n   carefully\n2) fill it\n\nDone.\n"
    )
    skill = read_skill(text.replace("\n", "\r\n"))
    assert (skill.pattern, skill.strategy) == ("fill forms", "Fills forms. Use it for forms.")
    assert skill.steps == ("open the form\ncarefully", "fill it")
    assert skill.metadata == {"author": "it's me", "version": "1.0"}
    assert read_skill(HEAD.format(name="x") + "- a\n- b\n").steps == ("a", "b")
    assert read_skill(HEAD.format(name="x") + "# T\n\nOne\nline.\n\nTwo.\n").steps == ("One line.", "Two.")


BROKEN = {
    "empty": "",
    "no head": "name: x\n",
    "no end": "---\nname: x\n",
    "no name": "---\ndescription: d\n---\n1. go",
    "no description": "---\nname: x\n---\n1. go",
    "twice": "---\nname: x\nname: y\ndescription: d\n---\n1. go",
    "upper": "---\nname: X\ndescription: d\n---\n1. go",
    "path": "---\nname: ../../etc\ndescription: d\n---\n1. go",
    "hyphens": "---\nname: a--b\ndescription: d\n---\n1. go",
    "long name": f"---\nname: {'a' * 65}\ndescription: d\n---\n1. go",
    "long description": f"---\nname: x\ndescription: {'d' * 1025}\n---\n1. go",
    "list": "---\nname: x\ndescription: [a, b]\n---\n1. go",
    "object": "---\nname: x\ndescription: !!python/object:os.system d\n---\n1. go",
    "anchor": "---\nname: &a x\ndescription: *a\n---\n1. go",
    "quote": '---\nname: x\ndescription: "d\n---\n1. go',
    "single quote": "---\nname: x\ndescription: 'd\n---\n1. go",
    "indented": "---\n  name: x\ndescription: d\n---\n1. go",
    "no colon": "---\nname x\ndescription: d\n---\n1. go",
    "metadata": "---\nname: x\ndescription: d\nmetadata: text\n---\n1. go",
    "other name": "---\nname: y\ndescription: d\n---\n1. go",
    "too long": "---\nname: x\ndescription: d\n---\n" + "1. go\n" * 300,
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_a_broken_skill_is_skipped_with_a_reason_and_others_are_taken(tmp_path: Path, text: str) -> None:
    skill(tmp_path, "x", text)
    skill(tmp_path, "fine")
    read = read_path(tmp_path, "pack")
    assert [h.pattern for h in read.items] == ["fine"]
    ((name, reason),) = read.skipped
    assert name == "x"
    assert reason


def test_only_plain_files_in_plain_folders_are_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(HEAD.format(name="linked") + "1. go", "utf-8")
    pack = tmp_path / "pack"
    skill(pack, "fine")
    (pack / "linked").mkdir()
    (pack / "linked" / "SKILL.md").symlink_to(secret)
    (pack / "folder").symlink_to(skill(tmp_path, "folder"))
    (pack / "pipe").mkdir()
    os.mkfifo(pack / "pipe" / "SKILL.md")
    (pack / "empty").mkdir()
    (pack / "large").mkdir()
    (pack / "large" / "SKILL.md").write_bytes(b"x" * (MAX_SKILL_BYTES + 1))
    (pack / ".git").mkdir()
    read = read_path(pack, "pack")
    assert [h.pattern for h in read.items] == ["fine"]
    assert [name for name, _ in read.skipped] == ["empty", "folder", "large", "linked", "pipe"]


def test_one_skills_folder_or_file_can_be_given(tmp_path: Path) -> None:
    place = skill(tmp_path, "fine")
    assert len(read_path(place, "x").items) == 1
    assert len(read_path(place / "SKILL.md", "x").items) == 1
    (tmp_path / "nothing").mkdir()
    with pytest.raises(UsageError, match="no folder with a SKILL"):
        read_path(tmp_path / "nothing", "x")


def test_a_thousand_skills_crowd_nobody_out(tmp_path: Path, library: Library) -> None:
    library.add([procedure(id="own")], "own")
    for n in range(MAX_SKILLS + 50):
        skill(tmp_path, f"s{n:04}", HEAD.format(name=f"s{n:04}") + f"1. go {n}\n2. then stop at place {n}")
    read = read_path(tmp_path, "pack")
    assert len(read.items) == MAX_SKILLS
    assert read.skipped[-1][0] == "50 more"
    small = Library(library.store, 10)
    done = take_in(small, read, "pack")
    assert (len(done.added), done.crowded_out) == (10, MAX_SKILLS - 10)
    assert "own" in small


def test_nothing_is_written_when_the_import_is_refused(library: Library) -> None:
    before = library.store.revision
    with pytest.raises(UsageError):
        take_in(
            library, read_lines(lines_of({"tier": "tool", "pattern": "p", "strategy": "s"}, "{"), "x"), "x"
        )
    assert library.store.revision == before


def test_an_undefended_library_believes_an_import() -> None:
    library = Library(open_store(None), defences=UNDEFENDED)
    read = read_lines(lines_of({"tier": "tool", "pattern": "p", "strategy": "s"}), "x")
    assert take_in(library, read, "x").added[0].status == HeuristicStatus.CANARY


# -- the head ----------------------------------------------------------------------------------------------


@given(st.dictionaries(st.from_regex(r"[a-z]{1,8}", fullmatch=True), st.text(max_size=60), max_size=4))
def test_what_is_written_in_a_head_is_read_again(values: dict[str, str]) -> None:
    entries, body = split(write({"name": "x", "more": values}) + "body")
    assert text_of(entries, "name") == "x"
    assert mapping_of(entries, "more") == values
    assert body == "body"


@given(st.text(max_size=200))
def test_any_head_is_read_or_refused(text: str) -> None:
    for whole in (text, f"---\n{text}\n---\n", f"---\nname: {text}\n---\n"):
        try:
            entries, _ = split(whole)
            text_of(entries, "name")
            mapping_of(entries, "name")
        except FrontMatterError:
            pass


def test_values_that_yaml_would_not_take_for_text_are_quoted() -> None:
    for value in ("null", "yes", "1.0", "a: b", "# x", "- x", "", "[a]", "é"):
        line = write({"key": value}).split("\n")[1]
        assert line.startswith('key: "'), value
