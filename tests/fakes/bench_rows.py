"""Episodes as a demo writes them down, made by hand."""

from __future__ import annotations

from typing import Any

from purpose_agent.bench.demo.rows import Row

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)> & \"'\x00\ud800</style></svg>]]>"


def row(arm: str, index: int, success: bool, **more: Any) -> Row:
    fold = "train" if arm == "training" else "dev"
    base: dict[str, Any] = {
        "steps": 20,
        "habits": 5,
        "score": 0.5,
        "stop_reason": "max_steps",
        "seconds": 2.0,
    }
    base |= {"first_state": f"{fold} {index}"}
    return Row(arm=arm, index=index, fold=fold, seed=index, success=success, **{**base, **more})


def canned_rows(n: int = 20) -> list[Row]:
    """Memory solves three of four, the model alone one of ten, chance none."""
    asked = {"calls": 15, "prompt_tokens": 900, "cached_tokens": 400, "completion_tokens": 15}
    by_step = [(1, 200), *((step, 70 + step % 3) for step in range(2, 26))]
    found = [row("training", i, i % 3 == 0 or i > 10, **asked) for i in range(n)]
    for i in range(n):
        found += [
            row("memory", i, i % 4 != 0, **asked),
            row("memory_only", i, i % 4 != 1, uncached_by_step=[(2, 0)]),
            row("no_memory", i, i % 10 == 0, habits=0, uncached_by_step=by_step, **asked),
            row("random", i, False, habits=0),
        ]
    return found
