"""What the carrier is to do for calls with agents, read off the queue's rows and done by the worker.

Each round compares what is wanted (`waiting`, `legs`) with what the carrier was told, and tells it the difference: done twice,
or after a crash, it comes to the same. Only ringing an agent is not repeatable: a leg is marked before it is placed, and one
whose outcome is unknown is given up after `queue.ring_seconds`, as if nobody had answered.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import Row, select, update

from carriers.base import CarrierError, OutgoingCall, VoiceCarrier
from helpline import callbacks, dialling, numbers, queueing
from helpline.runtime import Runtime
from models import Leg, User, Waiting

log = structlog.get_logger()
_waiting = Waiting.__table__
_legs = Leg.__table__


def room(waiting_id: int) -> str:
    return f"call-{waiting_id}"


def address_of(user: Row[Any]) -> str:
    """Where a member of the staff is rung: their browser."""
    return f"client:agent-{user.id}"


def work(runtime: Runtime, carrier: VoiceCarrier, now: datetime) -> int:
    """One round; how many things the carrier was told."""
    with runtime.writing() as db:
        queueing.tick(db, runtime, now)
    return dialling.work(runtime, carrier, now) + _ring(runtime, carrier, now) + _join(runtime, carrier) + _read_back(runtime, carrier) + _hold(runtime, carrier) + _release(runtime, carrier) + _hang_up(runtime, carrier, now)


def _rows(runtime: Runtime, query: Any) -> list[Row[Any]]:
    with runtime.reading() as session:
        return list(session.execute(query.limit(100)))


def _ring(runtime: Runtime, carrier: VoiceCarrier, now: datetime) -> int:
    owed = _rows(runtime, select(_legs.c.id.label("leg"), User.id).join(User, User.id == _legs.c.user_id).where(_legs.c.state == "owed"))
    base, seconds = runtime.config.public_url, runtime.config.queue.ring_seconds
    for row in owed:
        with runtime.writing() as db:
            claimed = db.execute(update(Leg).where(_legs.c.id == row.leg, _legs.c.state == "owed").values(state="placing"))
        if not claimed.rowcount:
            continue
        try:
            call = OutgoingCall(address_of(row), f"{base}/ivr/leg?leg={row.leg}", f"{base}/ivr/leg-status?leg={row.leg}", seconds, "ignore")
            sid = carrier.place_call(call).sid
        except CarrierError as error:
            log.warning("switchboard.not_rung", leg=row.leg, code=error.code)
            with runtime.writing() as db:
                queueing.missed(db, row.leg, now)
            continue
        with runtime.writing() as db:
            db.execute(update(Leg).where(_legs.c.id == row.leg).values(sid=sid))
            db.execute(update(Leg).where(_legs.c.id == row.leg, _legs.c.state == "placing").values(state="ringing"))
    return len(owed)


def _join(runtime: Runtime, carrier: VoiceCarrier) -> int:
    """Bring the caller to the agent who answered."""
    apart = _rows(runtime, select(_waiting).where(_waiting.c.state == "talking", _waiting.c.in_room.is_(False)))
    for row in apart:
        if _told(carrier.redirect, row.call_sid, f"{runtime.config.public_url}/ivr/room?waiting={row.id}"):
            _set(runtime, row.id, in_room=True)
    return len(apart)


def _read_back(runtime: Runtime, carrier: VoiceCarrier) -> int:
    """The caller leaves the room for as long as it takes, and comes back to it."""
    asked = _rows(runtime, select(_waiting).where(_waiting.c.state == "talking", _waiting.c.in_room, _waiting.c.read_back))
    for row in asked:
        _told(carrier.redirect, row.call_sid, f"{runtime.config.public_url}/ivr/read-back?waiting={row.id}&l={row.language}")
        _set(runtime, row.id, read_back=False)
    return len(asked)


def _hold(runtime: Runtime, carrier: VoiceCarrier) -> int:
    differing = _rows(runtime, select(_waiting).where(_waiting.c.state == "talking", _waiting.c.in_room, _waiting.c.on_hold != _waiting.c.held))
    for row in differing:
        if _told(carrier.hold, room(row.id), row.call_sid, row.on_hold, f"{runtime.config.public_url}/ivr/music"):
            _set(runtime, row.id, held=row.on_hold)
    return len(differing)


def _release(runtime: Runtime, carrier: VoiceCarrier) -> int:
    """The talk is over and the caller still on the line: a goodbye; or, where the agent's line broke, that it did, and what follows."""
    over = _rows(runtime, select(_waiting).where(_waiting.c.state == "done", _waiting.c.in_room))
    for row in over:
        _told(carrier.redirect, row.call_sid, f"{runtime.config.public_url}/ivr/step?at={_heard_after(runtime, row)}&l={row.language}&show=1")
        _set(runtime, row.id, in_room=False, held=False)
    return len(over)


def _heard_after(runtime: Runtime, row: Row[Any]) -> str:
    """Where in the call tree a talk leads that is over. A call back is promised where the ledger will have one."""
    with runtime.reading() as session:
        db = session.connection()
        if not queueing.was_cut_off(db, row.id, (queueing.BROKEN,)):
            return "goodbye"
        return "cut_off_rung_back" if numbers.e164(row.number) and callbacks.is_unsaid(db, row) else "cut_off"


def _hang_up(runtime: Runtime, carrier: VoiceCarrier, now: datetime) -> int:
    ending = _rows(runtime, select(_legs).where(_legs.c.state == "ending"))
    for leg in ending:
        if leg.sid:
            _told(carrier.hang_up, leg.sid)
        with runtime.writing() as db:
            queueing.leg_ended(db, leg.id, now)
            db.execute(update(Leg).where(_legs.c.id == leg.id).values(state="ended", ended_at=now))
    return len(ending)


def _told(do: Any, *args: Any) -> bool:
    try:
        do(*args)
    except CarrierError as error:
        log.warning("switchboard.refused", code=error.code)
        return False
    return True


def _set(runtime: Runtime, waiting_id: int, **values: Any) -> None:
    with runtime.writing() as db:
        db.execute(update(Waiting).where(_waiting.c.id == waiting_id).values(**values))
