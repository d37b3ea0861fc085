"""Who hears what of a complaint.

The full status goes to the registered number, or to whoever gives the acknowledgement number **and** the registered number.
Others hear that the two do not match: in the same words, after the same look-ups, whether or not the number exists.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select

from helpline import acknowledgement, complaints, examples, lifecycle, limits, notices
from helpline.lifecycle import State
from helpline.runtime import Runtime
from helpline.sounds import skeleton
from models import Complaint, Event
from models.direct import Reader
from prompts.catalogue import Sms

# What `sentence` needs of a complaint, and who may hear it.
TOLD = (Complaint.id, Complaint.ack, Complaint.state, Complaint.outcome, Complaint.phone, Complaint.language, Complaint.department_code,
        Complaint.due_at, Complaint.asked_seq, Complaint.duplicate_of_id)  # fmt: skip
_LIVE = [str(s) for s in State if s != State.DRAFT and lifecycle.is_open(s)]
_latest_open = (
    select(Complaint.__table__)
    .where(Complaint.phone == bindparam("phone"), Complaint.state.in_(_LIVE))
    .order_by(Complaint.created_at.desc())
    .limit(1)
)
_earlier_open = (
    select(Complaint.__table__)
    .where(Complaint.phone == bindparam("phone"), Complaint.state.in_(_LIVE), Complaint.id < bindparam("before"))
    .order_by(Complaint.id.desc())
    .limit(1)
)

_asked = select(Event.data).where(Event.complaint_id == bindparam("complaint"), Event.seq == bindparam("seq"))


@dataclass(frozen=True)
class Answer:
    kind: str  # full | mismatch | limited
    row: Row[Any] | None = None


def look_up(
    db: Connection, runtime: Runtime, ack: str, caller: str | None, now: datetime, *, registered: str | None = None
) -> Answer:
    """`caller` and `registered` are E.164 or None. Only tries with a number that is not the caller's own are counted."""
    row = complaints.get_by_ack(db, ack)
    if row is not None and caller and row.phone == caller:
        return Answer("full", carrying_on(db, row))
    tried = limits.count(db, "status", caller or "unknown", now)
    if tried > runtime.config.status_lookups.per_caller_per_hour:
        return Answer("limited")
    if row is not None and registered and row.phone == registered:
        return Answer("full", carrying_on(db, row))
    return Answer("mismatch")


def carrying_on(db: Reader, row: Row[Any]) -> Row[Any]:
    """A duplicate speaks for the complaint that carries on."""
    if row.duplicate_of_id is None:
        return row
    return complaints.get(db, row.duplicate_of_id) or row


def latest_open(db: Connection, phone: str | None) -> Row[Any] | None:
    """The newest open complaint of a number: offered to a caller, told only when asked."""
    return db.execute(_latest_open, {"phone": phone}).first() if phone else None


def shared(db: Connection, phone: str | None, limit: int = 5) -> list[Row[Any]]:
    """The newest open complaints of a number that several people share, as their names tell; else none."""
    query = select(Complaint.__table__).where(Complaint.phone == phone, Complaint.state.in_(_LIVE))
    rows = list(db.execute(query.order_by(Complaint.created_at.desc()).limit(limit))) if phone else []
    return rows if len(people_of(rows)) > 1 else []


def people_of(rows: Iterable[Any]) -> set[str]:
    """The names of complaints, as they sound: a spelling more is not a person more."""
    return {" ".join(map(skeleton, examples.words(row.name))) for row in rows if row.name.strip()}


def earlier_open(db: Connection, phone: str | None, before: int) -> Row[Any] | None:
    """The newest open complaint of a number that is older than the one with the id `before`."""
    return db.execute(_earlier_open, {"phone": phone, "before": before}).first() if phone else None


def may_reopen(runtime: Runtime, row: Any, now: datetime) -> bool:
    """Whether the citizen may still reopen it: for the configured days after the closing."""
    over = row.state in (State.RESOLVED, State.CLOSED, State.REJECTED)
    return over and (row.closed_at is None or now - row.closed_at <= timedelta(days=runtime.config.casework.reopen_days))


def standing(row: Any) -> str:
    """Which sentence tells where a complaint stands, on both lines: the citizen's word, or how it ended."""
    if row.state == State.CLOSED:
        return "withdrawn" if row.outcome == "withdrawn" else "closed"
    return "rejected" if row.state == State.REJECTED else lifecycle.CITIZEN_WORD[row.state]


def question(db: Reader, row: Any) -> str:
    """What an office asked, as long as it waits for the answer; else ""."""
    if row.state != State.ACTION_REQUIRED or row.asked_seq is None:
        return ""
    asked: Any = db.execute(_asked, {"complaint": row.id, "seq": row.asked_seq}).scalar()
    return str((asked or {}).get("question", ""))


def sentence(db: Reader, runtime: Runtime, row: Any, language: str) -> str:
    """One plain sentence: number, one of three words, office, date."""
    return message(db, runtime, row, language).text


def message(db: Reader, runtime: Runtime, row: Any, language: str) -> Sms:
    """The sentence as a message."""
    key = f"status.{standing(row)}"
    entry = runtime.catalogue[key]
    values = {
        "helpline": runtime.config.helpline.short_name,
        "ack": acknowledgement.display(row.ack),
        "office": notices.short_office_name(runtime, row.department_code, language),
        "date": notices.short_date(row.due_at, language) if row.due_at else "",
        "phone": runtime.config.helpline.display_number,
    }
    if "asked1" in entry.placeholders:
        values |= notices.question({"question": question(db, row)})
    return runtime.catalogue.sms(key, language, **{name: values[name] for name in entry.placeholders})
