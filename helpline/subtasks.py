"""Sub-tasks: a part of the work that another office is asked to do, while the complaint stays where it is.

An open sub-task lets that office see the complaint (`asked_of`, a condition of queries). The complaint is not resolved
while one is open, unless a reason is given (`lifecycle`'s `resolve`).
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, exists, select

from helpline import offices
from models import Complaint, Subtask


def asked_of(office: str) -> ColumnElement[bool]:
    """Complaints with an open sub-task for `office` or one below it."""
    return exists().where(Subtask.complaint_id == Complaint.id, Subtask.state == "open", offices.within(Subtask.office_code, office))  # type: ignore[arg-type]


def are_open(db: Connection, complaint_id: int) -> bool:
    return db.execute(select(Subtask.id).where(Subtask.complaint_id == complaint_id, Subtask.state == "open").limit(1)).first() is not None
