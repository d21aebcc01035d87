"""Finished episodes in a file, and what is left of them after a kill."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from fakes.bench_rows import row
from purpose_agent.bench.demo.rows import Row
from purpose_agent.bench.line_file import LineFile


def test_rows_are_read_back(tmp_path: Path) -> None:
    file = LineFile(tmp_path / "rows.jsonl", Row)
    file.add([row("memory", 1, True, uncached_by_step=[(1, 10)])])
    file.add([row("memory", 0, False)])
    assert LineFile(tmp_path / "rows.jsonl", Row).lines == file.lines


@given(st.integers(1, 300))
def test_a_line_that_was_cut_by_a_kill_is_played_again(cut: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.jsonl"
        file = LineFile(path, Row)
        file.add([row("random", i, True) for i in range(3)])
        data = path.read_bytes()
        path.write_bytes(data[: max(0, len(data) - cut)])
        LineFile(path, Row).add([row("random", 9, True)])
        kept = LineFile(path, Row).lines
        assert kept == [*file.lines[: len(kept) - 1], row("random", 9, True)]
