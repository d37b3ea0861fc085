"""Officers without data: what comes to them is told by SMS with a short code, under which they work on it by SMS.

A code stands for one complaint, for one officer: four signs, of which one at least is a digit and one a letter, so that no
word of a citizen's message looks like one.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from helpline import acknowledgement, notices, numbers, outbox
from helpline.lifecycle import Role
from helpline.runtime import Runtime
from models import Complaint, Outgoing, User, WorkCode

LETTERS, DIGITS = "ABCDEFGHJKLMNPQRTUVWXY", "2346789"  # none that is mistaken for another
TOLD = ("forward", "transfer", "assign", "escalate", "reopen", "take_over")
MOST = 5  # officers of one office who are told
_TEMPLATE = {"escalate": "staff.escalated"}


def new_code() -> str:
    """Like `K7QZ`."""
    signs = [secrets.choice(LETTERS), secrets.choice(DIGITS), *(secrets.choice(LETTERS + DIGITS) for _ in range(2))]
    secrets.SystemRandom().shuffle(signs)
    return "".join(signs)


def is_code(text: str) -> bool:
    return len(text) == 4 and set(text) <= set(LETTERS + DIGITS) and bool(set(text) & set(LETTERS)) and bool(set(text) & set(DIGITS))


def code_for(db: Connection, user_id: int, complaint_id: int, now: datetime) -> str:
    """The officer's code for the complaint, always the same one."""
    known = db.scalar(select(WorkCode.code).where(WorkCode.user_id == user_id, WorkCode.complaint_id == complaint_id))
    if known:
        return str(known)
    taken = set(db.scalars(select(WorkCode.code).where(WorkCode.user_id == user_id)))
    code = next(code for code in iter(new_code, "") if code not in taken)
    db.execute(insert(WorkCode), [{"user_id": user_id, "code": code, "complaint_id": complaint_id, "at": now}])
    return code


def tell(db: Connection, runtime: Runtime, after: Mapping[str, Any], action: str, seq: int, targets: list[Any], now: datetime) -> None:
    """An SMS to each officer among `targets` (office, person) whose account has a mobile number."""
    if action not in TOLD or not runtime.config.casework.officers_by_sms:
        return
    rows = [outbox.row(_owed(db, runtime, after, action, seq, user, now), now) for user in _officers(db, targets) if numbers.is_mobile(user.phone)]
    if rows:
        db.execute(insert(Outgoing), rows)


def _officers(db: Connection, targets: list[Any]) -> list[Row[Any]]:
    found: dict[int, Row[Any]] = {}
    for office, person in targets:
        who = User.id == person if person else User.office_code == office
        query = select(User.__table__).where(who, User.active, User.role == str(Role.OFFICER), User.phone.is_not(None))
        found |= {user.id: user for user in db.execute(query.order_by(User.id).limit(MOST))}
    return list(found.values())


def _owed(db: Connection, runtime: Runtime, after: Mapping[str, Any], action: str, seq: int, user: Row[Any], now: datetime) -> outbox.Owed:
    values = {"code": code_for(db, user.id, after["id"], now), **about(runtime, after, user.language)}
    entry = runtime.catalogue[template := _TEMPLATE.get(action, "staff.assigned")]
    sms = runtime.catalogue.sms(template, user.language, **{name: values[name] for name in entry.placeholders})
    return outbox.Owed(f"staff:{after['id']}:{seq}:{user.id}", user.phone, sms, after["id"])


def about(runtime: Runtime, row: Mapping[str, Any], language: str) -> dict[str, str]:
    category = runtime.reference.categories.get(row["category_code"] or "")
    return {
        "helpline": runtime.config.helpline.short_name,
        "ack": acknowledgement.display(row["ack"]),
        "category": category.name(language) if category else "-",
        "date": notices.short_date(row["due_at"], language) if row["due_at"] else "-",
    }


def officer_of(db: Connection, number: str) -> list[Row[Any]]:
    """The officers with this number in their accounts."""
    return list(db.execute(select(User.__table__).where(User.phone == number, User.active, User.role == str(Role.OFFICER))))


def complaint_of(db: Connection, users: list[Row[Any]], code: str) -> tuple[Row[Any], Row[Any]] | None:
    """(officer, complaint) of a code; None where none of them has it."""
    for user in users:
        where = (WorkCode.user_id == user.id, WorkCode.code == code)
        row = db.execute(select(Complaint.__table__).join(WorkCode, WorkCode.complaint_id == Complaint.id).where(*where)).first()
        if row is not None:
            return user, row
    return None
