"""Two report cards beside each other, as rows of text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

import msgspec

from purpose_agent.bench.report.report import SuiteReport, WorldReport
from purpose_agent.bench.report.tables import NONE, name_text, sentence_text, share_text, shown
from purpose_agent.bench.text_table import TextTable


def compare_worlds(first: WorldReport, second: WorldReport) -> TextTable:
    """The success of each arm that both have, as it came out in two reports."""
    others = {arm.name: arm for arm in second.arms}
    rows: list[tuple[str, ...]] = []
    for arm in first.arms:
        a = arm.success
        b = others[arm.name].success if arm.name in others else None
        if b is None or not shown(a) or not shown(b):
            continue
        apart = "overlap" if a.low <= b.high and b.low <= a.high else "apart"
        change = f"{100 * (b.value - a.value):+z.0f}"
        rows.append((name_text(arm.label), str(a.n), share_text(a), str(b.n), share_text(b), change, apart))
    head = ("arm", "n", "first [95 %]", "n", "second [95 %]", "points", "intervals")
    return TextTable("", head, rows)


def differing(first: SuiteReport, second: SuiteReport) -> Iterator[tuple[str, str, str]]:
    """What else differs: settings, machine, fold, completeness, and the worlds and arms that only one has."""
    for title, a, b in (
        ("", first.settings, second.settings),
        ("machine: ", first.machine, second.machine),
    ):
        found = _flat(msgspec.to_builtins(a)), _flat(msgspec.to_builtins(b))
        for name in dict.fromkeys([*found[0], *found[1]]):
            left, right = (side.get(name, NONE) for side in found)
            if left != right:
                yield sentence_text(f"{title}{name}"), sentence_text(left), sentence_text(right)
    for name, left, right in (
        ("fold", first.fold, second.fold),
        ("complete", str(first.complete), str(second.complete)),
        ("date", first.date, second.date),
    ):
        if left != right:
            yield name, name_text(left), name_text(right)


def _flat(data: Mapping[str, Any]) -> dict[str, str]:
    """Settings by name; those of each world under its own."""
    flat: dict[str, str] = {}
    for name, value in data.items():
        if name == "worlds":
            flat |= {f"{w['name']}: {key}": str(x) for w in value for key, x in w.items() if key != "name"}
        else:
            flat[name.replace("_", " ")] = _text(value)
    return flat


def _text(value: Any) -> str:
    return ", ".join(map(str, cast("list[Any]", value))) if isinstance(value, list | tuple) else str(value)
