"""The life of a complaint: filing it, and `act`, the only way to change its state.

Every change is an event in a chain of hashes; the messages it owes the citizens are written with it. All functions take a
connection inside a transaction of the caller's and `now`, an aware time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Update, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from helpline import acknowledgement, alerts, beside, effects, events, fieldwork, lifecycle, outbox, scope, telling
from helpline import text as texts
from helpline.doing import CannotAct, Doing
from helpline.events import SYSTEM, Actor
from helpline.given import given_fields
from helpline.lifecycle import Role, State, Transition
from helpline.runtime import Runtime
from models import Complaint, Event, Holding, Outgoing, new_id
from models.direct import Reader, Write

__all__ = ["SYSTEM", "Actor", "CannotAct", "Filed", "Filing", "act", "allowed", "file", "get", "get_by_ack", "open_draft", "preview", "register",
           "registering", "similar", "update_draft"]  # fmt: skip


@dataclass(frozen=True)
class Filing:
    """What is known when a complaint is made. Only the channel and the language are always known."""

    channel: str
    language: str
    source_key: str | None = None  # what the carrier calls it; the same key files once
    phone: str | None = None  # E.164 the citizen is reached at
    caller_number: str | None = None
    name: str = ""
    category_code: str | None = None
    district_code: str | None = None
    local_body_code: str | None = None
    pincode: str | None = None
    place: str = ""
    description: str = ""
    incomplete: bool = False
    priority: str | None = None
    harm_at: datetime | None = None
    email: str | None = None
    told_by: str = "sms"
    discreet: bool = False
    data: Mapping[str, Any] = field(default_factory=dict)  # kept on the event: call, confidence, urgent words


@dataclass(frozen=True)
class Filed:
    id: int
    ack: str
    is_new: bool = True
    message: str = ""  # what the citizen is told of it
    outgoing_id: int | None = None  # the outbox row of that message


FIELDS = ("language", "name", "phone", "caller_number", "category_code", "district_code", "local_body_code", "pincode", "place",
          "description", "incomplete", "priority", "harm_at", "email", "told_by", "discreet")  # fmt: skip
_TRIES = 5

_insert_complaint = insert(Complaint)
_insert_event = insert(Event)
_insert_outgoing = insert(Outgoing)
_by_id = select(Complaint.__table__).where(Complaint.id == bindparam("wanted"))
_by_ack = select(Complaint.__table__).where(Complaint.ack == bindparam("wanted"))
_by_source = select(Complaint.id, Complaint.ack).where(Complaint.source_key == bindparam("wanted"))


def get(db: Reader, complaint_id: int) -> Row[Any] | None:
    found: Row[Any] | None = db.execute(_by_id, {"wanted": complaint_id}).first()
    return found


def get_by_ack(db: Reader, ack: str) -> Row[Any] | None:
    found: Row[Any] | None = db.execute(_by_ack, {"wanted": ack}).first()
    return found


def file(
    db: Connection,
    runtime: Runtime,
    filing: Filing,
    actor: Actor,
    now: datetime,
    *,
    answered: bool = False,
    template: str = "notify.registered",
) -> Filed:
    """Register a complaint: one complaint, one event and one message owed, together.

    The same `source_key` again gives the first one's number (`is_new` False). `answered` says that the message goes out as
    the answer to the request at hand (see `outbox.Owed`).
    """
    if filing.source_key and (known := db.execute(_by_source, {"wanted": filing.source_key}).first()) and known.ack:
        return Filed(known.id, known.ack, is_new=False)
    for _ in range(_TRIES):
        row = _new_row(runtime, filing, State.REGISTERED, now)
        row["ack"], row["registered_at"] = acknowledgement.generate(now), now
        row |= effects.clock(runtime, row, now)
        row["urgency"] = effects.urgency(row)
        event = events.make(row, "register", actor, now, before={}, after=events.facts(row), data=dict(filing.data))
        owed = telling.owed(runtime, row, template, event["seq"], now, answered=answered, asked=actor.role == Role.CITIZEN)
        try:
            with db.begin_nested():
                outgoing_id = _write_filing(db, row, event, owed, now)
        except IntegrityError:
            continue  # the number was taken, one time in very many
        return Filed(row["id"], row["ack"], message=_text_of(owed), outgoing_id=outgoing_id)
    raise RuntimeError("no free acknowledgement number was found")


def open_draft(db: Connection, runtime: Runtime, filing: Filing, actor: Actor, now: datetime) -> int:
    """A complaint not yet registered; the same `source_key` gives the same draft."""
    if filing.source_key and (known := db.execute(_by_source, {"wanted": filing.source_key}).first()):
        return int(known.id)
    row = _new_row(runtime, filing, State.DRAFT, now)
    event = events.make(row, "open", actor, now, before={}, after=events.facts(row), data=dict(filing.data))
    db.execute(_insert_complaint, [row])
    db.execute(_insert_event, [event])
    return int(row["id"])


def update_draft(db: Connection, complaint_id: int, now: datetime, **values: Any) -> bool:
    """Keep what was keyed, said or typed so far. A draft's fields change without events; False when it is no draft."""
    unknown = set(values) - set(FIELDS)
    if unknown:
        raise ValueError(f"not fields of a complaint: {sorted(unknown)}")
    done = db.execute(
        update(Complaint)
        .where(Complaint.id == complaint_id, Complaint.state == State.DRAFT)
        .values(**_clean(values), updated_at=now)
    )
    return bool(done.rowcount)


