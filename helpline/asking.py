"""Asking again whether it is solved, by SMS and by call in turn, until there is an answer or the configured tries are over."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, select, update

from helpline import numbers, outbox, telling
from helpline.lifecycle import State
from helpline.runtime import Runtime
from models import Complaint, Feedback

_table = Feedback.__table__


def ask_again(runtime: Runtime, now: datetime, *, limit: int = 200) -> int:
    """Ask every citizen whose answer is due once more; how many."""
    query = (
        select(Complaint.__table__, _table.c.round, _table.c.tries, _table.c.asked_by)
        .join(Feedback, _table.c.complaint_id == Complaint.id)
        .where(_table.c.next_at <= now, _table.c.answered_at.is_(None))
        .limit(limit)
    )
    with runtime.reading() as session:
        rows = list(session.execute(query))
    for row in rows:
        with runtime.writing() as db:
            _ask(db, runtime, row, now)
    return len(rows)


def _ask(db: Connection, runtime: Runtime, row: Row[Any], now: datetime) -> None:
    rules = runtime.config.feedback
    mine = (_table.c.complaint_id == row.id, _table.c.round == row.round, _table.c.tries == row.tries, _table.c.answered_at.is_(None))
    if row.state != State.RESOLVED or row.reopen_count != row.round or row.tries >= rules.tries or not numbers.e164(row.phone):
        db.execute(update(Feedback).where(*mine).values(next_at=None))
        return
    way = "sms" if row.asked_by == "call" and numbers.is_mobile(row.phone) else "call"
    values = {"tries": row.tries + 1, "asked_by": way, "next_at": now + timedelta(days=rules.days_apart)}
    if db.execute(update(Feedback).where(*mine).values(**values)).rowcount:
        outbox.owe(db, telling.by(runtime, way, row, "notify.still_asking", f"feedback:{row.id}:{row.round}:{row.tries + 1}", now), now)
