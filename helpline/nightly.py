"""The nightly check: every open complaint has an owner, a due time and a next action, and every change had its message.

What is found stands in a list in the console until a later check finds it right.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time, timedelta
from typing import Any

from sqlalchemy import Connection, String, and_, cast, exists, insert, literal, or_, select, update
from sqlalchemy.exc import IntegrityError

from helpline import lifecycle, suspicions
from helpline.lifecycle import State, is_worked_on
from helpline.runtime import Runtime
from helpline.sla import IST
from models import Complaint, Event, Finding, LastRun, Outgoing, User

_WORKED_ON = [str(state) for state in State if is_worked_on(state)]
_TELLING = sorted({row.action for row in lifecycle.TABLE if row.tells})
RECENT = timedelta(days=35)


def _without_office(runtime: Runtime, now: datetime) -> Any:
    """Nobody has it: no office, or one that does not exist any more."""
    known = list(runtime.reference.offices)
    return and_(Complaint.state.in_(_WORKED_ON), or_(Complaint.office_code.is_(None), Complaint.office_code.not_in(known)))


def _owner_gone(runtime: Runtime, now: datetime) -> Any:
    """Whoever has it cannot sign in any more."""
    gone = exists().where(User.id == Complaint.owner_id, User.active.is_(False))
    return and_(Complaint.state.in_(_WORKED_ON), gone)


def _without_due_time(runtime: Runtime, now: datetime) -> Any:
    return and_(Complaint.state.in_(_WORKED_ON), Complaint.due_at.is_(None))


def _without_next(runtime: Runtime, now: datetime) -> Any:
    """Nothing will happen by itself: no news promised, and no escalation ahead unless it is at the top already."""
    return and_(Complaint.state.in_(_WORKED_ON), or_(Complaint.news_at.is_(None), and_(Complaint.escalate_at.is_(None), Complaint.level < 4)))


def _untold(runtime: Runtime, now: datetime) -> Any:
    """A change of the last weeks that owes the citizen a message, and none was written though there is a number."""
    key = literal("complaint:") + cast(Event.complaint_id, String) + literal(":") + cast(Event.seq, String)
    owed = exists().where(
        Event.complaint_id == Complaint.id,
        Event.action.in_(_TELLING),
        Event.at > now - RECENT,
        ~exists().where(Outgoing.key == key),
    )
    return and_(Complaint.ack.is_not(None), Complaint.phone.is_not(None), Complaint.updated_at > now - RECENT, owed)


KINDS: dict[str, Callable[[Runtime, datetime], Any]] = {
    "no_office": _without_office,
    "owner_gone": _owner_gone,
    "no_due_time": _without_due_time,
    "nothing_next": _without_next,
    "untold": _untold,
}
BATCH = 5000
HOUR = time(2, 30)  # Asia/Kolkata


def check_when_due(runtime: Runtime, now: datetime) -> bool:
    """Check at night; and at once when the night before has gone by without a check. Of several workers one does."""
    if not _begin(runtime, now):
        return False
    check(runtime, now)
    suspicions.look(runtime, now)
    return True


def last_due(now: datetime) -> datetime:
    """The latest half past two at night, in Asia/Kolkata, that is not later than `now`."""
    local = now.astimezone(IST)
    night = datetime.combine(local.date(), HOUR, IST)
    return night if night <= local else night - timedelta(days=1)


def _begin(runtime: Runtime, now: datetime) -> bool:
    due = last_due(now)
    with runtime.reading() as session:
        last = session.scalar(select(LastRun.at).where(LastRun.name == "nightly"))
    if last is not None and due <= last <= now:
        return False
    try:
        with runtime.writing() as db:
            if last is None:
                db.execute(insert(LastRun), [{"name": "nightly", "at": now}])
                return True
            return bool(db.execute(update(LastRun).where(LastRun.name == "nightly", LastRun.at == last).values(at=now)).rowcount)
    except IntegrityError:
        return False


def check(runtime: Runtime, now: datetime) -> dict[str, int]:
    """Bring the list of findings up to date; kind → how many complaints are wrong."""
    counts = {}
    for kind, condition in KINDS.items():
        with runtime.reading() as session:
            wrong = set(session.scalars(select(Complaint.id).where(condition(runtime, now)).limit(BATCH)))
        with runtime.writing() as db:
            _settle(db, kind, wrong, now)
        counts[kind] = len(wrong)
    return counts


def _settle(db: Connection, kind: str, wrong: set[int], now: datetime) -> None:
    rows = {row.complaint_id: row for row in db.execute(select(Finding.complaint_id, Finding.settled_at).where(Finding.kind == kind))}
    fresh = [{"complaint_id": key, "kind": kind, "found_at": now, "settled_at": None} for key in wrong if key not in rows]
    if fresh:
        db.execute(insert(Finding), fresh)
    again = [key for key, row in rows.items() if key in wrong and row.settled_at is not None]
    right = [key for key, row in rows.items() if key not in wrong and row.settled_at is None]
    for keys, values in ((again, {"found_at": now, "settled_at": None}), (right, {"settled_at": now})):
        if keys:
            db.execute(update(Finding).where(Finding.kind == kind, Finding.complaint_id.in_(keys)).values(**values))
