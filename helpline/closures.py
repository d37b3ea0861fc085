"""Closing texts: the same report under many complaints is a sign of closures that are not solutions.

Each report is kept as a hash of its folded words (`ClosingText`), so "who else got this text" is a look-up in an index.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, insert, select, true

from helpline import text as texts
from models import ClosingText, Complaint

MOST = 1000  # counted up to here


@dataclass(frozen=True)
class Same:
    """Other complaints that were closed with the same words."""

    count: int  # at most MOST
    newest: tuple[Row[Any], ...]  # id, ack, office_code, at


def hash_of(report: str) -> str:
    """The same for texts that differ in case, digits' script, spaces and punctuation alone."""
    return hashlib.sha256(" ".join(texts.tokens(texts.normalise(report))).encode()).hexdigest()


def record(db: Connection, after: Mapping[str, Any], seq: int, report: str, user_id: int | None, now: datetime) -> None:
    row = {"complaint_id": after["id"], "seq": seq, "text_hash": hash_of(report), "at": now, "office_code": after["office_code"], "by_id": user_id}
    db.execute(insert(ClosingText), [row])


def same_text(db: Any, complaint_id: int, visible: ColumnElement[bool] | None = None, *, shown: int = 5) -> Same:
    """Whose last report has the words of this complaint's last report; the newest first, of those that are `visible`."""
    own = select(ClosingText.text_hash).where(ClosingText.complaint_id == complaint_id).order_by(ClosingText.seq.desc()).limit(1)
    text_hash = db.execute(own).scalar()
    if text_hash is None:
        return Same(0, ())
    others = (ClosingText.text_hash == text_hash, ClosingText.complaint_id != complaint_id)
    some = select(ClosingText.complaint_id).where(*others).distinct().limit(MOST).subquery()
    count = db.execute(select(func.count()).select_from(some)).scalar() or 0
    newest = (
        select(Complaint.id, Complaint.ack, ClosingText.office_code, ClosingText.at)
        .join(Complaint, Complaint.id == ClosingText.complaint_id)
        .where(*others, true() if visible is None else visible)
        .order_by(ClosingText.at.desc())
        .limit(shown)
    )
    return Same(count, tuple(db.execute(newest)))


def repeated(db: Any, since: datetime, *, at_least: int = 5, limit: int = 100) -> list[Row[Any]]:
    """Texts used for at least so many complaints since then, the commonest first: text_hash, count, newest."""
    count = func.count(ClosingText.complaint_id.distinct())
    query = select(ClosingText.text_hash, count.label("count"), func.max(ClosingText.at).label("newest")).where(ClosingText.at >= since)
    return list(db.execute(query.group_by(ClosingText.text_hash).having(count >= at_least).order_by(count.desc()).limit(limit)))
