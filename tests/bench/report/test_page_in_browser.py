"""The report card in a real browser: what a reader sees on a desk and on a phone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.report.example_report import (
    empty_report,
    example_report,
    hostile_report,
    modelless_report,
    unplayed_report,
)
from fakes.browser import Browser, chromium
from fakes.hostile_text import HOSTILE
from purpose_agent.bench.report.output import write_report

pytest.importorskip("matplotlib", reason="charts need the extra 'report'")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("browser"),
    pytest.mark.skipif(chromium() is None, reason="no Chromium is installed; Debian's package is 'chromium'"),
]

WIDE = HOSTILE + " {x} $\\frac{1}{2}$ \x1b[31m \u202e" + "漢字" * 200 + " " + "WM@" * 400
REPORTS = {
    "example": example_report(),
    "empty": empty_report(),
    "unplayed": unplayed_report(),
    "modelless": modelless_report(),
    "hostile": hostile_report(WIDE),
}

MEASURE = """(() => {
  document.querySelectorAll('details').forEach(d => d.open = true);
  const found = {cut: [], overlapping: [], small: [], faint: [], texts: 0, charts: 0, boxes: []};
  const light = c => c.map(x => x / 255).map(x => x <= .04045 ? x / 12.92 : ((x + .055) / 1.055) ** 2.4)
    .reduce((sum, x, i) => sum + x * [.2126, .7152, .0722][i], 0);
  const colour = text => (text.match(/[\\d.]+/g) || []).map(Number);
  const ground = e => { for (; e; e = e.parentElement) { const c = colour(getComputedStyle(e).backgroundColor);
    if (c.length == 3 || c[3] > 0) return c.slice(0, 3); } return [255, 255, 255]; };
  const legible = (e, size, ink) => {
    found.texts++;
    if (size < 11) found.small.push([e.textContent.slice(0, 40), size]);
    const [a, b] = [light(colour(ink).slice(0, 3)), light(ground(e))];
    const contrast = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (contrast < 4.5) found.faint.push([e.textContent.slice(0, 40), contrast]); };
  for (const svg of document.querySelectorAll('svg')) {
    found.charts++;
    const frame = svg.getBoundingClientRect(), drawn = [];
    for (const e of svg.querySelectorAll('text')) {
      const r = e.getBoundingClientRect(), style = getComputedStyle(e);
      legible(e, parseFloat(style.fontSize) * svg.getScreenCTM().a, style.fill);
      if (r.left < frame.left - 1 || r.right > frame.right + 1 || r.top < frame.top - 1 || r.bottom > frame.bottom + 1)
        found.cut.push(e.textContent);
      for (const [other, o] of drawn)
        if (Math.min(r.right, o.right) - Math.max(r.left, o.left) > 1
            && Math.min(r.bottom, o.bottom) - Math.max(r.top, o.top) > 4)
          found.overlapping.push([other, e.textContent]);
      drawn.push([e.textContent, r]);
    }
  }
  for (const e of document.body.querySelectorAll('*')) {
    const own = [...e.childNodes].some(n => n.nodeType == 3 && n.textContent.trim());
    if (!own || e.closest('svg') || !e.checkVisibility()) continue;
    const style = getComputedStyle(e), r = e.getBoundingClientRect();
    legible(e, parseFloat(style.fontSize), style.color);
    if (!e.closest('.scroll') && (r.left < 0 || r.right > innerWidth + 1)) found.cut.push(e.textContent.slice(0, 60));
  }
  for (const e of document.querySelectorAll('.scroll'))
    if (e.scrollWidth > e.clientWidth + 1) found.boxes.push(e.textContent.slice(0, 60));
  found.width = document.documentElement.scrollWidth;
  found.screen = innerWidth;
  return found; })()"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for name, report in REPORTS.items():
        folder = tmp_path_factory.mktemp(name)
        assert write_report(report, folder) == []
        found[name] = folder / "report.html"
    return found


@pytest.mark.parametrize("width", [1280, 970, 720, 400])
@pytest.mark.parametrize("name", REPORTS)
def test_everything_can_be_read(browser: Browser, pages: dict[str, Path], name: str, width: int) -> None:
    browser.open(pages[name], width)
    seen: dict[str, Any] = browser.run(MEASURE)
    assert seen["texts"] > 20
    assert seen["screen"] == width
    assert seen["width"] <= width, "the page scrolls sideways"
    assert seen["cut"] == []
    assert seen["overlapping"] == []
    assert seen["small"] == []
    assert seen["faint"] == []
    if name != "hostile":
        assert seen["boxes"] == [], "a table needs no scrolling"
    assert browser.complaints == []
    assert browser.requests == [pages[name].as_uri()], "the page asks for nothing but itself"


def test_the_charts_are_there(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["example"], 1280)
    assert browser.run(MEASURE)["charts"] == 2 + 3 * 3


def test_folded_tables_are_printed(browser: Browser, pages: dict[str, Path]) -> None:
    unseen = (
        "[...document.querySelectorAll('details td:not(:empty)')].filter(e => !e.checkVisibility()).length"
    )
    browser.open(pages["example"], 720)
    assert browser.run(unseen) > 0
    browser.call("Emulation.setEmulatedMedia", media="print")
    assert browser.run(unseen) == 0
    assert browser.run(MEASURE)["boxes"] == []
    browser.call("Emulation.setEmulatedMedia", media="")


def test_a_page_that_complains_is_noticed(browser: Browser, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(
        "<img src='missing.png'><script>console.error('no'); nothing()</script><p style='width:2000px'>wide"
    )
    browser.open(page, 400)
    assert len(browser.complaints) >= 2
    assert len(browser.requests) == 2
    assert browser.run(MEASURE)["width"] > 400
