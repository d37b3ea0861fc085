"""The engine: SQLite to start, PostgreSQL to grow, with the same promises."""

from __future__ import annotations

import fcntl
import os
import select
import sqlite3
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DisconnectionError

READ_ONLY = {"helpline_read_only": True}


class QueuedConnection(sqlite3.Connection):
    """A connection whose writers queue for their turn across processes, and wait for the disk after it.

    SQLite's own waiting sleeps 1 to 100 ms between tries; a lock on a file beside the store wakes the next writer at once.
    The system gives the lock back when a process is killed. The write-ahead log is flushed when the next writer has its
    turn already (`synchronous=NORMAL` and a flush of our own, in place of `FULL`): one flush can serve several commits, and
    a commit still returns only when it lasts.
    """

    def __init__(self, database: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(database, *args, **kwargs)
        queued = database not in ("", ":memory:")
        self._queue = os.open(f"{database}.queue", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600) if queued else None
        self._log_name = f"{database}-wal"
        self._log: int | None = None

    def wait_for_turn(self) -> None:
        if self._queue is not None:
            fcntl.flock(self._queue, fcntl.LOCK_EX)

    def _give_up_turn(self) -> None:
        if self._queue is not None:
            fcntl.flock(self._queue, fcntl.LOCK_UN)

    def commit(self) -> None:
        self.commit_soon()
        self.flush()

    def commit_soon(self) -> None:
        """Commit without waiting for the disk: a crash of the whole machine may undo it."""
        try:
            super().commit()
        finally:
            self._give_up_turn()

    def flush(self) -> None:
        """Wait until everything committed so far is on the disk."""
        # The log's file stays the same one as long as a connection is open. No lock of SQLite's is on it.
        if self._queue is None:
            return
        if self._log is None:
            try:
                self._log = os.open(self._log_name, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:  # nothing was ever written
                return
        os.fdatasync(self._log)

    def rollback(self) -> None:
        try:
            super().rollback()
        finally:
            self._give_up_turn()

    def close(self) -> None:
        super().close()
        for opened in (self._queue, self._log):
            if opened is not None:
                os.close(opened)
        self._queue = self._log = None


def make_engine(url: str, *, pool_size: int = 5, autocommit: bool = False) -> Engine:
    """An engine whose commits are durable: WAL, flushed by each commit, on SQLite; the server's own on PostgreSQL.

    A transaction on SQLite begins as a writer (`BEGIN IMMEDIATE`), so that it waits for its turn at the start and
    never fails in its middle, unless it was opened with the execution options READ_ONLY. `autocommit`: for `directly`.
    """
    if make_url(url).get_backend_name() == "sqlite":
        engine = create_engine(url, connect_args={"timeout": 20, "check_same_thread": False, "factory": QueuedConnection})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    sizes = {"pool_size": pool_size, "max_overflow": pool_size, "pool_recycle": 1800}
    if autocommit:
        engine = create_engine(url, isolation_level="AUTOCOMMIT", pool_reset_on_return=None, **sizes)
        event.listen(engine, "checkout", _check_alive)
        return engine
    return create_engine(url, pool_pre_ping=True, **sizes)


def _check_alive(connection: Any, _record: Any, _proxy: Any) -> None:
    """An idle connection that has something to read was closed by the server: without asking it, as a ping would."""
    waiting = select.poll()
    waiting.register(connection.fileno(), select.POLLIN)
    if connection.closed or waiting.poll(0):
        raise DisconnectionError


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions begin as _begin_sqlite says, not as the driver thinks
    cursor = connection.cursor()
    for pragma in ("busy_timeout=20000", "journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "cache_size=-32000",
                   "wal_autocheckpoint=8000"):  # fmt: skip
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    read_only = connection.get_execution_options().get("helpline_read_only", False)
    if not read_only:
        connection.connection.driver_connection.wait_for_turn()  # type: ignore[union-attr]
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")