def register(
    db: Connection,
    runtime: Runtime,
    complaint_id: int,
    actor: Actor,
    now: datetime,
    *,
    answered: bool = False,
    template: str | None = None,
) -> Filed:
    """Turn a draft into a registered complaint. Repeated, it gives the same number and tells nobody twice."""
    row = get(db, complaint_id)
    if row is None:
        raise CannotAct("unknown")
    if row.state != State.DRAFT:
        if row.ack is None:
            raise CannotAct("not_now")
        return Filed(row.id, row.ack, is_new=False)
    return _act(db, runtime, row, "register", actor, now, {}, answered=answered, template=template)


def act(
    db: Connection,
    runtime: Runtime,
    complaint_id: int,
    action: str,
    actor: Actor,
    now: datetime,
    data: Mapping[str, Any] | None = None,
    *,
    version: int | None = None,
    answered: bool = False,
    template: str | None = None,
) -> Filed:
    """Do `action` of the lifecycle table. `version` is the `last_seq` the actor saw; another one raises CannotAct("stale"), unless
    nothing happened since that a member of staff decides by (`has_moved`)."""
    row = get(db, complaint_id)
    if row is None:
        raise CannotAct("unknown")
    return _act(db, runtime, row, action, actor, now, data or {}, version=version, answered=answered, template=template)


def _act(
    db: Connection,
    runtime: Runtime,
    row: Row[Any],
    action: str,
    actor: Actor,
    now: datetime,
    data: Mapping[str, Any],
    *,
    version: int | None = None,
    answered: bool = False,
    template: str | None = None,
) -> Filed:
    step = allowed(row, action, actor)
    given = given_fields(runtime, step, data)
    if version is not None and version != row.last_seq and (actor.kind != "staff" or has_moved(db, row, version)):
        raise CannotAct("stale")
    if actor.kind == "staff" and not scope.may_work_on(db, row.id, actor.user_id, action):
        raise CannotAct("not_you")
    before = dict(row._mapping)
    doing = Doing(runtime, db, before, given, actor, now)
    changes = effects.changes(doing, step)
    after = before | changes
    also = events.CORRECTED if action == "correct" else ()
    event = events.make(after, action, actor, now, before=events.facts(before, also), after=events.facts(after, also), data=given)
    template = template or _template(step, after)
    owed = telling.owed(runtime, after, template, event["seq"], now, answered=answered, asked=_asked(actor, action), given=given)
    if db.execute(*_change(before, changes, event)).rowcount != 1:
        raise CannotAct("stale")
    db.execute(_insert_event, [event])
    outgoing_id = _write_owed(db, owed, now)
    if before["joined"] and template:
        _tell_joined(doing, after, template, event["seq"])
    beside.write(doing, action, after)
    _end_holding(doing, after, action)
    told = alerts.raise_for(db, before, after, action, event["seq"], now)
    fieldwork.tell(db, runtime, after, action, event["seq"], told, now)
    return Filed(row.id, after["ack"] or "", message=_text_of(owed), outgoing_id=outgoing_id)


