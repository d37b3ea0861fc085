"""Limits that every process shares: how often a number may do something within an hour."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from models.direct import Reader, Write

_UPSERT = text(
    "INSERT INTO tallies (kind, subject, hour, count) VALUES (:kind, :subject, :hour, 1) "
    "ON CONFLICT (kind, subject, hour) DO UPDATE SET count = tallies.count + 1 RETURNING count"
)
_ADD = text(str(_UPSERT).removesuffix(" RETURNING count"))
_COUNT = text("SELECT count FROM tallies WHERE kind = :kind AND subject = :subject AND hour = :hour")


def count(db: Connection, kind: str, subject: str, now: datetime) -> int:
    """One more `kind` by `subject` in this hour; the number of them so far."""
    return int(db.execute(_UPSERT, _key(db, kind, subject, now)).scalar_one())


def counted(db: Reader, kind: str, subject: str, now: datetime) -> int:
    return int(db.execute(_COUNT, _key(db, kind, subject, now)).scalar() or 0)


def counting(db: Reader, kind: str, subject: str, now: datetime) -> Write:
    """One more `kind` by `subject`, to be written with other things."""
    return _ADD, _key(db, kind, subject, now)


def may(db: Connection, kind: str, subject: str, limit: int, now: datetime) -> bool:
    """Count this one, and say whether it is within `limit` an hour."""
    return count(db, kind, subject, now) <= limit


def _key(db: Any, kind: str, subject: str, now: datetime) -> dict[str, object]:
    hour = now.replace(minute=0, second=0, microsecond=0)
    stored: object = hour if db.dialect.name == "postgresql" else hour.strftime("%Y-%m-%d %H:00:00.000000")
    return {"kind": kind, "subject": subject[:64], "hour": stored}
