"""Sub-tasks: a part of the work that another office is asked to do, while the complaint stays where it is.

An open sub-task lets that office see the complaint (`asked_of`, a condition of queries) and answer it, no more. The complaint
is not resolved while one is open, unless a reason is given.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, insert, select, update

from helpline import offices
from models import Alert, Complaint, Subtask, User, new_id

ANSWERS = {"part_done": "done", "part_declined": "declined"}  # action → state of the sub-task
MAY_WHO_WAS_ASKED = (*ANSWERS, "note")  # what an office may do that sees a complaint through its sub-task alone


def asked_of(office: str) -> ColumnElement[bool]:
    """Complaints with an open sub-task for `office` or one below it."""
    column: Any = Subtask.office_code
    return Complaint.id.in_(select(Subtask.complaint_id).where(Subtask.state == "open", offices.within(column, office)))


def of(db: Any, complaint_id: int) -> list[Row[Any]]:
    """A complaint's sub-tasks in order, each with `asked_by` and `answered_by`, the people's names."""
    asker, answerer = User.__table__.alias(), User.__table__.alias()
    query = (
        select(Subtask.__table__, asker.c.name.label("asked_by"), answerer.c.name.label("answered_by"))
        .outerjoin(asker, asker.c.id == Subtask.asked_by_id)
        .outerjoin(answerer, answerer.c.id == Subtask.answered_by_id)
    )
    return list(db.execute(query.where(Subtask.complaint_id == complaint_id).order_by(Subtask.id)))


def are_open(db: Connection, complaint_id: int) -> bool:
    return db.execute(select(Subtask.id).where(Subtask.complaint_id == complaint_id, Subtask.state == "open").limit(1)).first() is not None


def may_answer(user: Row[Any] | None, office: str) -> bool:
    """The office that was asked, one above it, or the grievance cell's desk."""
    return user is not None and (user.office_code is None or offices.is_within(office, user.office_code))


def to_answer(db: Connection, complaint_id: int, subtask_id: int, user_id: int | None) -> bool:
    """Whether that open sub-task is this account's to answer."""
    found = db.execute(select(Subtask.office_code).where(Subtask.id == subtask_id, Subtask.complaint_id == complaint_id, Subtask.state == "open")).first()
    user = db.execute(select(User.__table__).where(User.id == user_id)).first()
    return found is not None and may_answer(user, found.office_code)


def ask(db: Connection, complaint_id: int, office: str, what: str, due: datetime, user_id: int | None, now: datetime) -> None:
    """The sub-task, and an alert for that office."""
    row = {"id": new_id(now), "complaint_id": complaint_id, "office_code": office, "what": what, "due_at": due, "asked_by_id": user_id,
           "asked_at": now, "state": "open", "report": ""}  # fmt: skip
    db.execute(insert(Subtask), [row])
    db.execute(insert(Alert), [{"id": new_id(now), "complaint_id": complaint_id, "kind": "ask_office", "office_code": office, "user_id": None, "at": now}])


def answer(db: Connection, subtask_id: int, action: str, report: str, user_id: int | None, now: datetime) -> None:
    done = {"state": ANSWERS[action], "report": report, "answered_by_id": user_id, "answered_at": now}
    db.execute(update(Subtask).where(Subtask.id == subtask_id, Subtask.state == "open").values(**done))


def drop(db: Connection, after: Mapping[str, Any], reason: str, user_id: int | None, now: datetime) -> None:
    """The work ended without them."""
    done = {"state": "declined", "report": reason, "answered_by_id": user_id, "answered_at": now}
    db.execute(update(Subtask).where(Subtask.complaint_id == after["id"], Subtask.state == "open").values(**done))
