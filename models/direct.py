"""The webhooks' short way to the store: read without a transaction, then write everything in one.

A webhook that changes something thinks first and writes last, so that SQLite's one writer is never kept waiting by
thinking, and PostgreSQL is asked as seldom as can be: what is written goes to it as one statement. Two requests that
decided from the same rows cannot both write: the second breaks a unique key (an event's number, a message's id), and is
decided anew.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from sqlalchemy import Dialect, Engine, Insert, event
from sqlalchemy.exc import IntegrityError

from models import durability, patience
from models.base import UtcDateTime
from models.engine import WAIT, is_alive

Write = tuple[Any, Mapping[str, Any]]  # a statement of SQLAlchemy Core, a constant of its module, and its parameters


class Reader(Protocol):
    """What reading needs of a connection: SQLAlchemy's has it, and so has Direct."""

    def execute(self, statement: Any, parameters: Any = None, /) -> Any: ...


class Found(tuple[Any, ...]):
    """A row: a tuple with its columns' names, as SQLAlchemy's rows are."""

    __slots__ = ()
    _fields: tuple[str, ...] = ()

    @property
    def _mapping(self) -> dict[str, Any]:
        return dict(zip(self._fields, self, strict=True))


class Rows:
    """What a reading found; the names are those of SQLAlchemy's results."""

    def __init__(self, rows: list[Any]) -> None:
        self._rows = rows

    def first(self) -> Any:
        return self._rows[0] if self._rows else None

    def all(self) -> list[Any]:
        return self._rows

    def scalar(self) -> Any:
        return self._rows[0][0] if self._rows else None


class Compiled:
    """A statement as the driver takes it, with the conversions its types ask for."""

    def __init__(self, statement: Any, dialect: Dialect, columns_set: tuple[str, ...]) -> None:
        made = statement.compile(dialect=dialect, column_keys=list(columns_set) or None)
        self.statement = statement  # held, so that its identity stays its own
        self._order = list(made.positiontup or dict.fromkeys(_NAMED.findall(str(made))))
        self.sql = str(made) if made.positiontup is not None else _numbered(str(made), self._order)
        processors = [(key, _processor(bind.type, dialect)) for key, bind in made.binds.items()]
        self._converted = [(key, convert) for key, convert in processors if convert]
        columns = list(getattr(statement, "selected_columns", None) or ())
        converts = [column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns]
        self._converts = [(index, convert) for index, convert in enumerate(converts) if convert]
        names = tuple(column.name for column in columns)
        places: dict[str, Any] = {name: property(_getter(index)) for index, name in enumerate(names)}
        self._row: Any = type("Found", (Found,), {"__slots__": (), "_fields": names, **places})

    @property
    def parameters(self) -> int:
        return len(self._order)

    def bind(self, parameters: Mapping[str, Any]) -> list[Any]:
        values = dict(parameters)
        for key, convert in self._converted:
            values[key] = convert(values[key])
        return [values[key] for key in self._order]

    def row(self, raw: Sequence[Any]) -> Any:
        if not self._converts:
            return self._row(raw)
        values = list(raw)
        for index, convert in self._converts:
            values[index] = convert(values[index])
        return self._row(values)


_NAMED = re.compile(r"%\((\w+)\)s")
_NUMBER = re.compile(r"\$(\d+)")


def _numbered(sql: str, order: list[str]) -> str:
    """As PostgreSQL itself takes it, `$1`: of a statement this long, psycopg would look for the names at each execution."""
    places = {name: f"${number}" for number, name in enumerate(order, start=1)}
    return _NAMED.sub(lambda found: places[found[1]], sql).replace("%%", "%")


def _processor(kind: Any, dialect: Dialect) -> Callable[[Any], Any] | None:
    """A value as the driver takes it. A time in SQLite is a text: written by one call rather than by two layers of types."""
    if isinstance(kind, UtcDateTime) and dialect.name == "sqlite":
        return kind.as_sqlite_keeps_it
    processor: Callable[[Any], Any] | None = kind.dialect_impl(dialect).bind_processor(dialect)
    return processor


def _getter(index: int) -> Callable[[Any], Any]:
    return lambda row: row[index]


_compiled: dict[tuple[int, str, tuple[str, ...]], Compiled] = {}


def _compile(statement: Any, dialect: Dialect, columns_set: tuple[str, ...] = ()) -> Compiled:
    key = (id(statement), dialect.name, columns_set)
    made = _compiled.get(key)
    if made is None:
        made = _compiled[key] = Compiled(statement, dialect, columns_set)
    return made


