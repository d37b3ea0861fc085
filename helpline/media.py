"""Pictures and documents that citizens sent with a message: fetched from the carrier by the worker, checked by their content, and kept
as attachments of the complaint they are about.

What is asked for is a row, written with the message under its key and the picture's place in it, so that a message delivered twice
asks once. One whose complaint is not known yet waits for the citizen's answer, and goes to their newest complaint when none comes.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection, Row, insert, select, update

from carriers.base import Absent, MediaCarrier, Permanent, Temporary
from helpline import attachments, complaints, outbox
from helpline.doing import CannotAct
from helpline.events import Actor
from helpline.lifecycle import Role
from helpline.runtime import Runtime
from models import Attachment, Complaint, Media, new_id

log = structlog.get_logger()
_table = Media.__table__
CITIZEN = Actor(Role.CITIZEN, "sms")
MOST = 10  # of one message: no carrier brings more
MAX_ATTEMPTS = 10
_TRIES = 3  # to write beside whatever else changes the complaint


def keep(db: Connection, key: str, number: str, items: Sequence[Sequence[str]], complaint_id: int | None, next_at: datetime, now: datetime) -> None:
    """Ask for the pictures `items` ((address, media type as the carrier says)) of the message `key`; asked again, nothing is added."""
    known = set(db.scalars(select(_table.c.position).where(_table.c.key == key)))
    rows = [{"id": new_id(), "key": key, "position": at, "number": number, "url": url, "declared_type": kind[:80], "complaint_id": complaint_id, "state": "pending",
             "attempts": 0, "next_at": next_at, "at": now} for at, (url, kind) in enumerate(items[:MOST]) if at not in known]  # fmt: skip
    if rows:
        db.execute(insert(Media), rows)


def belongs_to(db: Connection, key: str, complaint_id: int, now: datetime) -> None:
    """The citizen said which complaint the pictures of the message `key` are about."""
    db.execute(update(Media).where(_table.c.key == key, _table.c.complaint_id.is_(None)).values(complaint_id=complaint_id, next_at=now))


def unkept(db: Any, complaint_id: int) -> list[Row[Any]]:
    """Those of a complaint that are not (yet) among its attachments."""
    return list(db.execute(select(_table).where(_table.c.complaint_id == complaint_id, _table.c.state != "stored").order_by(_table.c.id)))


# ── the worker's part ───────────────────────────────────────────────────────────────────────────────────────────────


def fetch_due(runtime: Runtime, carrier: MediaCarrier | None, now: datetime, *, limit: int = 20) -> int:
    """Fetch what is due; how many were dealt with. No transaction is open while the carrier is asked."""
    if carrier is None:
        return 0
    with runtime.reading() as session:
        due = select(_table).where(_table.c.state == "pending", _table.c.next_at <= now).order_by(_table.c.next_at).limit(limit)
        rows = list(session.execute(due))
    for row in rows:
        outcome = _fetch(runtime, carrier, row, now)
        log.info("media.tried", media=row.id, state=outcome)
    return len(rows)


def _fetch(runtime: Runtime, carrier: MediaCarrier, row: Row[Any], now: datetime) -> str:
    """The state it has afterwards."""
    complaint_id = row.complaint_id or _newest(runtime, row)
    if complaint_id is None:
        return _refuse(runtime, row, None, "nobodys", now)
    try:
        content = carrier.fetch_media(row.url, runtime.config.attachments.max_bytes)
        checked = attachments.check(runtime, [(f"{row.position + 1}", content)])
    except (Absent, Temporary) as error:
        return _later(runtime, row, complaint_id, now, error)
    except Permanent as error:
        return _refuse(runtime, row, complaint_id, "file_too_large" if error.code == "size" else "unreachable", now)
    except attachments.Refused as refused:
        return _refuse(runtime, row, complaint_id, refused.reason, now)
    return _store(runtime, row, complaint_id, checked, now)


def _newest(runtime: Runtime, row: Row[Any]) -> int | None:
    """The newest complaint of the sender, also one that is a draft still."""
    with runtime.reading() as session:
        return session.scalar(select(Complaint.id).where(Complaint.phone == row.number).order_by(Complaint.created_at.desc()).limit(1))


def _store(runtime: Runtime, row: Row[Any], complaint_id: int, checked: list[attachments.Checked], now: datetime) -> str:
    """As an attachment of the complaint, with an event; the same picture is kept once."""
    with runtime.reading() as session:
        same = session.scalar(select(Attachment.id).where(Attachment.complaint_id == complaint_id, Attachment.sha256 == checked[0].sha256).limit(1))
    if same is not None:
        return _settle(runtime, row, state="stored", complaint_id=complaint_id, attachment_id=same)
    try:
        stored = attachments.store(runtime, checked, complaint_id, "citizen", CITIZEN, now)
    except attachments.Refused as full:  # a full disk, say
        return _later(runtime, row, complaint_id, now, Temporary(full.reason))
    for _ in range(_TRIES):
        try:
            with runtime.writing() as db:
                if not _is_mine(db, row, state="stored", complaint_id=complaint_id):
                    return "stored"  # another worker was quicker
                about = complaints.get(db, complaint_id)
                hashes = attachments.keep(db, stored, about.last_seq + 1 if about else 1)
                db.execute(update(Media).where(_table.c.id == row.id).values(attachment_id=stored[0]["id"]))
                complaints.act(db, runtime, complaint_id, "attach", CITIZEN, now, {"files": hashes})
            return "stored"
        except CannotAct as error:
            if error.reason != "stale":
                return _refuse(runtime, row, complaint_id, "unreachable", now)
    return "pending"


def _is_mine(db: Connection, row: Row[Any], **values: Any) -> bool:
    done = db.execute(update(Media).where(_table.c.id == row.id, _table.c.state == "pending").values(attempts=row.attempts + 1, **values))
    return bool(done.rowcount)


def _settle(runtime: Runtime, row: Row[Any], **values: Any) -> str:
    with runtime.writing() as db:
        _is_mine(db, row, **values)
    return str(values["state"])


def _later(runtime: Runtime, row: Row[Any], complaint_id: int, now: datetime, error: Absent | Temporary) -> str:
    """A carrier may not have it yet, or be in trouble; after MAX_ATTEMPTS the citizen is asked to send it again."""
    if row.attempts + 1 >= MAX_ATTEMPTS:
        return _refuse(runtime, row, complaint_id, "unreachable", now)
    wait = max(min(3600, 5 * 2 ** (row.attempts + 1)), getattr(error, "after", 0) or 0)
    return _settle(runtime, row, state="pending", complaint_id=complaint_id, next_at=now + timedelta(seconds=wait))


def _refuse(runtime: Runtime, row: Row[Any], complaint_id: int | None, reason: str, now: datetime) -> str:
    """Not taken: the console says why, and the citizen is told that it could not be kept."""
    with runtime.writing() as db:
        if _is_mine(db, row, state="refused", reason=reason, complaint_id=complaint_id) and complaint_id is not None:
            _tell(db, runtime, row, complaint_id, now)
    return "refused"


def _tell(db: Connection, runtime: Runtime, row: Row[Any], complaint_id: int, now: datetime) -> None:
    about = complaints.get(db, complaint_id)
    if about is None:
        return
    settings = runtime.config.helpline
    sms = runtime.catalogue.sms("sms.picture_failed", about.language, helpline=settings.short_name, phone=settings.display_number)
    key = f"picture:{row.key}"[:120]  # once a message, however many came with it
    outbox.owe(db, outbox.Owed(key, row.number, sms, complaint_id, asked=True), now)
