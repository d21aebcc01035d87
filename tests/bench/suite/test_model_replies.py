"""A model that answers unusably has failed; one that cannot be reached says nothing about anything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bench.suite.playing import QUICK, play, rows_in
from purpose_agent.bench.play_rules import BROKEN, is_broken
from purpose_agent.bench.suite import player
from purpose_agent.bench.suite.catalogue import make_settings
from purpose_agent.errors import ModelError, ModelOutputError, ModelUnavailableError, PurposeAgentError
from purpose_agent.llm_backend.base import ChatMessage, Choice
from purpose_agent.llm_backend.mock import MockLLMBackend
from purpose_agent.types import StopReason


class Stammering(MockLLMBackend):
    """Every third choice fails."""

    def __init__(self, error: ModelError) -> None:
        super().__init__()
        self._error, self._asked = error, 0

    def choose(self, messages: list[ChatMessage], options: Any, *rest: Any, **more: Any) -> Choice:
        self._asked += 1
        if self._asked % 3 == 0:
            raise self._error
        return super().choose(messages, options, *rest, **more)

    async def achoose(self, messages: list[ChatMessage], options: Any, *rest: Any, **more: Any) -> Choice:
        return self.choose(messages, options, *rest, **more)


def stammer(monkeypatch: pytest.MonkeyPatch, error: ModelError) -> Any:
    monkeypatch.setattr(player, "resolve_backend", lambda spec: Stammering(error))
    given = {**QUICK, "anchors": 0, "tasks": 6, "max_steps": 2, "practice": "model"}
    return make_settings(
        None, "mock", env="fakes.suite_worlds:Buttons", arms=("random", "no_memory", "ours"), **given
    )


def test_a_reply_that_cannot_be_used_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report = play(stammer(monkeypatch, ModelOutputError("it said maybe", "maybe")), tmp_path)
    assert report.complete
    rows = [row for row in rows_in(tmp_path) if row.stop_reason == StopReason.MODEL_ERROR]
    assert {row.job.kind for row in rows} == {"train", "test"}
    assert not any(row.success for row in rows)
    assert any(
        note.startswith(f"{len(rows)} episodes ended early, as the model's reply") for note in report.notes
    )


def test_a_model_that_cannot_be_reached_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = stammer(monkeypatch, ModelUnavailableError("it is away"))
    monkeypatch.setattr(Stammering, "choose", lambda self, *_, **__: (_ for _ in ()).throw(self._error))
    with pytest.raises(PurposeAgentError, match="it is away"):
        play(settings, tmp_path)
    assert not [row for row in rows_in(tmp_path) if row.stop_reason in BROKEN]


@pytest.mark.parametrize(
    ("reason", "error", "broken"),
    [
        ("model_error", "ModelOutputError: no JSON", False),
        ("model_error", "ModelUnavailableError: away", True),
        ("model_error", "ModelRequestError: a bad key", True),
        ("environment_error", "ModelOutputError: from the world", True),
        ("terminal", None, False),
    ],
)
def test_what_is_played_again(reason: str, error: str | None, broken: bool) -> None:
    assert is_broken(reason, error) == broken
