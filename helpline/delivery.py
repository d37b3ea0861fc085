"""Sending what is owed: claim, commit, send with no transaction open, record the outcome.

A worker killed between sending and recording leaves a claimed row. After `worker.claim_seconds` its outcome counts as
unknown: the carrier is asked by number, text and time, and only what it does not know is sent again.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection, Row, insert, select, update

from carriers import twilio
from carriers.base import Accepted, Carrier, Permanent, Temporary, Unknown
from helpline import numbers, outbox
from helpline.config import Config
from helpline.runtime import Runtime, utc_now
from models import Inbound, Outgoing, Phone

log = structlog.get_logger()
_table = Outgoing.__table__
# Asked for just now by the person who stopped messages: these are answered all the same.
ANSWERS = ("sms.",)


def carrier_for(config: Config, channel: str = "sms") -> Carrier:
    """The configured carrier of `channel` (`sms` or `voice`); the simulator is a Twilio-compatible server of our own."""
    chosen = config.carriers.sms if channel == "sms" else config.carriers.voice
    settings = config.carriers.twilio
    base = f"{config.public_url}/simulator/carrier" if chosen == "simulator" else settings.api_base
    return twilio.Twilio(
        account_sid=config.secrets.twilio_account_sid,
        auth_token=config.secrets.twilio_auth_token,
        sender=config.helpline.sms_number,
        status_callback=f"{config.public_url}/sms/status",
        api_base=base,
        media_hosts=settings.media_hosts,
        timeout=settings.timeout_seconds,
    )


def send_due(runtime: Runtime, carrier: Carrier, now: Callable[[], datetime] = utc_now, *, limit: int = 50) -> int:
    """Send up to `limit` messages that are due, in the order they were owed; how many were dealt with."""
    dealt = 0
    pause = 1 / runtime.config.worker.send_per_second
    while dealt < limit and (row := _claim(runtime, now())) is not None:
        _send(runtime, carrier, row, now)
        dealt += 1
        time.sleep(min(pause, 0.1))
    return dealt


def _claim(runtime: Runtime, now: datetime) -> Row[Any] | None:
    """The next due row, marked as ours by a guarded update; None when nothing is due."""
    with runtime.writing() as db:
        query = select(_table).where(_table.c.state == "pending", _table.c.next_at <= now).order_by(_table.c.next_at, _table.c.id).limit(1)
        if db.dialect.name == "postgresql":
            query = query.with_for_update(skip_locked=True)
        row = db.execute(query).first()
        if row is None:
            return None
        claimed = db.execute(
            update(Outgoing)
            .where(_table.c.id == row.id, _table.c.state == "pending")
            .values(state="claimed", claimed_at=now, attempts=row.attempts + 1)
        )
        if not claimed.rowcount:
            return None
        hindrance = _hindrance(db, row)
        if hindrance:
            _settle(db, row.id, **hindrance)
    return row if not hindrance else _claim(runtime, now)


def _hindrance(db: Connection, row: Row[Any]) -> dict[str, Any] | None:
    """Why a message is not to be sent at all: its number cannot receive it, or asked for silence."""
    if not numbers.is_mobile(row.to_number):
        return {"state": "parked", "error_code": "not_mobile"}
    stopped = db.scalar(select(Phone.sms_stopped_at).where(Phone.number == row.to_number))
    if stopped and not row.template.startswith(ANSWERS):
        return {"state": "suppressed", "error_code": "stopped"}
    return None


def _send(runtime: Runtime, carrier: Carrier, row: Row[Any], now: Callable[[], datetime]) -> None:
    try:
        accepted = carrier.send_sms(row.to_number, row.body, reference=row.id)
    except Permanent as error:
        outcome: dict[str, Any] = {"state": "parked", "error_code": error.code}
    except Temporary as error:
        outcome = _later(runtime, row, error.code, now())
    except Unknown as error:
        outcome = {"error_code": error.code}  # stays claimed: looked up when the claim has aged
    else:
        outcome = {"carrier": carrier.name, **_sent(accepted, now())}
    with runtime.writing() as db:
        _settle(db, row.id, **outcome)
        if sid := outcome.get("carrier_sid"):
            _apply_kept_reports(db, sid, now())
    log.info("outbox.tried", outbox=row.id, state=outcome.get("state", "unknown"), code=outcome.get("error_code"))


def _sent(accepted: Accepted, now: datetime) -> dict[str, Any]:
    return {"state": "sent", "carrier_sid": accepted.sid, "carrier_status": accepted.status, "sent_at": now, "error_code": None}


def _later(runtime: Runtime, row: Row[Any], code: str, now: datetime) -> dict[str, Any]:
    """Back off 5 s, 10 s, 20 s … up to an hour, with jitter; after `worker.max_attempts` a person decides."""
    if row.attempts + 1 >= runtime.config.worker.max_attempts:
        return {"state": "parked", "error_code": code}
    wait = min(3600, 5 * 2**row.attempts) * random.uniform(0.8, 1.2)
    return {"state": "pending", "error_code": code, "next_at": now + timedelta(seconds=wait)}


def _settle(db: Connection, outgoing_id: int, **values: Any) -> None:
    """Record an outcome, unless a delivery report was quicker."""
    db.execute(
        update(Outgoing).where(_table.c.id == outgoing_id, _table.c.state.in_(("claimed", "pending"))).values(**values)
    )


def settle_unknown(runtime: Runtime, carrier: Carrier, now: datetime, *, limit: int = 50) -> int:
    """Look up claims that nobody reported on: found ones are sent, others wait to be sent (again)."""
    aged = now - timedelta(seconds=runtime.config.worker.claim_seconds)
    with runtime.reading() as session:
        rows = list(session.execute(select(_table).where(outbox.UNSETTLED, _table.c.state == "claimed", _table.c.claimed_at < aged).limit(limit)))
    for row in rows:
        try:
            found = carrier.find_sms(row.to_number, row.body, row.claimed_at - timedelta(seconds=5))
        except Temporary:
            continue
        values = {"carrier": carrier.name, **_sent(found, now)} if found else _unsent(runtime, row, now)
        with runtime.writing() as db:
            db.execute(
                update(Outgoing).where(_table.c.id == row.id, _table.c.state == "claimed", _table.c.claimed_at == row.claimed_at).values(**values)
            )
            if found:
                _apply_kept_reports(db, found.sid, now)
    return len(rows)


def _unsent(runtime: Runtime, row: Row[Any], now: datetime) -> dict[str, Any]:
    if row.attempts >= runtime.config.worker.max_attempts:
        return {"state": "parked", "error_code": row.error_code or "unknown"}
    return {"state": "pending", "next_at": now}


# ── delivery reports ────────────────────────────────────────────────────────────────────────────────────────────────


def status_callback(db: Connection, fields: Mapping[str, str], query: Mapping[str, str], now: datetime) -> None:
    """Take in a carrier's report. One for a message not known (yet) is kept and applied when it becomes known."""
    sid = (fields.get("MessageSid") or fields.get("SmsSid") or "")[:64]
    status = (fields.get("MessageStatus") or fields.get("SmsStatus") or "").lower()
    code = (fields.get("ErrorCode") or "")[:20] or None
    if not sid or status not in twilio.STATUS_RANK:
        return
    if not record_status(db, sid, status, code, now, outgoing_id=_number(query.get("outbox", ""))):
        _keep_report(db, sid, status, code, now)


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def record_status(
    db: Connection, sid: str, status: str, code: str | None, now: datetime, *, outgoing_id: int | None = None
) -> bool:
    """Move a message's status forward, never back; False when no message is known by `sid` (or `outgoing_id`)."""
    row = db.execute(select(_table).where(_table.c.carrier_sid == sid)).first()
    if row is None and outgoing_id is not None:
        row = db.execute(select(_table).where(_table.c.id == outgoing_id, _table.c.carrier_sid.is_(None))).first()
    if row is None:
        return False
    rank = twilio.STATUS_RANK
    if row.carrier_status in rank and rank[status] <= rank[row.carrier_status]:
        return True
    values: dict[str, Any] = {"carrier_sid": sid, "carrier_status": status, "error_code": code, "sent_at": row.sent_at or now}
    if status in ("delivered", "read"):
        values |= {"state": "delivered", "delivered_at": row.delivered_at or now}
    elif status in twilio.FINAL_FAILURES:
        values |= {"state": "parked", "error_code": code or status}
    else:
        values |= {"state": "sent"}
    db.execute(update(Outgoing).where(_table.c.id == row.id).values(**values))
    return True


def _keep_report(db: Connection, sid: str, status: str, code: str | None, now: datetime) -> None:
    key = f"report:{sid}:{status}"
    if db.execute(select(Inbound.id).where(Inbound.key == key)).first() is None:
        row = {"key": key, "kind": "sms-status", "payload": {"sid": sid, "status": status, "code": code}, "received_at": now}
        db.execute(insert(Inbound), [row])


def _apply_kept_reports(db: Connection, sid: str, now: datetime) -> None:
    keys = [f"report:{sid}:{status}" for status in twilio.STATUS_RANK]
    for kept in db.execute(select(Inbound.payload).where(Inbound.key.in_(keys))).all():
        record_status(db, sid, kept.payload["status"], kept.payload["code"], now)


def requeue(db: Connection, outgoing_id: int, now: datetime) -> bool:
    """Try a parked message again, from the beginning; False when it is not parked."""
    done = db.execute(
        update(Outgoing)
        .where(_table.c.id == outgoing_id, _table.c.state.in_(("parked", "suppressed")))
        .values(state="pending", attempts=0, next_at=now, carrier_sid=None, carrier_status=None, error_code=None, claimed_at=None)
    )
    return bool(done.rowcount)
