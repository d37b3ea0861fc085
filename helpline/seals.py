"""The audit's chain: every few minutes the worker seals what was written since, over the seal before it.

Rows are written by every page at once, so each cannot wait for the one before; a seal over a run of rows is as good. The
store refuses to change rows of the audit (triggers); a seal shows it if somebody did all the same, or took one out.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import IntegrityError

from helpline.runtime import Runtime
from models import Audit, AuditSeal

SETTLING = timedelta(minutes=2)  # a row may be committed a little after one with a later number
_MOST = 5000


def seal(runtime: Runtime, now: datetime) -> int:
    """Seal what is older than SETTLING; how many rows. Of two workers at once one seals."""
    try:
        with runtime.writing() as db:
            last = db.execute(select(AuditSeal.__table__).order_by(AuditSeal.last_id.desc()).limit(1)).first()
            after = last.last_id if last else 0
            newest = db.execute(select(Audit.id).where(Audit.id > after, Audit.at <= now - SETTLING).order_by(Audit.id).limit(_MOST)).scalars().all()
            if not newest:
                return 0
            count, digest = _hash(db, last.hash if last else "", after, newest[-1])
            db.execute(insert(AuditSeal), [{"first_id": after + 1, "last_id": newest[-1], "count": count, "hash": digest, "at": now}])
            return count
    except IntegrityError:
        return 0


def _hash(db: Connection, previous: str, after: int, last: int) -> tuple[int, str]:
    made, count = hashlib.sha256(previous.encode()), 0
    for row in db.execute(select(Audit.__table__).where(Audit.id > after, Audit.id <= last).order_by(Audit.id)):
        content = [row.id, row.at.astimezone(UTC).isoformat(), row.user_id, row.action, row.complaint_id, row.data]
        made.update(json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode() + b"\n")
        count += 1
    return count, made.hexdigest()


def broken(runtime: Runtime) -> list[tuple[int, int]]:
    """(first, last) number of every run of rows whose seal does not fit any more."""
    found, previous, expected = [], "", 1
    with runtime.reading() as session:
        db = session.connection()
        for row in db.execute(select(AuditSeal.__table__).order_by(AuditSeal.last_id)).all():
            count, digest = _hash(db, previous, row.first_id - 1, row.last_id)
            if digest != row.hash or count != row._mapping["count"] or row.first_id != expected:
                found.append((row.first_id, row.last_id))
            previous, expected = row.hash, row.last_id + 1
    return found
