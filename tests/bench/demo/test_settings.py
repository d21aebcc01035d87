"""What a demo may be asked."""

from __future__ import annotations

from typing import Any

import pytest

from purpose_agent.bench.demo.settings import make_settings
from purpose_agent.errors import UsageError


def test_a_preset_names_a_game_and_anything_else_a_world() -> None:
    assert make_settings("twc", "local", 1, 1, 25, 0).world == "textworld:preset=twc,max_steps=25"
    assert make_settings("my:World", "local", 1, 1, 25, 0).world == "my:World"


@pytest.mark.parametrize(
    "wrong", [{"episodes": 0}, {"tasks": -1}, {"max_steps": 0}, {"seed": -1}, {"tasks": 2.5}]
)
def test_numbers_that_cannot_be_meant_are_refused(wrong: dict[str, Any]) -> None:
    given_values: dict[str, Any] = {"episodes": 1, "tasks": 1, "max_steps": 1, "seed": 0} | wrong
    with pytest.raises(UsageError, match=next(iter(wrong))):
        make_settings("twc", "local", **given_values)