def has_moved(db: Connection, row: Row[Any], seen: int) -> bool:
    """Whether something happened after the event `seen` that a person who saw the complaint then should know before deciding: what
    people did, and what the system did to the facts. Reminders, promised news and clocks are none of it."""
    if seen > row.last_seq:
        return True
    since = select(Event.actor_kind, Event.before, Event.after).where(Event.complaint_id == row.id, Event.seq > seen)
    return any(event.actor_kind != Role.SYSTEM or events.decided(event.before) != events.decided(event.after) for event in db.execute(since))


# What only the one who said it can be told so; the others of the same problem hear that theirs is closed with it, and how it is opened again.
_SAID_BY_ONE = frozenset({"notify.confirmed", "notify.closed", "notify.withdrawn"})


def _tell_joined(doing: Doing, after: Mapping[str, Any], template: str, seq: int) -> None:
    """Everybody whose complaint is handled together with this one hears it too, with their own number and language."""
    template = "notify.closed_together" if template in _SAID_BY_ONE else template
    joined = doing.db.execute(select(Complaint.__table__).where(Complaint.duplicate_of_id == after["id"], Complaint.state == State.DUPLICATE)).all()
    rows = []
    for row in joined:
        about = {**row._mapping, "department_code": after["department_code"], "due_at": after["due_at"], "news_at": after["news_at"]}
        key = f"joined:{after['id']}:{seq}:{row.id}"
        rows += [outbox.row(one, doing.now) for one in telling.owed(doing.runtime, about, template, seq, doing.now, given=doing.given, key=key)]
    if rows:
        doing.db.execute(_insert_outgoing, rows)


def _end_holding(doing: Doing, after: Mapping[str, Any], action: str) -> None:
    """The time of whoever had it until now is counted against them: when it changes hands, and when the work ends."""
    before = doing.before
    handed = after["held_since"] != before["held_since"]
    ended = lifecycle.is_worked_on(before["state"]) and not lifecycle.is_worked_on(after["state"])
    if not before["held_since"] or not before["office_code"] or not lifecycle.is_worked_on(before["state"]) or not (handed or ended):
        return
    paused = after["held_paused_minutes"] if not handed else before["held_paused_minutes"] + after["paused_minutes"] - before["paused_minutes"]
    worked = doing.runtime.calendar.between(before["held_since"], doing.now) - paused
    row = {"id": new_id(), "complaint_id": before["id"], "office_code": before["office_code"], "owner_id": before["owner_id"],
           "since": before["held_since"], "until": doing.now, "working_minutes": max(0, worked), "ended_by": action}  # fmt: skip
    doing.db.execute(insert(Holding), [row])


def _asked(actor: Actor, action: str) -> bool:
    """Whether a message answers what its citizen has just done: by themselves, or with an agent who registers it for them."""
    return actor.role == Role.CITIZEN or (action == "register" and actor.kind == "staff")


def registering(runtime: Runtime, row: Row[Any], actor: Actor, now: datetime) -> tuple[Filed, list[Write]]:
    """What `register` of the draft `row` gives and writes, for a caller that writes it itself with things of its own.

    A draft registered meanwhile, or a number already taken, breaks a unique key when it is written.
    """
    step = allowed(row, "register", actor)
    before = dict(row._mapping)
    ack = acknowledgement.generate(now)
    changes = {"updated_at": now, "state": str(step.target)} | effects.registered(runtime, before, ack, now)
    after = before | changes
    event = events.make(after, "register", actor, now, before=events.facts(before), after=events.facts(after), data={})
    writes = [_change(before, changes, event), (_insert_event, event)]
    owed = telling.owed(runtime, after, _template(step, after), event["seq"], now, asked=actor.role == Role.CITIZEN)
    writes += [(_insert_outgoing, outbox.row(one, now)) for one in owed]
    return Filed(row.id, ack, message=_text_of(owed)), writes


def preview(runtime: Runtime, row: Row[Any], action: str, data: Mapping[str, Any], actor: Actor, now: datetime, db: Connection) -> str:
    """What `action` would tell the citizen, or "" when it tells nobody. Nothing is written."""
    step = lifecycle.transition(row.state, action)
    if step is None or step.tells is None:
        return ""
    given = given_fields(runtime, step, data, strict=False)
    before = dict(row._mapping)
    after = before | effects.changes(Doing(runtime, db, before, given, actor, now), step)
    return _text_of(telling.owed(runtime, after, _template(step, after), 0, now, given=given, preview=True))


