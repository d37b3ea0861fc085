"""What citizens say of a resolution: solved or not, a rating, and whether somebody asked for money or behaved badly.

One row for each time a complaint was resolved. A yes to the last question is told to supervisors alone: it stands in no event, and no
officer sees it. What comes from an officer's own number is kept, and marked.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, insert, or_, select, update

from helpline.config import Feedback as Rules
from helpline.lifecycle import Role, State
from models import Alert, Complaint, Feedback, User, new_id

CONFIDENTIAL = "conduct"  # the alert's kind: shown to supervisors only
OUTCOMES = ("answered", "no_answer", "wrong_number", "refused")  # of an agent's call
_ASKED_NO_MORE = ("wrong_number", "refused")  # neither a stranger nor who will not speak of it is asked again
CLAIM = timedelta(minutes=30)
_table = Feedback.__table__


def ask(db: Connection, row: Mapping[str, Any], way: str, rules: Rules, now: datetime) -> None:
    """A resolution begins its round: asked for the first time, with the message that tells of it."""
    values = {"complaint_id": row["id"], "round": row["reopen_count"], "asked_at": now, "asked_by": way, "tries": 1,
              "next_at": now + timedelta(days=rules.days_apart)}  # fmt: skip
    key = (_table.c.complaint_id == row["id"], _table.c.round == row["reopen_count"])
    if not db.execute(update(Feedback).where(*key).values(**values, solved=None, answered_at=None)).rowcount:
        db.execute(insert(Feedback), [values])


def answered(db: Connection, complaint_id: int, round_: int, solved: bool, channel: str, now: datetime) -> None:
    """The first answer of a round stands."""
    db.execute(
        update(Feedback)
        .where(_table.c.complaint_id == complaint_id, _table.c.round == round_, _table.c.answered_at.is_(None))
        .values(solved=solved, channel=channel, answered_at=now, next_at=None)
    )


def rated(db: Connection, complaint_id: int, round_: int, rating: int) -> None:
    db.execute(update(Feedback).where(_table.c.complaint_id == complaint_id, _table.c.round == round_).values(rating=rating))


def given_up(db: Connection, complaint_id: int, round_: int) -> None:
    """Nobody was reached: it is asked no more."""
    db.execute(update(Feedback).where(_table.c.complaint_id == complaint_id, _table.c.round == round_).values(next_at=None))


def latest(db: Connection, complaint_id: int) -> Row[Any] | None:
    return db.execute(select(_table).where(_table.c.complaint_id == complaint_id).order_by(_table.c.round.desc()).limit(1)).first()


def keep_conduct(db: Connection, complaint_id: int, bad: bool, now: datetime) -> None:
    """The answer about conduct. A yes is told to the supervisors who see the complaint."""
    row = latest(db, complaint_id)
    if row is None or row.conduct is not None:
        return
    db.execute(update(Feedback).where(_table.c.complaint_id == complaint_id, _table.c.round == row.round).values(conduct=bad))
    if bad:
        db.execute(insert(Alert), [{"id": new_id(), "complaint_id": complaint_id, "kind": CONFIDENTIAL, "user_id": person, "at": now}
                                   for person in _supervisors(db, complaint_id)])  # fmt: skip


def _supervisors(db: Connection, complaint_id: int) -> list[int]:
    """Those whose department and district the complaint is of; without any, every supervisor and the cell."""
    about = db.execute(select(Complaint.department_code, Complaint.district_code).where(Complaint.id == complaint_id)).one()
    own = (
        or_(User.department_code.is_(None), User.department_code == about.department_code),
        or_(User.district_code.is_(None), User.district_code == about.district_code),
    )
    found = list(db.scalars(select(User.id).where(User.active, User.role == Role.SUPERVISOR, *own)))
    return found or list(db.scalars(select(User.id).where(User.active, User.role.in_((Role.SUPERVISOR, Role.CELL)))))


def came_from(db: Connection, complaint_id: int, number: str | None) -> None:
    """The number (E.164) that an answer came from; marked when it is one of the staff's."""
    row = latest(db, complaint_id)
    if row is None or number is None or row.answered_at is None:
        return
    staff = db.execute(select(User.id).where(User.phone == number).limit(1)).first() is not None
    db.execute(update(Feedback).where(_table.c.complaint_id == complaint_id, _table.c.round == row.round)
               .values(from_number=number, from_staff=staff))  # fmt: skip


def follow_up(db: Connection, number: str, rules: Rules, now: datetime) -> tuple[Row[Any], str] | None:
    """The question that this number was asked last after answering: (complaint, `rating` or `conduct`)."""
    since = now - timedelta(days=rules.answer_days)
    query = (
        select(Complaint.__table__, _table.c.solved, _table.c.rating.label("rated"), _table.c.conduct)
        .join(Feedback, (_table.c.complaint_id == Complaint.id))
        .where(Complaint.phone == number, _table.c.answered_at > since, _table.c.conduct.is_(None))
        .order_by(_table.c.answered_at.desc())
        .limit(1)
    )
    row = db.execute(query).first()
    if row is None:
        return None
    return row, "rating" if row.solved and row.rated is None else "conduct"


# ── by telephone ────────────────────────────────────────────────────────────────────────────────────────────────────


def waiting() -> Any:
    """The rounds to be asked by a person: asked before, not answered, oldest first."""
    return (
        select(Complaint.__table__, _table.c.asked_at, _table.c.tries, _table.c.claimed_by_id, _table.c.claimed_at, _table.c.outcome.label("last_outcome"),
               User.name.label("claimed_by"))
        .join(Feedback, (_table.c.complaint_id == Complaint.id) & (_table.c.round == Complaint.reopen_count))
        .outerjoin(User, User.id == _table.c.claimed_by_id)
        .where(Complaint.state == str(State.RESOLVED), _table.c.answered_at.is_(None), _table.c.tries > 1,
               or_(_table.c.outcome.is_(None), _table.c.outcome.notin_(_ASKED_NO_MORE)))
        .order_by(Complaint.resolved_at)
    )  # fmt: skip


def claim(db: Connection, complaint_id: int, user_id: int, now: datetime) -> bool:
    """Take a round to ring its citizen; False when somebody else has it."""
    free = or_(_table.c.claimed_by_id.is_(None), _table.c.claimed_by_id == user_id, _table.c.claimed_at < now - CLAIM)
    done = db.execute(update(Feedback).where(_table.c.complaint_id == complaint_id, _table.c.answered_at.is_(None), free)
                      .values(claimed_by_id=user_id, claimed_at=now))  # fmt: skip
    return bool(done.rowcount)


def not_reached(db: Connection, complaint_id: int, outcome: str) -> None:
    """An agent rang, and had no answer: the round is free again, or over."""
    row = latest(db, complaint_id)
    if row is not None:
        over = {"next_at": None} if outcome in _ASKED_NO_MORE else {}
        db.execute(update(Feedback).where(_table.c.complaint_id == complaint_id, _table.c.round == row.round)
                   .values(outcome=outcome, tries=row.tries + 1, claimed_by_id=None, claimed_at=None, **over))  # fmt: skip
