"""A table as rows of text, which the console, a page and Markdown share."""

from __future__ import annotations

from typing import NamedTuple


class TextTable(NamedTuple):
    """One table.

    Attributes:
        title: over it.
        head: names of its columns.
        rows: cells.
        note: how to read it.
    """

    title: str
    head: tuple[str, ...]
    rows: list[tuple[str, ...]]
    note: str = ""
