"""Results as lines: what was written whole is kept, and what another process is still writing is left alone."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from purpose_agent.bench.line_file import LineFile
from purpose_agent.errors import StoreError


class Line(msgspec.Struct, frozen=True):
    n: int


@pytest.mark.parametrize("cut", [b'{"n":', b'{"n":3}'])
def test_a_last_line_that_was_cut_short_is_taken_out_before_more_is_written(
    tmp_path: Path, cut: bytes
) -> None:
    path = tmp_path / "lines.jsonl"
    path.write_bytes(b'{"n":1}\n{"n":2}\n' + cut)
    lines = LineFile(path, Line)
    assert [line.n for line in lines.lines] == [1, 2]
    lines.add([Line(4)])
    assert [line.n for line in LineFile(path, Line).lines] == [1, 2, 4]


@pytest.mark.parametrize("before", [b"", b'{"n":1}\n'])
def test_a_line_that_another_process_is_writing_is_left_alone(tmp_path: Path, before: bytes) -> None:
    path = tmp_path / "lines.jsonl"
    path.write_bytes(before + b'{"n":')
    assert len(LineFile(path, Line, repair=False).lines) == before.count(b"\n")
    assert path.read_bytes() == before + b'{"n":'
    with path.open("ab") as other:
        other.write(b"2}\n")
    assert LineFile(path, Line, repair=False).lines[-1] == Line(2)


def test_a_line_of_another_kind_is_named(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    path.write_bytes(b'{"n":1}\n{"m":2}\n')
    with pytest.raises(StoreError, match="line 2"):
        LineFile(path, Line)
