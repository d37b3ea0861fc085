"""Ringing a citizen from the complaint's page: an agent asks, the carrier asks us whom to ring, and the outcome is an event.

A row of `dials` goes `owed` (asked for) → `ringing` → `talking` → `ended`. The number is the complaint's and nobody else's: what
the carrier brings is the row's id, and the row is looked at again when it asks. The agent's end is the browser, which connects by
itself; where the engine rings no browser, the worker rings the telephone of the agent's account first.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection, Row, insert, select, update

from carriers.base import CarrierError, OutgoingCall, VoiceCarrier
from helpline import complaints, lifecycle, numbers, queueing, scope
from helpline.complaints import Actor, CannotAct
from helpline.config import Config
from helpline.runtime import Runtime
from models import Complaint, Dial, User, new_id

log = structlog.get_logger()
RING_SECONDS = 30
_CARRIERS = {"completed": "answered", "answered": "answered", "busy": "busy", "no-answer": "no_answer", "canceled": "no_answer"}
_UNTAKEN = timedelta(seconds=45)  # no browser took it up
_UNREPORTED = timedelta(minutes=3)  # it rang, and nothing was heard of it any more
_LONGEST = timedelta(hours=4)
_table = Dial.__table__
LIVE = _table.c.ended_at.is_(None)


class CannotDial(Exception):
    """`reason`: `no_number`, `no_telephone` (neither browser nor telephone to ring the agent at) or `in_call`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def way(config: Config, user: Any) -> str | None:
    """How the agent is brought to the call: `browser`, `telephone` (the account's number), or not at all."""
    twilio = config.carriers.twilio.app_sid and config.secrets.twilio_api_key
    if config.carriers.voice_engine == "twilio" and (config.carriers.voice == "simulator" or twilio):
        return "browser"
    return "telephone" if numbers.e164(user.phone) else None


def ask(db: Connection, runtime: Runtime, complaint: Row[Any], user: Row[Any], now: datetime) -> int:
    """`user` is to be connected with the citizen of `complaint`. Raises CannotDial."""
    number, by = numbers.e164(complaint.phone), way(runtime.config, user)
    if number is None:
        raise CannotDial("no_number")
    if by is None:
        raise CannotDial("no_telephone")
    was = queueing.hold_for_dialling(db, user.id, now)
    if was in ("ringing", "talking") or of_user(db, user.id) is not None:
        raise CannotDial("in_call")
    row = {"id": new_id(now), "complaint_id": complaint.id, "user_id": user.id, "number": number, "by": by, "was": was, "state": "owed", "created_at": now}
    db.execute(insert(Dial), [row])
    return int(row["id"])


def get(db: Connection, dial_id: int) -> Row[Any] | None:
    return db.execute(select(_table).where(_table.c.id == dial_id)).first()


def of_user(db: Connection, user_id: int) -> Row[Any] | None:
    """What this person is ringing just now, with the complaint's number."""
    query = select(_table, Complaint.ack).join(Complaint, Complaint.id == _table.c.complaint_id)
    return db.execute(query.where(_table.c.user_id == user_id, LIVE).order_by(_table.c.id.desc()).limit(1)).first()


def cancel(db: Connection, user_id: int, now: datetime) -> None:
    """What nobody has begun to ring is not rung."""
    row = of_user(db, user_id)
    if row is not None and row.state == "owed":
        _end(db, row, None, now)


# ── the carrier asks ────────────────────────────────────────────────────────────────────────────────────────────────


def begin(db: Connection, runtime: Runtime, dial_id: int, sid: str, caller: str, now: datetime) -> Row[Any] | None:
    """The agent's end is there, and asks whom to ring; None where this agent may ring nobody for it (any more).

    `caller`: who asks, as the carrier says it: `client:agent-<id>` for a browser, else the helpline's own number.
    """
    row = get(db, dial_id)
    if row is None or row.ended_at is not None or (row.state != "owed" and row.sid not in (None, sid)):
        return None
    if caller != (f"client:agent-{row.user_id}" if row.by == "browser" else runtime.config.helpline.number):
        log.warning("dial.refused", dial=dial_id)
        return None
    number = _allowed_number(db, row)
    if number is None:
        _end(db, row, None, now)
        return None
    mine = (_table.c.id == dial_id, LIVE, (_table.c.state == "owed") | (_table.c.sid == sid) | _table.c.sid.is_(None))
    begun = update(Dial).where(*mine).values(state="ringing", sid=sid[:64], number=number, begun_at=row.begun_at or now)
    return get(db, dial_id) if db.execute(begun).rowcount else None


