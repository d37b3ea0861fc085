"""Calls: what was answered so far, what was recorded, and what becomes of a call that ends.

A call cut off after the citizen has spoken becomes a registered complaint, marked incomplete; one cut off after keys alone
leaves a draft. The carrier's report of the end may be late, twice, or never come: the worker sweeps what has been silent.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection, Row, bindparam, exists, insert, select, update

from helpline import complaints, numbers
from helpline.complaints import Actor, Filing
from helpline.lifecycle import Role, State
from helpline.runtime import Runtime
from models import Call, Complaint, Inbound, Phone, Recording, Waiting
from models.direct import Reader, Write

log = structlog.get_logger()
CALLER = Actor(Role.CITIZEN, "voice")
SYSTEM = Actor(Role.SYSTEM, "voice")
ENDED = frozenset({"completed", "busy", "failed", "no-answer", "canceled"})
_calls = Call.__table__
_by_sid = select(_calls).where(_calls.c.sid == bindparam("sid"))
_complaint_by_sid = select(Complaint.__table__).join(_calls, _calls.c.complaint_id == Complaint.id).where(_calls.c.sid == bindparam("sid"))
# Nodes of the call tree where a caller has had what they came for.
FULFILLING = frozenset({"registered", "told", "added", "confirmed", "rated", "reopened", "not_yet", "goodbye"})
_reach = update(Call).where(_calls.c.sid == bindparam("the_sid")).values(at=bindparam("node"), seen_at=bindparam("now"))
_with_an_agent = exists().where(Waiting.call_sid == _calls.c.sid, Waiting.state == "talking")
_stored = select(Inbound.answer).where(Inbound.key == bindparam("key"))
_insert_inbound = insert(Inbound)


def begin(db: Connection, sid: str, caller: str, called: str, now: datetime) -> Row[Any]:
    """The call's row, made at its first request; a request repeated finds it."""
    row = get(db, sid)
    if row is None:
        values = {"sid": sid[:64], "from_number": caller[:64], "to_number": called[:64], "answers": {}, "status": "in-progress",
                  "started_at": now, "seen_at": now}  # fmt: skip
        db.execute(insert(Call), [values])
        row = get(db, sid)
    assert row is not None
    return row


def get(db: Reader, sid: str) -> Row[Any] | None:
    found: Row[Any] | None = db.execute(_by_sid, {"sid": sid[:64]}).first()
    return found


def complaint_of(db: Reader, sid: str) -> Row[Any] | None:
    """The complaint that the call is about."""
    found: Row[Any] | None = db.execute(_complaint_by_sid, {"sid": sid[:64]}).first()
    return found


def language_of(db: Connection, number: str | None) -> str | None:
    return db.scalar(select(Phone.language).where(Phone.number == number)) if number else None


def remember_language(db: Connection, number: str | None, language: str, now: datetime) -> None:
    if not number:
        return
    done = db.execute(update(Phone).where(Phone.number == number).values(language=language, updated_at=now))
    if not done.rowcount:
        db.execute(insert(Phone), [{"number": number, "language": language, "updated_at": now}])


def keep(db: Connection, call: Row[Any], now: datetime, **answers: Any) -> dict[str, Any]:
    """Add to what the call has answered; all answers so far."""
    merged = {**call.answers, **answers}
    db.execute(update(Call).where(_calls.c.id == call.id).values(answers=merged, seen_at=now))
    return merged


def draft_of(db: Connection, runtime: Runtime, call: Row[Any], language: str, now: datetime) -> int:
    """The call's draft complaint, opened at the first thing keyed or said."""
    filing = Filing(channel="voice", language=language, source_key=f"call:{call.sid}"[:80], phone=numbers.e164(call.from_number),
                    caller_number=call.from_number, data={"call": call.sid})  # fmt: skip
    draft = complaints.open_draft(db, runtime, filing, CALLER, now)
    db.execute(update(Call).where(_calls.c.id == call.id).values(complaint_id=draft, language=language, seen_at=now))
    return draft


def keep_recording(
    db: Connection, call_sid: str, fields: Mapping[str, str], purpose: str, complaint_id: int | None, now: datetime
) -> bool:
    """The recording that a request names, kept once under its own id; False when it names none."""
    sid, url = fields.get("RecordingSid", "")[:64], fields.get("RecordingUrl", "")[:400]
    seconds = fields.get("RecordingDuration", "")
    if not url or seconds == "0" or fields.get("RecordingStatus") == "absent":
        return False
    sid = sid or url[-64:]
    known = db.execute(select(Recording.id).where(Recording.sid == sid)).first()
    if known:
        db.execute(update(Recording).where(Recording.sid == sid, Recording.complaint_id.is_(None)).values(complaint_id=complaint_id, purpose=purpose))
        return True
    db.execute(insert(Recording), [{
        "sid": sid, "call_sid": call_sid[:64], "complaint_id": complaint_id, "purpose": purpose, "url": url, "created_at": now,
        "next_at": now, "seconds": int(seconds) if seconds.isascii() and seconds.isdigit() and len(seconds) < 6 else None,
    }])  # fmt: skip
    return True


def replace_recordings(db: Connection, complaint_id: int, purpose: str, sid: str) -> None:
    """Recorded again as `sid`: the earlier takes no longer speak for the complaint, but are kept with the call."""
    earlier = (Recording.complaint_id == complaint_id, Recording.purpose == purpose, Recording.sid != sid)
    db.execute(update(Recording).where(*earlier).values(purpose=f"old {purpose}"[:12]))


def reaching(sid: str, node: str, now: datetime) -> Write:
    """That the call has come to `node`, to be written by itself."""
    return _reach, {"the_sid": sid[:64], "node": node[:24], "now": now}


