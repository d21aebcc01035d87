"""The class of machine that numbers were measured on, and what of its software decides them; nothing that names it."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import msgspec

from purpose_agent.embedding import default_embedder


class Machine(msgspec.Struct, frozen=True):
    """A class of machines.

    Attributes:
        cores: this process may use.
        processor: its architecture and, where the system tells, its model.
        memory_gb: main memory, 0 when unknown.
        system: kernel name.
        python: version.
        load: runnable processes per core when it was looked at; well above 0 means that times are pessimistic.
        embedder: by which memory compares phrases and tasks; empty where the extra ``embed`` is not installed.
    """

    cores: int
    processor: str
    memory_gb: float
    system: str
    python: str
    load: float
    embedder: str = ""

    def describe(self) -> str:
        """In one line, without the load."""
        hardware = f"{self.cores} cores, {self.processor}, {self.memory_gb:g} GB"
        return f"{hardware}, {self.system}, Python {self.python}, {self.embedder or 'no embedder'}"


def this_machine() -> Machine:
    """The machine that runs this."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    except (AttributeError, OSError, ValueError):
        memory = 0.0
    try:
        load = os.getloadavg()[0] / cores
    except (AttributeError, OSError):
        load = 0.0
    embedder = default_embedder()
    return Machine(
        cores=cores,
        processor=_processor(),
        memory_gb=round(memory, 1),
        system=platform.system(),
        python=platform.python_version(),
        load=round(load, 2),
        embedder="" if embedder is None else embedder.name,
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines()
    except OSError:
        lines = []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{platform.machine()}, {models[0]}" if models else platform.machine()
