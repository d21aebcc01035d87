"""Measure the budgets of the loop and print them beside their bounds.

``python benchmarks/budgets.py [--json] [--quick]``. CPU times are the best of several rounds, since the work is the
same each time and only disturbances add to it. Nothing fails when a bound is passed: this informs, tests do not time.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from purpose_agent import AsyncOrchestrator, Orchestrator
from purpose_agent.bench.machine import this_machine
from worlds import PURPOSE, AsyncCorridor, Corridor, JudgedCorridor, ScriptedModel

STEPS = 200


@dataclass
class Measured:
    """One line of the table.

    Attributes:
        what: was measured.
        value: the best round.
        unit: of value and budget.
        budget: the bound.
        rounds: measured.
        spread: the worst round over the best.
        note: under which conditions.
    """

    what: str
    value: float
    unit: str
    budget: float
    rounds: int = 1
    spread: float = 1.0
    note: str = ""

    @property
    def ok(self) -> bool:
        return self.value <= self.budget


def best_of(rounds: int, measure: Callable[[], float]) -> tuple[float, int, float]:
    found = [measure() for _ in range(rounds)]
    return min(found), rounds, max(found) / min(found) if min(found) else 1.0


def run(orchestrator: Orchestrator, steps: int, learning: bool = False) -> float:
    """CPU seconds of one episode in all threads."""
    gc.collect()
    started = time.process_time()
    result = orchestrator.run_task(PURPOSE, max_steps=steps, learning=learning)
    spent = time.process_time() - started
    assert result.total_steps == steps, result.error
    return spent


@contextmanager
def orchestrator(environment: Any, store: Path | None = None, seconds: float = 0.0) -> Iterator[Orchestrator]:
    with Orchestrator(ScriptedModel(seconds), environment, store=store, distillers=()) as made:
        yield made


def cpu_per_step(rounds: int, folder: Path) -> list[Measured]:
    found: list[Measured] = []
    cases = (
        ("journal in memory", Corridor(), None, 100.0, "critic by model"),
        ("journal in memory, world with verdicts", JudgedCorridor(), None, 100.0, "no critic call"),
        (
            "SQLite journal",
            Corridor(),
            folder / "steps.sqlite",
            250.0,
            "critic by model, scores cached in the store",
        ),
        (
            "SQLite journal, world with verdicts",
            JudgedCorridor(),
            folder / "judged.sqlite",
            250.0,
            "no critic call",
        ),
    )
    for what, environment, store, budget, note in cases:
        with orchestrator(environment, store) as made:
            run(made, 20)
            value, n, spread = best_of(rounds, lambda made=made: _fresh_scores(made, STEPS))
        found.append(Measured(f"CPU per step, {what}", value / STEPS * 1e6, "µs", budget, n, spread, note))
    return found


def _fresh_scores(made: Orchestrator, steps: int) -> float:
    made.purpose_fn.scores.clear()  # another round must not find the first one's scores
    return run(made, steps)


def growth(rounds: int) -> list[Measured]:
    with orchestrator(Corridor()) as made:
        run(made, 20)
        long, n, _ = best_of(rounds, lambda: _fresh_scores(made, 400))
        short, _, _ = best_of(rounds, lambda: _fresh_scores(made, 50))
    ratio = (long / 400) / (short / 50)
    return [Measured("CPU per step at 400 steps over that at 50", ratio, "×", 1.2, n)]


def memory() -> list[Measured]:
    with orchestrator(Corridor()) as made:
        run(made, 20)
        gc.collect()
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        result = made.run_task(PURPOSE, max_steps=STEPS)
        gc.collect()
        kept, peak = (size - before for size in tracemalloc.get_traced_memory())
        tracemalloc.stop()
        assert result.total_steps == STEPS
    note = f"{kept / 2**20:.2f} MB stay, journal and learning included"
    return [Measured(f"memory of a {STEPS}-step episode, peak", peak / 2**20, "MB", 2.0, note=note)]


def concurrency(rounds: int) -> list[Measured]:
    """Wall seconds of 1,000 episodes at once, on one core."""
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    if cores:
        os.sched_setaffinity(0, {min(cores)})
    try:
        with orchestrator(AsyncCorridor(), seconds=0.05) as made:
            asyncio.run(_many(made, 20))
            cpu: list[float] = []

            def once() -> float:
                made.purpose_fn.scores.clear()
                gc.collect()
                started, cpu_started = time.perf_counter(), time.process_time()
                asyncio.run(_many(made, 1000))
                cpu.append(time.process_time() - cpu_started)
                return time.perf_counter() - started

            value, n, spread = best_of(rounds, once)
    finally:
        if cores:
            os.sched_setaffinity(0, cores)
    note = f"{min(cpu):.2f} s of it CPU; more wall than that is waiting for other processes"
    return [Measured("1,000 concurrent episodes × 10 steps", value, "s", 3.0, n, spread, note)]


async def _many(made: Orchestrator, count: int) -> None:
    front = AsyncOrchestrator(made)
    results = await asyncio.gather(
        *(front.run_task(purpose=f"{PURPOSE} ({i})", max_steps=10, learning=False) for i in range(count))
    )
    assert all(r.total_steps == 10 for r in results)


def overlap() -> list[Measured]:
    """Wall time of a step whose actor and critic take 50 ms each, over 50 ms."""
    with orchestrator(AsyncCorridor(), seconds=0.05) as made:
        made.run_task(PURPOSE, max_steps=2, learning=False)
        made.purpose_fn.scores.clear()
        started = time.perf_counter()
        made.run_task(PURPOSE, max_steps=40, learning=False)
        spent = time.perf_counter() - started
    ratio = (spent - 0.05) / 40 / 0.05  # the last state is scored after the last step
    return [
        Measured("wall per step over one call, actor and critic equal", ratio, "×", 1.1, note="50 ms calls")
    ]


def imports(rounds: int) -> list[Measured]:
    program = (
        "import sys, time; n = len(sys.modules); t = time.process_time(); import purpose_agent;"
        "print(time.process_time() - t, len(sys.modules) - n)"
    )
    found: list[tuple[float, int]] = []
    for _ in range(rounds):
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        seconds, modules = done.stdout.split()
        found.append((float(seconds), int(modules)))
    times = [seconds for seconds, _ in found]
    return [
        Measured("import, CPU", min(times), "s", 0.3, rounds, max(times) / min(times)),
        Measured("import, modules", float(found[0][1]), "", 250.0),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print data instead of a table")
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    arguments = parser.parse_args()
    rounds = 2 if arguments.quick else 7
    with tempfile.TemporaryDirectory() as folder:
        measured = [
            *cpu_per_step(rounds, Path(folder)),
            *growth(rounds),
            *memory(),
            *concurrency(max(1, rounds // 3)),
            *overlap(),
            *imports(rounds),
        ]
    machine = this_machine()
    if arguments.json:
        rows = [{**asdict(m), "ok": m.ok} for m in measured]
        print(
            json.dumps(
                {"machine": {n: getattr(machine, n) for n in machine.__struct_fields__}, "budgets": rows}
            )
        )
        return
    width = max(len(m.what) for m in measured)
    for m in measured:
        state = "ok" if m.ok else "OVER"
        value, budget = f"{m.value:.3g} {m.unit}", f"≤ {m.budget:g} {m.unit}"
        print(f"{m.what:{width}}  {value:>9}  {budget:>9}  {state:4}  {m.note}".rstrip())
    print(f"best of {rounds} rounds; {machine.cores} cores, load {machine.load:g} per core")


if __name__ == "__main__":
    main()
