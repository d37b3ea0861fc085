"""What carriers report of our messages: statuses that never move backwards, whichever carrier's words they are in."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from carriers.base import Outcome, Report, Trouble
from helpline import carriers_in_use
from helpline.runtime import Runtime
from models import Inbound, Outgoing, Phone

_table = Outgoing.__table__


def take_in(db: Connection, runtime: Runtime, report: Report | None, now: datetime) -> None:
    """Take in a carrier's report. One for a message not known (yet) is kept and applied when it becomes known."""
    if report is not None and not record(db, runtime, report, now):
        _keep(db, report, now)


def record(db: Connection, runtime: Runtime, report: Report, now: datetime) -> bool:
    """Move a message's status forward, never back; False when no message is known by the report's sid or reference."""
    row = _row(db, report)
    if row is None:
        return False
    codes = carriers_in_use.codes_of(runtime.config, report.carrier)
    status, known = codes.statuses[report.status], codes.statuses.get(row.carrier_status or "")
    if row.carrier not in (None, report.carrier):
        if status.outcome != Outcome.DELIVERED or row.state not in ("pending", "claimed"):
            return True  # it is another carrier's by now
    elif known and status.rank <= known.rank:
        return True
    values: dict[str, Any] = {"carrier": report.carrier, "carrier_sid": report.sid, "carrier_status": report.status,
                              "error_code": report.code, "sent_at": row.sent_at or now}  # fmt: skip
    if status.outcome == Outcome.DELIVERED:
        values |= {"state": "delivered", "delivered_at": row.delivered_at or now}
    elif status.outcome == Outcome.FAILED:
        values |= {"state": "parked", "error_code": report.code or report.status}
        if codes.trouble(report.code) == Trouble.STOPPED:
            stop(db, row.to_number, now)
    else:
        values |= {"state": "sent"}
    db.execute(update(Outgoing).where(_table.c.id == row.id).values(**values))
    return True


def is_news(db: Connection, runtime: Runtime, report: Report) -> bool:
    """Whether the report is of a message of ours and says more than is known."""
    row = _row(db, report)
    if row is None or row.carrier not in (None, report.carrier):
        return False
    statuses = carriers_in_use.codes_of(runtime.config, report.carrier).statuses
    known = statuses.get(row.carrier_status or "")
    return known is None or statuses[report.status].rank > known.rank


def _row(db: Connection, report: Report) -> Row[Any] | None:
    row = db.execute(select(_table).where(_table.c.carrier_sid == report.sid, _table.c.carrier == report.carrier)).first()
    if row is None and report.reference is not None:
        row = db.execute(select(_table).where(_table.c.id == report.reference, _table.c.carrier_sid.is_(None))).first()
    return row


def stop(db: Connection, number: str, now: datetime) -> None:
    """The citizen told the carrier to stop our messages: we know it from now on."""
    done = db.execute(update(Phone).where(Phone.number == number).values(sms_stopped_at=now, updated_at=now))
    if not done.rowcount:
        db.execute(insert(Phone), [{"number": number, "sms_stopped_at": now, "updated_at": now}])


def _keep(db: Connection, report: Report, now: datetime) -> None:
    key = _key(report.carrier, report.sid, report.status)
    if db.execute(select(Inbound.id).where(Inbound.key == key)).first() is None:
        payload = {"carrier": report.carrier, "sid": report.sid, "status": report.status, "code": report.code}
        db.execute(insert(Inbound), [{"key": key, "kind": "sms-status", "payload": payload, "received_at": now}])


def _key(carrier: str, sid: str, status: str) -> str:
    return f"report:{carrier}:{sid}:{status}"


def apply_kept(db: Connection, runtime: Runtime, carrier: str, sid: str, now: datetime) -> None:
    """The reports of a message that were quicker than our own record of it."""
    keys = [_key(carrier, sid, status) for status in carriers_in_use.codes_of(runtime.config, carrier).statuses]
    for kept in db.execute(select(Inbound.payload).where(Inbound.key.in_(keys))).all():
        record(db, runtime, Report(carrier, sid, kept.payload["status"], kept.payload["code"]), now)
