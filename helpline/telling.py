"""How a citizen is told: by SMS, by a call that reads it out, and by email where an address was given.

By call: those who chose so, and those whose number takes no SMS. What answers a citizen's own message is always an SMS. Every
message carries its check code (`helpline.proof`). At night nothing is sent but what answers the citizen; calls have hours.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, select, update

from helpline import letters, notices, numbers, proof, sla
from helpline.config import Hours
from helpline.outbox import Owed
from helpline.runtime import Runtime
from models import Complaint, Outgoing, new_id


def owed(
    runtime: Runtime,
    row: Mapping[str, Any],
    template: str | None,
    seq: int,
    now: datetime,
    *,
    answered: bool = False,
    asked: bool = False,
    given: Mapping[str, Any] | None = None,
    key: str = "",
    preview: bool = False,
) -> list[Owed]:
    """What is owed for the change `seq` of a complaint's `row`: the message first, then the email. Empty when the step tells nobody,
    or there is no way to tell."""
    if template is None or not row["ack"]:
        return []
    key = key or f"complaint:{row['id']}:{seq}"
    found = []
    if row["phone"] and numbers.e164(row["phone"]):
        found.append(_message(runtime, row, template, key, now, answered, asked, given or {}, preview))
    if row["email"] and runtime.config.smtp.host and not preview:
        found.append(_letter(runtime, row, template, key if not found else f"{key}:email", now, given or {}))
    return found


def _message(
    runtime: Runtime, row: Mapping[str, Any], template: str, key: str, now: datetime, answered: bool, asked: bool,
    given: Mapping[str, Any], preview: bool,
) -> Owed:  # fmt: skip
    kind = "sms" if answered else way(row["phone"], row["told_by"])
    outgoing_id = new_id(now)
    check = proof.BLANK if preview else proof.code(runtime, outgoing_id)
    sms = notices.compose(runtime, template, row, given, check=check, spoken=kind == "call", asked_here=answered)
    later = now + timedelta(minutes=runtime.config.calls.first_after_minutes) if kind == "call" else None
    return Owed(key, row["phone"], sms, row["id"], answered, asked, kind, outgoing_id, check, not_before=later)


def _letter(runtime: Runtime, row: Mapping[str, Any], template: str, key: str, now: datetime, given: Mapping[str, Any]) -> Owed:
    outgoing_id = new_id(now)
    check = proof.code(runtime, outgoing_id)
    sms = letters.letter(runtime, notices.compose(runtime, template, row, given, check=check), row)
    return Owed(key, row["phone"] or "", sms, row["id"], False, True, "email", outgoing_id, check, row["email"])


def instead(runtime: Runtime, complaint: Row[Any], call: Row[Any], given: Mapping[str, Any], now: datetime) -> Owed:
    """The SMS for a call that reached nobody."""
    outgoing_id = new_id(now)
    check = proof.code(runtime, outgoing_id)
    sms = notices.compose(runtime, call.template, dict(complaint._mapping), given, check=check)
    return Owed(f"{call.key}:sms", call.to_number, sms, call.complaint_id, id=outgoing_id, check=check)


def by(runtime: Runtime, way: str, row: Row[Any], template: str, key: str, now: datetime) -> Owed:
    """A message about a complaint's `row` in the given way, `sms` or `call`."""
    outgoing_id = new_id(now)
    check = proof.code(runtime, outgoing_id)
    sms = notices.compose(runtime, template, dict(row._mapping), {}, check=check, spoken=way == "call")
    return Owed(key, row.phone, sms, row.id, kind=way, id=outgoing_id, check=check)


def say_less(db: Connection, runtime: Runtime, row: Mapping[str, Any]) -> None:
    """What is still owed of a complaint that is discreet from now on says no more than that there is news."""
    waiting = select(Outgoing.__table__).where(Outgoing.complaint_id == row["id"], Outgoing.state == "pending", Outgoing.template.startswith("notify."))
    for owed in db.execute(waiting).all():
        sms = notices.compose(runtime, notices.DISCREET, row, {}, check=owed.check_code or proof.BLANK, spoken=owed.kind == "call")
        sms = letters.letter(runtime, sms, row) if owed.kind == "email" else sms
        values = {"body": sms.text, "template": sms.key, "language": sms.language}
        db.execute(update(Outgoing).where(Outgoing.id == owed.id, Outgoing.state == "pending").values(**values))


def choose(db: Connection, complaint_id: int, told_by: str, now: datetime) -> None:
    """How the citizen wants to hear of this complaint from now on: `sms` or `call`."""
    db.execute(update(Complaint).where(Complaint.id == complaint_id).values(told_by=told_by, updated_at=now))


def way(number: str, told_by: str = "sms") -> str:
    """`sms` or `call`: how the number (E.164) is told of a change."""
    return "call" if told_by == "call" or not numbers.is_mobile(number) else "sms"


# ── when ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def is_day(runtime: Runtime, now: datetime) -> bool:
    """Whether SMS go out that answer nobody."""
    return sla.open_at(runtime.config.telling.sms_hours, now)


def hold_until_morning(runtime: Runtime, now: datetime) -> int:
    """At night, what is due waits until the morning; how many messages."""
    if is_day(runtime, now):
        return 0
    due = (Outgoing.state == "pending", Outgoing.kind == "sms", Outgoing.asked.is_(False), Outgoing.next_at <= now)
    with runtime.reading() as session:
        if session.scalar(select(Outgoing.id).where(*due).limit(1)) is None:
            return 0
    with runtime.writing() as db:
        return int(db.execute(update(Outgoing).where(*due).values(next_at=next_opening(runtime.config.telling.sms_hours, now))).rowcount)


def next_opening(hours: Hours, now: datetime) -> datetime:
    """`now` within `hours`, else the next time they begin (UTC)."""
    if sla.open_at(hours, now):
        return now
    local = now.astimezone(sla.IST)
    for ahead in range(8):
        opens = datetime.combine(local.date() + timedelta(days=ahead), hours.from_, sla.IST)
        if opens > local and sla.DAYS[opens.weekday()] in hours.days:
            return opens.astimezone(UTC)
    raise ValueError("hours without a day")
