"""The report: what it concludes, what its files hold, and what strangers' text can do in them."""

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
from rich.console import Console

from fakes.bench_rows import canned_rows, row
from purpose_agent.bench.demo.output import print_report, read_report, write_report
from purpose_agent.bench.demo.report import (
    DemoReport,
    Leakage,
    arm_results,
    compare,
    leakage,
    learning_curve,
    prompt_cost,
    report_schema,
    verdict,
)
from purpose_agent.bench.demo.running import make_report
from purpose_agent.bench.demo.settings import DemoSettings


# -- what it concludes -----------------------------------------------------------------------------------------
def test_the_verdict_says_by_how_much_memory_helped(report: DemoReport) -> None:
    assert re.fullmatch(
        r"Memory helped: \+\d+ points \[\+\d+, \+\d+\] on the same held-out tasks, n = 20, p < 0\.001\.",
        report.verdict,
    )


def test_a_difference_that_may_be_chance_is_no_evidence() -> None:
    rows = [row("memory", i, i < 3) for i in range(10)] + [row("no_memory", i, i < 1) for i in range(10)]
    assert verdict(compare(rows)[0], True).startswith("No evidence that memory helped: +20 points [")


def test_memory_that_hurts_is_called_that() -> None:
    rows = [row("memory", i, False) for i in range(12)] + [row("no_memory", i, True) for i in range(12)]
    assert verdict(compare(rows)[0], True).startswith("Memory hurt: -100 points")


def test_nothing_played_is_no_verdict() -> None:
    assert "not reached" in verdict(compare([])[0], False)


def test_arms_are_compared_on_tasks_that_both_played() -> None:
    rows = [row("memory", i, True) for i in range(10)] + [row("no_memory", i, False) for i in range(4, 8)]
    assert compare(rows)[0].difference.n == 4


def test_tasks_that_the_world_cannot_make_count_for_no_arm() -> None:
    rows = [row("memory", 0, True), row("memory", 1, False, stop_reason="impossible")]
    assert arm_results(rows)[0].result.n == 1


def test_the_curve_is_that_of_the_training_stream_in_order() -> None:
    rows = [row("training", i, i >= 2) for i in (3, 1, 0, 2)] + [row("memory", 0, True)]
    curve = learning_curve(rows)
    assert curve.solved == [False, False, True, True]
    assert curve.cumulative == [0, 0, pytest.approx(1 / 3), 0.5]
    assert curve.habit_share == [0.25] * 4


def test_prompt_tokens_are_those_of_the_arm_that_is_always_asked() -> None:
    cost = prompt_cost(canned_rows())
    assert cost is not None
    assert cost.steps == list(range(1, 26))
    assert cost.mean[0] == 200
    assert abs(cost.slope.slope) < 0.1  # the first step, which reads the whole prefix, is not part of the fit
    assert prompt_cost([row("no_memory", 0, True, uncached_by_step=[(1, 0), (2, 0)])]) is None


def test_shared_tasks_and_first_states_are_counted() -> None:
    clean = canned_rows(4)
    assert leakage(clean) == Leakage(0, 0)
    leaked = [*clean, row("memory", 9, True, first_state="train 1")]
    assert leakage(leaked) == Leakage(0, 1)


# -- report.json -----------------------------------------------------------------------------------------------
def test_report_json_fits_its_schema_and_reads_back(report: DemoReport, tmp_path: Path) -> None:
    write_report(report, tmp_path)
    data = json.loads((tmp_path / "report.json").read_text("utf-8"))
    fastjsonschema.compile(report_schema())(data)
    assert data["schema_version"] == 1
    assert read_report(tmp_path) == report


def test_the_fields_of_report_json_are_frozen() -> None:
    assert set(DemoReport.__struct_fields__) == {
        *("schema_version", "verdict", "complete", "settings", "learning_curve", "arms", "comparisons"),
        *("prompt_cost", "learned", "leakage", "tasks", "machine", "wall_seconds", "command", "notes"),
    }, "changing a field's meaning or removing one needs a new SCHEMA_VERSION"


