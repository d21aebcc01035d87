"""The parts of a report in HTML: a page that needs no network and runs no script, its tables and its figures.

Whatever is text is escaped on its way in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape as escape_html

from purpose_agent.freeze import encodable

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")

_CSS = """\
:root { color-scheme: light; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0 auto; max-width: 72rem; padding: 1rem; color: #1b1b1b; background: #fff; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; line-height: 1.25; } h2 { font-size: 1.15rem; margin-top: 2rem; }
.verdict { font-size: 1.2rem; border-left: .4rem solid #0b5394; padding-left: .8rem; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 1rem; }
figure { margin: 0; } figcaption { color: #4a4a4a; font-size: .9rem; } svg { width: 100%; height: auto; }
table { border-collapse: collapse; width: 100%; }
td, th { text-align: right; padding: .3rem .5rem; overflow-wrap: normal; }
td:first-child, th:first-child { text-align: left; overflow-wrap: anywhere; } tr { border-bottom: 1px solid #ddd; }
code { background: #f2f2f2; padding: .1rem .3rem; } dt { font-weight: 600; } .note { color: #4a4a4a; }
@media (max-width: 44rem) {
  table, tbody, tr, td { display: block; } thead { display: none; } tr { padding: .5rem 0; }
  td { display: flex; justify-content: space-between; gap: 1rem; padding: .1rem 0; text-align: right; }
  td:first-child { font-weight: 600; } td[data-label]::before { content: attr(data-label); color: #4a4a4a; }
}
"""


def document(title: str, body: Iterable[str], style: str = "") -> str:
    """A page that needs nothing else.

    Args:
        title: of the page.
        body: parts in HTML; empty ones are left out.
        style: CSS of this page beyond that of all.
    """
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{escape(title)}</title><style>{_CSS}{style}</style></head><body>\n"
        + "\n".join(part for part in body if part)
        + "\n</body></html>\n"
    )


def figures(charts: Iterable[tuple[str, str]]) -> str:
    """Pairs of SVG text (taken as it is) and caption, side by side where there is room; empty without any."""
    shown = "".join(
        f"<figure>{svg}<figcaption>{escape(caption)}</figcaption></figure>" for svg, caption in charts
    )
    return f'<div class="charts">{shown}</div>' if shown else ""


def printable(text: str) -> str:
    """The text without what HTML, XML or UTF-8 cannot hold."""
    return _CONTROL.sub("�", encodable(text))


def escape(text: str) -> str:
    """The text as HTML."""
    return escape_html(printable(text))


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table that becomes a list of cards on a narrow screen; the cells are escaped."""
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    lines = "".join(
        "<tr>"
        + "".join(
            f"<td>{escape(cell)}</td>"
            if i == 0
            else f'<td data-label="{escape(head[i])}">{escape(cell)}</td>'
            for i, cell in enumerate(row)
        )
        + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{top}</tr></thead><tbody>{lines}</tbody></table>"
