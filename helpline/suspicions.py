"""Closures that look wrong: each reason is one named condition in a table. A person looks; nothing is decided here.

Looked for every night over the resolutions of the last weeks; what was found stays until somebody settles it.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, insert, select, update
from sqlalchemy.orm import aliased

from helpline import text as texts
from helpline.runtime import Runtime
from models import Complaint, Event, Feedback, Suspicion

RECENT = timedelta(days=35)
SAME_TEXT_FROM = 5  # resolutions of one office with the same words
MINUTES_BEFORE_DUE = 15
AT_ONCE_MINUTES = 30  # taken up and resolved
_CONTACT = ("ask", "answer", "promise", "note", "add", "complete")
_BATCH = 500


@dataclass(frozen=True)
class Closure:
    """One resolution, with what can be said about it."""

    complaint_id: int
    seq: int  # of its event
    at: datetime
    office_code: str
    actor_id: int | None
    same_text: int  # resolutions of this office with these words in the period
    minutes_left: int | None  # until the due time; negative when late
    without_contact: bool  # nobody asked, noted, promised or heard anything since it was (re)opened
    minutes_worked: int | None  # since somebody of the staff first did something with it
    confirmed_by_staff: bool  # the citizen's answer came from a number of our own staff


KINDS: dict[str, Callable[[Closure], bool]] = {
    "same_text": lambda c: c.same_text >= SAME_TEXT_FROM,
    "last_minute": lambda c: c.minutes_left is not None and 0 <= c.minutes_left <= MINUTES_BEFORE_DUE,
    "no_contact": lambda c: c.without_contact and c.minutes_worked is not None and c.minutes_worked <= AT_ONCE_MINUTES,
    "own_number": lambda c: c.confirmed_by_staff,
}


def look(runtime: Runtime, now: datetime) -> int:
    """Write down what was not known yet; how many."""
    with runtime.reading() as session:
        found = [(closure, kind) for closure in _closures(session.connection(), now - RECENT) for kind, is_so in KINDS.items() if is_so(closure)]
        known = set(session.execute(select(Suspicion.complaint_id, Suspicion.seq, Suspicion.kind).where(Suspicion.at > now - RECENT)).tuples())
    rows = [{"complaint_id": c.complaint_id, "seq": c.seq, "kind": kind, "at": c.at, "office_code": c.office_code, "actor_id": c.actor_id, "found_at": now,
             "data": {"same_text": c.same_text, "minutes_left": c.minutes_left}} for c, kind in found if (c.complaint_id, c.seq, kind) not in known]  # fmt: skip
    for begin in range(0, len(rows), _BATCH):
        with runtime.writing() as db:
            db.execute(insert(Suspicion), rows[begin : begin + _BATCH])
    return len(rows)


def _closures(db: Connection, since: datetime) -> Iterator[Closure]:
    report, office = Event.data["report"].as_string(), Event.before["office_code"].as_string()
    chosen = (Event.action == "resolve", Event.at > since)
    same = Counter((row.office, _words(row.report)) for row in db.execute(select(office.label("office"), report.label("report")).where(*chosen)))
    query = (
        select(Event.complaint_id, Event.seq, Event.at, Event.actor_id, office.label("office"), report.label("report"), Complaint.due_at, Complaint.resolved_at,
               Feedback.from_staff, _earlier(lambda event: event.action.in_(_CONTACT)).label("contact"), _earlier(lambda event: event.actor_kind == "staff").label("begun"))
        .join(Complaint, Complaint.id == Event.complaint_id)
        .outerjoin(Feedback, (Feedback.complaint_id == Complaint.id) & (Feedback.round == Complaint.reopen_count))
        .where(*chosen)
    )  # fmt: skip
    for row in db.execute(query):
        stands = row.resolved_at == row.at  # not reopened since
        yield Closure(row.complaint_id, row.seq, row.at, row.office or "", row.actor_id, same[row.office, _words(row.report)],
                      _minutes(row.at, row.due_at) if stands else None, bool(stands and row.contact is None),
                      _minutes(row.begun, row.at), bool(stands and row.from_staff))  # fmt: skip


def _earlier(such: Callable[[Any], ColumnElement[bool]]) -> Any:
    """The first time, since it was last opened again, that an event before this one was such."""
    before, opened = aliased(Event), aliased(Event)
    reopened = select(func.max(opened.seq)).where(opened.complaint_id == Event.complaint_id, opened.action == "reopen", opened.seq < Event.seq)
    since = func.coalesce(reopened.correlate(Event).scalar_subquery(), 0)
    first = select(func.min(before.at)).where(before.complaint_id == Event.complaint_id, before.seq < Event.seq, before.seq > since, such(before))
    return first.correlate(Event).scalar_subquery()


def _minutes(first: datetime | None, last: datetime | None) -> int | None:
    return (last - first) // timedelta(minutes=1) if first and last else None


def _words(report: str | None) -> bytes:
    """The same words are the same, whatever the spaces and dots."""
    return hashlib.blake2b(" ".join(texts.tokens(texts.normalise(report or ""))).encode(), digest_size=12).digest()


def settle(db: Connection, complaint_id: int, seq: int, kind: str, user_id: int, now: datetime) -> bool:
    """Somebody looked into it; False when it was settled already, or is not there."""
    done = db.execute(
        update(Suspicion)
        .where(Suspicion.complaint_id == complaint_id, Suspicion.seq == seq, Suspicion.kind == kind, Suspicion.settled_at.is_(None))
        .values(settled_at=now, settled_by_id=user_id)
    )
    return bool(done.rowcount)