def test_an_unreadable_report_is_no_report(tmp_path: Path) -> None:
    assert read_report(tmp_path) is None
    (tmp_path / "report.json").write_text('{"verdict": 3}')
    assert read_report(tmp_path) is None


# -- report.html -----------------------------------------------------------------------------------------------
class _Page(HTMLParser):
    """Collects tags, and checks that they are closed in order."""

    VOID = frozenset({"meta", "br", "img", "link", "path", "use", "rect"})

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.addresses: list[str] = []
        self.text: list[str] = []
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name in ("src", "href", "xlink:href", "action"):
                self.addresses.append(value or "")
            assert not name.startswith("on")
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def read_page(folder: Path) -> _Page:
    page = _Page()
    page.feed((folder / "report.html").read_text("utf-8"))
    page.close()
    assert not page._open
    return page


def test_the_page_is_one_file_that_needs_nothing_else(report: DemoReport, tmp_path: Path) -> None:
    write_report(report, tmp_path)
    page = read_page(tmp_path)
    assert page.tags.count("svg") == 3
    assert "script" not in page.tags
    assert not [address for address in page.addresses if not address.startswith("#")]
    assert len(page.ids) == len(set(page.ids))
    text = " ".join(page.text)
    for wanted in (report.verdict, "purpose-agent demo", "frozen memory + model", "exact McNemar", "minutes"):
        assert wanted in text


def test_hostile_text_stays_text(hostile_report: DemoReport, tmp_path: Path) -> None:
    write_report(hostile_report, tmp_path)
    page = read_page(tmp_path)
    assert "script" not in page.tags
    assert "img" not in page.tags
    assert "alert(1)" in " ".join(page.text)


def test_charts_are_well_formed_svg_that_scales(report: DemoReport, tmp_path: Path) -> None:
    write_report(report, tmp_path)
    root = ElementTree.fromstring((tmp_path / "learning_curve.svg").read_text("utf-8"))
    assert root.tag.endswith("svg")
    assert "viewBox" in root.attrib
    assert "width" not in root.attrib


def test_lines_differ_by_more_than_colour(report: DemoReport, tmp_path: Path) -> None:
    write_report(report, tmp_path)
    dashes = set(
        re.findall(r"stroke-dasharray: ([^;\"]+)", (tmp_path / "learning_curve.svg").read_text("utf-8"))
    )
    assert len(dashes) >= 2


def test_equal_reports_give_equal_files(report: DemoReport, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    write_report(report, tmp_path / "a")
    write_report(report, tmp_path / "b")
    for name in ("report.html", "report.json", "learning_curve.svg"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_without_matplotlib_there_is_a_page_and_a_remedy(
    report: DemoReport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert "[report]" in write_report(report, tmp_path)[0]
    assert read_page(tmp_path).tags.count("svg") == 0


def test_a_report_on_nothing_renders(settings: DemoSettings, tmp_path: Path) -> None:
    empty = make_report([], settings, tmp_path, False, 0.0, "purpose-agent demo")
    write_report(empty, tmp_path)
    assert "Nothing yet" in " ".join(read_page(tmp_path).text)
    print_report(empty, Console(file=io.StringIO()))


def test_hostile_text_on_the_console_is_no_markup(hostile_report: DemoReport) -> None:
    console = Console(file=io.StringIO(), width=200)
    marked = msgspec.structs.replace(
        hostile_report.arms[0], label="[bold red on yellow]x[/] [link=http://example.org]y[/link]"
    )
    print_report(msgspec.structs.replace(hostile_report, arms=[marked, *hostile_report.arms[1:]]), console)
    assert "[bold red on yellow]x[/] [link" in console.file.getvalue()  # type: ignore[attr-defined]
