"""Results as JSON lines, written as they come: what is done, and what a rerun need not repeat."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from purpose_agent.errors import StoreError, StoreReadOnlyError

LineT = TypeVar("LineT", bound=msgspec.Struct)


class LineFile(Generic[LineT]):
    """The lines of one file.

    Args:
        path: the file; it need not exist. None keeps the lines in memory only.
        kind: what a line holds.
        repair: whether a last line that was cut short is taken out of the file; False while another writes it.

    Raises:
        StoreError: a line is not of that kind. The last line may be cut short: whoever wrote it was killed.
    """

    def __init__(self, path: Path | None, kind: type[LineT], *, repair: bool = True) -> None:
        self.path = path
        self.lines: list[LineT] = []
        for number, line in enumerate(_whole_lines(path, repair), 1):
            try:
                self.lines.append(msgspec.json.decode(line, type=kind))
            except msgspec.DecodeError as e:
                raise StoreError(f"{path}, line {number} cannot be read: {e}; use a new folder") from e

    def add(self, lines: Sequence[LineT]) -> None:
        """Append lines, durably and together.

        Raises:
            StoreReadOnlyError: the file cannot be written.
        """
        if self.path is not None:
            data = b"".join(msgspec.json.encode(line) + b"\n" for line in lines)
            try:
                with self.path.open("ab") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
            except OSError as e:
                raise StoreReadOnlyError(f"{str(self.path)!r} cannot be written: {e.strerror or e}") from e
        self.lines += lines


def _whole_lines(path: Path | None, repair: bool) -> list[bytes]:
    try:
        data = path.read_bytes() if path is not None else b""
    except FileNotFoundError:
        return []
    whole, _, cut = data.rpartition(b"\n")
    if cut and path is not None and repair:
        path.write_bytes(whole + b"\n" if whole else b"")
    return [line for line in whole.split(b"\n") if line]
