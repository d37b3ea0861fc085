"""Calls that read a message out: placed by the worker, within their hours and as many as the lines allow.

A call's row goes `pending` → `claimed` → `sent` (it rings, or is talking) → `delivered` (heard), or back to `pending` for another try.
Every try has its number, which its addresses carry, so that a late report of one says nothing of the next. A claim that nobody
reported on is looked up at the carrier before anything is placed again. After the last try the message goes out as an SMS; to
a number that takes none, a person rings.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import ColumnElement, Connection, Row, exists, func, or_, select, update

from carriers.base import CALL_ENDED, CallState, OutgoingCall, Permanent, Temporary, Unknown, Unusable, VoiceCarrier
from helpline import complaints, numbers, outbox, telling, tries
from helpline.lifecycle import State
from helpline.runtime import Runtime, utc_now
from models import Event, Outgoing, Try

log = structlog.get_logger()
_table = Outgoing.__table__
_AHEAD = timedelta(minutes=1)  # later ones were noted by a clock that was ahead
_ALIVE = timedelta(minutes=15)  # a try of which nothing was heard for so long holds no line
_BEFORE = timedelta(seconds=30)  # the carrier's clock may be behind ours
UNDER_WAY = ("claimed", "sent")


def place_due(runtime: Runtime, carrier: VoiceCarrier, now: Callable[[], datetime] = utc_now, *, limit: int = 20) -> int:
    """Place up to `limit` calls that are due; how many."""
    if not runtime.config.calls.enabled:
        return _leave_to_people(runtime, now())
    placed = 0
    while placed < limit and (row := _claim(runtime, carrier, now())) is not None:
        _place(runtime, carrier, row, now)
        placed += 1
    return placed


def _leave_to_people(runtime: Runtime, now: datetime) -> int:
    due = (_table.c.state == "pending", _table.c.kind == "call", _table.c.next_at <= now)
    with runtime.writing() as db:
        return int(db.execute(update(Outgoing).where(*due).values(state="parked", error_code="calls_off")).rowcount)


def _claim(runtime: Runtime, carrier: VoiceCarrier, now: datetime) -> Row[Any] | None:
    """The next due call to a telephone that we do not ring or talk to just now, marked as ours; None when none is due, when it is night,
    or when the lines are full. Of what is due about one complaint the oldest goes first."""
    other, older = _table.alias(), _table.alias()
    engaged = exists().where(*_under_way(now), Try.outbox_id == other.c.id, other.c.to_number == _table.c.to_number)
    in_turn = ~exists().where(older.c.complaint_id == _table.c.complaint_id, older.c.to_number == _table.c.to_number, older.c.id < _table.c.id,
                              older.c.state == "pending", older.c.kind == "call", older.c.next_at <= now)  # fmt: skip
    due = (_table.c.state == "pending", _table.c.kind == "call", _table.c.next_at <= now, ~engaged, in_turn)
    opens = telling.next_opening(runtime.config.calls.hours, now)
    with runtime.writing() as db:
        query = select(_table).where(*due).order_by(_table.c.next_at, _table.c.id).limit(1)
        if db.dialect.name == "postgresql":
            query = query.with_for_update(skip_locked=True)
        while (row := db.execute(query).first()) is not None and (outbox.keep_here(db, row) or _settle_overtaken(db, row)):
            pass
        if row is None:
            return None
        if opens > now:
            db.execute(update(Outgoing).where(*due).values(next_at=opens))
            return None
        if _lines_full(db, runtime, now):
            return None
        values = {"state": "claimed", "claimed_at": now, "attempts": row.attempts + 1, "carrier": carrier.name, "carrier_sid": None, "carrier_status": None}
        if not db.execute(update(Outgoing).where(_table.c.id == row.id, _table.c.state == "pending").values(**values)).rowcount:
            return None
        tries.begin(db, row.id, "call", now)
        return db.execute(select(_table).where(_table.c.id == row.id)).first()


def _settle_overtaken(db: Connection, row: Row[Any]) -> bool:
    """Whether a call tells older news than the citizen has heard, or is hearing, of the same complaint: then it is settled. A question that
    is open is asked all the same.
    """
    newer = (_table.c.complaint_id == row.complaint_id, _table.c.to_number == row.to_number, _table.c.id > row.id, _table.c.kind != "email",
             or_(_table.c.key.startswith("complaint:"), _table.c.key.startswith("joined:")), _table.c.state.in_((*UNDER_WAY, "delivered")))  # fmt: skip
    if row.complaint_id is None or db.scalar(select(_table.c.id).where(*newer).limit(1)) is None:
        return False
    about = complaints.get(db, row.complaint_id)
    if about is not None and about.state == State.ACTION_REQUIRED and row.key == f"complaint:{about.id}:{about.asked_seq}":
        return False
    db.execute(update(Outgoing).where(_table.c.id == row.id).values(state="replaced", error_code="overtaken"))
    return True


def _lines_full(db: Connection, runtime: Runtime, now: datetime) -> bool:
    rules = runtime.config.calls
    recent = select(func.count()).select_from(Try).where(Try.kind == "call")
    begun = db.scalar(recent.where(Try.at > now - timedelta(minutes=1), Try.at < now + _AHEAD)) or 0
    talking = db.scalar(recent.where(*_under_way(now))) or 0
    return begun >= rules.per_minute or talking >= rules.at_once


def _under_way(now: datetime) -> tuple[ColumnElement[bool], ...]:
    """Tries of calls that ring or are talked on; found by their time, for the outbox has millions of rows."""
    return Try.kind == "call", Try.at > now - _ALIVE, Try.at < now + _AHEAD, Try.ended_at.is_(None)


def _place(runtime: Runtime, carrier: VoiceCarrier, row: Row[Any], now: Callable[[], datetime]) -> None:
    rules = runtime.config.calls
    about = f"o={row.id}&t={row.attempts}"
    base = f"{runtime.config.public_url}/ivr/outbound"
    call = OutgoingCall(row.to_number, f"{base}?{about}", f"{base}/status?{about}", rules.ring_seconds, rules.answering_machine)
    try:
        accepted = carrier.place_call(call)
    except Unknown as error:
        values: dict[str, Any] = {"error_code": error.code}  # stays claimed: looked up when the claim has aged
    except (Temporary, Permanent, Unusable) as error:
        with runtime.writing() as db:
            if mine := _current(db, row.id, row.attempts):
                _not_reached(db, runtime, mine, "failed", now(), error.code, for_good=isinstance(error, Permanent))
        return
    else:
        values = {"state": "sent", "carrier_sid": accepted.sid, "carrier_status": accepted.status, "sent_at": now(), "error_code": None}
    with runtime.writing() as db:
        db.execute(update(Outgoing).where(_table.c.id == row.id, _table.c.state == "claimed", _table.c.attempts == row.attempts).values(**values))
    log.info("call.placed", outbox=row.id, attempt=row.attempts, code=values.get("error_code"))


# ── what becomes of it ──────────────────────────────────────────────────────────────────────────────────────────────


def _current(db: Connection, outgoing_id: int, attempt: int) -> Row[Any] | None:
    """The row of a call under way, if `attempt` is its present try."""
    return db.execute(select(_table).where(_table.c.id == outgoing_id, _table.c.kind == "call", _table.c.attempts == attempt,
                                           _table.c.state.in_(UNDER_WAY))).first()  # fmt: skip


def answered(db: Connection, outgoing_id: int, attempt: int, sid: str, now: datetime) -> Row[Any] | None:
    """Somebody, or something, has picked up: the row with the message; None when there is nothing to say (any more)."""
    row = _current(db, outgoing_id, attempt)
    if row is not None and row.state == "claimed":  # quicker than our own record of it
        db.execute(update(Outgoing).where(_table.c.id == row.id).values(state="sent", carrier_sid=sid[:64], carrier_status="in-progress", sent_at=now))
    return row


def machine(db: Connection, outgoing_id: int, outcome: str, now: datetime) -> None:
    """A machine has answered: `left` says that the message was left on it, `machine` that we rang off."""
    db.execute(update(Try).where(Try.outbox_id == outgoing_id, Try.ended_at.is_(None)).values(outcome=outcome))


def heard(db: Connection, outgoing_id: int, now: datetime) -> None:
    """The message was heard to its end, or answered by a key."""
    done = db.execute(update(Outgoing).where(_table.c.id == outgoing_id, _table.c.kind == "call", _table.c.state.in_(UNDER_WAY))
                      .values(state="delivered", delivered_at=now, carrier_status="completed", error_code=None))  # fmt: skip
    if done.rowcount:
        tries.end(db, outgoing_id, "heard", now)


def ended(db: Connection, runtime: Runtime, outgoing_id: int, attempt: int, call: CallState, now: datetime) -> None:
    """The carrier's report of a call's end. Repeated, late, or of an earlier try, it changes nothing."""
    row = _current(db, outgoing_id, attempt)
    if row is None or call.status not in CALL_ENDED:
        return
    outcome = _outcome(runtime, call, tries.outcome_of_last(db, row.id))
    if outcome in tries.REACHED:
        db.execute(update(Outgoing).where(_table.c.id == row.id).values(
            state="delivered", delivered_at=now, carrier_sid=call.sid[:64], carrier_status=call.status, error_code=None))  # fmt: skip
        tries.end(db, row.id, outcome, now)
    else:
        _not_reached(db, runtime, row, outcome, now)


def _outcome(runtime: Runtime, call: CallState, noted: str | None) -> str:
    if call.status != "completed":
        return call.status
    if noted in ("machine", "left"):
        return noted
    return "heard" if call.seconds >= runtime.config.calls.heard_after_seconds else "cut"


def _not_reached(
    db: Connection, runtime: Runtime, row: Row[Any], outcome: str, now: datetime, code: str | None = None, *, for_good: bool = False
) -> None:
    """Tried again later, with growing pauses; after the last time an SMS, or a person rings."""
    tries.end(db, row.id, outcome, now, code)
    if _settle_overtaken(db, row):
        return
    rules = runtime.config.calls
    values: dict[str, Any] = {"error_code": (code or outcome)[:20], "carrier_status": outcome}
    if row.attempts <= len(rules.retry_minutes) and not for_good:
        later = telling.next_opening(rules.hours, now + timedelta(minutes=rules.retry_minutes[row.attempts - 1]))
        values |= {"state": "pending", "next_at": later}
    elif numbers.is_mobile(row.to_number) and (sms := _as_sms(db, runtime, row, now)) is not None:
        outbox.owe(db, sms, now)
        values |= {"state": "replaced"}
    else:
        values |= {"state": "parked"}
    db.execute(update(Outgoing).where(_table.c.id == row.id).values(**values))
    log.info("call.not_reached", outbox=row.id, attempt=row.attempts, outcome=outcome, state=values["state"])


def _as_sms(db: Connection, runtime: Runtime, row: Row[Any], now: datetime) -> outbox.Owed | None:
    """The same news as an SMS."""
    complaint = complaints.get(db, row.complaint_id) if row.complaint_id else None
    if complaint is None or row.template not in runtime.catalogue:
        return None
    seq = row.key.rpartition(":")[2]
    given = db.scalar(select(Event.data).where(Event.complaint_id == complaint.id, Event.seq == int(seq))) if row.key.startswith("complaint:") else None
    return telling.instead(runtime, complaint, row, given or {}, now)


# ── after a crash, and when a report is lost ────────────────────────────────────────────────────────────────────────


def settle_lost(runtime: Runtime, carrier: VoiceCarrier, now: datetime, *, limit: int = 50) -> int:
    """Ask the carrier for calls that nobody reported on; how many were looked up."""
    claimed = _table.c.claimed_at < now - timedelta(seconds=runtime.config.worker.claim_seconds)
    silent = _table.c.claimed_at < now - _ALIVE
    lost = select(_table).join(Try, Try.outbox_id == _table.c.id).where(Try.kind == "call", Try.ended_at.is_(None), Try.at > now - timedelta(days=7),
                               (_table.c.state == "claimed") & claimed | (_table.c.state == "sent") & silent)  # fmt: skip
    with runtime.reading() as session:
        rows = list(session.execute(lost.limit(limit)))
    for row in rows:
        try:
            found = carrier.call_state(row.carrier_sid) if row.carrier_sid else carrier.find_call(row.to_number, row.claimed_at - _BEFORE)
        except Temporary:
            continue
        with runtime.writing() as db:
            _settle(db, runtime, row, found, now)
    return len(rows)


def _settle(db: Connection, runtime: Runtime, row: Row[Any], found: CallState | None, now: datetime) -> None:
    if _current(db, row.id, row.attempts) is None:
        return
    if found is None and row.state == "claimed":  # it was never placed: the try does not count
        tries.end(db, row.id, "failed", now, "not_placed")
        values = {"state": "pending", "next_at": now, "attempts": row.attempts - 1}
        db.execute(update(Outgoing).where(_table.c.id == row.id, _table.c.state == "claimed").values(**values))
    elif found is None or found.status in CALL_ENDED:
        ended(db, runtime, row.id, row.attempts, found or CallState(row.carrier_sid or "", "failed"), now)
    elif row.state == "claimed":
        db.execute(update(Outgoing).where(_table.c.id == row.id).values(state="sent", carrier_sid=found.sid, carrier_status=found.status, sent_at=now))
