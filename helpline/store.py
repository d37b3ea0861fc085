"""The store's schema: migrated to the newest version, and compared with what this code needs."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text

from helpline.config import ROOT

_LOCK = 4_155_771  # any number: PostgreSQL's advisory lock while one process migrates


def _alembic() -> AlembicConfig:
    return AlembicConfig(str(ROOT / "alembic.ini"))


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Migrate to `revision`. Several processes may do so at once: one migrates, the others wait and find it done."""
    ensure_directory(engine)
    with engine.connect() as db:
        if engine.dialect.name == "postgresql":
            db.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        config = _alembic()
        config.attributes["connection"] = db
        command.upgrade(config, revision)
        db.commit()


def downgrade(engine: Engine, revision: str) -> None:
    with engine.connect() as db:
        config = _alembic()
        config.attributes["connection"] = db
        command.downgrade(config, revision)
        db.commit()


def ensure_directory(engine: Engine) -> None:
    url = engine.url
    if url.get_backend_name() == "sqlite" and url.database and url.database != ":memory:":
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)


def current_revision(engine: Engine) -> str | None:
    with engine.connect() as db:
        return MigrationContext.configure(db).get_current_revision()


def newest_revision() -> str | None:
    return ScriptDirectory.from_config(_alembic()).get_current_head()


def is_migrated(engine: Engine) -> bool:
    return current_revision(engine) == newest_revision()
