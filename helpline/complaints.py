"""The life of a complaint: filing it, and `act`, the only way to change its state.

Every change is an event in a chain of hashes; the message it owes the citizen is written with it. All functions take a
connection inside a transaction of the caller's and `now`, an aware time.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Row, Update, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from helpline import acknowledgement, lifecycle, notices, numbers, outbox
from helpline.lifecycle import Role, State, Transition
from helpline.runtime import Runtime
from models import Complaint, Event, Outgoing, new_id
from models.direct import Reader, Write


class CannotAct(Exception):
    """The action is not possible: `reason` is `unknown`, `not_now`, `not_you`, `missing` or `stale`; `field` names a field."""

    def __init__(self, reason: str, field: str = "") -> None:
        super().__init__(f"{reason} {field}".strip())
        self.reason = reason
        self.field = field


@dataclass(frozen=True)
class Actor:
    role: str  # lifecycle.Role
    channel: str  # voice | sms | agent | system
    user_id: int | None = None

    @property
    def kind(self) -> str:
        return self.role if self.role in (Role.CITIZEN, Role.SYSTEM) else "staff"


SYSTEM = Actor(Role.SYSTEM, "system")


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
    pincode: str | None = None
    place: str = ""
    description: str = ""
    incomplete: bool = False
    priority: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)  # kept on the event: call, confidence, urgent words


@dataclass(frozen=True)
class Filed:
    id: int
    ack: str
    is_new: bool = True
    message: str = ""  # what the citizen is told of it
    outgoing_id: int | None = None  # the outbox row of that message


FIELDS = ("language", "name", "phone", "caller_number", "category_code", "district_code", "pincode", "place", "description",
          "incomplete", "priority")  # fmt: skip
_LIMITS = {"name": 120, "place": 200, "description": 10_000, "caller_number": 64}
_TRIES = 5

_insert_complaint = insert(Complaint)
_insert_event = insert(Event)
_insert_outgoing = insert(Outgoing)
_by_id = select(Complaint.__table__).where(Complaint.id == bindparam("wanted"))
_by_ack = select(Complaint.__table__).where(Complaint.ack == bindparam("wanted"))
_taken = select(Complaint.id).where(Complaint.ack == bindparam("wanted"))
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
        row |= _clock(runtime, row, now)
        event = _event(row, "register", actor, now, before={}, after=_facts(row), data=dict(filing.data))
        owed = _owed(runtime, row, template, event["seq"], answered=answered)
        try:
            with db.begin_nested():
                outgoing_id = _write_filing(db, row, event, owed, now)
        except IntegrityError:
            continue  # the number was taken, one time in very many
        return Filed(row["id"], row["ack"], message=owed.sms.text if owed else "", outgoing_id=outgoing_id)
    raise RuntimeError("no free acknowledgement number was found")


def open_draft(db: Connection, runtime: Runtime, filing: Filing, actor: Actor, now: datetime) -> int:
    """A complaint not yet registered; the same `source_key` gives the same draft."""
    if filing.source_key and (known := db.execute(_by_source, {"wanted": filing.source_key}).first()):
        return int(known.id)
    row = _new_row(runtime, filing, State.DRAFT, now)
    event = _event(row, "open", actor, now, before={}, after=_facts(row), data=dict(filing.data))
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
    """Do `action` of the lifecycle table. `version` is the `last_seq` the actor saw; another one raises CannotAct("stale")."""
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
    step = _allowed(row, action, actor)
    given = _given(runtime, step, data)
    if version is not None and version != row.last_seq:
        raise CannotAct("stale")
    before = dict(row._mapping)
    changes = _changes(runtime, db, before, step, given, now)
    after = before | changes
    event = _event(after, action, actor, now, before=_facts(before), after=_facts(after), data=given)
    owed = _owed(runtime, after, template or _template(step, after), event["seq"], answered=answered, given=given)
    if db.execute(*_change(before, changes, event)).rowcount != 1:
        raise CannotAct("stale")
    db.execute(_insert_event, [event])
    outgoing_id = _write_owed(db, owed, now)
    return Filed(row.id, after["ack"] or "", message=owed.sms.text if owed else "", outgoing_id=outgoing_id)


def registering(runtime: Runtime, row: Row[Any], actor: Actor, now: datetime) -> tuple[Filed, list[Write]]:
    """What `register` of the draft `row` gives and writes, for a caller that writes it itself with things of its own.

    A draft registered meanwhile, or a number already taken, breaks a unique key when it is written.
    """
    step = _allowed(row, "register", actor)
    before = dict(row._mapping)
    ack = acknowledgement.generate(now)
    changes = {"updated_at": now, "state": str(step.target)} | _registered(runtime, before, ack, now)
    after = before | changes
    event = _event(after, "register", actor, now, before=_facts(before), after=_facts(after), data={})
    writes = [_change(before, changes, event), (_insert_event, event)]
    owed = _owed(runtime, after, _template(step, after), event["seq"])
    if owed is not None:
        writes.append((_insert_outgoing, outbox.row(owed, now)))
    return Filed(row.id, ack, message=owed.sms.text if owed else ""), writes


def preview(runtime: Runtime, row: Row[Any], action: str, data: Mapping[str, Any], now: datetime, db: Connection) -> str:
    """The SMS that `action` would send, or "" when it tells nobody. Nothing is written."""
    step = lifecycle.transition(row.state, action)
    if step is None or step.tells is None:
        return ""
    given = _given(runtime, step, data, strict=False)
    before = dict(row._mapping)
    after = before | _changes(runtime, db, before, step, given, now)
    owed = _owed(runtime, after, _template(step, after), 0, given=given)
    return owed.sms.text if owed else ""


# ── what an action takes and changes ────────────────────────────────────────────────────────────────────────────────


def _allowed(row: Row[Any], action: str, actor: Actor) -> Transition:
    step = lifecycle.transition(row.state, action)
    if step is None:
        raise CannotAct("not_now")
    if actor.role not in step.who:
        raise CannotAct("not_you")
    return step


def _given(runtime: Runtime, step: Transition, data: Mapping[str, Any], *, strict: bool = True) -> dict[str, Any]:
    """The fields of `data` that the step knows, cleaned; CannotAct("missing", field) for one that is empty or unfit."""
    given: dict[str, Any] = {}
    for name in step.requires + step.optional:
        value = _fit_field(runtime, name, data.get(name))
        if value is None and name in step.requires and strict:
            raise CannotAct("missing", name)
        if value is not None:
            given[name] = value
    return given


def _fit_field(runtime: Runtime, name: str, value: Any) -> Any:
    if name == "rating":
        text = str(value or "")
        return int(text) if text in ("1", "2", "3", "4", "5") else None
    text = str(value or "").replace("\x00", "").strip()[:4000]
    if name == "category":
        return text if text in runtime.reference.categories else None
    if name == "department":
        return text if text in runtime.reference.departments else None
    if name == "district":
        return text if text in runtime.reference.districts else None
    if name == "pincode":
        return text if text in runtime.reference.pincodes else None
    if name == "rejection_reason":
        return text if text in lifecycle.REJECTION_REASONS else None
    if name == "priority":
        return text if text in PRIORITIES else None
    if name == "owner":
        return int(text) if text.isascii() and text.isdigit() else None
    if name == "original":
        return acknowledgement.normalise(text)
    return text or None


PRIORITIES = ("urgent", "high", "normal", "low")
MAX_LEVEL = 4


def _changes(
    runtime: Runtime, db: Connection, before: Mapping[str, Any], step: Transition, given: Mapping[str, Any], now: datetime
) -> dict[str, Any]:
    changes: dict[str, Any] = {"updated_at": now}
    if step.target:
        changes["state"] = str(step.target)
    rule = _EFFECTS.get(step.action)
    if rule:
        changes |= rule(runtime, db, before, given, now)
    return changes


def _on_register(runtime: Runtime, db: Connection, before: Mapping[str, Any], given: Any, now: datetime) -> dict[str, Any]:
    ack = acknowledgement.generate(now)
    while db.execute(_taken, {"wanted": ack}).first():
        ack = acknowledgement.generate(now)
    return _registered(runtime, before, ack, now)


def _registered(runtime: Runtime, before: Mapping[str, Any], ack: str, now: datetime) -> dict[str, Any]:
    routed = _routed(runtime, before)
    return {"ack": ack, "registered_at": now} | routed | _clock(runtime, {**before, **routed}, now)


def _on_categorise(runtime: Runtime, db: Connection, before: Any, given: Any, now: datetime) -> dict[str, Any]:
    """An edit does not restart the clock: the due time stays."""
    category = runtime.reference.categories[given["category"]]
    return {
        "category_code": category.code,
        "department_code": category.department_code,
        "priority": given.get("priority") or category.priority,
    }


def _on_forward(runtime: Runtime, db: Connection, before: Any, given: Any, now: datetime) -> dict[str, Any]:
    return {"department_code": given["department"], "owner_id": None, "incomplete": False}


def _on_complete(runtime: Runtime, db: Connection, before: Any, given: Any, now: datetime) -> dict[str, Any]:
    """What was missing is filled in; a text is added to what was said before, a new category routes anew."""
    changes: dict[str, Any] = {name: given[name][: _LIMITS[name]] for name in ("name", "place") if name in given}
    changes |= {f"{name}_code": given[name] for name in ("district", "category") if name in given}
    changes |= {"pincode": given["pincode"]} if "pincode" in given else {}
    if text := given.get("text"):
        changes["description"] = "\n".join(part for part in (before["description"], text) if part)[: _LIMITS["description"]]
    routed = _routed(runtime, {**before, **changes, "priority": None}) if "category" in given else {}
    return {"incomplete": False, **changes, **routed}


def _on_resolve(runtime: Runtime, db: Connection, before: Any, given: Any, now: datetime) -> dict[str, Any]:
    return {"resolved_at": now, "escalate_at": None}


def _on_close(outcome: str) -> Any:
    def effect(runtime: Runtime, db: Connection, before: Any, given: Any, now: datetime) -> dict[str, Any]:
        rating = {"rating": given["rating"]} if given.get("rating") else {}
        return {"closed_at": now, "outcome": outcome, "escalate_at": None, **rating}

    return effect


def _on_end(runtime: Runtime, db: Connection, before: Any, given: Any, now: datetime) -> dict[str, Any]:
    return {"closed_at": now, "escalate_at": None}


def _on_merge(runtime: Runtime, db: Connection, before: Any, given: Any, now: datetime) -> dict[str, Any]:
    original = get_by_ack(db, given["original"])
    while original is not None and original.duplicate_of_id:
        original = get(db, original.duplicate_of_id)  # always point at the one that carries on
    if original is None or original.id == before["id"]:
        raise CannotAct("missing", "original")
    return {"duplicate_of_id": original.id, "closed_at": now, "escalate_at": None}


def _on_separate(runtime: Runtime, db: Connection, before: Any, given: Any, now: datetime) -> dict[str, Any]:
    return {"duplicate_of_id": None, "closed_at": None, "escalate_at": before["due_at"]}


def _on_reopen(runtime: Runtime, db: Connection, before: Any, given: Any, now: datetime) -> dict[str, Any]:
    """Reopened at the next senior, with a new clock: a new promise is made to the citizen."""
    return {
        "level": min(before["level"] + 1, MAX_LEVEL),
        "owner_id": None,
        "outcome": None,
        "resolved_at": None,
        "closed_at": None,
        "reopen_count": before["reopen_count"] + 1,
    } | _clock(runtime, before, now)


def _on_escalate(runtime: Runtime, db: Connection, before: Any, given: Any, now: datetime) -> dict[str, Any]:
    """The due time stays as it was promised; the next level hears of it after a share of the service level more."""
    level = min(before["level"] + 1, runtime.config.casework.escalate_levels)
    days = max(1, round(_service_days(runtime, before) * runtime.config.casework.escalate_after_share))
    last = level >= runtime.config.casework.escalate_levels
    return {"level": level, "escalate_at": None if last else runtime.calendar.due(now, days)}


def _on_assign(runtime: Runtime, db: Connection, before: Any, given: Any, now: datetime) -> dict[str, Any]:
    return {"owner_id": given["owner"]}


def _on_rate(runtime: Runtime, db: Connection, before: Any, given: Any, now: datetime) -> dict[str, Any]:
    return {"rating": given["rating"]}


_EFFECTS: dict[str, Any] = {
    "register": _on_register,
    "complete": _on_complete,
    "categorise": _on_categorise,
    "forward": _on_forward,
    "resolve": _on_resolve,
    "confirm": _on_close("confirmed"),
    "expire": _on_close("unconfirmed"),
    "withdraw": _on_close("withdrawn"),
    "reject": _on_end,
    "discard": _on_end,
    "merge": _on_merge,
    "separate": _on_separate,
    "reopen": _on_reopen,
    "escalate": _on_escalate,
    "assign": _on_assign,
    "rate": _on_rate,
}


def _template(step: Transition, after: Mapping[str, Any]) -> str | None:
    if step.action == "register" and after["incomplete"]:
        return "notify.registered_incomplete"
    return step.tells


# ── rows ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _new_row(runtime: Runtime, filing: Filing, state: State, now: datetime) -> dict[str, Any]:
    row: dict[str, Any] = {
        "id": new_id(now),
        "ack": None,
        "registered_at": None,
        "state": str(state),
        "channel": filing.channel,
        "source_key": filing.source_key,
        "level": 1,
        "due_at": None,
        "escalate_at": None,
        "reopen_count": 0,
        "last_seq": 0,
        "last_hash": "",
        "indexed_seq": 0,
        "created_at": now,
        "updated_at": now,
        **_clean({name: getattr(filing, name) for name in FIELDS}),
    }
    return row | _routed(runtime, row)


def _clean(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value.replace("\x00", "")[: _LIMITS[name]] if name in _LIMITS and isinstance(value, str) else value
        for name, value in values.items()
    }


def _routed(runtime: Runtime, row: Mapping[str, Any]) -> dict[str, Any]:
    """Department and priority of the category; without one the Chief Minister's Office sorts it."""
    category = runtime.reference.categories.get(row["category_code"] or "")
    return {
        "department_code": category.department_code if category else "cmo",
        "priority": row["priority"] or (category.priority if category else "normal"),
    }


