"""CPU of the store beside its budgets: appending events, adding an episode, finding episodes by words and by meaning.

    python benchmarks/store.py          1,000 and 10,000 episodes
    python benchmarks/store.py --full   100,000 too (a few minutes)

CPU is that of the whole process, the writer's thread included: medians over blocks. Meaning is measured where the
extra ``embed`` is installed.
"""

from __future__ import annotations

import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from purpose_agent.embedding import Embedder, default_embedder
from purpose_agent.experience_replay import ExperienceReplay
from purpose_agent.store import EpisodeInfo, Store, VectorSpace, open_store
from purpose_agent.types import Action, PurposeScore, State, Trajectory, TrajectoryStep

STEPS = 20
APPEND_STEPS = 1000
ADD_BUDGET_MS = 5.0
VALUE_BUDGET_MS = 1.0
FIND_BUDGET_MS = {1_000: 5.0, 10_000: 5.0, 100_000: 30.0}

_rng = random.Random(0)
_WORDS = [f"object{i}" for i in range(3000)]
_WEIGHTS = [1 / (i + 10) for i in range(3000)]


def task() -> str:
    """A task as environments phrase them: most words shared by all tasks, a few of its own."""
    own = " ".join(_rng.choices(_WORDS, _WEIGHTS, k=6))
    return f"You are in a house. Find the coin and put it into the box in the kitchen. Objects: {own}."


def trajectory(id: str) -> Trajectory:
    states = [
        State({"room": n % 7, "text": f"step {n} " + "you see a door " * 15}).snapshot()
        for n in range(STEPS + 1)
    ]
    steps = [
        TrajectoryStep(
            states[n], Action("go", {"to": n}), states[n + 1], PurposeScore(0, 5, 5, "so", "see", 0.9), n + 1
        )
        for n in range(STEPS)
    ]
    return Trajectory(task(), "win the game", steps, id=id)


def cpu(call: Callable[[], object], blocks: int, per_block: int) -> float:
    """Milliseconds of CPU per call: the median over blocks."""
    measured: list[float] = []
    for _ in range(blocks):
        start = time.process_time()
        for _ in range(per_block):
            call()
        measured.append((time.process_time() - start) / per_block * 1000)
    return statistics.median(measured)


def fill(store: Store, first: int, last: int) -> None:
    def add(number: int) -> None:
        text = task()
        store.add_episode(
            EpisodeInfo(f"e{number}", 0, "win the game", text, True, False, 0.9, STEPS, 0.5), text
        )

    with ThreadPoolExecutor(64) as pool:  # so that many go into one transaction
        list(pool.map(add, range(first, last)))


def line(what: str, milliseconds: float, budget: float) -> None:
    print(
        f"{what:58} {milliseconds:9.3f} {budget:9.3f}  {'ok' if milliseconds <= budget else 'OVER'}",
        flush=True,
    )


def appends(store: Store, where: str, budget: float) -> None:
    """The journal's share of a step: four events, one append each, the last awaited."""
    from purpose_agent.conformance.store_samples import started, step

    store.append("run", 0, [started("run")]).result()
    position = 1

    def one_step() -> None:
        nonlocal position
        for event in step(1):
            last = store.append("run", position, [event])
            position += 1
        last.result()

    line(f"journal of one step, four events, {where}", cpu(one_step, 5, APPEND_STEPS // 5), budget)


def episodes(replay: ExperienceReplay, size: int, how: str) -> None:
    """Adding and finding among ``size`` episodes."""
    fresh = iter([trajectory(f"{how} {size} {n}") for n in range(60)])
    queries = iter([task() for _ in range(60)])
    add = cpu(lambda: replay.add(next(fresh)), 6, 10)
    find = cpu(lambda: replay.retrieve(next(queries)), 6, 10)
    line(f"add an episode of {STEPS} steps to {size:,}, {how}", add, ADD_BUDGET_MS)
    line(f"retrieve 5 of {size:,}, {how}", find, FIND_BUDGET_MS[size])


def embed_all(store: Store, embedder: Embedder) -> ExperienceReplay:
    """A replay that finds by meaning too, all its episodes embedded and their vectors read."""
    replay = ExperienceReplay(capacity=10**6, store=store, embedder=embedder)
    space = VectorSpace(embedder.name, embedder.dimension)
    start, late = time.process_time(), 0
    while missing := store.episodes_without_vector(space, 2000):
        vectors = embedder.embed([f"{e.task}\n{e.purpose}" for e in missing])
        store.save_vectors(space, {e.id: v for e, v in zip(missing, vectors, strict=True)})
        late += len(missing)
    print(f"once: embed {late:,} episodes in {time.process_time() - start:.1f} s", end=", ")
    start = time.process_time()
    replay.retrieve(task())
    print(f"first retrieval in {time.process_time() - start:.2f} s", flush=True)
    return replay


def closest(count: int, budget: float) -> None:
    """The search alone, in a store larger than is filled here."""
    import numpy as np

    from purpose_agent.store.vector_index import VectorIndex

    dice = np.random.default_rng(0)
    index = VectorIndex(VectorSpace("random", 256))
    for start in range(0, count, 50_000):
        rows = dice.standard_normal((min(count, start + 50_000) - start, 256), np.float32)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        index.append(np.arange(start, start + len(rows)), rows)
    queries = iter(rows[:61])
    index.nearest(next(queries), 20)
    line(f"closest 20 of {count:,} vectors", cpu(lambda: index.nearest(next(queries), 20), 6, 10), budget)


def main() -> None:
    sizes = [1_000, 10_000] + ([100_000] if "--full" in sys.argv[1:] else [])
    print(f"{'CPU, milliseconds':58} {'measured':>9} {'budget':>9}")
    with tempfile.TemporaryDirectory() as folder:
        for where, path, budget in (("in memory", None, 0.1), ("in a file", Path(folder) / "journal", 0.25)):
            store = open_store(path)
            appends(store, where, budget)
            store.close()
        store = open_store(Path(folder) / "replay")
        replay = ExperienceReplay(capacity=10**6, store=store)
        embedder = default_embedder()
        count = 0
        for size in sizes:
            fill(store, count, size)
            count = size
            episodes(replay, size, "words")
            if embedder is not None:
                episodes(embed_all(store, embedder), size, "words and meaning")
            value = cpu(lambda: replay.update_q_value("e7", 1.0), 5, 40)
            line(f"move a value among {size:,}", value, VALUE_BUDGET_MS)
        store.close()
    for size, budget in (
        (25_000, 5.0),
        (100_000, 5.0),
        *([(400_000, 20.0)] if "--full" in sys.argv[1:] else []),
    ):
        closest(size, budget)


if __name__ == "__main__":
    main()
