"""What a report card says about how it was measured: what is true of these settings, and nothing else."""

from __future__ import annotations

from typing import Any

import msgspec

from bench.report.example_report import example_report
from purpose_agent.bench.report.tables import making_table
from purpose_agent.bench.suite.catalogue import make_settings
from purpose_agent.bench.suite.notes import notes_on


def said(model: str, *arms: str, **wishes: Any) -> str:
    settings = make_settings("textworld", model, arms=arms, worlds=("twc",), **wishes)
    return "\n".join(notes_on([], settings, [], complete=True))


def test_without_a_model_no_arm_plays_fewer_tasks() -> None:
    assert "play the first 20 of" in said("mock", "random", "ours")
    assert "play the first" not in said("random", "random", "ours")
    report = example_report(1)
    assert any("20 with a model at each step" in row[1] for row in making_table(report).rows)
    random = make_settings("textworld", "random", arms=("random", "memory_only"))
    without = msgspec.structs.replace(report, settings=random)
    assert not any("with a model" in row[1] for row in making_table(without).rows)


def test_who_distils_is_told() -> None:
    assert "distilled by rules." in said("mock", "random", "ours")
    notes = said("mock", "random", "ours", "with_llm", "no_structural")
    assert "distilled by rules, but: ours, an LLM distils too, ours, only an LLM distils." in notes
