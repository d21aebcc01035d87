"""One thread that does all writing of a process, many writes in one transaction (group commit)."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from purpose_agent.errors import StoreError
from purpose_agent.store.opening import READING_ERRORS, ReadingError

T = TypeVar("T")

Work = Callable[[sqlite3.Connection], T]
"""What is done in a transaction. It may be done twice: the first attempt is rolled back when a neighbour fails."""

_Job = tuple[Work[Any], "Future[Any]"]
_LARGEST_BATCH = 256


class Writer:
    """Takes work from any thread and does it in order; the thread starts with the first work.

    Args:
        connect: opens the connection that the thread uses.
        rolled_back: called in the thread after a rollback, to forget what was assumed in the transaction; with
            the error when the work that failed is given up, with None when it is tried again by itself.
        translate: makes our error of SQLite's and of the decoder's.
    """

    def __init__(
        self,
        connect: Callable[[], sqlite3.Connection],
        rolled_back: Callable[[BaseException | None], None],
        translate: Callable[[ReadingError], StoreError],
    ) -> None:
        self._connect = connect
        self._rolled_back = rolled_back
        self._translate = translate
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._waiting: list[_Job] = []
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = False

    def submit(self, work: Work[T], *, hurry: bool = True) -> Future[T]:
        """Queue work; the future is done when its transaction is committed. It cannot be cancelled.

        Args:
            work: what to do.
            hurry: False for work that may wait for the next that does not, so that it costs no commit of its own.

        Raises:
            StoreError: the writer is closed.
        """
        future: Future[T] = Future()
        future.set_running_or_notify_cancel()
        with self._lock:
            if self._closed:
                raise StoreError("the store is closed; open it again")
            self._waiting.append((work, future))
            if hurry:
                self._hand_over()
        return future

    def _hand_over(self) -> None:
        """Give the thread all that waits; called with the lock held."""
        if self._waiting and self._thread is None:
            self._start()
        for job in self._waiting:
            self._jobs.put(job)
        self._waiting.clear()

    def flush(self) -> None:
        """Wait until all work queued so far is done."""
        if self._thread is not None or self._waiting:
            self.submit(_nothing).result()

    def stop(self) -> None:
        """Do what is queued, then end the thread; the next work starts another one."""
        with self._lock:
            self._hand_over()
            thread, self._thread = self._thread, None
            if thread is not None:
                self._jobs.put(None)
                if thread is not threading.current_thread():  # garbage may be collected anywhere
                    thread.join()

    def close(self) -> None:
        """Do what is queued and take no more."""
        self._closed = True
        self.stop()

    def _start(self) -> None:
        thread = threading.Thread(target=self._run, name="purpose-agent-store", daemon=True)
        try:
            thread.start()
        except RuntimeError as e:
            raise StoreError(
                f"the store's writer cannot start ({e}); close the store before the program ends"
            ) from e
        self._thread = thread

    def _run(self) -> None:
        connection: sqlite3.Connection | None = None
        try:
            stopping = False
            while not stopping:
                batch, stopping = self._next_batch()
                if not batch:
                    continue
                try:
                    connection = connection or self._connect()
                except BaseException as e:
                    self._fail(batch, e)
                else:
                    self._commit(connection, batch)
        finally:
            if connection is not None:
                connection.close()

    def _next_batch(self) -> tuple[list[_Job], bool]:
        batch: list[_Job] = []
        job = self._jobs.get()
        while job is not None:
            batch.append(job)
            if len(batch) == _LARGEST_BATCH:
                return batch, False
            try:
                job = self._jobs.get_nowait()
            except Empty:
                return batch, False
        return batch, True

    def _commit(self, connection: sqlite3.Connection, batch: list[_Job]) -> None:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except BaseException as e:
            self._fail(batch, e)
            return
        try:
            results = [work(connection) for work, _ in batch]
            connection.execute("COMMIT")
        except BaseException as e:
            self._roll_back(connection, e if len(batch) == 1 else None)
            if len(batch) == 1:
                self._fail(batch, e)
            else:  # one of them is bad: find out which, and do the others
                for job in batch:
                    self._commit(connection, [job])
        else:
            for (_, future), result in zip(batch, results, strict=True):
                future.set_result(result)

    def _roll_back(self, connection: sqlite3.Connection, error: BaseException | None) -> None:
        try:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        except sqlite3.Error:
            pass  # the next BEGIN reports what is wrong
        finally:
            self._rolled_back(error)

    def _fail(self, batch: list[_Job], error: BaseException) -> None:
        for _, future in batch:
            future.set_exception(self._translate(error) if isinstance(error, READING_ERRORS) else error)


def _nothing(connection: sqlite3.Connection) -> None:
    """Work that only marks a place in the queue."""
