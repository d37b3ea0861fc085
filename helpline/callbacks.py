"""The ledger of calls that ended before what the caller came for was done: who is rung back, by when, and what came of it.

The worker takes note of every call some seconds after its end. One open entry a number: further calls that break off are
counted on it and do not put off its promise; a later call that succeeds, or a filing by SMS, settles it. Whoever asks by SMS to
be rung is in it too, and stays in it until somebody has talked with them, or they have filed by telephone. An entry's life:
`due` → `claimed` by somebody → `done`, or `due` again for the next try, or `given_up`; `settled` when the citizen came
through without us.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection, Row, and_, insert, select, update
from sqlalchemy.exc import IntegrityError

from helpline import (
    acknowledgement,
    calls,
    complaints,
    fairness,
    lifecycle,
    missed,
    numbers,
    outbox,
    proof,
    queueing,
    sla,
)
from helpline.lifecycle import State
from helpline.runtime import Runtime
from models import Call, Callback, Complaint, new_id

log = structlog.get_logger()
REASONS = ("menu", "recording", "agent", "asked", "message", "fault", "missed", "sms")
REQUESTED = "sms"  # in so many words; what else becomes of the number meanwhile does not change it
STATES = ("due", "claimed", "done", "given_up", "settled")
OUTCOMES = ("reached", "no_answer", "busy", "wrong_number")
RECORDING = frozenset({"problem", "problem_review", "name", "addition"})
WAITING = frozenset({"agent", "message"})  # for a person
_table = Callback.__table__
_calls = Call.__table__
OPEN = _table.c.closed_at.is_(None)


class NotYours(Exception):
    """The entry is closed, or somebody else has it."""


# ── taking note of calls ────────────────────────────────────────────────────────────────────────────────────────────


def account(runtime: Runtime, now: datetime, *, limit: int = 200) -> int:
    """Take note of calls that ended `callbacks.after_seconds` ago; how many."""
    ended = now - timedelta(seconds=runtime.config.callbacks.after_seconds)
    query = select(_calls.c.id).where(_calls.c.accounted_at.is_(None), _calls.c.ended_at.is_not(None), _calls.c.ended_at <= ended)
    with runtime.reading() as session:
        ids = list(session.scalars(query.order_by(_calls.c.ended_at).limit(limit)))
    for call_id in ids:
        with runtime.writing() as db:
            _account(db, runtime, call_id, now)
    return len(ids)


def _account(db: Connection, runtime: Runtime, call_id: int, now: datetime) -> None:
    call = db.execute(select(_calls).where(_calls.c.id == call_id)).one()
    if _is_calling(db, runtime, call, now):  # again: that call's end will show
        return
    done = db.execute(update(Call).where(_calls.c.id == call_id, _calls.c.accounted_at.is_(None)).values(accounted_at=now))
    if not done.rowcount:
        return
    complaint = complaints.get(db, call.complaint_id) if call.complaint_id else None
    caller = numbers.e164(call.from_number)
    if caller is not None and not is_ours(call):
        fairness.count_call(db, runtime, caller, call.started_at, now)
    number = caller or (complaint.phone if complaint is not None else None)
    if number is None:
        return
    queued = queueing.of_call(db, call.sid)
    reason = why(runtime, call, complaint, queued)
    if reason is None and queued is not None and _talked(queued) and queueing.was_cut_off(db, queued.id) and is_unsaid(db, queued):
        reason, complaint = "agent", complaints.get(db, queued.complaint_id) if queued.complaint_id else None
    if reason is not None:
        note(db, runtime, number, call, complaint, reason, now)
        if reason == "missed":
            missed.answer(db, runtime, number, call, now)
    elif not is_ours(call):
        settle(db, number, now, filed=complaint is not None, talked=complaint is not None or _talked(queued))
    log.info("call.accounted", call=call.sid, reason=reason)


def _is_calling(db: Connection, runtime: Runtime, call: Row[Any], now: datetime) -> bool:
    """Whether the same number is on the line just now."""
    if not numbers.e164(call.from_number):
        return False
    heard = now - timedelta(minutes=runtime.config.voice.call_silent_minutes)
    later = select(_calls.c.id).where(_calls.c.from_number == call.from_number, _calls.c.started_at >= call.started_at,
                                      _calls.c.id != call.id, _calls.c.ended_at.is_(None), _calls.c.seen_at > heard)  # fmt: skip
    return db.execute(later.limit(1)).first() is not None


def is_ours(call: Row[Any]) -> bool:
    """A call that we made: it wants a call back only when a person was asked for in it."""
    return "outbox" in call.answers


def why(runtime: Runtime, call: Row[Any], complaint: Row[Any] | None, queued: Row[Any] | None = None) -> str | None:
    """Why the caller is to be rung back; None when they had what they came for. `queued`: their place in the queue, if they had one."""
    if _talked(queued):
        return None
    if queued is not None and queued.state == "callback":
        return "asked"
    if is_ours(call):
        return "agent" if call.at in WAITING else None
    if complaint is not None and is_unfinished(complaint):
        return _why_unfinished(call, complaint)
    if call.at in WAITING:
        return "agent"
    fulfilled = call.fulfilled or call.at in calls.FULFILLING
    if complaint is not None:  # registered; who cannot be told by SMS and met a fault did perhaps not hear the number
        return "fault" if call.fault and not fulfilled and not numbers.is_mobile(complaint.phone) else None
    if fulfilled:
        return None
    if call.fault:
        return "fault"
    return "missed" if call.at is None and lasted(call) <= runtime.config.callbacks.missed_seconds else "menu"


def _talked(queued: Row[Any] | None) -> bool:
    """Whether the caller spoke to an agent, who has it."""
    return queued is not None and queued.answered_at is not None


def is_unsaid(db: Connection, queued: Row[Any]) -> bool:
    """Whether a talk that was cut off, of that place in the queue, had led to no complaint that is complete."""
    told = complaints.get(db, queued.complaint_id) if queued.complaint_id else None
    return told is None or is_unfinished(told)


def _why_unfinished(call: Row[Any], complaint: Row[Any]) -> str:
    if call.fault:
        return "fault"
    if call.at == "registered":  # what was recorded for an agent is registered at once
        return "message"
    if call.at in WAITING:
        return "agent"
    return "recording" if call.at in RECORDING or complaint.state != State.DRAFT else "menu"


def is_unfinished(complaint: Row[Any]) -> bool:
    return complaint.state == State.DRAFT or (complaint.incomplete and lifecycle.is_open(complaint.state))


def lasted(call: Row[Any]) -> float:
    """Seconds, by the carrier where it said so, else by our clock."""
    if call.seconds is not None:
        return float(call.seconds)
    return float(abs((call.ended_at - call.started_at).total_seconds()))


def note(
    db: Connection, runtime: Runtime, number: str, call: Row[Any], complaint: Row[Any] | None, reason: str, now: datetime
) -> int | None:
    """The entry of `number`, made or added to; None when this call had one before, which is closed."""
    about = {"reason": reason, "at": call.at, "call_id": call.id, "updated_at": now, **_told_so_far(complaint)}
    if db.execute(select(_table.c.id).where(_table.c.call_id == call.id, ~OPEN).limit(1)).first():
        return None
    language = call.language or runtime.config.helpline.default_language
    entry, is_new = _entry(db, runtime, number, about | {"language": language}, now)
    if not is_new:
        if entry.reason == REQUESTED:
            about["reason"] = REQUESTED
        elif reason == "missed":  # tells less than what is known already
            about |= {"reason": entry.reason, "at": entry.at}
        more = {} if entry.call_id == call.id else {"calls": entry.calls + 1}
        db.execute(update(Callback).where(_table.c.id == entry.id).values(**about, **more))
    return int(entry.id)


def request(db: Connection, runtime: Runtime, number: str, language: str, complaint: Row[Any] | None, now: datetime) -> Row[Any]:
    """A citizen asks by SMS to be rung at `number` (E.164); the entry, made or found. Asked again, the promise stays; who could not be
    reached before is rung now. `complaint`: what was being told, or what they want to talk about; something unfinished stays noted before that."""
    about: dict[str, Any] = {"reason": REQUESTED, "updated_at": now}
    meant = {"complaint_id": complaint.id} if complaint is not None else {}
    entry, is_new = _entry(db, runtime, number, about | meant | {"language": language, "calls": 0}, now)
    if not is_new:
        known = complaints.get(db, entry.complaint_id) if entry.complaint_id else None
        about |= meant if known is None or not is_unfinished(known) else _told_so_far(complaint)
        now_due = {"next_at": now} if entry.state == "due" and entry.next_at > now else {}
        db.execute(update(Callback).where(_table.c.id == entry.id).values(**about, **now_due))
    return entry


def _told_so_far(complaint: Row[Any] | None) -> dict[str, int]:
    return {"complaint_id": complaint.id} if complaint is not None and is_unfinished(complaint) else {}


def _entry(db: Connection, runtime: Runtime, number: str, about: dict[str, Any], now: datetime) -> tuple[Row[Any], bool]:
    """The open entry of `number`, and whether it was made just now, of `about`."""
    if entry := _of_number(db, number):
        return entry, False
    made = about | {"id": new_id(now), "number": number, "promised_at": promise(runtime, now), "next_at": now, "created_at": now}
    with suppress(IntegrityError), db.begin_nested():  # made by another process at the same moment
        db.execute(insert(Callback), [made])
    entry = db.execute(select(_table).where(_table.c.number == number, OPEN)).one()
    return entry, bool(entry.id == made["id"])


def promise(runtime: Runtime, now: datetime) -> datetime:
    """By when a citizen whose call broke off is rung back."""
    return sla.after_open_minutes(runtime.config.voice.office_hours, now, runtime.config.callbacks.promise_minutes)


def _of_number(db: Connection, number: str) -> Row[Any] | None:
    return db.execute(select(_table).where(_table.c.number == number, OPEN)).first()


# ── settling ────────────────────────────────────────────────────────────────────────────────────────────────────────


def settle(db: Connection, number: str | None, now: datetime, *, filed: bool = False, talked: bool = False) -> None:
    """The citizen came through: the entry of `number` is settled, unless it is about something still unfinished.

    `filed`: a complaint was registered from that number, so what broke off before is taken to be told. `talked`: by telephone, with
    whom or what a call that was asked for in so many words would have served.
    """
    entry = _of_number(db, number) if number else None
    if entry is None or (entry.reason == REQUESTED and not talked):
        return
    complaint = complaints.get(db, entry.complaint_id) if entry.complaint_id and not filed else None
    if complaint is None or not is_unfinished(complaint):
        _close(db, entry.id, "settled", now)


def settle_finished(runtime: Runtime, now: datetime, *, limit: int = 200) -> None:
    """Entries about a complaint that was finished some other way: completed by somebody, discarded, closed."""
    unfinished = (Complaint.state == str(State.DRAFT)) | (Complaint.incomplete & Complaint.state.in_(_LIVE))
    query = (select(_table.c.id).join(Complaint, Complaint.id == _table.c.complaint_id)
             .where(OPEN, _table.c.state == "due", _table.c.reason != REQUESTED, ~unfinished).limit(limit))  # fmt: skip
    with runtime.reading() as session:
        ids = list(session.scalars(query))
    for entry_id in ids:
        with runtime.writing() as db:
            _close(db, entry_id, "settled", now)


_LIVE = [str(state) for state in State if lifecycle.is_open(state)]


def _close(db: Connection, entry_id: int, state: str, now: datetime, **values: Any) -> bool:
    closed = update(Callback).where(_table.c.id == entry_id, OPEN).values(state=state, closed_at=now, updated_at=now, **values)
    return bool(db.execute(closed).rowcount)


# ── ringing back ────────────────────────────────────────────────────────────────────────────────────────────────────


def get(db: Connection, entry_id: int) -> Row[Any] | None:
    return db.execute(select(_table).where(_table.c.id == entry_id)).first()


def claim(db: Connection, entry_id: int, user_id: int, now: datetime) -> Row[Any]:
    """`user_id` rings this one. Raises NotYours when somebody else has it already."""
    free = and_(_table.c.id == entry_id, OPEN, _table.c.state == "due")
    db.execute(update(Callback).where(free).values(state="claimed", owner_id=user_id, claimed_at=now, updated_at=now))
    return _claimed(db, entry_id, user_id)


def _claimed(db: Connection, entry_id: int, user_id: int) -> Row[Any]:
    entry = get(db, entry_id)
    if entry is None or entry.closed_at is not None or entry.state != "claimed" or entry.owner_id != user_id:
        raise NotYours
    return entry


def release(db: Connection, entry_id: int, user_id: int, now: datetime) -> None:
    """Given back untried."""
    _claimed(db, entry_id, user_id)
    db.execute(update(Callback).where(_table.c.id == entry_id).values(state="due", owner_id=None, claimed_at=None, updated_at=now))


def release_forgotten(runtime: Runtime, now: datetime) -> None:
    """What was claimed `callbacks.claim_minutes` ago and not dealt with is for anybody again."""
    since = now - timedelta(minutes=runtime.config.callbacks.claim_minutes)
    forgotten = (OPEN, _table.c.state == "claimed", _table.c.claimed_at < since)
    with runtime.reading() as session:
        if session.execute(select(_table.c.id).where(*forgotten).limit(1)).first() is None:
            return
    with runtime.writing() as db:
        db.execute(update(Callback).where(*forgotten).values(state="due", owner_id=None, claimed_at=None, updated_at=now))


def record(db: Connection, runtime: Runtime, entry_id: int, user_id: int, outcome: str, now: datetime) -> str:
    """What came of ringing; the entry's new state. After `callbacks.max_tries` nobody is rung any more, and the citizen is told.

    Raises NotYours; ValueError for an outcome there is not.
    """
    if outcome not in OUTCOMES:
        raise ValueError(outcome)
    entry = _claimed(db, entry_id, user_id)
    tried = {"tries": entry.tries + 1, "outcome": outcome, "tried_at": now}
    if outcome == "reached":
        _close(db, entry.id, "done", now, **tried)
        return "done"
    if outcome == "wrong_number":  # whoever answers there is not to be told of it
        _close(db, entry.id, "given_up", now, **tried)
        return "given_up"
    if entry.tries + 1 >= runtime.config.callbacks.max_tries:
        _close(db, entry.id, "given_up", now, **tried)
        _tell_given_up(db, runtime, entry, now)
        return "given_up"
    again = sla.after_open_minutes(runtime.config.voice.office_hours, now, runtime.config.callbacks.retry_minutes)
    values = {"state": "due", "owner_id": None, "claimed_at": None, "next_at": again, "updated_at": now, **tried}
    db.execute(update(Callback).where(_table.c.id == entry.id).values(**values))
    return "due"


def reached_by_form(db: Connection, entry_id: int, user_id: int, now: datetime) -> None:
    """Somebody who had claimed the entry has registered what the citizen told: reached, and done."""
    entry = get(db, entry_id)
    if entry is not None and entry.state == "claimed" and entry.owner_id == user_id:
        _close(db, entry.id, "done", now, tries=entry.tries + 1, outcome="reached", tried_at=now)


def _tell_given_up(db: Connection, runtime: Runtime, entry: Row[Any], now: datetime) -> None:
    if not numbers.is_mobile(entry.number):
        return
    complaint = complaints.get(db, entry.complaint_id) if entry.complaint_id else None
    ack = complaint.ack if complaint is not None else None
    settings, message_id = runtime.config.helpline, new_id(now)
    values = {"helpline": settings.short_name, "phone": settings.display_number, "check": proof.code(runtime, message_id)}
    values |= {"ack": acknowledgement.display(ack)} if ack else {}
    sms = runtime.catalogue.sms("notify.not_reached_complaint" if ack else "notify.not_reached", entry.language, **values)
    owed = outbox.Owed(f"callback:{entry.id}", entry.number, sms, entry.complaint_id, id=message_id, check=values["check"])
    outbox.owe(db, owed, now)


def work(runtime: Runtime, now: datetime) -> None:
    """The worker's part, every few seconds."""
    account(runtime, now)
    settle_finished(runtime, now)
    release_forgotten(runtime, now)