def allowed(row: Row[Any], action: str, actor: Actor) -> Transition:
    """The row of the table for it. Raises CannotAct."""
    step = lifecycle.transition(row.state, action)
    if step is None:
        raise CannotAct("not_now")
    if actor.role not in step.who:
        raise CannotAct("not_you")
    return step


def _template(step: Transition, after: Mapping[str, Any]) -> str | None:
    if step.action == "register" and after["incomplete"]:
        return "notify.registered_incomplete"
    return step.tells


# ── rows ────────────────────────────────────────────────────────────────────────────────────────────────────────────


# What SQLAlchemy's defaults would give: a row is used before it is written.
_BEGINNING: dict[str, Any] = {
    **dict.fromkeys(("owner_id", "held_since", "response_due_at", "responded_at", "due_at", "warn_at", "escalate_at", "clock_at", "escalated_at", "asked_seq",
                     "clock_stopped_at", "news_at", "outcome", "duplicate_of_id", "rating", "resolved_at", "closed_at")),
    **dict.fromkeys(("held_paused_minutes", "transfers", "paused_minutes", "joined", "reopen_count"), 0),
}  # fmt: skip


def _new_row(runtime: Runtime, filing: Filing, state: State, now: datetime) -> dict[str, Any]:
    row: dict[str, Any] = {
        "id": new_id(now),
        "ack": None,
        "registered_at": None,
        "state": str(state),
        "channel": filing.channel,
        "source_key": filing.source_key,
        **_BEGINNING,
        "last_seq": 0,
        "last_hash": "",
        "indexed_seq": 0,
        "created_at": now,
        "updated_at": now,
        **_clean({name: getattr(filing, name) for name in FIELDS}),
    }
    row |= effects.routed(runtime, row)
    return row | {"urgency": effects.urgency(row)}


def _clean(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: texts.without_controls(value)[: effects.LIMITS[name]] if name in effects.LIMITS and isinstance(value, str) else value
        for name, value in values.items()
    }


def _write_filing(
    db: Connection, row: dict[str, Any], event: dict[str, Any], owed: Sequence[outbox.Owed], now: datetime
) -> int | None:
    db.execute(_insert_complaint, [row])
    db.execute(_insert_event, [event])
    return _write_owed(db, owed, now)


def _write_owed(db: Connection, owed: Sequence[outbox.Owed], now: datetime) -> int | None:
    """The id of the message itself; an email beside it has its own."""
    rows = [outbox.row(one, now) for one in owed]
    if not rows:
        return None
    db.execute(_insert_outgoing, rows)
    return int(rows[0]["id"])


def _text_of(owed: Sequence[outbox.Owed]) -> str:
    return owed[0].sms.text if owed and owed[0].kind != "email" else ""


@lru_cache(maxsize=256)
def _guarded_update(names: tuple[str, ...]) -> Update:
    """The update of these columns, made once: a row that moved on meanwhile is not touched."""
    return (
        update(Complaint)
        .where(Complaint.id == bindparam("the_id"), Complaint.last_seq == bindparam("seen_seq"))
        .values({name: bindparam(f"new_{name}") for name in names})
    )


def _change(before: Mapping[str, Any], changes: dict[str, Any], event: dict[str, Any]) -> Write:
    values = {**changes, "last_seq": event["seq"], "last_hash": event["hash"]}
    keys = {"the_id": before["id"], "seen_seq": before["last_seq"]}
    return _guarded_update(tuple(sorted(values))), {**{f"new_{name}": value for name, value in values.items()}, **keys}


def similar(db: Connection, runtime: Runtime, phone: str | None, category_code: str | None, now: datetime, visible: ColumnElement[bool]) -> list[Row[Any]]:
    """Open complaints of the same number and top category within the configured days, newest first; of those that are `visible`."""
    if not phone or not category_code:
        return []
    since = now - timedelta(days=runtime.config.casework.similar_days)
    top = category_code.partition(".")[0]
    rows = db.execute(
        select(Complaint.__table__)
        .where(Complaint.phone == phone, Complaint.created_at >= since, Complaint.ack.is_not(None), visible)
        .order_by(Complaint.created_at.desc())
        .limit(50)
    )
    return [row for row in rows if lifecycle.is_open(row.state) and (row.category_code or "").partition(".")[0] == top]
