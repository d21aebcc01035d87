"""``purpose-agent bench simulator``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from purpose_agent.bench.simulator import running
from purpose_agent.bench.simulator.scenarios import duplicates
from purpose_agent.cli import main


@pytest.fixture(autouse=True)
def _few_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "ROUNDS", 3)


QUICK = ("bench", "simulator", "--scenario", "duplicates", "--replications", "2")


def test_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "simulator", "--help"]) == 0
    said = capsys.readouterr().out
    assert "Examples:" in said
    for word in ("--scenario", "--replications", "--seed", "--out", "--json", "contexts", "credit", "drift"):
        assert word in said


def test_tables_say_what_must_be_reached_and_whether_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(list(QUICK)) == 0
    said = capsys.readouterr().out
    assert "What it must reach" in said
    assert "duplicates: 8 of 8" in said


def test_json_is_all_there_is_on_standard_output_and_equal_seeds_give_equal_numbers(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main([*QUICK, "--seed", "5", "--json", "--out", str(tmp_path / "here")]) == 0
    printed = json.loads(capsys.readouterr().out)
    written = json.loads((tmp_path / "here" / "simulator.json").read_text())
    assert printed == written
    assert printed["command"].endswith("--scenario duplicates --replications 2 --seed 5")
    assert main([*QUICK, "--seed", "5", "--json"]) == 0
    again = json.loads(capsys.readouterr().out)
    for report in (printed, again):
        del report["scenarios"][0]["seconds"]
        del report["machine"]
    assert printed == again


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--scenario", "nosuch"), "'nosuch'; there are: contexts"),
        (("--scenario", "drift", "--scenario", "drift"), "once"),
        (("--replications", "1"), "at least 2"),
        (("--seed", "-1"), "at least 0"),
    ],
)
def test_bad_usage_is_told_before_anything_is_done(
    words: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", "simulator", *words]) == 2
    assert message in capsys.readouterr().err


def test_a_folder_that_cannot_be_is_bad_usage(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert main([*QUICK, "--out", str(tmp_path / "file")]) == 2
    assert "choose another" in capsys.readouterr().err


def test_an_interrupted_run_keeps_what_is_finished(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulate = running._simulate

    def interrupted(scenario, settings, console):
        if scenario.name == "drift":
            raise KeyboardInterrupt
        return simulate(scenario, settings, console)

    monkeypatch.setattr(running, "_simulate", interrupted)
    code = main([*QUICK, "--scenario", "drift", "--out", str(tmp_path)])
    assert code not in (0, 2)
    report = json.loads((tmp_path / "simulator.json").read_text())
    assert [one["name"] for one in report["scenarios"]] == ["duplicates"]
    assert report["complete"] is False
    assert "Interrupted" in capsys.readouterr().out
