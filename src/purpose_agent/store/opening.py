"""From a path to a checked SQLite connection, and from SQLite's errors to ours. No file is ever overwritten."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import sqlite3
from pathlib import Path

import msgspec

from purpose_agent.errors import (
    StoreCorruptError,
    StoreError,
    StoreReadOnlyError,
    StoreVersionError,
    UsageError,
)
from purpose_agent.store.schema import APPLICATION_ID, SCHEMA_VERSION, ensure_index, migrate

FILE_NAME = "purpose_agent.sqlite"
"""The store's file in a folder."""

FILE_SUFFIXES = frozenset({".sqlite", ".sqlite3", ".db"})
"""A path that ends in one of these is a file, any other that does not exist yet is a folder."""

BUSY_SECONDS = 30.0
"""How long one process waits for another one's write."""

_MAGIC = b"SQLite format 3\0"
_SMALLEST = 512


def store_file(path: str | Path) -> Path:
    """The absolute path of the store's file, by the rules of `open_store`.

    Raises:
        UsageError: the path is empty or holds a NUL.
    """
    text = os.fspath(path)
    if not text.strip() or "\0" in text:
        raise UsageError(
            f"a store's path must not be empty or hold a NUL, got {text!r}; pass None for no file"
        )
    absolute = Path(text).expanduser().absolute()
    if absolute.suffix.lower() in FILE_SUFFIXES or absolute.is_file():
        return absolute
    return absolute / FILE_NAME


def open_file(path: Path, *, read_header: bool = True) -> sqlite3.Connection:
    """A connection to the store's file, created where it is missing, checked and brought up to date.

    Args:
        path: the file.
        read_header: False while this process has the file open: whoever closes a file gives up all locks that his
            process holds on it, SQLite's included, and other processes then write over what is being written
            (sqlite.org/howtocorrupt.html, 2.2).
    """
    try:
        _make_sure_it_exists(path)
        if read_header:
            _check_header(path)
    except OSError as e:
        raise _from_os_error(e, path) from e
    try:
        connection = connect_file(path)
    except (sqlite3.Error, UnicodeDecodeError) as e:
        raise translate(e, path) from e
    try:
        _check_marks(connection, path)
        connection.execute("PRAGMA journal_mode = WAL")
        _probe_write(connection)
        migrate(connection)
        ensure_index(connection)
    except BaseException as e:
        connection.close()
        if isinstance(e, READING_ERRORS):
            raise translate(e, path) from e
        raise
    return connection


