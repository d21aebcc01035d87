"""Finished episodes in a file, and what is left of them after a kill."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.bench_rows import row
from purpose_agent.bench.demo.rows import RowFile
from purpose_agent.errors import StoreError


def test_rows_are_read_back(tmp_path: Path) -> None:
    file = RowFile(tmp_path / "rows.jsonl")
    file.add(row("memory", 1, True, uncached_by_step=[(1, 10)]))
    file.add(row("memory", 0, False))
    again = RowFile(tmp_path / "rows.jsonl")
    assert again.rows == file.rows
    assert [r.index for r in again.of("memory")] == [0, 1]


@given(st.integers(1, 300))
def test_a_line_that_was_cut_by_a_kill_is_played_again(cut: int) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.jsonl"
        file = RowFile(path)
        for i in range(3):
            file.add(row("random", i, True))
        data = path.read_bytes()
        path.write_bytes(data[: max(0, len(data) - cut)])
        again = RowFile(path)
        again.add(row("random", 9, True))
        kept = RowFile(path).rows
        assert kept == [*file.rows[: len(kept) - 1], row("random", 9, True)]


def test_a_broken_line_in_the_middle_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"arm": 3}\n')
    with pytest.raises(StoreError, match="line 1"):
        RowFile(path)
