"""What every part needs, built once and passed in: no globals."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

from sqlalchemy import Connection, Engine
from sqlalchemy.orm import Session

from helpline import sla
from helpline.amendments import Shelf
from helpline.config import Config
from helpline.journal import Journal
from helpline.reference import Reference
from models import READ_ONLY, make_engine
from models.direct import Direct, directly
from prompts.catalogue import Catalogue
from prompts.catalogue import load as load_catalogue


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Runtime:
    config: Config
    engine: Engine
    catalogue: Catalogue
    shelf: Shelf

    @property
    def reference(self) -> Reference:
        """As shipped and amended by the office; the same object until an amendment is seen."""
        return self.shelf.book().reference

    @property
    def calendar(self) -> sla.Calendar:
        return self.shelf.book().calendar

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction, committed at its end, rolled back by an exception. Never held while a carrier is called."""
        with self.engine.begin() as db:
            yield db

    @contextmanager
    def directly(self) -> Iterator[Direct]:
        """The webhooks' short way: read, decide, write once."""
        with directly(self._direct_engine) as db:
            yield db

    def await_disk(self) -> None:
        """Before something is told that another process may have written this very moment: no answer leaves before it lasts."""
        with self.directly() as db:
            db.flush()

    @cached_property
    def _direct_engine(self) -> Engine:
        if self.engine.dialect.name == "sqlite":
            return self.engine  # its connections are in autocommit until a transaction begins
        return make_engine(self.config.database.url, pool_size=self.config.database.pool_size, autocommit=True)

    @cached_property
    def journal(self) -> Journal:
        """What carriers sent while the store was away, on this machine."""
        return Journal(self.config.storage.journal)

    def dispose(self) -> None:
        """Close every idle connection."""
        self.engine.dispose()
        self._direct_engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that only reads: on SQLite it does not wait for writers."""
        with self._read_engine.connect() as db, Session(bind=db) as session:
            yield session

    @cached_property
    def _read_engine(self) -> Engine:
        return self.engine.execution_options(**READ_ONLY)


def build_runtime(config: Config) -> Runtime:
    """Raises ConfigurationError, CatalogueError or LifecycleError when something does not fit together."""
    engine = make_engine(config.database.url, pool_size=config.database.pool_size)
    return Runtime(config, engine, load_catalogue(), Shelf(engine, config.casework.working_hours))
