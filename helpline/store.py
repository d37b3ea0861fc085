"""The store's schema: migrated to the newest version, and compared with what this code needs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, insert, text
from sqlalchemy.exc import SQLAlchemyError

from helpline.config import ROOT
from models import READ_ONLY, Heartbeat, is_away

_LOCK = 4_155_771  # any number: PostgreSQL's advisory lock while one process migrates


class Unreachable(Exception):
    """The store is away; the message names it, without its password."""


@contextmanager
def reaching(engine: Engine) -> Iterator[None]:
    """Raises Unreachable where what is done meets a store that is away."""
    try:
        yield
    except SQLAlchemyError as error:
        if not is_away(error):
            raise
        raise Unreachable(f"the store cannot be reached: {engine.url.render_as_string(hide_password=True)}") from None


def _alembic() -> AlembicConfig:
    return AlembicConfig(str(ROOT / "alembic.ini"))


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Migrate to `revision`. Several processes may do so at once: one migrates, the others wait and find it done."""
    ensure_directory(engine)
    with engine.connect() as db, _tables_may_be_made_anew(db):
        if engine.dialect.name == "postgresql":
            db.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        config = _alembic()
        config.attributes["connection"] = db
        command.upgrade(config, revision)
        db.commit()


@contextmanager
def _tables_may_be_made_anew(db: Connection) -> Iterator[None]:
    """SQLite changes a table by making it anew; meanwhile rows that name its rows must not hinder. Checked at the end."""
    if db.dialect.name != "sqlite":
        yield
        return
    driver: Any = db.connection.driver_connection
    driver.execute("PRAGMA foreign_keys=OFF")
    try:
        yield
        if driver.execute("PRAGMA foreign_key_check").fetchone():
            raise RuntimeError("the migration left rows that name rows which are not there")
    finally:
        driver.execute("PRAGMA foreign_keys=ON")


def downgrade(engine: Engine, revision: str) -> None:
    with engine.connect() as db, _tables_may_be_made_anew(db):
        config = _alembic()
        config.attributes["connection"] = db
        command.downgrade(config, revision)
        db.commit()


def ensure_directory(engine: Engine) -> None:
    if (file := file_of(engine)) is not None:
        file.parent.mkdir(parents=True, exist_ok=True)


def current_revision(engine: Engine) -> str | None:
    with engine.execution_options(**READ_ONLY).connect() as db:
        return MigrationContext.configure(db).get_current_revision()


def newest_revision() -> str | None:
    return ScriptDirectory.from_config(_alembic()).get_current_head()


def refuses(engine: Engine) -> str | None:
    """Why SQLite takes nothing more just now (full, locked, read-only); None when it does, and for PostgreSQL, which says so itself."""
    if engine.dialect.name != "sqlite":
        return None
    try:
        with engine.connect() as db, db.begin() as trial:
            db.execute(insert(Heartbeat), [{"worker": "trial" + " " * 20_000, "at": datetime.now(UTC)}])  # new pages are asked for
            trial.rollback()
    except Exception as error:
        if not is_away(error):
            raise
        return str(getattr(error, "orig", error))
    return None


def file_of(engine: Engine) -> Path | None:
    """SQLite's file."""
    name = engine.url.database
    return Path(name) if engine.dialect.name == "sqlite" and name and name != ":memory:" else None


def is_migrated(engine: Engine) -> bool:
    return current_revision(engine) == newest_revision()