def _service_days(runtime: Runtime, row: Mapping[str, Any]) -> int:
    category = runtime.reference.categories.get(row["category_code"] or "OTHER")
    return category.sla_days if category else runtime.reference.categories["OTHER"].sla_days


def _clock(runtime: Runtime, row: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    due = runtime.calendar.due(now, _service_days(runtime, row))
    return {"due_at": due, "escalate_at": due}


def _facts(row: Mapping[str, Any]) -> dict[str, Any]:
    """What an event keeps of a complaint before and after: the parts a decision can change."""
    facts = {name: row.get(name) for name in ("state", "category_code", "department_code", "priority", "level", "owner_id",
             "incomplete", "outcome", "rating", "duplicate_of_id")}  # fmt: skip
    due = row.get("due_at")
    return {name: value for name, value in facts.items() if value is not None} | ({"due_at": due.isoformat()} if due else {})


def _event(
    row: dict[str, Any],
    action: str,
    actor: Actor,
    now: datetime,
    *,
    before: dict[str, Any],
    after: dict[str, Any],
    data: dict[str, Any],
) -> dict[str, Any]:
    """The next event of `row`, whose `last_seq` and `last_hash` move on with it."""
    event = {
        "id": new_id(now),
        "complaint_id": row["id"],
        "seq": row["last_seq"] + 1,
        "at": now,
        "action": action,
        "actor_kind": actor.kind,
        "actor_id": actor.user_id,
        "channel": actor.channel,
        "before": before,
        "after": after,
        "data": data,
    }
    event["hash"] = chain_hash(row["last_hash"], event)
    row["last_seq"], row["last_hash"] = event["seq"], event["hash"]
    return event


def chain_hash(previous: str, event: Mapping[str, Any]) -> str:
    """SHA-256 over the previous event's hash and this event's content, in one canonical form."""
    content = [previous, event["complaint_id"], event["seq"], event["at"].astimezone(UTC).isoformat(), event["action"], event["actor_kind"],
               event["actor_id"], event["channel"], event["before"], event["after"], event["data"]]  # fmt: skip
    canonical = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _write_filing(
    db: Connection, row: dict[str, Any], event: dict[str, Any], owed: outbox.Owed | None, now: datetime
) -> int | None:
    db.execute(_insert_complaint, [row])
    db.execute(_insert_event, [event])
    return _write_owed(db, owed, now)


def _write_owed(db: Connection, owed: outbox.Owed | None, now: datetime) -> int | None:
    if owed is None:
        return None
    row = outbox.row(owed, now)
    db.execute(_insert_outgoing, [row])
    return int(row["id"])


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


def _owed(
    runtime: Runtime,
    row: Mapping[str, Any],
    template: str | None,
    seq: int,
    *,
    answered: bool = False,
    given: Mapping[str, Any] | None = None,
) -> outbox.Owed | None:
    """The message for the citizen, or None when the step tells nobody or there is no number to tell."""
    if template is None or not row["phone"] or not row["ack"] or not numbers.e164(row["phone"]):
        return None
    sms = notices.compose(runtime, template, row, given or {})
    return outbox.Owed(f"complaint:{row['id']}:{seq}", row["phone"], sms, row["id"], answered)


# ── the chain ───────────────────────────────────────────────────────────────────────────────────────────────────────


def broken_links(db: Connection, complaint_id: int) -> list[int]:
    """The `seq` of every event whose hash does not follow from what stands before it; empty when the chain is whole."""
    previous, broken = "", []
    for position, event in enumerate(_events(db, complaint_id), start=1):
        if event.seq != position or chain_hash(previous, dict(event._mapping)) != event.hash:
            broken.append(event.seq)
        previous = event.hash
    return broken


def _events(db: Connection, complaint_id: int) -> list[Row[Any]]:
    return list(db.execute(select(Event.__table__).where(Event.complaint_id == complaint_id).order_by(Event.seq)))


def similar(db: Connection, runtime: Runtime, phone: str | None, category_code: str | None, now: datetime) -> list[Row[Any]]:
    """Open complaints of the same number and top category within the configured days, newest first."""
    if not phone or not category_code:
        return []
    since = now - timedelta(days=runtime.config.casework.similar_days)
    top = category_code.partition(".")[0]
    rows = db.execute(
        select(Complaint.__table__)
        .where(Complaint.phone == phone, Complaint.created_at >= since, Complaint.ack.is_not(None))
        .order_by(Complaint.created_at.desc())
        .limit(50)
    )
    return [row for row in rows if lifecycle.is_open(row.state) and (row.category_code or "").partition(".")[0] == top]
