"""Does the jobs of a plan, in this process or in several others."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

import msgspec

from purpose_agent.bench.worker import Answer, Doer
from purpose_agent.errors import PurposeAgentError, UsageError

RowT = TypeVar("RowT", bound=msgspec.Struct)
TakenT = TypeVar("TakenT", bound=msgspec.Struct, contravariant=True)

GRACE_SECONDS = 15.0
"""How long a worker that was asked to stop may take to leave its episode in order."""


MOST_WORKERS = 64
"""Processes at once; each has a world and a model of its own."""


class WorkerError(PurposeAgentError):
    """A worker process failed.

    Args:
        message: for a person.
        exit_code: of the error inside it.
    """

    def __init__(self, message: str, exit_code: int = 3) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class Jobs(Protocol[TakenT]):
    """What is left to do."""

    @property
    def finished(self) -> bool:
        """Whether everything is done."""
        ...

    @property
    def left(self) -> int:
        """How many jobs are not done yet."""
        ...

    def take(self, worker: int) -> msgspec.Struct | None:
        """The next job for a worker; None when there is none for it now."""
        ...

    def done(self, row: TakenT) -> None:
        """Take in a finished job."""
        ...


def worked(
    plan: Jobs[RowT],
    workers: int,
    module: str,
    hello: msgspec.Struct,
    row_type: type[RowT],
    make: Callable[[], Doer],
    passed_on: Sequence[type[PurposeAgentError]] = (),
    deadline: float | None = None,
) -> Generator[RowT]:
    """The rows of all jobs that are left, as they come.

    Closing the generator, or an exception thrown into it, stops the workers; episodes under way are left so that a
    rerun continues (training) or repeats (evaluation) them.

    Args:
        plan: what is to be done.
        workers: processes, as many as there is work for and `MOST_WORKERS` at most; 1 works in this one.
        module: that each of them runs; see `purpose_agent.bench.worker`.
        hello: its first line; ``out`` in it is the folder for its log.
        row_type: of what comes back.
        make: who does the jobs in this process.
        passed_on: errors of a worker that are raised here as what they are; others become a `WorkerError`.
        deadline: by `time.monotonic`; no row is waited for any longer, and what hangs is ended. In this process nobody
            can end what hangs, so it is looked at between two jobs.

    Raises:
        PurposeAgentError: a job cannot be done.
    """
    if plan.finished:
        return
    if workers == 1:
        yield from _here(plan, make(), deadline)
    else:
        known = {kind.__name__: kind for kind in passed_on}
        yield from _elsewhere(plan, workers, module, hello, row_type, known, deadline)


def useful_workers(wanted: int, jobs: int) -> int:
    """How many processes are worth starting for so many jobs."""
    return max(1, min(wanted, jobs, MOST_WORKERS))


def _here(plan: Jobs[RowT], doer: Doer, deadline: float | None) -> Generator[RowT]:
    try:
        while (job := plan.take(0)) is not None:
            row: Any = doer.play(job)
            plan.done(row)
            yield row
            if deadline is not None and time.monotonic() >= deadline:
                return
    finally:
        doer.close()


class _Worker:
    """One worker process, with a thread that passes its answers on."""

    def __init__(
        self, number: int, module: str, hello: msgspec.Struct, inbox: queue.Queue[tuple[int, Answer | None]]
    ) -> None:
        self.number = number
        self.log_path = Path(getattr(hello, "out")) / f"worker-{number}.log"  # noqa: B009
        self.busy = False
        self._log = self.log_path.open("ab")
        threads = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "PURPOSE_AGENT_THREADS")}
        self._process = subprocess.Popen(
            [sys.executable, "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env={**threads, **os.environ},
            start_new_session=True,  # a terminal's Ctrl-C goes to us alone; we pass it on once
        )
        self._inbox = inbox
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        self.send(hello)

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with contextlib.suppress(msgspec.DecodeError):
                self._inbox.put((self.number, msgspec.json.decode(line, type=Answer)))
        self._inbox.put((self.number, None))

    def send(self, message: msgspec.Struct) -> None:
        """Write a line; a worker that is gone is noticed by its end."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.write(msgspec.json.encode(message) + b"\n")
            self._process.stdin.flush()

    def ask_to_stop(self) -> None:
        """Leave the running episode in order, and end."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        if self.busy and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)

    def wait(self) -> None:
        """Until it has ended, by force if need be: the store survives it."""
        try:
            self._process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._listener.join(GRACE_SECONDS)
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._log.close()

    def last_words(self) -> str:
        """The end of its log."""
        lines = self.log_path.read_text("utf-8", "replace").strip().splitlines()
        return lines[-1].strip()[:300] if lines else "it left no message"


def _elsewhere(
    plan: Jobs[RowT],
    count: int,
    module: str,
    hello: msgspec.Struct,
    row_type: type[RowT],
    known: Mapping[str, type[PurposeAgentError]],
    deadline: float | None,
) -> Generator[RowT]:
    inbox: queue.Queue[tuple[int, Answer | None]] = queue.Queue()
    workers: list[_Worker] = []
    try:
        for number in range(useful_workers(count, plan.left)):
            workers.append(_Worker(number, module, hello, inbox))
        while not plan.finished:
            for worker in workers:
                if not worker.busy and (job := plan.take(worker.number)) is not None:
                    worker.busy = True
                    worker.send(job)
            row = _next_row(workers, inbox, row_type, known, deadline)
            if row is None:
                return
            plan.done(row)
            yield row
    finally:
        for worker in workers:
            worker.ask_to_stop()
        for worker in workers:
            worker.wait()


def _next_row(
    workers: list[_Worker],
    inbox: queue.Queue[tuple[int, Answer | None]],
    row_type: type[RowT],
    known: Mapping[str, type[PurposeAgentError]],
    deadline: float | None,
) -> RowT | None:
    """The next row; None when there is no more time to wait for it."""
    try:
        number, answer = inbox.get(
            timeout=None if deadline is None else max(0.0, deadline - time.monotonic())
        )
    except queue.Empty:
        return None
    worker = workers[number]
    worker.busy = False
    if answer is None:
        raise WorkerError(
            f"worker {number} ended: {worker.last_words()} (log: {worker.log_path}); run again to continue"
        )
    if answer.row is None:
        if answer.kind in known:
            raise known[answer.kind](answer.error)
        if answer.exit_code == UsageError.exit_code:
            raise UsageError(answer.error)
        raise WorkerError(f"{answer.error} (log: {worker.log_path}); run again to continue", answer.exit_code)
    return msgspec.convert(answer.row, row_type)
