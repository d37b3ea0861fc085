"""A missed call, rung off before the menu, is a request: answered by SMS with the last status, or with how the line is used."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, func, select

from helpline import limits, notices, numbers, outbox, proof, status
from helpline.runtime import Runtime
from models import Tally, new_id

_KIND = "missed-sms"


def answer(db: Connection, runtime: Runtime, number: str, call: Row[Any], now: datetime) -> bool:
    """Owe `number` (E.164) the SMS; False where none can arrive, or one was sent within `callbacks.missed_sms_hours`."""
    if not numbers.is_mobile(number) or _answered_lately(db, runtime, number, now):
        return False
    limits.count(db, _KIND, number, now)
    language = call.language or runtime.config.helpline.default_language
    message_id, check = new_id(now), None
    row = status.latest_open(db, number)
    if row is not None and row.discreet:
        check = proof.code(runtime, message_id)
        sms = notices.compose(runtime, notices.DISCREET, dict(row._mapping), {}, check=check)
    elif row is not None:
        sms = status.message(db, runtime, row, language)
    else:
        check, settings = proof.code(runtime, message_id), runtime.config.helpline
        sms = runtime.catalogue.sms("notify.missed_call", language, helpline=settings.short_name, phone=settings.display_number, check=check)
    owed = outbox.Owed(f"missed:{call.sid}", number, sms, row.id if row is not None else None, asked=True, id=message_id, check=check)
    return outbox.owe(db, owed, now)


def _answered_lately(db: Connection, runtime: Runtime, number: str, now: datetime) -> bool:
    """Tallies are of whole hours: rather an hour longer than one too soon."""
    since = now - timedelta(hours=runtime.config.callbacks.missed_sms_hours + 1)
    lately = select(func.count()).select_from(Tally).where(Tally.kind == _KIND, Tally.subject == number, Tally.hour > since)
    return bool(db.scalar(lately))