def reached(db: Connection, sid: str, node: str, now: datetime, *, fulfilled: bool = False) -> None:
    """The call has come to `node`, and perhaps to what the caller came for. One that had ended is taken note of anew."""
    done = {"fulfilled": True} if fulfilled else {}
    db.execute(update(Call).where(_calls.c.sid == sid[:64]).values(at=node[:24], seen_at=now, accounted_at=None, **done))


def end(db: Connection, runtime: Runtime, sid: str, status: str, now: datetime, *, seconds: int | None = None) -> None:
    """The call is over, after so many `seconds` by the carrier. Repeated or late, this changes nothing more."""
    call = get(db, sid)
    if call is None or call.ended_at is not None:
        return
    ended = {"ended_at": now, "status": status[:20], "seen_at": now, "seconds": seconds}
    db.execute(update(Call).where(_calls.c.id == call.id, _calls.c.ended_at.is_(None)).values(**ended))
    finish(db, runtime, sid, now)


def meet_fault(db: Connection, sid: str, caller: str, called: str, at: str, language: str, now: datetime) -> Row[Any]:
    """A request of the call could not be served, a fault of ours: known to the ledger, with where the caller was."""
    call = begin(db, sid, caller, called, now)
    known = {"language": language} if language and not call.language else {}
    known |= {"at": at[:24]} if at else {}
    db.execute(update(Call).where(_calls.c.id == call.id).values(fault=True, seen_at=now, accounted_at=None, **known))
    return get(db, sid) or call


def finish(db: Connection, runtime: Runtime, sid: str, now: datetime) -> None:
    """What an ended call leaves: a registered complaint when the problem was spoken, else a draft; incomplete either way."""
    _adopt_recordings(db, runtime, sid, now)
    row = complaint_of(db, sid)
    if row is None or row.state != State.DRAFT:
        return
    spoken = db.execute(
        select(Recording.id).where(Recording.complaint_id == row.id, Recording.purpose.in_(("problem", "message"))).limit(1)
    ).first()
    complaints.update_draft(db, row.id, now, incomplete=True)
    if spoken:
        complaints.register(db, runtime, row.id, SYSTEM, now)


def _adopt_recordings(db: Connection, runtime: Runtime, sid: str, now: datetime) -> None:
    """What was said in a call whose steps never came belongs to a complaint all the same."""
    nobodys = (Recording.call_sid == sid[:64], Recording.complaint_id.is_(None), Recording.purpose.in_(("problem", "message", "addition")))
    if db.execute(select(Recording.id).where(*nobodys).limit(1)).first() is None:
        return
    call = get(db, sid)
    if call is None:
        return
    language = call.language or runtime.config.helpline.default_language
    complaint_id = call.complaint_id or draft_of(db, runtime, call, language, now)
    db.execute(update(Recording).where(*nobodys).values(complaint_id=complaint_id))


def touch(db: Connection, sid: str, now: datetime) -> None:
    """The call is still there."""
    db.execute(update(Call).where(_calls.c.sid == sid).values(seen_at=now))


def sweep(runtime: Runtime, now: datetime, *, limit: int = 100) -> int:
    """End calls of which nothing was heard for `voice.call_silent_minutes`: their last report was lost."""
    silent = now - timedelta(minutes=runtime.config.voice.call_silent_minutes)
    with runtime.reading() as session:
        sids = list(session.scalars(select(_calls.c.sid).where(_calls.c.ended_at.is_(None), _calls.c.seen_at < silent, ~_with_an_agent).limit(limit)))
    for sid in sids:
        with runtime.writing() as db:
            end(db, runtime, sid, "silent", now)
        log.info("call.swept", call=sid)
    return len(sids)


def stored_answer(db: Connection, key: str) -> str | None:
    return db.scalar(_stored, {"key": key})


def store_answer(db: Connection, key: str, fields: Mapping[str, str], answer: str, complaint_id: int | None, now: datetime) -> None:
    db.execute(*storing(key, fields, answer, complaint_id, now))


def storing(key: str, fields: Mapping[str, str], answer: str, complaint_id: int | None, now: datetime) -> Write:
    """The answer of a step, to be written with what the step does."""
    kept = {name: str(value)[:400].replace("\x00", "") for name, value in fields.items() if name in _KEPT}
    return _insert_inbound, {"key": key, "kind": "step", "payload": kept, "answer": answer, "received_at": now,
                             "complaint_id": complaint_id, "state": "done", "attempts": 0}  # fmt: skip


_KEPT = frozenset({"CallSid", "Digits", "SpeechResult", "Confidence", "RecordingSid", "RecordingUrl", "RecordingDuration",
                   "DialCallStatus", "CallStatus"})  # fmt: skip


def problem_recording(db: Connection, complaint_id: int) -> Row[Any] | None:
    """The newest recording of the problem."""
    return db.execute(
        select(Recording.__table__).where(Recording.complaint_id == complaint_id, Recording.purpose == "problem").order_by(Recording.id.desc()).limit(1)
    ).first()


def mark_complaint(db: Connection, call: Row[Any], complaint_id: int) -> None:
    db.execute(update(Call).where(_calls.c.id == call.id).values(complaint_id=complaint_id))


def set_language(db: Connection, call: Row[Any], language: str, now: datetime) -> None:
    db.execute(update(Call).where(_calls.c.id == call.id).values(language=language, seen_at=now))
    if call.complaint_id:
        db.execute(update(Complaint).where(Complaint.id == call.complaint_id, Complaint.state == State.DRAFT).values(language=language))
