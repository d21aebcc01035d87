"""How work reaches SQLite: a file with a pool of readers and one writer, or one private connection in memory."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import weakref
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Protocol, TypeVar

from purpose_agent.errors import StoreError
from purpose_agent.store.opening import (
    READING_ERRORS,
    ReadingError,
    connect_file,
    connect_memory,
    gone,
    open_file,
    translate,
)
from purpose_agent.store.transaction import transaction
from purpose_agent.store.writer import Work, Writer

T = TypeVar("T")


class Database(Protocol):
    """Where `Work` is done."""

    def read(self, work: Work[T]) -> T:
        """Do work that changes nothing, in the calling thread."""
        ...

    def submit(self, work: Work[T], *, hurry: bool = True) -> Future[T]:
        """Do work in a transaction, in order, and return at once."""
        ...

    def write(self, work: Work[T]) -> T:
        """Do work in a transaction and return its result when it is durable."""
        ...

    def flush(self) -> None:
        """Wait until everything submitted so far is durable."""
        ...

    def close(self) -> None:
        """Flush and free everything; closing twice is fine."""
        ...


class FileDatabase:
    """A file. Connections are lent to one thread at a time and live in a pool, so none outlives its thread unseen.

    SQLite's connections must not be carried over a fork: before one they are closed, after it both sides open anew.

    Args:
        path: the file; it is opened and checked here, so that its errors come early.
        rolled_back: see `Writer`.
    """

    def __init__(self, path: Path, rolled_back: Callable[[BaseException | None], None]) -> None:
        self._path = path
        self._closed = False
        with _opening:
            elsewhere = any(other.has_open(path) for other in _databases)
            self._idle: deque[sqlite3.Connection] = deque([open_file(path, read_header=not elsewhere)])
            _databases.add(self)
        self._writer = Writer(self._connect, rolled_back, self._translate)

    def read(self, work: Work[T]) -> T:
        """See `Database.read`."""
        if self._closed:
            raise _closed(self._path)
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._connect()
        try:
            connection.execute("BEGIN")  # all of the work sees one moment
            return work(connection)
        except READING_ERRORS as e:
            raise self._translate(e) from e
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            self._idle.append(connection)
            if self._closed:
                self._close_idle()

    def submit(self, work: Work[T], *, hurry: bool = True) -> Future[T]:
        """See `Database.submit`."""
        if self._closed:
            raise _closed(self._path)
        return self._writer.submit(work, hurry=hurry)

    def write(self, work: Work[T]) -> T:
        """See `Database.write`."""
        return self.submit(work).result()

    def flush(self) -> None:
        """See `Database.flush`."""
        self._writer.flush()

    def close(self) -> None:
        """See `Database.close`."""
        self._closed = True
        self._writer.close()
        self._close_idle()

    def has_open(self, path: Path) -> bool:
        """Whether it may hold connections to that file."""
        try:
            return not self._closed and path.samefile(self._path)
        except OSError:
            return False

    def check_place(self) -> None:
        """Look whether the file is still there; the system keeps one that was deleted as long as it is open.

        Raises:
            StoreError: it is not.
        """
        if not self._path.exists():
            raise gone(self._path)

    def quiesce(self) -> None:
        """Finish writing and close every connection that is not in use; the next use opens new ones."""
        self._writer.stop()
        self._close_idle()

    def _connect(self) -> sqlite3.Connection:
        try:
            return connect_file(self._path)
        except READING_ERRORS as e:
            raise self._translate(e) from e

    def _close_idle(self) -> None:
        with contextlib.suppress(IndexError):
            while True:
                self._idle.pop().close()

    def _translate(self, error: ReadingError) -> StoreError:
        return translate(error, self._path)


class MemoryDatabase:
    """A private database in memory: one connection, one thread at a time."""

    def __init__(self) -> None:
        self._connection = connect_memory()
        self._lock = threading.Lock()
        self._closed = False

    def read(self, work: Work[T]) -> T:
        """See `Database.read`."""
        with self._lock:
            if self._closed:
                raise _closed(None)
            try:
                return work(self._connection)
            except READING_ERRORS as e:
                raise translate(e, None) from e

    def submit(self, work: Work[T], *, hurry: bool = True) -> Future[T]:
        """See `Database.submit`; the work is done when this returns."""
        future: Future[T] = Future()
        try:
            future.set_result(self.write(work))
        except BaseException as e:
            future.set_exception(e)
        return future

    def write(self, work: Work[T]) -> T:
        """See `Database.write`."""

        def whole(connection: sqlite3.Connection) -> T:
            with transaction(connection):
                return work(connection)

        return self.read(whole)

    def flush(self) -> None:
        """Nothing waits here."""

    def close(self) -> None:
        """See `Database.close`."""
        with self._lock:
            self._closed = True
            self._connection.close()


def _closed(path: Path | None) -> StoreError:
    where = "the store in memory" if path is None else f"the store {str(path)!r}"
    return StoreError(f"{where} is closed; open it again")


_databases: weakref.WeakSet[FileDatabase] = weakref.WeakSet()
_opening = threading.Lock()


def _before_fork() -> None:
    for database in list(_databases):
        database.quiesce()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork)
