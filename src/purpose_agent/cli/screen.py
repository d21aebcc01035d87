"""Lines and tables on a stream: with colour and cut to the width on a terminal, whole and plain elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import NoReturn, TextIO

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

Part = str | tuple[str, str]
"""A piece of a line: text, or text and a style."""


class _StrictConsole(Console):
    """A console that leaves a closed pipe to its caller; rich would end the process."""

    def on_broken_pipe(self) -> NoReturn:
        raise BrokenPipeError


class Screen:
    """Writes to one stream; all texts are taken literally and must be printable already.

    Args:
        stream: default: standard output.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        target = sys.stdout if stream is None else stream
        self.console = _StrictConsole(file=target, highlight=False, markup=False, emoji=False)
        self.live = self.console.is_terminal and target.isatty()

    def line(self, *parts: Part, cut: bool = False) -> None:
        """Write the parts as one line; on a terminal a long one is broken, or with ``cut`` cut off."""
        text = Text.assemble(*parts)
        if not self.live:
            self.console.print(text, soft_wrap=True)
        elif cut:
            self.console.print(text, no_wrap=True, overflow="ellipsis")
        else:
            self.console.print(text, overflow="fold")

    def block(self, text: str, indent: str = "  ", style: str = "") -> None:
        """Write a text of several lines, each indented."""
        for line in text.splitlines() or [""]:
            self.line((indent + line, style))

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Write rows in columns; a column's name that begins with ``>`` is aligned to the right.

        On a terminal the last column gets what room is left; elsewhere nothing is cut.
        """
        if self.live:
            self.console.print(_rich_table(columns, rows))
            return
        names = [name.removeprefix(">") for name in columns]
        lines = [names, *(list(row) for row in rows)]
        widths = [max(cell_len(line[i]) for line in lines) for i in range(len(columns))]
        for line in lines:
            cells = [
                _padded(cell, width, name.startswith(">"))
                for cell, width, name in zip(line, widths, columns, strict=True)
            ]
            self.line("  ".join(cells).rstrip())


def _rich_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for i, name in enumerate(columns):
        last = i == len(columns) - 1
        table.add_column(
            name.removeprefix(">"),
            justify="right" if name.startswith(">") else "left",
            no_wrap=not last,
            overflow="fold" if last else "ellipsis",
        )
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    return table


def _padded(cell: str, width: int, right: bool) -> str:
    space = " " * (width - cell_len(cell))
    return space + cell if right else cell + space


def notes() -> Screen:
    """A screen on standard error: for progress and remarks that are no part of a command's output."""
    return Screen(sys.stderr)
