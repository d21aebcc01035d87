"""Memories that could not learn, or hold nothing: the report says so, and an outage is no result."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bench.suite.playing import QUICK, play, rows_in
from purpose_agent.bench.report.report import LearnerReport, SuiteReport, WorldReport
from purpose_agent.bench.report.tables import learners_table
from purpose_agent.bench.suite import player
from purpose_agent.bench.suite.catalogue import make_settings
from purpose_agent.bench.suite.rows import STUDY, TRAIN
from purpose_agent.bench.suite.settings import SuiteSettings
from purpose_agent.errors import ModelOutputError, ModelUnavailableError, PurposeAgentError
from purpose_agent.llm_backend.base import ChatMessage
from purpose_agent.llm_backend.mock import MockLLMBackend

LESSON = {
    "heuristics": [
        {
            "tier": "strategic",
            "pattern": "a machine stands still",
            "strategy": "press another button than before",
        }
    ]
}
NOTES, DISTILLER = "You write notes", "HEURISTIC EXTRACTOR"


def model(monkeypatch: pytest.MonkeyPatch, **answers: Any) -> MockLLMBackend:
    """The model of the next suite; it answers those who distil as it is told."""
    llm = MockLLMBackend()
    for keyword, answer in answers.items():
        llm.register_handler({"notes": NOTES, "distiller": DISTILLER}[keyword], answer)
    monkeypatch.setattr(player, "resolve_backend", lambda spec: llm)
    return llm


def settings(*arms: str, **wishes: Any) -> SuiteSettings:
    given = {**QUICK, "anchors": 0, "tasks": 2, "max_steps": 2, **wishes}
    return make_settings(None, "mock", env="fakes.suite_worlds:Buttons", arms=arms, **given)


def learner(report: SuiteReport, name: str) -> LearnerReport:
    return next(found for found in report.worlds[0].learners if found.learner == name)


def test_a_memory_whose_every_reading_failed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model(monkeypatch, notes=chatting)
    report = play(settings("random", "reasoning_bank"), tmp_path)
    found = learner(report, "reasoning_bank")
    assert (found.episodes, found.failed, found.items, found.shown) == (8, 8, 0.0, 0.0)
    world = report.worlds[0].name
    assert f"ReasoningBank kept nothing in {world}: its arm plays as the model alone does" in report.notes
    assert any(
        note.startswith(f"ReasoningBank could not distil 8 of 8 episodes in {world}: ")
        and found.problem in note
        for note in report.notes
    )
    assert ("ReasoningBank", "8", "8", "0") in [row[:4] for row in learners_table(report.worlds[0]).rows]
    page, shown = (tmp_path / "report.html").read_text(), "What learning cost"
    assert shown in page


def test_a_memory_that_learned_is_counted_without_a_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    note = {"title": "a", "description": "b", "content": "press the middle button first"}
    model(monkeypatch, notes={"items": [note]})
    report = play(settings("random", "reasoning_bank"), tmp_path)
    found = learner(report, "reasoning_bank")
    assert (found.failed, found.problem, found.items, found.shown) == (0, "", 8.0, 1.0)
    assert found.read > found.written > 0
    assert not any("ReasoningBank" in note for note in report.notes)


def test_lessons_that_a_model_could_not_write_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model(monkeypatch, distiller=chatting)
    report = play(settings("random", "no_structural"), tmp_path)
    found = learner(report, "no_structural")
    assert 0 < found.failed <= found.episodes == 8
    assert found.problem
    assert any(note.startswith("ours, only an LLM distils could not distil") for note in report.notes)


def chatting(messages: list[ChatMessage]) -> Any:
    raise ModelOutputError("a JSON object was expected", "I would rather chat.")


def failing(times: int) -> Callable[[list[ChatMessage]], Any]:
    """Away so often, and then there."""
    left = [times]

    def answer(messages: list[ChatMessage]) -> Any:
        left[0] -= 1
        if left[0] >= 0:
            raise ModelUnavailableError("the server is away")
        return LESSON

    return answer


@pytest.mark.parametrize("times", [1, 2])
def test_an_outage_while_distilling_is_overcome(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    model(monkeypatch, distiller=failing(times))
    report = play(settings("random", "no_structural"), tmp_path)
    found = learner(report, "no_structural")
    assert (found.episodes, found.failed) == (8, 0)
    assert found.items == 1.0
    assert not any("could not distil" in note for note in report.notes)


def test_an_outage_that_lasts_is_an_error_and_the_episode_is_distilled_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model(monkeypatch, distiller=failing(99))
    with pytest.raises(PurposeAgentError, match="the server is away") as broken:
        play(settings("random", "no_structural"), tmp_path)
    for words in ("only an LLM distils", "order 0", "--resume"):
        assert words in str(broken.value)
    assert rows_in(tmp_path) == []
    model(monkeypatch, distiller=LESSON)
    report = play(settings("random", "no_structural"), tmp_path)
    assert report.complete
    assert learner(report, "no_structural").failed == 0
    assert len([row for row in rows_in(tmp_path) if row.job.kind == TRAIN]) == 8


def test_an_outage_while_studying_names_world_learner_and_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model(monkeypatch, notes=failing(99))
    with pytest.raises(PurposeAgentError, match="the server is away") as broken:
        play(settings("random", "reasoning_bank"), tmp_path)
    for words in ("fakes-suite-worlds-Buttons", "ReasoningBank", "order 0", "--resume"):
        assert words in str(broken.value)
    assert broken.value.exit_code == 3


def test_a_report_of_an_earlier_version_tells_of_no_learners(played: tuple[Path, SuiteReport]) -> None:
    data = msgspec.to_builtins(played[1].worlds[0])
    assert data.pop("learners")
    assert msgspec.convert(data, WorldReport).learners == []


def test_rows_of_an_earlier_version_are_read(played: tuple[Path, SuiteReport]) -> None:
    new = {"failed_steps", "step_error", "graded", "read", "unlearned", "problem"}
    for row in rows_in(played[0]):
        data = msgspec.to_builtins(row)
        old = msgspec.convert({name: x for name, x in data.items() if name not in new}, type(row))
        assert old == (msgspec.structs.replace(row, read=0) if row.job.kind == STUDY else row)