def _allowed_number(db: Connection, row: Row[Any]) -> str | None:
    """The complaint's number as it is now, where the agent still may ring it."""
    user = db.execute(select(User.__table__).where(User.id == row.user_id, User.active)).first()
    if user is None or user.role not in lifecycle.transition_roles("called"):
        return None
    phone = db.scalar(select(Complaint.phone).where(Complaint.id == row.complaint_id, scope.visible(user)))
    return numbers.e164(phone)


def answered(db: Connection, dial_id: int, now: datetime) -> None:
    """The citizen has picked up."""
    values = {"state": "talking", "answered_at": now}
    db.execute(update(Dial).where(_table.c.id == dial_id, LIVE, _table.c.answered_at.is_(None)).values(**values))


def over(db: Connection, runtime: Runtime, row: Row[Any] | None, status: str, now: datetime) -> None:
    """The carrier's word on how it ended; repeated or late, it changes nothing more."""
    if row is None or row.ended_at is not None:
        return
    outcome = "answered" if row.answered_at else _CARRIERS.get(status, "failed")
    if row.begun_at is None:  # the agent's own telephone was not answered: nobody was rung
        _end(db, row, None, now)
    elif _end(db, row, outcome, now):
        _write_down(db, runtime, row, outcome, now)


def by_sid(db: Connection, sid: str) -> Row[Any] | None:
    return db.execute(select(_table).where(_table.c.sid == sid[:64])).first()


def _end(db: Connection, row: Row[Any], outcome: str | None, now: datetime) -> bool:
    ended = update(Dial).where(_table.c.id == row.id, LIVE).values(state="ended", outcome=outcome, ended_at=now)
    if not db.execute(ended).rowcount:
        return False
    queueing.back_from_dialling(db, row.user_id, row.was, now, talked=outcome == "answered")
    return True


def _write_down(db: Connection, runtime: Runtime, row: Row[Any], outcome: str, now: datetime) -> None:
    role = db.scalar(select(User.role).where(User.id == row.user_id))
    try:
        complaints.act(db, runtime, row.complaint_id, "called", Actor(str(role), "agent", row.user_id), now, {"called": outcome})
    except CannotAct as error:
        log.warning("dial.not_written_down", dial=row.id, reason=error.reason)


# ── the worker's part ───────────────────────────────────────────────────────────────────────────────────────────────


def work(runtime: Runtime, carrier: VoiceCarrier, now: datetime) -> int:
    """Ring the telephones of agents without a browser, and end what nobody took up or reported on; how many were rung."""
    with runtime.reading() as session:
        rows = session.execute(select(_table).where(LIVE).order_by(_table.c.id).limit(100)).all()
    return sum(_ring_agent(runtime, carrier, row, now) for row in rows if not _give_up(runtime, row, now) and row.by == "telephone" and row.state == "owed")


def _give_up(runtime: Runtime, row: Row[Any], now: datetime) -> bool:
    since, allowed = {"owed": (row.created_at, _UNTAKEN), "placing": (row.created_at, _UNREPORTED), "ringing": (row.begun_at, _UNREPORTED)}.get(
        row.state, (row.answered_at, _LONGEST))  # fmt: skip
    if since is not None and now - since < allowed:
        return False
    with runtime.writing() as db:
        over(db, runtime, get(db, row.id), "no-answer", now)
    return True


def _ring_agent(runtime: Runtime, carrier: VoiceCarrier, row: Row[Any], now: datetime) -> bool:
    """Not repeatable: marked before it is placed; one whose outcome is unknown is given up after a while."""
    with runtime.writing() as db:
        claimed = db.execute(update(Dial).where(_table.c.id == row.id, _table.c.state == "owed").values(state="placing"))
        phone = db.scalar(select(User.phone).where(User.id == row.user_id))
    if not claimed.rowcount or not phone:
        return False
    base = runtime.config.public_url
    try:
        sid = carrier.place_call(OutgoingCall(phone, f"{base}/ivr/dial?d={row.id}", f"{base}/ivr/dial-status?d={row.id}", RING_SECONDS, "ignore")).sid
    except CarrierError as error:
        log.warning("dial.agent_not_rung", dial=row.id, code=error.code)
        with runtime.writing() as db:
            _end(db, row, None, now)
        return False
    with runtime.writing() as db:
        db.execute(update(Dial).where(_table.c.id == row.id, _table.c.sid.is_(None)).values(sid=sid))
    return True
