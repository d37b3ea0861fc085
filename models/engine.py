"""The engine: SQLite to start, PostgreSQL to grow, with the same promises."""

from __future__ import annotations

import fcntl
import json
import os
import select
import sqlite3
import sys
import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from models import durability, patience

READ_ONLY = {"helpline_read_only": True}
WAIT = 4.0  # seconds that a carrier's request waits for the store: the carrier waits 15 in all
PEOPLE_WAIT = 20.0  # likewise a page of the console: meanwhile its process answers no caller
REST = 5.0  # seconds in which a store that was away is not asked again: or every request would wait
_BETWEEN_TRIES = 0.0003  # seconds
# SQLite's primary result codes that say nothing against the statement: busy, locked, no memory, read-only, input/output, full, cannot open.
_SQLITE_AWAY = frozenset({5, 6, 7, 8, 10, 13, 14})
_POSTGRES_AWAY = ("08", "53", "57", "58", "25006")  # classes of SQLSTATE: connection, resources, operator, system; a read-only standby


def is_away(error: BaseException | None) -> bool:
    """Whether `error` says that the store cannot be reached or written just now, and nothing against what was asked of it."""
    if isinstance(error, PoolTimeout):
        return True
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, sqlite3.Error):
        return int(getattr(cause, "sqlite_errorcode", 0)) & 0xFF in _SQLITE_AWAY
    psycopg: Any = sys.modules.get("psycopg")
    if psycopg is None or not isinstance(cause, psycopg.Error):
        return False
    state: str | None = cause.sqlstate
    return isinstance(cause, psycopg.OperationalError) if state is None else state.startswith(_POSTGRES_AWAY)