class Direct:
    """A driver's connection in autocommit, with statements of SQLAlchemy Core compiled once. Made by `directly`."""

    def __init__(self, driver: Any, engine: Engine) -> None:
        self._driver = driver
        self._engine = engine
        self.dialect = engine.dialect
        self._cursor: Any = None  # of PostgreSQL: one for everything that is asked

    def execute(self, statement: Any, parameters: Mapping[str, Any] | None = None, /) -> Rows:
        """Read now, outside any transaction."""
        made = _compile(statement, self.dialect)
        cursor = self._run(made.sql, made.bind(parameters or {}))
        return Rows([made.row(row) for row in cursor.fetchall()])

    def _run(self, sql: str, values: list[Any]) -> Any:
        if self.dialect.name == "sqlite":
            return self._driver.execute(sql, values)
        if self._cursor is None:
            from psycopg import RawCursor

            self._cursor = RawCursor(self._driver)
        return self._cursor.execute(sql, values, prepare=True)

    def write(self, writes: Sequence[Write], *, lasting: bool = True) -> None:
        """All of `writes`, of different rows, in one transaction, or none. Raises IntegrityError when a unique key is taken.

        `lasting=False` does not wait for the disk: a crash of the whole machine (not of a process) may undo it. For what
        promises nobody anything and would be done again when asked again.
        """
        made = [(_compile(statement, self.dialect, tuple(parameters) if isinstance(statement, Insert) else ()), parameters)
                for statement, parameters in writes]  # fmt: skip
        bound = [(statement, statement.bind(parameters)) for statement, parameters in made]
        try:
            if self.dialect.name == "sqlite":
                self._write_queued(bound, lasting)
            else:
                self._write_as_one(bound, lasting)
        except self.dialect.dbapi.IntegrityError as error:  # type: ignore[union-attr]
            raise IntegrityError("a key is taken", None, error) from error

    def flush(self) -> None:
        """Wait until everything committed so far, by whomever, is on the disk, or leave that to who postpones it."""
        if self.dialect.name == "sqlite":
            self._driver.flush()
        elif not self._postpones():
            _end_log(self._driver)

    def _postpones(self) -> bool:
        if not durability.is_postponed():
            return False
        log = _log_of(self._engine)
        return durability.postpone(log, log.flush)

    def _write_queued(self, bound: list[tuple[Compiled, Any]], lasting: bool) -> None:
        driver = self._driver
        driver.begin_writing()
        try:
            for statement, values in bound:
                driver.execute(statement.sql, values)
            driver.commit_soon()
        except BaseException:
            driver.rollback()
            raise
        if lasting:
            driver.flush()

    def _write_as_one(self, bound: list[tuple[Compiled, Any]], lasting: bool) -> None:
        """One statement is one transaction, and one question to the server."""
        waits = lasting and not self._postpones()
        sql = _joined(tuple(statement for statement, _ in bound), waits)
        self._run(sql, [value for _, values in bound for value in values])


@lru_cache(maxsize=256)
def _joined(statements: tuple[Compiled, ...], waits: bool) -> str:
    """Every statement a part of one, `WITH w0 AS (…), w1 AS (…) SELECT 1`, its parameters counted on; `waits` for the disk or not."""
    parts, before = [], 0
    for number, statement in enumerate(statements):
        parts.append(f"w{number} AS ({_counted_on(statement.sql, before)})")
        before += statement.parameters
    return f"WITH {', '.join(parts)} SELECT " + ("1" if waits else "set_config('synchronous_commit', 'off', true)")


def _counted_on(sql: str, before: int) -> str:
    return _NUMBER.sub(lambda found: f"${int(found[1]) + before}", sql)


class ServersLog:
    """The log of a PostgreSQL server, flushed over a connection that was there before what it flushes was committed.

    A server that crashes may lose what it has not written yet, and once it is back its next flush knows nothing of that. But it
    has lost its connections too: over this one the flush fails, and nobody is told.
    """

    def __init__(self, engine: Engine) -> None:
        pooled = engine.raw_connection()
        self._driver: Any = pooled.driver_connection
        pooled.detach()
        self._flushing = threading.Lock()

    def is_open(self) -> bool:
        if not self._flushing.acquire(blocking=False):  # in use; should it break, whoever uses it hears of that
            return True
        try:
            return is_alive(self._driver)
        finally:
            self._flushing.release()

    def flush(self) -> None:
        """Callable in any thread. Raises what psycopg raises."""
        with patience.within(WAIT), self._flushing:
            _end_log(self._driver)

    def close(self) -> None:
        self._driver.close()


_logs: WeakKeyDictionary[Engine, ServersLog] = WeakKeyDictionary()


def _log_of(engine: Engine) -> ServersLog:
    log = _logs.get(engine)
    if log is None:
        event.listen(engine, "engine_disposed", _close_log)
    if log is None or not log.is_open():
        log = _logs[engine] = ServersLog(engine)
    return log


def _close_log(engine: Engine) -> None:
    if log := _logs.pop(engine, None):
        log.close()


def _end_log(driver: Any) -> None:
    """A transaction that changes nothing: its commit waits for the log up to there, and so for all commits before it. It writes a
    record: one that only took a number would wait for nothing."""
    driver.execute("SELECT pg_logical_emit_message(true, 'helpline', '')", prepare=True)


@contextmanager
def directly(engine: Engine) -> Iterator[Direct]:
    """A Direct of `engine`, which must be in autocommit."""
    pooled = engine.raw_connection()
    try:
        yield Direct(pooled.driver_connection, engine)
    except engine.dialect.dbapi.OperationalError as error:  # type: ignore[union-attr]
        pooled.invalidate(error)
        raise
    finally:
        pooled.close()
