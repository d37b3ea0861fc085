"""A call back goes on where the last one stopped: what was told by then is found by the caller's number and taken over.

Of what was told nothing is said but the category, and not even that for `callbacks.unnamed_categories`: a telephone is shared.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, select, update

from helpline import complaints, lifecycle
from helpline.complaints import Actor
from helpline.lifecycle import State
from helpline.runtime import Runtime
from models import Call, Event, Recording

_calls = Call.__table__
# Nodes behind a question of the call tree: whoever was there has answered it, or passed it over.
PAST_PLACE = frozenset({"name", "contact", "no_contact", "contact_number", "summary", "change"})
PAST_NAME = PAST_PLACE - {"name"}


@dataclass(frozen=True)
class Broken:
    """A call that broke off, and the complaint it was telling: a draft, or registered when the call ended."""

    call: Row[Any]
    complaint: Row[Any]


def find(db: Connection, runtime: Runtime, number: str | None, now: datetime) -> Broken | None:
    """What `number` (E.164) was telling when its last call broke off, within `callbacks.continue_minutes`."""
    since = now - timedelta(minutes=runtime.config.callbacks.continue_minutes)
    if not number:
        return None
    told = select(_calls).where(_calls.c.from_number == number, _calls.c.ended_at > since, _calls.c.complaint_id.is_not(None))
    call = db.execute(told.order_by(_calls.c.started_at.desc()).limit(1)).first()
    complaint = complaints.get(db, call.complaint_id) if call is not None else None
    if call is None or complaint is None or not _was_cut_off(db, complaint):
        return None
    said = complaint.state == State.DRAFT and complaint.description  # in place of a key, not confirmed yet
    return Broken(call, complaint) if complaint.category_code or said else None


def _was_cut_off(db: Connection, complaint: Row[Any]) -> bool:
    """A draft of a call; or one registered by the end of its call, not by its caller, and completed by nobody since."""
    if complaint.channel != "voice":
        return False
    if complaint.state == State.DRAFT:
        return True
    return is_to_be_completed(complaint) and _registered_by_system(db, complaint.id)


def is_to_be_completed(complaint: Row[Any]) -> bool:
    return complaint.incomplete and lifecycle.KIND[State(complaint.state)] == lifecycle.Kind.OPEN


def _registered_by_system(db: Connection, complaint_id: int) -> bool:
    by = db.scalar(select(Event.actor_kind).where(Event.complaint_id == complaint_id, Event.action == "register"))
    return by == "system"


def named(runtime: Runtime, code: str | None) -> str:
    """The category as it may be said to whoever calls from the same telephone; empty when it may not."""
    return "" if not code or code.partition(".")[0] in runtime.config.callbacks.unnamed_categories else code


def where(db: Connection, runtime: Runtime, broken: Broken) -> tuple[str, str]:
    """The node of the call tree (and its argument) where what is missing first is asked. `contact`: whom to reach where; `category`: what
    was said of it and not confirmed."""
    row, at = broken.complaint, broken.call.at
    told = {**row._mapping, **broken.call.answers.get("told", {})}
    kept = set(db.scalars(select(Recording.purpose).where(Recording.complaint_id == row.id)))
    if not row.category_code:
        return "category", row.description
    if "problem" not in kept:
        top = "." not in row.category_code and runtime.reference.children(row.category_code)
        return ("subcategory", f"{row.category_code}~0") if top else ("problem", "")
    if not (told["district_code"] or told["place"] or at in PAST_PLACE):
        return "place", ""
    if "name" not in kept and at not in PAST_NAME:
        return "name", ""
    return ("summary", "") if at == "summary" else ("contact", "")


def take_over(db: Connection, call: Row[Any], broken: Broken, now: datetime) -> None:
    """The new call tells on what the old one began; both stay calls of that complaint."""
    row = broken.complaint
    complaints.update_draft(db, row.id, now, incomplete=bool(row.place and not row.district_code))
    answers = {**broken.call.answers, **call.answers, "draft": row.id, "resumed": broken.call.sid,
               "completing": row.id if row.state != State.DRAFT else None}  # fmt: skip
    db.execute(update(Call).where(_calls.c.id == call.id).values(answers=answers, complaint_id=row.id, seen_at=now))


def complete(db: Connection, runtime: Runtime, complaint_id: int, told: dict[str, Any], actor: Actor, now: datetime) -> complaints.Filed:
    """The caller has confirmed a complaint that the end of an earlier call had registered: `told` since then is filled in."""
    fields = {name.removesuffix("_code"): value for name, value in told.items() if name not in ("incomplete", "priority") and value}
    if told.get("incomplete"):  # what was said of the place was not understood: an agent completes it, as promised
        return complaints.act(db, runtime, complaint_id, "add", actor, now, {"text": fields.get("place") or "-"})
    return complaints.act(db, runtime, complaint_id, "complete", actor, now, fields, template="notify.registered")
