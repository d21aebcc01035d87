"""A folder belongs to the settings that made it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from purpose_agent.bench.folder import claim_folder
from purpose_agent.errors import UsageError


class Settings(msgspec.Struct, frozen=True):
    episodes: int
    seed: int = 0


def test_a_folder_belongs_to_its_settings(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    assert claim_folder(folder, Settings(4), "suite") == claim_folder(folder, Settings(4), "suite")
    with pytest.raises(UsageError, match=r"holds a suite with other settings .*episodes 4 → 5; seed 0 → 1"):
        claim_folder(folder, Settings(5, 1), "suite")


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("")
    with pytest.raises(UsageError, match="is a file"):
        claim_folder(tmp_path / "x", Settings(1), "suite")


class Part(msgspec.Struct, frozen=True):
    name: str
    max_steps: int = 25


class Whole(msgspec.Struct, frozen=True):
    parts: tuple[Part, ...] = (Part("twc"), Part("mapreader"))
    arms: tuple[str, ...] = ("random", "ours")
    memory: str = ""
    final: bool = False


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (Whole(parts=(Part("twc", 9), Part("mapreader"))), "(twc: max steps 25 → 9)"),
        (Whole(parts=(Part("twc"),)), "(parts twc, mapreader → twc)"),
        (Whole(arms=("ours",), memory="my:Memory"), "(arms random, ours → ours; memory none → my:Memory)"),
        (Whole(final=True), "(final no → yes)"),
    ],
)
def test_what_differs_is_told_in_words(tmp_path: Path, wanted: Whole, said: str) -> None:
    claim_folder(tmp_path, Whole(), "suite")
    with pytest.raises(UsageError) as refused:
        claim_folder(tmp_path, wanted, "suite")
    assert said in str(refused.value)
