"""What a report card is asked to measure."""

from __future__ import annotations

import msgspec

from purpose_agent.bench.stream import DEV, TEST

QUARTERS = 4
"""Looks at the anchor set: one after each quarter of a stream."""


class World(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One kind of tasks.

    Attributes:
        name: in files and tables.
        spec: of the environment, or ``module:factory``.
        max_steps: bound on each episode.
        episodes: of its training stream.
        template: the part of a task's purpose that tells templates apart, for clustering: ``purpose`` where tasks
            with one purpose belong together, ``task`` where each is on its own.
    """

    name: str
    spec: str
    max_steps: int = 25
    episodes: int = 100
    template: str = "task"


class SuiteSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that decides the results.

    Attributes:
        suite: its name, or ``own`` for a user's environment.
        worlds: that it consists of.
        model: specification of the model.
        arms: names, in the order of the table; see `bench.suite.arms`.
        orders: training streams, each with its own tasks in its own order.
        tasks: held-out tasks of a world that every arm plays …
        model_tasks: … but arms that ask a language model at every step play the first so many of them.
        repeats: how often each held-out task is played, for pass^k.
        anchors: early training tasks that are played again for retention; 0 for none.
        rival_episodes: how many of a stream's episodes the re-created systems learn from, evenly spread.
        seed: of the streams and of all draws.
        practice: who decides in training what the value memory leaves open: ``model`` or ``random``.
        final: whether the held-out tasks are of the test fold.
        memory: ``module:factory`` of a user's own `MemorySystem`, which studies what ours played; "" for none.
    """

    suite: str
    worlds: tuple[World, ...]
    model: str
    arms: tuple[str, ...]
    orders: int = 3
    tasks: int = 60
    model_tasks: int = 20
    repeats: int = 1
    anchors: int = 0
    rival_episodes: int = 24
    seed: int = 0
    practice: str = "random"
    final: bool = False
    memory: str = ""

    @property
    def fold(self) -> str:
        """Of the held-out tasks."""
        return TEST if self.final else DEV
