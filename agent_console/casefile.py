"""Everything a complaint's page shows: the facts, what was said, all that happened, and who had it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Row, literal, select
from sqlalchemy.orm import Session

from helpline import attachments, closures, events, feedback, lifecycle, media, scope, subtasks, tries
from helpline.lifecycle import Role
from models import Alert, Complaint, Event, Holding, Inbound, Outgoing, Recording, Translated, User

MOST_JOINED = 200
ANSWERS_PARTS = (Role.OFFICER, Role.CELL, Role.SUPERVISOR)
WATCHES_CLOSURES = (Role.SUPERVISOR, Role.CELL, Role.MONITOR)
# What an event shows of before and after, in this order; the state stands first.
SHOWN = ("state", "category_code", "district_code", "place", "pincode", "name", "office_code", "owner_id", "priority", "level", "due_at", "news_at", "harm_at",
         "clock_stopped_at", "outcome")  # fmt: skip
_BEGINNINGS = ("open", "register")  # everything is new there: only the state is told


@dataclass(frozen=True)
class Change:
    name: str  # a fact of helpline.events.FACTS or MOMENTS
    before: Any
    after: Any


@dataclass(frozen=True)
class Item:
    """One line of the timeline."""

    kind: str  # event | sent | received
    at: datetime
    row: Any
    changes: tuple[Change, ...] = ()
    told: tuple[Any, ...] = field(default=())  # alerts that the event raised


def changes_of(event: Any) -> tuple[Change, ...]:
    """What the event changed, with old and new; times as aware datetimes."""
    names = SHOWN[:1] if event.action in _BEGINNINGS else SHOWN
    pairs = [(name, event.before.get(name), event.after.get(name)) for name in names]
    return tuple(Change(name, _moment(name, old), _moment(name, new)) for name, old, new in pairs if old != new)


def _moment(name: str, value: Any) -> Any:
    return datetime.fromisoformat(value) if value and name in events.MOMENTS else value


def gather(db: Session, row: Row[Any], user: Row[Any]) -> dict[str, Any]:
    """The values of the page's template."""
    happened = _events(db, row.id)
    holdings = db.execute(
        select(Holding.__table__, User.name.label("owner_name")).outerjoin(User, User.id == Holding.owner_id)
        .where(Holding.complaint_id == row.id).order_by(Holding.id)
    ).all()  # fmt: skip
    return {
        "timeline": _timeline(db, row.id, happened),
        "tries": tries.of_complaint(db.connection(), row.id),
        "recordings": db.execute(select(Recording.__table__).where(Recording.complaint_id == row.id).order_by(Recording.id)).all(),
        "translations": {t.subject: t for t in db.execute(select(Translated.__table__).where(Translated.complaint_id == row.id))},
        "whole": not events.broken_links(db.connection(), row.id),
        "holdings": holdings,
        "names": _names(db, row, happened),
        "question": next((e for e in happened if e.seq == row.asked_seq), None),
        "parts": [(part, part.state == "open" and user.role in ANSWERS_PARTS and subtasks.may_answer(user, part.office_code)) for part in subtasks.of(db, row.id)],
        "attachments": attachments.of(db, row.id),
        "unkept": media.unkept(db, row.id),
        "same_text": closures.same_text(db, row.id, scope.visible(user)) if user.role in WATCHES_CLOSURES else None,
        **_together(db, row, user),
    }


def _events(db: Session, complaint_id: int) -> list[Any]:
    query = select(Event.__table__, User.name.label("actor_name")).outerjoin(User, User.id == Event.actor_id)
    return list(db.execute(query.where(Event.complaint_id == complaint_id).order_by(Event.seq)))


def _timeline(db: Session, complaint_id: int, happened: list[Any]) -> list[Item]:
    sms = literal("sms", literal_execute=True)
    sent = db.execute(select(Outgoing.__table__).where(Outgoing.complaint_id == complaint_id)).all()
    received = db.execute(select(Inbound.__table__).where(Inbound.complaint_id == complaint_id, Inbound.kind == sms)).all()
    told = _alerts(db, complaint_id)
    items = [Item("event", e.at, e, changes_of(e), tuple(told.get((e.action, e.at), ()))) for e in happened]
    items += [Item("sent", m.created_at, m) for m in sent] + [Item("received", m.received_at, m) for m in received]
    return sorted(items, key=lambda item: (item.at, _ORDER[item.kind]))


_ORDER = {"received": 0, "event": 1, "sent": 2}  # of one moment: what was said, what it changed, what was answered


def _alerts(db: Session, complaint_id: int) -> dict[tuple[str, datetime], list[Any]]:
    """(action, time) → who was told in the console, and whether they saw it."""
    found: dict[tuple[str, datetime], list[Any]] = {}
    query = select(Alert.__table__, User.name.label("person")).outerjoin(User, User.id == Alert.user_id)
    for alert in db.execute(query.where(Alert.complaint_id == complaint_id, Alert.kind != feedback.CONFIDENTIAL).order_by(Alert.id)):
        found.setdefault((alert.kind, alert.at), []).append(alert)
    return found


def _names(db: Session, row: Row[Any], happened: list[Any]) -> dict[int, str]:
    """Names of the accounts that owned it at any time, or are named in it."""
    keys = {row.owner_id} | {facts.get("owner_id") for e in happened for facts in (e.before, e.after)}
    keys |= {e.data.get("officer") for e in happened}
    found = select(User.id, User.name).where(User.id.in_([key for key in keys if key]))
    return {row_.id: row_.name for row_ in db.execute(found)}


def _together(db: Session, row: Row[Any], user: Row[Any]) -> dict[str, Any]:
    """The complaint that carries this one, or those that this one carries."""
    columns = (Complaint.id, Complaint.ack, Complaint.name, Complaint.phone, Complaint.place, Complaint.state, Complaint.created_at)
    carrier = db.execute(select(*columns).where(Complaint.id == row.duplicate_of_id, scope.visible(user))).first() if row.duplicate_of_id else None
    query = select(*columns).where(Complaint.duplicate_of_id == row.id, scope.visible(user)).order_by(Complaint.id).limit(MOST_JOINED)
    may_separate = user.role in lifecycle.transition_roles("separate")
    return {"may_separate": may_separate, "carrier": carrier, "joined": db.execute(query).all() if row.joined else []}
