"""What the simulated network remembers, in an SQLite file of its own: several processes may serve it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

_SCHEMA = """
CREATE TABLE IF NOT EXISTS calls (sid TEXT PRIMARY KEY, number TEXT, called TEXT, state TEXT, pending TEXT, started REAL);
CREATE TABLE IF NOT EXISTS ended (sid TEXT PRIMARY KEY, at REAL);
CREATE TABLE IF NOT EXISTS placed (sid TEXT PRIMARY KEY, url TEXT, report TEXT, until REAL);
CREATE TABLE IF NOT EXISTS heard (id INTEGER PRIMARY KEY, sid TEXT, who TEXT, text TEXT, language TEXT, voice TEXT);
CREATE TABLE IF NOT EXISTS messages (sid TEXT PRIMARY KEY, sender TEXT, recipient TEXT, body TEXT, status TEXT, code TEXT,
  callback TEXT, made REAL, seq INTEGER);
CREATE TABLE IF NOT EXISTS media (sid TEXT PRIMARY KEY, message_sid TEXT, type TEXT, content BLOB);
CREATE TABLE IF NOT EXISTS recordings (sid TEXT PRIMARY KEY, call_sid TEXT, wav BLOB, seconds INTEGER, made REAL);
CREATE TABLE IF NOT EXISTS queued (sid TEXT PRIMARY KEY, wait TEXT, action TEXT, since REAL);
CREATE TABLE IF NOT EXISTS members (sid TEXT PRIMARY KEY, room TEXT, action TEXT, ends INTEGER, muted INTEGER, held INTEGER);
CREATE TABLE IF NOT EXISTS bridges (sid TEXT PRIMARY KEY, parent TEXT, action TEXT, report TEXT);
CREATE TABLE IF NOT EXISTS switches (name TEXT PRIMARY KEY, value TEXT);
"""


class Store:
    """Connections are kept and lent to one thread at a time: opening one costs more than most of what is asked of it."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._idle: list[sqlite3.Connection] = []
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        with closing(self._connect()) as db:  # not kept: a process that is forked from this one must not find it
            db.executescript(_SCHEMA)

    @contextmanager
    def open(self) -> Iterator[sqlite3.Connection]:
        try:
            db = self._idle.pop()
        except IndexError:
            db = self._connect()
        try:
            yield db
            db.commit()
        except BaseException:
            db.close()
            raise
        self._idle.append(db)

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._path, timeout=20, check_same_thread=False)
        db.row_factory = sqlite3.Row
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=OFF")  # a simulated network need not outlive its machine
        return db

    def run(self, statement: str, *values: Any) -> None:
        with self.open() as db:
            db.execute(statement, values)

    def rows(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        with self.open() as db:
            return [dict(row) for row in db.execute(statement, values)]

    def row(self, statement: str, *values: Any) -> dict[str, Any] | None:
        found = self.rows(statement, *values)
        return found[0] if found else None

    def pending(self, sid: str) -> dict[str, Any] | None:
        row = self.row("SELECT pending FROM calls WHERE sid = ?", sid)
        return dict(json.loads(row["pending"])) if row and row["pending"] else None

    def switch(self, name: str, default: str) -> str:
        row = self.row("SELECT value FROM switches WHERE name = ?", name)
        return str(row["value"]) if row else default
