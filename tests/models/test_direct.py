"""The short way to the store: all or nothing, on the disk before it returns, and by small indexes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, insert, select
from sqlalchemy.exc import IntegrityError

from helpline import limits
from models import Inbound, Tally


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
