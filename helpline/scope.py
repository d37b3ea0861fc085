"""Who sees and works on which complaints: from role, office, department and district, as a condition of the query itself."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, exists, false, or_, select

from helpline import offices, subtasks
from helpline.lifecycle import Role, State
from models import Barred, Complaint, User

SEES_ALL = (Role.AGENT, Role.CELL, Role.SUPERVISOR, Role.MONITOR)


def visible(user: Row[Any], *, asked: bool = True) -> ColumnElement[bool]:
    """Complaints that `user` (a row of users) may see.

    An officer: those of the own office and all below it, what they own, and (`asked`) where their office was asked for a part. Agents and the desk: all. Supervisors and
    monitors: all, or those of their department and district where these are set. Nobody sees a complaint that names them,
    or somebody of their office or of one above it.
    """
    if user.role == Role.OFFICER:
        reach = [Complaint.owner_id == user.id]
        reach += [offices.within(_office, user.office_code)] if user.office_code else []
        if asked and user.office_code:
            reach.append(subtasks.asked_of(user.office_code))
        return and_(or_(*reach), Complaint.state != str(State.DRAFT), not_barred(user))
    if user.role not in SEES_ALL:
        return false()
    limits = [column == value for column, value in ((Complaint.department_code, user.department_code), (Complaint.district_code, user.district_code)) if value]
    return and_(*limits, not_barred(user))


_office: Any = Complaint.office_code


def not_barred(user: Row[Any]) -> ColumnElement[bool]:
    """Complaints that name neither this person nor an office that they work in or below."""
    return ~exists().where(Barred.complaint_id == Complaint.id, names(user))


def names(user: Row[Any]) -> ColumnElement[bool]:
    """Rows of `barred` that keep complaints from this person."""
    by_office = [Barred.office_code.in_(offices.upwards(user.office_code))] if user.office_code else []
    return or_(Barred.user_id == user.id, *by_office)


def barred(db: Connection, complaint_id: int) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """(people, offices) that the complaint names: neither they, nor whoever works in these offices or below them, may have it."""
    rows = db.execute(select(Barred.user_id, Barred.office_code).where(Barred.complaint_id == complaint_id)).all()
    return tuple(row.user_id for row in rows), tuple(row.office_code for row in rows if row.office_code)


def may_work_on(db: Connection, complaint_id: int, user_id: int | None, action: str = "") -> bool:
    """Whether the account may do `action` to the complaint; in which state is the lifecycle's. No account: the system's own."""
    if user_id is None:
        return True
    user = db.execute(select(User.__table__).where(User.id == user_id, User.active)).first()
    if user is None:
        return False
    reach = visible(user, asked=action in subtasks.MAY_WHO_WAS_ASKED)
    return db.execute(select(Complaint.id).where(Complaint.id == complaint_id, reach)).first() is not None


def own_work(db: Connection, user: Row[Any], now: Any) -> list[int]:
    """The accounts whose work is this person's: the own, and those of the absent whom they deputise for."""
    absent = select(User.id).where(User.deputy_id == user.id, User.absent_from <= now, or_(User.absent_until.is_(None), User.absent_until > now))
    return [user.id, *db.scalars(absent)]