def connect_file(path: Path) -> sqlite3.Connection:
    """One more connection to a file that `open_file` has checked; it never creates one."""
    connection = sqlite3.connect(
        f"{path.as_uri()}?mode=rw",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        connection.execute("PRAGMA synchronous = NORMAL")
    except BaseException:
        connection.close()
        raise
    return connection


def connect_memory() -> sqlite3.Connection:
    """A connection to a new private database in memory, with all tables."""
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    migrate(connection)
    ensure_index(connection)
    return connection


ReadingError = sqlite3.Error | msgspec.MsgspecError | UnicodeDecodeError
READING_ERRORS = (sqlite3.Error, msgspec.MsgspecError, UnicodeDecodeError)
"""What reading a store raises: SQLite's errors, and those of rows, or of SQLite's own messages, that hold no text."""


def translate(error: ReadingError, path: Path | None) -> StoreError:
    """Our error for SQLite's and the decoder's, with the file's name and a remedy."""
    where = "the store in memory" if path is None else f"the store {str(path)!r}"
    if not isinstance(error, sqlite3.Error):
        return StoreCorruptError(
            f"{where} is damaged ({type(error).__name__}: {error}); it was left as it is: restore a copy of it"
        )
    name = str(getattr(error, "sqlite_errorname", ""))
    if name.startswith("SQLITE_CANTOPEN") and path is not None and not path.exists():
        return gone(path)
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return StoreCorruptError(f"{where} is damaged ({error}); it was left as it is: restore a copy of it")
    if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
        return StoreReadOnlyError(
            f"{where} cannot be written ({error}); make the file and its folder writable or choose another path"
        )
    if name.startswith(("SQLITE_FULL", "SQLITE_IOERR")):
        return StoreError(
            f"{where} could not be written ({error}); nothing was changed: free some disk space"
        )
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return StoreError(
            f"{where} was locked by another process for {BUSY_SECONDS:.0f} s ({error}); see which process holds it"
        )
    return StoreError(f"{where} failed: {type(error).__name__}: {error}")


def gone(path: Path) -> StoreError:
    """The error for a file that is not there any more."""
    return StoreError(
        f"the store {str(path)!r} is gone: it was moved or deleted while it was open; put it back or open another"
    )


def _make_sure_it_exists(path: Path) -> None:
    if path.is_dir():
        raise StoreError(
            f"{str(path)!r} is a folder where the store's file is wanted; name a file or its parent"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    log = path.with_name(path.name + "-wal")
    log_is_there = log.exists()  # looked up first: a file that appears meanwhile appears before its log
    if path.exists():
        return
    if log_is_there:
        raise StoreCorruptError(
            f"{str(path)!r} is missing but its log {log.name!r} is there; restore the file, or delete the log to "
            "start anew"
        )
    _create(path)


def _create(path: Path) -> None:
    """Make an empty store beside ``path`` and move it there, so that nobody ever sees half a store."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(6)}.new")
    try:
        connection = sqlite3.connect(draft, isolation_level=None)
        try:
            migrate(connection)
            connection.execute("PRAGMA journal_mode = WAL")
        finally:
            connection.close()
        try:
            os.link(draft, path)
        except FileExistsError:
            pass  # another process was faster
        except OSError:  # a file system without hard links
            if not path.exists():
                draft.rename(path)
    except sqlite3.OperationalError as e:
        if e.sqlite_errorcode in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
            raise StoreReadOnlyError(
                f"{str(path)!r} cannot be made ({e}); make its folder writable or choose another path"
            ) from e
        raise translate(e, path) from e
    finally:
        for leftover in (draft, draft.with_name(draft.name + "-wal"), draft.with_name(draft.name + "-shm")):
            with contextlib.suppress(OSError):
                leftover.unlink()


def _check_header(path: Path) -> None:
    with path.open("rb") as file:
        head = file.read(_SMALLEST)
    if not head:
        raise StoreCorruptError(
            f"{str(path)!r} is empty (0 bytes): a store was cut off or this is no store; delete it to start anew"
        )
    if not head.startswith(_MAGIC):
        raise StoreCorruptError(
            f"{str(path)!r} is not a SQLite file; it was left as it is: choose another path"
        )
    if len(head) < _SMALLEST or _is_cut_off(path, head):
        raise StoreCorruptError(f"{str(path)!r} is cut off; it was left as it is: restore a copy of it")


def _is_cut_off(path: Path, head: bytes) -> bool:
    """Whether pages that the header counts are missing, when there is no log that could hold them."""
    page_size = int.from_bytes(head[16:18], "big")
    pages = int.from_bytes(head[28:32], "big")
    size = path.stat().st_size
    log = path.with_name(path.name + "-wal")
    return size < pages * (65536 if page_size == 1 else page_size) and not log.exists()


def _check_marks(connection: sqlite3.Connection, path: Path) -> None:
    mark = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if mark != APPLICATION_ID:
        raise StoreCorruptError(
            f"{str(path)!r} is a SQLite file of another program; it was left as it is: choose another path"
        )
    if version > SCHEMA_VERSION:
        raise StoreVersionError(
            f"{str(path)!r} was written by a newer version of purpose_agent (format {version}, this one knows "
            f"{SCHEMA_VERSION}); upgrade the package or choose another path"
        )
    # reads the pages that hold the schema
    connection.execute("SELECT count(*) FROM sqlite_master").fetchone()


def _probe_write(connection: sqlite3.Connection) -> None:
    """Fail now when the file cannot be written: a read-only one opens without an error."""
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("UPDATE counters SET value = value WHERE name = 'revision'")
    connection.execute("ROLLBACK")


def _from_os_error(error: OSError, path: Path) -> StoreError:
    if isinstance(error, (NotADirectoryError, FileExistsError)):
        return StoreError(
            f"{str(path.parent)!r} cannot be the store's folder: a file is in the way ({error})"
        )
    if isinstance(error, PermissionError) or error.errno == errno.EROFS:
        return StoreReadOnlyError(
            f"{str(path)!r} cannot be written ({error}); make its folder writable or choose another path"
        )
    return StoreError(f"{str(path)!r} cannot be opened ({error}); choose another path")