class Resting:
    """Remembers for a few seconds that a store was away, in this process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until: dict[str, float] = {}

    def is_resting(self, store: str) -> bool:
        return self._clock() < self._until.get(store, 0.0)

    def begin(self, store: str) -> None:
        self._until[store] = self._clock() + REST

    def end(self, store: str = "") -> None:
        """Ask `store` (or every one) again."""
        if store:
            self._until.pop(store, None)
        else:
            self._until.clear()


resting = Resting()


class QueuedConnection(sqlite3.Connection):
    """A connection whose writers queue for their turn across processes, and wait for the disk after it.

    SQLite's own waiting sleeps 1 to 100 ms between tries; a lock on a file beside the store is tried a few times a millisecond, for as
    long as the store itself is waited for. The system gives the lock back when a process is killed. The write-ahead log is flushed
    when the next writer has its turn already (`synchronous=NORMAL` and a flush of our own, in place of `FULL`): one flush can serve
    several commits, and a commit still returns only when it lasts.
    """

    def __init__(self, database: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(database, *args, **kwargs)
        self._name = database
        queued = database not in ("", ":memory:")
        self._queue = os.open(f"{database}.queue", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600) if queued else None
        self._log_name = f"{database}-wal"
        self._log: int | None = None

    def begin_writing(self) -> None:
        """BEGIN IMMEDIATE, when it is this writer's turn. Raises OperationalError when the store is locked from outside.

        Whoever has the turn finds the store free, unless something else has it locked; those behind then have waited long
        enough already, and do not wait as long again.
        """
        if resting.is_resting(self._name):
            raise _busy("the store was locked a moment ago")
        start = time.monotonic()
        if not self._has_turn(start + WAIT):
            resting.begin(self._name)
            raise _busy(f"another writer has had its turn for {WAIT:g} seconds: stopped, or waiting for this one")
        waited = time.monotonic() - start
        try:
            if waited > 0.5:
                self.execute(f"PRAGMA busy_timeout={max(50, round((WAIT - waited) * 1000))}")
            self.execute("BEGIN IMMEDIATE")
        except BaseException as error:
            self._give_up_turn()
            if is_away(error):
                resting.begin(self._name)
            raise
        finally:
            if waited > 0.5:
                self.execute(f"PRAGMA busy_timeout={round(WAIT * 1000)}")

    def _has_turn(self, until: float) -> bool:
        """Waits for the turn, no longer than `until`: whoever has it may be a process that was stopped, or this very thread."""
        while self._queue is not None:
            try:
                fcntl.flock(self._queue, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= until:
                    return False
                time.sleep(_BETWEEN_TRIES)
        return True

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
        """Wait until everything committed so far is on the disk, or leave that to who postpones it."""
        if self._queue is None or durability.postpone(self._log_name, lambda: _flush_log(self._log_name)):
            return
        # The log's file stays the same one as long as a connection is open. No lock of SQLite's is on it.
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


def _flush_log(name: str) -> None:
    """Flush a write-ahead log by its name: in another thread, a connection's own may be closed meanwhile."""
    try:
        log = os.open(name, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:  # the last connection has closed, and took everything in the log to the store itself
        return
    try:
        os.fdatasync(log)
    finally:
        os.close(log)


def _busy(why: str) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError(why)
    error.sqlite_errorcode = sqlite3.SQLITE_BUSY
    return error


# Bengali as it is rather than as six letters for each of its own.
_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def make_engine(url: str, *, pool_size: int = 5, autocommit: bool = False) -> Engine:
    """An engine whose commits are durable: WAL, flushed by each commit, on SQLite; the server's own on PostgreSQL.

    A transaction on SQLite begins as a writer (`BEGIN IMMEDIATE`), so that it waits for its turn at the start and
    never fails in its middle, unless it was opened with the execution options READ_ONLY. `autocommit`: for `directly`.
    """
    if make_url(url).get_backend_name() == "sqlite":
        engine = create_engine(url, connect_args={"timeout": WAIT, "check_same_thread": False, "factory": QueuedConnection}, json_serializer=_json,
                               hide_parameters=True, pool_reset_on_return=None)  # fmt: skip
        event.listen(engine, "reset", _roll_back_sqlite)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    patience = {"connect_timeout": round(WAIT), "tcp_user_timeout": round(WAIT * 1000), "keepalives_idle": 10}
    sizes: dict[str, Any] = {"pool_size": pool_size, "max_overflow": pool_size, "pool_recycle": 1800, "pool_timeout": WAIT, "connect_args": patience, "json_serializer": _json, "hide_parameters": True}
    if autocommit:
        engine = create_engine(url, isolation_level="AUTOCOMMIT", pool_reset_on_return=None, **sizes)
        event.listen(engine, "checkout", _check_alive)
    else:
        engine = create_engine(url, pool_pre_ping=True, **sizes)
    event.listen(engine, "checkout", _refuse_while_resting)
    event.listen(engine, "do_connect", _connect_unless_resting)
    return engine


def _connect_unless_resting(dialect: Any, record: Any, args: Any, parameters: Any) -> Any:
    store = f"{parameters.get('host')}:{parameters.get('port')}/{parameters.get('dbname')}"
    record.info["store"] = store
    if resting.is_resting(store):
        raise dialect.dbapi.OperationalError("the store was away a moment ago")
    try:
        return patience.connect(lambda: resting.begin(store), *args, **parameters)
    except dialect.dbapi.OperationalError as error:
        if is_away(error):
            resting.begin(store)
        raise


def _refuse_while_resting(_connection: Any, record: Any, _proxy: Any) -> None:
    """Connections made earlier wait for the same store."""
    if resting.is_resting(record.info["store"]):
        raise DisconnectionError


def is_alive(connection: Any) -> bool:
    """Whether a server is at the other end of an idle connection of psycopg's, without asking it as a ping would: one that has
    something to read was closed."""
    if connection.closed:
        return False
    waiting = select.poll()
    waiting.register(connection.fileno(), select.POLLIN)
    return not waiting.poll(0)


def _check_alive(connection: Any, _record: Any, _proxy: Any) -> None:
    if not is_alive(connection):
        raise DisconnectionError


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions begin as _begin_sqlite says, not as the driver thinks
    cursor = connection.cursor()
    for pragma in (f"busy_timeout={round(WAIT * 1000)}", "journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "cache_size=-32000",
                   "wal_autocheckpoint=8000"):  # fmt: skip
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _roll_back_sqlite(connection: Any, _record: Any, _state: Any) -> None:
    """Only what was begun: most come back without."""
    if connection.in_transaction:
        connection.rollback()


def _begin_sqlite(connection: Connection) -> None:
    read_only = connection.get_execution_options().get("helpline_read_only", False)
    if read_only:
        connection.exec_driver_sql("BEGIN")
    else:
        connection.connection.driver_connection.begin_writing()  # type: ignore[union-attr]
