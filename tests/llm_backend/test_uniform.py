"""The random policy: uniform, and the same wherever it is asked."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from typing import Any

import pytest

from purpose_agent.errors import ModelOutputError, UsageError
from purpose_agent.llm_backend.base import ChatMessage
from purpose_agent.llm_backend.json_reply import validator_for
from purpose_agent.llm_backend.resolve import resolve_backend
from purpose_agent.llm_backend.uniform import UniformBackend
from purpose_agent.llm_backend.usage import Usage, collect_usage
from purpose_agent.types import new_id


def said(text: str) -> list[ChatMessage]:
    return [ChatMessage("user", text)]


def test_the_spec_names_it() -> None:
    assert isinstance(resolve_backend("random"), UniformBackend)


def test_choices_are_uniform() -> None:
    model = UniformBackend()
    counts = Counter(model.choose(said(f"state {i}"), ["a", "b", "c", "d"]).index for i in range(4000))
    chi_square = sum((counts[i] - 1000) ** 2 / 1000 for i in range(4))
    assert chi_square < 16.3  # p = .001 with 3 degrees of freedom


def test_the_same_conversation_gives_the_same_choice_in_every_process() -> None:
    program = (
        "from purpose_agent.llm_backend.base import ChatMessage;"
        "from purpose_agent.llm_backend.uniform import UniformBackend;"
        "print([UniformBackend(7).choose([ChatMessage('user', str(i))], 'abcdef').index for i in range(30)])".replace(
            "'abcdef'", "list('abcdef')"
        )
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    here = [UniformBackend(7).choose(said(str(i)), list("abcdef")).index for i in range(30)]
    assert done.stdout.strip() == str(here)


def test_another_seed_and_another_message_choose_differently() -> None:
    options = [str(i) for i in range(1000)]
    picks = [UniformBackend(seed).choose(said(text), options).index for seed in (0, 1) for text in ("x", "y")]
    assert len(set(picks)) == 4


def test_messages_are_told_apart_from_their_concatenation() -> None:
    options = [str(i) for i in range(10**6)]
    split = [ChatMessage("user", "ab"), ChatMessage("user", "c")]
    other = [ChatMessage("user", "a"), ChatMessage("user", "bc")]
    assert UniformBackend().choose(split, options) != UniformBackend().choose(other, options)


def test_identifiers_that_every_run_draws_anew_change_nothing() -> None:
    options = [str(i) for i in range(10**6)]
    one, other = (
        UniformBackend().choose(said(f"[{id}] go east"), options) for id in ("0123456789ab", new_id())
    )
    assert one == other


SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "choice": {"type": "integer", "minimum": 1, "maximum": 6},
        "colour": {"enum": ["red", "green"]},
        "sure": {"type": "boolean"},
        "note": {"type": "string"},
    },
    "required": ["choice", "colour", "sure", "note"],
}


def test_structured_replies_fit_and_vary() -> None:
    replies = [UniformBackend().generate_structured(said(str(i)), SCHEMA) for i in range(200)]
    for reply in replies:
        validator_for(SCHEMA)(reply)
    assert {r["choice"] for r in replies} == {1, 2, 3, 4, 5, 6}
    assert {(r["colour"], r["sure"]) for r in replies} == {
        (c, s) for c in ("red", "green") for s in (True, False)
    }


def test_what_cannot_be_drawn_is_a_clear_error() -> None:
    with pytest.raises(ModelOutputError, match="cannot write text"):
        UniformBackend().generate(said("hello"))
    with pytest.raises(ModelOutputError):
        UniformBackend().generate_structured(said("hello"), {"type": "array"})
    with pytest.raises(UsageError, match="seed"):
        UniformBackend("x")  # type: ignore[arg-type]


def test_a_choice_counts_as_a_call_without_tokens() -> None:
    used: list[Usage] = []
    with collect_usage(used.append):
        UniformBackend().choose(said("x"), ["a", "b"])
    assert used == [Usage(calls=1)]
