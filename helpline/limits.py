"""Limits that every process shares: how often a number may do something within an hour."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, bindparam, select, text

from helpline.sla import IST
from models import Tally
from models.base import UtcDateTime
from models.direct import Write

_ADD_TEXT = (
    "INSERT INTO tallies (kind, subject, hour, count) VALUES (:kind, :subject, :hour, 1) "
    "ON CONFLICT (kind, subject, hour) DO UPDATE SET count = tallies.count + 1"
)
_HOUR = bindparam("hour", type_=UtcDateTime())
_ADD = text(_ADD_TEXT).bindparams(_HOUR)
_ADD_AND_COUNT = text(f"{_ADD_TEXT} RETURNING count").bindparams(_HOUR)
# How often so far, as a part of another reading; its parameters are those of `key`.
TALLIED = select(Tally.count).where(Tally.kind == bindparam("kind"), Tally.subject == bindparam("subject"), Tally.hour == _HOUR).scalar_subquery()


def key(kind: str, subject: str, now: datetime) -> dict[str, object]:
    # An hour of the clock in Kolkata, which is half an hour off from UTC's: so the hours make up its days.
    return {"kind": kind, "subject": subject[:64], "hour": now.astimezone(IST).replace(minute=0, second=0, microsecond=0)}


def count(db: Connection, kind: str, subject: str, now: datetime) -> int:
    """One more `kind` by `subject` in this hour; the number of them so far."""
    return int(db.execute(_ADD_AND_COUNT, key(kind, subject, now)).scalar_one())


def counting(kind: str, subject: str, now: datetime) -> Write:
    """One more `kind` by `subject`, to be written with other things."""
    return _ADD, key(kind, subject, now)


def may(db: Connection, kind: str, subject: str, limit: int, now: datetime) -> bool:
    """Count this one, and say whether it is within `limit` an hour."""
    return count(db, kind, subject, now) <= limit
