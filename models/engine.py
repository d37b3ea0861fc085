"""The engine: SQLite to start, PostgreSQL to grow, with the same promises."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url

READ_ONLY = {"helpline_read_only": True}


def make_engine(url: str, *, pool_size: int = 5) -> Engine:
    """An engine whose commits are durable: WAL with `synchronous=FULL` on SQLite, the server's own on PostgreSQL.

    A transaction on SQLite begins as a writer (`BEGIN IMMEDIATE`), so that it waits for its turn at the start and
    never fails in its middle, unless it was opened with the execution options READ_ONLY.
    """
    if make_url(url).get_backend_name() == "sqlite":
        engine = create_engine(url, connect_args={"timeout": 20, "check_same_thread": False})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    return create_engine(url, pool_size=pool_size, max_overflow=pool_size, pool_pre_ping=True, pool_recycle=1800)


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions begin as _begin_sqlite says, not as the driver thinks
    cursor = connection.cursor()
    for pragma in ("busy_timeout=20000", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "cache_size=-32000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    read_only = connection.get_execution_options().get("helpline_read_only", False)
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")
