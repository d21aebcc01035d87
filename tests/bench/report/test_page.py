"""The report card's files and tables: what they hold, and what strangers' text can do in them."""

from __future__ import annotations

import io
import json
import re
import sys
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from pathlib import Path

import fastjsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from bench.report.example_report import (
    ARMS,
    curve,
    empty_report,
    estimate,
    example_report,
    hostile_report,
    modelless_report,
    unplayed_report,
)
from fakes.hostile_text import HOSTILE
from purpose_agent.bench.charts import BLUE, DARK, GREY, ORANGE
from purpose_agent.bench.report.charts import curves_chart, wrapped
from purpose_agent.bench.report.comparison import compare_worlds, differing
from purpose_agent.bench.report.output import print_comparison, print_report, read_report, write_report
from purpose_agent.bench.report.report import Estimate, SuiteReport, report_schema
from purpose_agent.bench.report.tables import (
    costs_table,
    differences_table,
    items_table,
    points_text,
    share_text,
)

EXTREMES = {
    "empty": empty_report(),
    "unplayed": unplayed_report(),
    "modelless": modelless_report(),
    "hostile": hostile_report(HOSTILE + " {0} $x_1$ \x1b[31m [bold red]y[/] \u202e" + "long " * 500),
}


class _Page(HTMLParser):
    """Collects what a page consists of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.addresses: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.ids += [value or "" for name, value in attrs if name == "id"]
        self.addresses += [
            value or "" for name, value in attrs if name in ("src", "href", "xlink:href", "action")
        ]
        assert not any(name.startswith("on") for name, _ in attrs)

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(self.words)


def page_of(report: SuiteReport, folder: Path) -> _Page:
    assert write_report(report, folder) == []
    return _Page((folder / "report.html").read_text("utf-8"))


def console() -> Console:
    return Console(file=io.StringIO(), width=160)


def printed(to: Console) -> str:
    return to.file.getvalue()  # type: ignore[attr-defined]


# -- the files -------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("written")
    assert write_report(example_report(), folder) == []
    return folder


def test_report_json_fits_its_schema_and_reads_back(written: Path) -> None:
    fastjsonschema.compile(report_schema())(json.loads((written / "report.json").read_text("utf-8")))
    assert read_report(written) == example_report()


def test_an_unreadable_report_is_no_report(tmp_path: Path) -> None:
    assert read_report(tmp_path) is None
    (tmp_path / "report.json").write_text('{"verdict": 3}')
    assert read_report(tmp_path) is None


def test_the_page_begins_with_the_verdict_and_needs_nothing_else(written: Path) -> None:
    page = _Page((written / "report.html").read_text("utf-8"))
    report = example_report()
    assert page.text.index(report.verdict) < page.text.index("twc")
    assert {"script", "img", "link", "iframe"}.isdisjoint(page.tags)
    assert not [address for address in page.addresses if not address.startswith("#")]
    assert len(page.ids) == len(set(page.ids))
    assert {address[1:] for address in page.addresses if address.startswith("#world")} <= set(page.ids)
    wanted = [label for label, _, _ in ARMS.values()]
    wanted += [
        report.command,
        report.date,
        *report.notes,
        report.machine.describe(),
        "Leakage guard",
        "Retention",
    ]
    for text in wanted:
        assert text in page.text


def test_the_charts_for_other_documents_are_well_formed_and_scale(written: Path) -> None:
    for name in ("learning_curve.svg", "forest.svg"):
        root = ElementTree.fromstring((written / name).read_text("utf-8"))
        assert root.tag.endswith("svg")
        assert "viewBox" in root.attrib
        assert "width" not in root.attrib


def test_equal_reports_give_equal_files(written: Path, tmp_path: Path) -> None:
    write_report(example_report(), tmp_path)
    for name in ("report.html", "report.json", "learning_curve.svg", "forest.svg"):
        assert (tmp_path / name).read_bytes() == (written / name).read_bytes()


def test_without_matplotlib_there_is_a_page_and_a_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert "[report]" in write_report(example_report(), tmp_path)[0]
    page = _Page((tmp_path / "report.html").read_text("utf-8"))
    assert "svg" not in page.tags
    assert "table" in page.tags


# -- extremes --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", EXTREMES)
def test_extremes_give_a_page_and_a_log(name: str, tmp_path: Path) -> None:
    page = page_of(EXTREMES[name], tmp_path)
    assert {"script", "img"}.isdisjoint(page.tags)
    assert not re.search(r"\bnan\b|\bNone\b", page.text)
    to = console()
    print_report(EXTREMES[name], to)
    print_comparison(EXTREMES[name], example_report(), to)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", printed(to))


def test_hostile_text_stays_text(tmp_path: Path) -> None:
    page = page_of(EXTREMES["hostile"], tmp_path)
    assert "alert(1)" in page.text
    assert not re.search(r"[\x00\x1b\u202e\ud800]", page.text)
    assert len(max(page.words, key=len)) < 3000
    to = console()
    print_report(hostile_report("[bold red]x[/] [link=http://example.org]y[/link]"), to)
    assert "[bold red]x[/] [link" in printed(to)


# -- the charts ------------------------------------------------------------------------------------------------
def test_lines_differ_by_more_than_hue(written: Path) -> None:
    drawn = curves_chart("c", [("one", curve("ours")), ("two", curve("ace"))], curve("ours"))
    assert len(set(re.findall(r"stroke-dasharray: ([^;\"]+)", drawn))) >= 3
    assert min(_contrast(colour) for colour in (DARK, BLUE, ORANGE, GREY)) >= 4.5


def _contrast(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts]
    return 1.05 / (0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] + 0.05)


@given(st.text(max_size=200), st.integers(2, 30), st.integers(1, 3))
def test_labels_are_wrapped_into_their_room(text: str, ems: int, lines: int) -> None:
    found = wrapped(text, ems, lines)
    assert 1 <= len(found) <= lines
    assert all(len(line) * 0.3 <= ems + 1e-9 for line in found)


def test_a_label_that_fits_is_not_cut() -> None:
    assert wrapped("ours − our memory without the model", 20, 2) == ["ours − our memory without the", "model"]
    assert wrapped("x" * 90, 20, 2)[1].endswith("…")


# -- numbers in words ------------------------------------------------------------------------------------------
def test_shares_are_percent_and_differences_points_with_a_sign() -> None:
    assert share_text(Estimate(0.85, 0.796, 0.9, 60)) == "85 % [80, 90]"
    assert points_text(Estimate(0.301, 0.2, 0.4, 60)) == "+30 [+20, +40]"
    assert points_text(Estimate(-0.001, -0.2, 0.1, 60)) == "+0 [-20, +10]"
    assert points_text(Estimate(0, 0, 0, 0)) == share_text(Estimate(0, 0, 0, 0)) == points_text(None) == "–"


def test_p_is_shown_beside_each_difference() -> None:
    rows = differences_table(example_report(1).worlds[0].differences, {}).rows
    assert [row[4] for row in rows[:4]] == ["< 0.001", "< 0.001", "< 0.001", "= 0.34"]
    assert all(len(row) == len(differences_table([], {}).head) for row in rows)


def test_costs_have_a_row_for_each_role_and_one_for_arms_without_a_model() -> None:
    found = costs_table(example_report(1).worlds[0].arms)
    assert [row[0] for row in found.rows[:3]] == ["chance", "no memory: actor", "no memory: critic"]
    assert {len(row) for row in found.rows} == {len(found.head)}


def test_an_item_without_a_comparison_has_no_uplift() -> None:
    memory = example_report(1).worlds[0].memory
    assert memory is not None
    found = items_table(memory.top)
    assert found.rows[0][6].startswith("+40 [")
    assert found.rows[19][6] == "–"


# -- two report cards ------------------------------------------------------------------------------------------
def test_a_comparison_tells_whether_intervals_overlap() -> None:
    first = example_report(1).worlds[0]
    better = [
        msgspec.structs.replace(arm, success=estimate(0.9, 60)) if arm.name == "random" else arm
        for arm in first.arms[:3]
    ]
    found = compare_worlds(first, msgspec.structs.replace(first, arms=better))
    assert [(row[0], *row[5:]) for row in found.rows] == [
        ("chance", "+72", "apart"),
        ("no memory", "+0", "overlap"),
        ("raw episodes", "+0", "overlap"),
    ]


def test_a_comparison_tells_what_else_differs() -> None:
    first = example_report(2)
    settings = msgspec.structs.replace(first.settings, seed=7, worlds=first.settings.worlds[:1])
    machine = msgspec.structs.replace(first.machine, cores=8)
    second = msgspec.structs.replace(first, settings=settings, machine=machine, fold="test")
    found = {name: (a, b) for name, a, b in differing(first, second)}
    assert found["seed"] == ("0", "7")
    assert found["machine: cores"] == ("2", "8")
    assert found["fold"] == ("dev", "test")
    assert found["mapreader: episodes"] == ("100", "–")
    assert list(differing(first, first)) == []


def test_a_comparison_of_different_worlds_is_only_of_what_differs() -> None:
    to = console()
    print_comparison(example_report(1), empty_report(), to)
    assert "what differs" in printed(to)
