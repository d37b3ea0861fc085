"""The short way to the store: all or nothing, on the disk before it returns, and by small indexes."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import String, cast, func, insert, select, text
from sqlalchemy.exc import IntegrityError

from helpline import limits
from models import Inbound, Tally, durability


def _received(key: str, now: Any) -> tuple[Any, dict[str, Any]]:
    return _insert, {"key": key, "kind": "sms", "payload": {"Body": "জল % নেই"}, "state": "done", "attempts": 0, "received_at": now}


_insert = insert(Inbound)


def test_all_writes_are_one_transaction(runtime, now):
    with runtime.directly() as db:
        db.write([_received("sms:a", now), limits.counting("sms-reply", "+919830012345", now)])
        with pytest.raises(IntegrityError):
            db.write([limits.counting("sms-reply", "+919830012345", now), _received("sms:b", now), _received("sms:a", now)])
        db.write([limits.counting("sms-reply", "+919830012345", now)], lasting=False)
    with runtime.reading() as session:
        assert session.scalar(select(func.count()).select_from(Inbound)) == 1
        assert session.scalar(select(Tally.count)) == 2
        assert session.scalar(select(Inbound.payload)) == {"Body": "জল % নেই"}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_commit_on_sqlite_waits_for_the_disk(runtime, now, monkeypatch):
    flushed = []
    monkeypatch.setattr(os, "fdatasync", lambda opened: flushed.append(str(Path(f"/proc/self/fd/{opened}").readlink())))
    log = f"{runtime.engine.url.database}-wal"
    with runtime.directly() as db:
        db.write([_received("sms:a", now)])
        assert flushed == [log]
        db.write([_received("sms:b", now)], lasting=False)
        assert flushed == [log]
    with runtime.writing() as db:
        db.execute(*_received("sms:c", now))
    assert flushed == [log, log]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_postponed_commit_on_sqlite_is_flushed_by_whoever_postponed_it(runtime, now, monkeypatch):
    flushed = []
    monkeypatch.setattr(os, "fdatasync", lambda opened: flushed.append(str(Path(f"/proc/self/fd/{opened}").readlink())))
    log = f"{runtime.engine.url.database}-wal"
    with durability.postponed() as owed:
        with runtime.directly() as db:
            db.write([_received("sms:a", now)])
        with runtime.writing() as db:
            db.execute(*_received("sms:b", now))
    assert not flushed
    with runtime.reading() as session:
        assert session.scalars(select(Inbound.key).order_by(Inbound.key)).all() == ["sms:a", "sms:b"]
    (flush,) = owed.values()
    flush()
    assert flushed == [log]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_postponed_commit_on_postgresql_is_flushed_by_whoever_postponed_it(runtime, now):
    with durability.postponed() as owed, runtime.directly() as db:
        db.write([_received("sms:a", now)], lasting=False)
        assert not owed
        db.write([_received("sms:b", now)])
    with runtime.engine.connect() as other:
        assert other.scalar(select(func.count()).select_from(Inbound)) == 2
        written = other.scalar(text("SELECT pg_current_wal_insert_lsn()"))
        (flush,) = owed.values()
        flush()
        assert other.scalar(text("SELECT pg_current_wal_flush_lsn() >= CAST(:written AS pg_lsn)"), {"written": written})


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_server_that_was_away_since_a_postponed_commit_is_not_believed(runtime, now):
    """A server that crashed may have lost what it had not written; its next flush knows nothing of that. It closes every connection."""
    with runtime.engine.connect() as db:
        before = list(db.scalars(text("SELECT pid FROM pg_stat_activity")))
    with durability.postponed() as owed, runtime.directly() as db:
        db.write([_received("sms:a", now)])
    _close_connections(runtime, before)
    (flush,) = owed.values()
    with pytest.raises(psycopg.OperationalError):
        flush()
    with durability.postponed() as owed, runtime.directly() as db:
        db.write([_received("sms:b", now)])
    (flush,) = owed.values()
    flush()


def _close_connections(runtime, before):
    with runtime.engine.connect() as db:
        db.execute(text("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND NOT pid = ANY(:before)"), {"before": before})


def test_what_another_process_wrote_is_told_when_it_lasts(runtime, now):
    with durability.postponed() as owed:
        runtime.await_disk()
        assert len(owed) == 1


@pytest.mark.parametrize("moment", ["2026-11-24T11:47:47+05:30", "2026-01-01T00:00:00.000009+00:00"])
def test_a_time_is_written_as_by_the_long_way(runtime, moment):
    when = datetime.fromisoformat(moment)
    with runtime.directly() as db:
        db.write([_received("sms:short", when)])
    with runtime.writing() as db:
        db.execute(*_received("sms:long", when))
    with runtime.reading() as session:
        assert session.scalars(select(Inbound.key).where(Inbound.received_at == when).order_by(Inbound.key)).all() == ["sms:long", "sms:short"]
        short, long = session.scalars(select(cast(Inbound.received_at, String)).order_by(Inbound.key))
        assert short == long
    with runtime.directly() as db, pytest.raises(ValueError, match="zone"):  # PostgreSQL's way says the same
        db.write([_received("sms:naive", when.replace(tzinfo=None))])

