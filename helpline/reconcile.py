"""After an outage: what the carrier remembers and we do not know is taken in, once.

The worker does so when it starts and every few minutes, since the moment up to which it did so last; `flask reconcile` by hand.
What was missed is given to the same handlers as the journal's lines (`helpline.journal`): a message to the text line, a call's end
and its recordings to the voice line. So it is no matter whether something was taken in before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection, Row, func, insert, or_, select, update

from carriers.base import Report, Unusable
from carriers.twilio_history import ENDED, History, PastCall, PastMessage, PastRecording
from helpline import carriers_in_use, outbox, reports
from helpline.journal import Handler, Line
from helpline.runtime import Runtime
from models import Call, Inbound, Outgoing, Recording, Watermark, is_away

log = structlog.get_logger()
NAME = "reconcile"
OVERLAP = timedelta(minutes=15)  # what was under way the last time has ended since
WRONG = timedelta(days=1)  # asked for when the mark lies in the future: the clock was set back since
HELD = timedelta(minutes=10)  # a worker that began and was killed
BATCH = 200
_marks = Watermark.__table__
_PURPOSES = {"problem": "problem", "name": "name"}


@dataclass
class Found:
    """What was missed, by kind."""

    calls: int = 0
    ends: int = 0
    recordings: int = 0
    messages: int = 0
    reports: int = 0

    def __str__(self) -> str:
        return (f"{self.calls} calls, {self.ends} ends of calls, {self.recordings} recordings, {self.messages} messages, "
                f"{self.reports} delivery reports")  # fmt: skip


def work(runtime: Runtime, history: History | None, handlers: Mapping[str, Handler], now: datetime) -> Found | None:
    """The worker's round; None when another worker is at it, or there is nobody to ask. How far it has come is kept in the carrier's
    own time: a clock of ours that is wrong, or was the last time, leaves nothing out."""
    if history is None or not handlers:
        return None
    now += history.clock_ahead()
    since = _begin(runtime, now)
    if since is None:
        return None
    try:
        found = take_in(runtime, history, handlers, since - OVERLAP, now)
    except BaseException:
        _end(runtime, None)
        raise
    _end(runtime, now - _settled(runtime))
    return found


def take_in(runtime: Runtime, history: History, handlers: Mapping[str, Handler], since: datetime, now: datetime) -> Found:
    """Take in what the carrier remembers since `since` and we do not know; what is younger than `reconcile.after_minutes` may still
    come by itself. Raises Temporary where the carrier cannot be asked."""
    asking = _Asking(runtime, history, handlers, now - _settled(runtime))
    for part in (asking.messages, asking.calls, asking.recordings):
        try:
            part(since)
        except Unusable as error:  # a compatible server without this list
            log.warning("reconcile.not_offered", part=part.__name__, code=error.code)
    log.info("reconcile.done", **vars(asking.found))
    return asking.found


def _settled(runtime: Runtime) -> timedelta:
    return timedelta(minutes=runtime.config.reconcile.after_minutes)


class _Asking:
    def __init__(self, runtime: Runtime, history: History, handlers: Mapping[str, Handler], until: datetime) -> None:
        self.runtime = runtime
        self.history = history
        self.handlers = handlers
        self.until = until
        self.found = Found()
        self._numbers = _our_numbers(runtime)

    # ── messages ──

    def messages(self, since: datetime) -> None:
        past = [message for message in self.history.messages(since) if message.made_at <= self.until]
        inbound = [message for message in past if message.is_inbound and message.recipient in self._numbers]
        known = self._known(Inbound.key, [f"sms:{message.sid}" for message in inbound])
        for message in sorted(inbound, key=lambda m: m.made_at):
            if f"sms:{message.sid}" not in known:
                items = self.history.media(message.sid) if message.media not in ("", "0") else []
                self._give("message", message.made_at, _as_incoming(message) | {"items": items})
                self.found.messages += 1
        self._outgoing([message for message in past if not message.is_inbound])

    def _outgoing(self, past: list[PastMessage]) -> None:
        """What became of ours: reports that were lost, and messages of which it was unknown whether they had left."""
        statuses = carriers_in_use.codes_of(self.runtime.config, outbox.ANSWERING).statuses
        unsettled = self._unsettled()
        for message in past:
            if message.status not in statuses:
                continue
            reference = unsettled.get((message.recipient, message.text))
            with self.runtime.writing() as db:
                if reports.is_news(db, self.runtime, report := Report(outbox.ANSWERING, message.sid, message.status, message.code, reference)):
                    reports.record(db, self.runtime, report, message.made_at)
                    self.found.reports += 1

    def _unsettled(self) -> dict[tuple[str, str], int]:
        claimed = select(Outgoing.to_number, Outgoing.body, Outgoing.id).where(outbox.UNSETTLED, Outgoing.state == "claimed", Outgoing.carrier_sid.is_(None))
        with self.runtime.reading() as session:
            return {(row.to_number, row.body): row.id for row in session.execute(claimed)}

    # ── calls ──

    def calls(self, since: datetime) -> None:
        past = [call for call in self.history.calls(since) if self._is_to_us(call) and call.status in ENDED and (call.ended_at or call.started_at) <= self.until]
        with self.runtime.reading() as session:
            known = {row.sid: row for sids in _batches([call.sid for call in past])
                     for row in session.execute(select(Call.sid, Call.ended_at).where(Call.sid.in_(sids)))}  # fmt: skip
        for call in sorted(past, key=lambda c: c.started_at):
            row = known.get(call.sid)
            if row is None:
                self._begin_call(call)
            elif row.ended_at is None:
                self._end_call(call)
                self.found.ends += 1

    def _is_to_us(self, call: PastCall) -> bool:
        return call.is_inbound and call.recipient in self._numbers

    def _begin_call(self, call: PastCall) -> None:
        """A call of which nothing reached us: a fault of ours, and over."""
        self._give("voice", call.started_at, _request("/ivr/incoming", {"CallSid": call.sid, "From": call.sender, "To": call.recipient}))
        if call.status in ENDED:
            self._end_call(call)
        self.found.calls += 1

    def _end_call(self, call: PastCall) -> None:
        lasted = str(call.seconds) if call.seconds is not None else ""
        fields = {"CallSid": call.sid, "From": call.sender, "To": call.recipient, "CallStatus": call.status, "CallDuration": lasted, "Direction": "inbound"}
        self._give("voice", call.ended_at or call.started_at, _request("/ivr/status", fields))

    # ── recordings ──

    def recordings(self, since: datetime) -> None:
        past = [recording for recording in self.history.recordings(since) if recording.made_at <= self.until]
        with self.runtime.reading() as session:
            sids = [recording.sid for recording in past]
            known = {sid for batch in _batches(sids)
                     for sid in session.scalars(select(Recording.sid).where(Recording.sid.in_(batch), Recording.complaint_id.is_not(None)))}  # fmt: skip
        for recording in sorted(past, key=lambda r: r.made_at):
            if recording.sid not in known:
                self._take_recording(recording)

    def _take_recording(self, recording: PastRecording) -> None:
        row = self._call_row(recording.call_sid)
        if row is None:
            call = self.history.call(recording.call_sid)
            if call is None or not self._is_to_us(call):
                return  # an agent's telephone, another application on the same account
            self._begin_call(call)
            row = self._call_row(recording.call_sid)
        purpose = _PURPOSES.get(row.at or "", "message") if row is not None else "message"
        fields = {"CallSid": recording.call_sid, "RecordingSid": recording.sid, "RecordingUrl": recording.url, "RecordingDuration": str(recording.seconds),
                  "RecordingStatus": "completed"}  # fmt: skip
        self._give("voice", recording.made_at, _request("/ivr/recording", fields, {"purpose": purpose}))
        self.found.recordings += 1

    def _call_row(self, sid: str) -> Row[Any] | None:
        with self.runtime.reading() as session:
            return session.execute(select(Call.sid, Call.at).where(Call.sid == sid)).first()

    # ── giving ──

    def _give(self, kind: str, at: datetime, content: Mapping[str, Any]) -> None:
        """What cannot be taken in although the store is there keeps nothing else out: the journal has it, for a person in the end."""
        try:
            self.handlers[kind](Line(f"{NAME}:{at.isoformat()}", kind, at, content))
        except Exception as error:
            if is_away(error) or not self.runtime.journal.keep(kind, content, at):
                raise
            log.exception("reconcile.set_aside", kind=kind)

    def _known(self, column: Any, values: list[str]) -> set[str]:
        with self.runtime.reading() as session:
            return {value for batch in _batches(values) for value in session.scalars(select(column).where(column.in_(batch)))}


def _as_incoming(message: PastMessage) -> dict[str, Any]:
    return {"carrier": outbox.ANSWERING, "sid": message.sid, "sender": message.sender, "recipient": message.recipient, "text": message.text,
            "media": message.media, "sent_at": None, "key": f"sms:{message.sid[:64]}"}  # fmt: skip


def _request(path: str, fields: Mapping[str, str], query: Mapping[str, str] | None = None) -> dict[str, Any]:
    return {"path": path, "query": dict(query or {}), "fields": dict(fields)}


def _batches(values: list[str]) -> Iterable[list[str]]:
    return (values[i : i + BATCH] for i in range(0, len(values), BATCH))


def _our_numbers(runtime: Runtime) -> set[str]:
    """The numbers at which we are called and texted: those of the settings, and those that calls came to of late."""
    settings = runtime.config
    with runtime.reading() as session:
        lately = set(session.scalars(select(Call.to_number).order_by(Call.id.desc()).limit(50)))
    return {settings.helpline.number, settings.helpline.sms_number, *settings.voice.lines} | lately


# ── how far we have come ────────────────────────────────────────────────────────────────────────────────────────────


def _begin(runtime: Runtime, now: datetime) -> datetime | None:
    """The moment up to which was asked last, and this worker alone goes on from there; the first time: the last we know of."""
    with runtime.writing() as db:
        mark = db.execute(select(_marks).where(_marks.c.name == NAME)).first()
        if mark is None:
            db.execute(insert(Watermark), [{"name": NAME, "at": _last_known(db) or now, "held_until": None}])
        free = or_(_marks.c.held_until.is_(None), _marks.c.held_until < now, _marks.c.held_until > now + HELD)
        held = db.execute(update(Watermark).where(_marks.c.name == NAME, free).values(held_until=now + HELD))
        if not held.rowcount:
            return None
        at = db.scalar(select(_marks.c.at).where(_marks.c.name == NAME)) or now
        return at if at <= now else now - WRONG


def _last_known(db: Connection) -> datetime | None:
    moments = [db.scalar(select(func.max(Call.seen_at))), db.scalar(select(func.max(Inbound.received_at)))]
    known = [moment for moment in moments if moment is not None]
    return max(known) if known else None


def _end(runtime: Runtime, at: datetime | None) -> None:
    """`at`: everything up to then is taken in; None: nothing is, and the next round begins where this one did."""
    with runtime.writing() as db:
        later = {"at": at} if at is not None else {}
        db.execute(update(Watermark).where(_marks.c.name == NAME).values(held_until=None, **later))
